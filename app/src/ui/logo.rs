//! The mark of Resonant: a source and the rings that swing with it.

use leptos::prelude::*;

/// Draws the mark in the colour of the text around it, its source in the accent colour.
#[component]
pub fn Logo() -> impl IntoView {
    view! {
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <circle class="logo__source" cx="16" cy="16" r="2.6"></circle>
            <path class="logo__arc" d="M10.74 17.92A5.6 5.6 0 1 1 16.97 21.51"></path>
            <path class="logo__arc" d="M21.00 7.34A10 10 0 1 1 7.34 21.00"></path>
            <path class="logo__arc logo__arc--far" d="M7.80 27.71A14.3 14.3 0 0 1 19.70 2.19"></path>
        </svg>
    }
}
