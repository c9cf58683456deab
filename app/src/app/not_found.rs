//! The page that is not there.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::language::tr;
use crate::ui::{ButtonKind, EmptyState, IconName, LinkButton};
use crate::{paths, ssr};

/// Says that there is no such page, with status 404.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    ssr::not_found();
    view! {
        <Title text=tr("Page not found") />
        <h1 class="visually-hidden">{tr("Page not found")}</h1>
        <EmptyState
            icon=IconName::Compass
            title=tr("There is no page at this address")
            text=tr("It may have moved, or the link was mistyped.")
        >
            <LinkButton href=paths::HOME kind=ButtonKind::Primary>
                {tr("Back to the start page")}
            </LinkButton>
            <LinkButton href=paths::MARKETPLACE>{tr("Browse the marketplace")}</LinkButton>
        </EmptyState>
    }
}
