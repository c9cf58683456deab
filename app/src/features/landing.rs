//! The start page. It is in the main bundle, because it is where most visits begin.

use leptos::prelude::*;

/// The start page.
#[component]
pub fn LandingPage() -> impl IntoView {
    view! { <h1>"Resonant"</h1> }
}
