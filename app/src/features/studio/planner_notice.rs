//! Says who answers when no language model is configured.

use leptos::prelude::*;

use crate::language::tr;
use crate::ui::{Notice, Tone};

/// An honest word on the built-in planner.
#[component]
pub(super) fn PlannerNotice() -> impl IntoView {
    view! {
        <Notice tone=Tone::Info>
            <p>
                <strong>{tr("The built-in planner answers here. ")}</strong>
                {tr("It works by rules and is not a language model: it finds out from the goal which \
                tools to call and writes the answer from their results. It is good at arithmetic \
                and units, dates, reading a page by its address, summing up or searching a text \
                that you paste, and turning JSON into CSV. It does not chat, invent or translate.")}
            </p>
            <p>
                {tr("Whoever runs this installation can connect a language model with ")}
                <code>"OPENAI_BASE_URL"</code> "."
            </p>
        </Notice>
    }
}
