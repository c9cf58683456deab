//! Searching inside a session: the steps that hold the words stay, the others step aside.

use leptos::prelude::*;

use super::live_session::{LiveSession, LiveStep};
use crate::language::{tr, tr_with};
use crate::ui::Field;

/// The steps that hold the words; all of them without words.
pub(super) fn steps_with(live: LiveSession, wanted: RwSignal<String>) -> Vec<LiveStep> {
    let words = wanted.with(|wanted| wanted.trim().to_lowercase());
    let mut steps = live.steps();
    // Without words no step's texts are read: a live one would be drawn anew with each of its pieces.
    if !words.is_empty() {
        steps.retain(|step| holds(live, step, &words));
    }
    steps
}

/// Whether what a step thought, wrote, asked for or was answered holds the words.
fn holds(live: LiveSession, step: &LiveStep, words: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(words);
    has(&live.output(step))
        || has(&live.thinking(step))
        || live.calls(step).iter().any(|call| {
            let result = live.result(step, &call.id);
            has(&call.tool)
                || has(&call.arguments.to_string())
                || result.is_some_and(|result| has(&result.content))
        })
}

/// The field in which the words are written, and how many steps hold them.
#[component]
pub(super) fn FindInside(
    /// The session.
    live: LiveSession,
    /// The words.
    wanted: RwSignal<String>,
) -> impl IntoView {
    let told = move || {
        let is_asked = wanted.with(|wanted| !wanted.trim().is_empty());
        is_asked.then(|| {
            let (found, all) = (steps_with(live, wanted).len(), live.steps().len());
            tr_with("{found} of {all} steps hold it", &[("found", &found), ("all", &all)])
        })
    };
    view! {
        <div class="session__find with-script">
            <Field
                label=tr("Search in this session")
                name="find"
                type_="search"
                value=wanted
                on_input=Callback::new(move |text| wanted.set(text))
                autocomplete="off"
                placeholder=tr("A word in a thought, a call, a result or an answer")
            />
            <p role="status">{told}</p>
        </div>
    }
}
