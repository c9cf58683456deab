//! The mark of Resonant: a source and the arcs that answer it.

use leptos::prelude::*;

/// Draws the mark in the colour of the text around it, its source in the accent colour.
#[component]
pub fn Logo() -> impl IntoView {
    view! {
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <circle class="logo__source" cx="9" cy="23" r="3.5"></circle>
            <path class="logo__arc" d="M9 14.5a8.5 8.5 0 0 1 8.5 8.5"></path>
            <path class="logo__arc" d="M9 9a14 14 0 0 1 14 14"></path>
            <path class="logo__arc logo__arc--far" d="M9 3.5a19.5 19.5 0 0 1 19.5 19.5"></path>
        </svg>
    }
}
