//! What the sign-in and the sign-up page, and those that links in letters lead to, have in common.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use resonant_domain::member::MAILED_LINK_MINUTES;
use server_fn::ServerFn;

use crate::error::AppError;
use crate::language::{tr, tr_with};
use crate::paths;
use crate::state::use_viewer;
use crate::ui::{ButtonKind, LinkButton, Logo, PageHead};

/// A page that is one form.
#[component]
pub(super) fn FormPage(
    /// The page's title.
    #[prop(into)]
    title: String,
    /// What the form is for.
    #[prop(into)]
    lead: String,
    /// The form and what stands below it.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="form-page">
            <span class="form-page__mark"><Logo /></span>
            <PageHead title lead />
            {children()}
        </div>
    }
}

/// Stands in the place of what a link in a letter would have led to, with a way on.
pub(super) fn link_is_gone(href: &'static str, text: &'static str) -> AnyView {
    let lead = tr_with(
        "A link counts once, for {minutes} minutes, and only as long as none is newer.",
        &[("minutes", &MAILED_LINK_MINUTES)],
    );
    view! {
        <FormPage title=tr("This link does not count any more") lead>
            <LinkButton href kind=ButtonKind::Primary>
                {text}
            </LinkButton>
        </FormPage>
    }
    .into_any()
}

/// Tells the server where the visitor wants to go afterwards.
#[component]
pub(super) fn Next(
    /// The page's query, with `next` in it.
    query: Memo<ParamsMap>,
) -> impl IntoView {
    view! { <input type="hidden" name="next" value=move || next_of(query).unwrap_or_default() /> }
}

/// The address of the other form, with the same way afterwards.
pub(super) fn switch_href(query: Memo<ParamsMap>, path: &'static str) -> Signal<String> {
    Signal::derive(move || match next_of(query) {
        Some(next) => format!("{path}?next={}", paths::escape(&next)),
        None => path.to_owned(),
    })
}

/// Asks who looks once more, after each run of the action.
pub(super) fn refresh_viewer<S>(action: ServerAction<S>)
where
    S: ServerFn<Error = AppError> + Send + Sync + Clone + 'static,
    S::Output: Send + Sync + 'static,
{
    let viewer = use_viewer();
    let version = action.version();
    Effect::new(move || {
        if version.get() > 0 {
            viewer.refresh();
        }
    });
}

fn next_of(query: Memo<ParamsMap>) -> Option<String> {
    query.read().get("next").filter(|next| paths::own(next, "") == *next && !next.is_empty())
}
