//! What a page shows when something failed.

use leptos::prelude::*;
use leptos_meta::Title;
use resonant_domain::{FaultKind, FieldFault};

use super::{Icon, IconName};
use crate::error::AppError;
use crate::language::{tr, tr_text};
use crate::{paths, ssr};

/// Says what happened and what can be done.
///
/// A cursor that cannot be read is a page's bad address: it is answered with status 400.
#[component]
pub fn ErrorPanel(
    /// What happened.
    #[prop(into)]
    error: AppError,
    /// Whether the page is there all the same, and something on it failed that has its own way on: loading
    /// the page anew would lose what was entered.
    #[prop(optional)]
    is_aside: bool,
) -> impl IntoView {
    let title = tr(error.kind.title());
    let is_bad_address =
        !is_aside && error.kind == FaultKind::Invalid && error.field("cursor").is_some();
    if is_bad_address {
        ssr::bad_request();
    }
    // The server has said it in the language of the page already.
    let message = tr_text(error.message);
    // What is made of the faults of fields stands below, field by field.
    let message = (message != title && error.fields.is_empty()).then_some(message);
    let fields = error
        .fields
        .into_iter()
        .map(|FieldFault { field, reason }| format!("{field} {}", tr_text(reason)))
        .map(|text| view! { <li>{text}</li> })
        .collect::<Vec<_>>();
    let fields =
        (!fields.is_empty()).then(|| view! { <ul class="error-panel__fields">{fields}</ul> });
    let way_out = match error.kind {
        FaultKind::Unauthenticated => Some((paths::SIGN_IN, tr("Sign in"), None)),
        FaultKind::NotFound | FaultKind::Forbidden => {
            Some((paths::HOME, tr("Back to the start page"), None))
        }
        // The address of the page without what it was asked for.
        _ if is_bad_address => Some(("?", tr("To the first page"), None)),
        // The same address, past the app: the page is loaded anew.
        FaultKind::Unavailable | FaultKind::Internal | FaultKind::TooMany if !is_aside => {
            Some(("", tr("Try again"), Some("external")))
        }
        _ => None,
    };
    let way_out = way_out.map(|(href, text, rel)| {
        view! { <a class="button" href=href rel=rel>{text}</a> }
    });
    view! {
        <div class="error-panel" role="alert">
            <span class="error-panel__icon"><Icon name=IconName::Alert /></span>
            <div class="error-panel__body">
                <p class="error-panel__title">{title}</p>
                {message.map(|message| view! { <p class="error-panel__text">{message}</p> })}
                {fields}
                {way_out}
            </div>
        </div>
    }
}

/// Stands in the place of a page that cannot be shown; answers it with status 404 where what it is
/// about is not there.
pub fn cannot_be_shown(title: &'static str, error: AppError) -> AnyView {
    if error.kind == FaultKind::NotFound {
        ssr::not_found();
    }
    view! {
        <Title text=title />
        <h1>{title}</h1>
        <ErrorPanel error />
    }
    .into_any()
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn what_is_said_of_a_field_is_said_once() {
        Owner::new().with(|| {
            provide_context(Language::English);
            let reason = "must be one of the list";
            let error =
                AppError { message: format!("sort {reason}"), ..AppError::invalid("sort", reason) };
            let html = view! { <ErrorPanel error /> }.to_html();
            assert_eq!(html.matches(reason).count(), 1, "{html}");
        });
    }

    #[test]
    fn what_could_not_be_read_can_be_asked_for_again() {
        Owner::new().with(|| {
            provide_context(Language::English);
            for (kind, is_aside, is_offered) in [
                (FaultKind::Unavailable, false, true),
                (FaultKind::Internal, false, true),
                (FaultKind::TooMany, false, true),
                (FaultKind::NotFound, false, false),
                // What was entered would be lost.
                (FaultKind::Unavailable, true, false),
            ] {
                let error = AppError::new(kind, kind.title());
                let html = view! { <ErrorPanel error is_aside /> }.to_html();
                let link = "href=\"\" rel=\"external\"";
                assert_eq!(html.contains("Try again"), is_offered, "{kind:?}: {html}");
                assert_eq!(html.contains(link), is_offered, "{kind:?}: {html}");
            }
        });
    }

    #[test]
    fn a_cursor_that_cannot_be_read_has_a_way_to_the_first_page() {
        Owner::new().with(|| {
            provide_context(Language::English);
            let error = || AppError::invalid("cursor", "is not one of ours");
            let html = view! { <ErrorPanel error=error() /> }.to_html();
            assert!(html.contains("href=\"?\"") && html.contains("To the first page"), "{html}");
            let html = view! { <ErrorPanel error=error() is_aside=true /> }.to_html();
            assert!(!html.contains("To the first page"), "{html}");
        });
    }

    #[test]
    fn what_the_title_says_is_not_said_again() {
        Owner::new().with(|| {
            provide_context(Language::German);
            let title = tr(FaultKind::Unauthenticated.title());
            for message in [title, FaultKind::Unauthenticated.title()] {
                let error = AppError::new(FaultKind::Unauthenticated, message);
                let html = view! { <ErrorPanel error /> }.to_html();
                assert_eq!(html.matches(title).count(), 1, "{html}");
                assert!(!html.contains("error-panel__text"), "{html}");
            }
        });
    }
}
