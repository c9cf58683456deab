//! The ways from one page of a list to the others.

use leptos::prelude::*;

use super::button::LinkButton;

/// The links from a page of a list to the next one and back to the first. Nothing where the page holds
/// all there is.
#[component]
pub fn PageLinks(
    /// Where the next page is; `None` on the last one.
    next: Option<String>,
    /// What the link there says.
    more: &'static str,
    /// Where the first page is; `None` on that one.
    first: Option<String>,
    /// What the link there says.
    back: &'static str,
) -> impl IntoView {
    let is_whole = next.is_none() && first.is_none();
    (!is_whole).then(|| {
        view! {
            <p class="page-links">
                {next.map(|href| view! { <LinkButton href=href>{more}</LinkButton> })}
                {first.map(|href| view! { <a href=href>{back}</a> })}
            </p>
        }
    })
}
