//! What a list shows that holds nothing.

use leptos::prelude::*;

use super::{Icon, IconName};

/// Says why there is nothing here and what to do about it.
#[component]
pub fn EmptyState(
    /// The sign above the text.
    icon: IconName,
    /// What is missing, in a few words.
    #[prop(into)]
    title: String,
    /// Why, or what comes here.
    #[prop(into)]
    text: String,
    /// What to do: buttons and links.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty-state">
            <span class="empty-state__icon"><Icon name=icon /></span>
            <h2 class="empty-state__title">{title}</h2>
            <p class="empty-state__text">{text}</p>
            {children
                .map(|children| view! { <div class="empty-state__actions">{children()}</div> })}
        </div>
    }
}
