//! What a page of the viewer's own shows to nobody in particular.

use leptos::prelude::*;
use resonant_domain::FaultKind;

use super::{ButtonKind, EmptyState, ErrorPanel, IconName, LinkButton};
use crate::error::AppError;
use crate::language::tr;
use crate::paths;

/// Asks to sign in; the form leads `back`. `text` says what there is to see then.
pub fn not_signed_in(text: &'static str, back: &str) -> AnyView {
    let href = paths::sign_in(back);
    view! {
        <EmptyState icon=IconName::User title=tr("You are not signed in") text>
            <LinkButton href kind=ButtonKind::Primary>
                {tr("Sign in")}
            </LinkButton>
        </EmptyState>
    }
    .into_any()
}

/// The same as a whole page, with a title that is read out.
pub fn not_signed_in_page(title: &'static str, text: &'static str, back: &str) -> AnyView {
    view! {
        <h1 class="visually-hidden">{title}</h1>
        {not_signed_in(text, back)}
    }
    .into_any()
}

/// Stands in the place of a page of the viewer's own: asks nobody to sign in, tells others what happened.
pub fn own_page_fault(
    title: &'static str,
    text: &'static str,
    back: &str,
    error: AppError,
) -> AnyView {
    if error.kind == FaultKind::Unauthenticated {
        return not_signed_in_page(title, text, back);
    }
    view! {
        <h1>{title}</h1>
        <ErrorPanel error />
    }
    .into_any()
}
