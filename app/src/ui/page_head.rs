//! The head of a page: its title, what it is about, and what can be done.

use leptos::prelude::*;

/// Title, lead and actions.
#[component]
pub fn PageHead(
    /// The page's title: its one `<h1>`.
    #[prop(into)]
    title: String,
    /// What the page is about, in a sentence.
    #[prop(into, optional)]
    lead: String,
    /// What can be done: buttons and links.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <header class="page-head">
            <div class="page-head__text">
                <h1 class="page-head__title">{title}</h1>
                {(!lead.is_empty()).then(|| view! { <p class="page-head__lead">{lead}</p> })}
            </div>
            {children
                .map(|children| view! { <div class="page-head__actions">{children()}</div> })}
        </header>
    }
}
