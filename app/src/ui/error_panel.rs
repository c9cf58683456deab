//! What a page shows when something failed.

use leptos::prelude::*;
use leptos_meta::Title;
use resonant_domain::{FaultKind, FieldFault};

use super::{Icon, IconName};
use crate::error::AppError;
use crate::language::{tr, tr_text};
use crate::{paths, ssr};

/// Says what happened and what can be done.
#[component]
pub fn ErrorPanel(
    /// What happened.
    #[prop(into)]
    error: AppError,
) -> impl IntoView {
    let title = tr(error.kind.title());
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
        FaultKind::Unauthenticated => Some((paths::SIGN_IN, tr("Sign in"))),
        FaultKind::NotFound | FaultKind::Forbidden => {
            Some((paths::HOME, tr("Back to the start page")))
        }
        _ => None,
    };
    let way_out = way_out.map(|(href, text)| {
        view! { <a class="button" href=href>{text}</a> }
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
