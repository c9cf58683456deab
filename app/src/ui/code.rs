//! Text that is read letter by letter: arguments, results, prompts.

use leptos::prelude::*;

use crate::language::{tr, tr_with};

/// A block of code or data. It can be reached by keyboard, because it may scroll.
#[component]
pub fn Code(
    /// The text.
    #[prop(into)]
    text: Signal<String>,
    /// What it is written in, for its label: `json`, `text`, `csv`.
    #[prop(into, optional)]
    language: String,
) -> impl IntoView {
    let label = if language.is_empty() {
        tr("Code").to_owned()
    } else {
        tr_with("Code: {language}", &[("language", &language)])
    };
    view! {
        <pre class="code" tabindex="0" role="group" aria-label=label>
            <code class="code__text">{text}</code>
        </pre>
    }
}
