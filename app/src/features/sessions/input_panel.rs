//! What the model was given for a step: read when somebody wants to see it.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::step_input::{Given, GivenCall, InputDoubt, StepInput};

use super::api::get_step_input;
use super::call_view::Data;
use super::door::Door;
use super::figures::{Laid, lay_out_json};
use crate::error::AppError;
use crate::language::{tr, tr_with};
use crate::paths;
use crate::ui::{ErrorPanel, Notice, Tone};

/// What the server answers about one step.
pub type Answer = Result<Option<StepInput>, AppError>;
/// What an address asks for: without scripts it is the only way.
pub type AskedInput = Resource<Option<(u32, Answer)>>;

/// Where the inputs of a session's steps are read.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// How the reader has come to the session.
    pub door: Door,
    /// What the address asked for.
    pub asked: Option<(u32, Answer)>,
}

/// The input of a step, folded up.
#[component]
pub(super) fn InputPanel(
    /// Where it is read.
    inputs: StoredValue<Inputs>,
    /// The step.
    step: u32,
) -> impl IntoView {
    let asked = inputs.with_value(|inputs| inputs.asked.clone());
    let asked = asked.filter(|(asked, _)| *asked == step).map(|(_, answer)| answer);
    let page = inputs.with_value(|inputs| paths::step_input(&inputs.door.page(), step));
    let is_open = asked.is_some();
    let is_asked = StoredValue::new(is_open);
    let answer = RwSignal::new(asked);
    let node = NodeRef::<html::Details>::new();
    let read = move || {
        let is_wanted = node.get().is_some_and(|details| details.open());
        if !is_wanted || is_asked.get_value() {
            return;
        }
        is_asked.set_value(true);
        let door = inputs.with_value(|inputs| inputs.door.clone());
        spawn_local(async move {
            let read = get_step_input(door, step).await;
            // What went wrong may go well when it is opened once more.
            let is_read = read.is_ok();
            is_asked.try_update_value(|is_asked| *is_asked = is_read);
            answer.try_set(Some(read));
        });
    };
    // It may have been opened before the page was live.
    Effect::new(read);
    view! {
        <details class="step__input" node_ref=node open=is_open on:toggle=move |_| untrack(read)>
            <summary class="step__input-title">{tr("Input")}</summary>
            {move || match answer.get() {
                None => {
                    view! {
                        <p class="step__by with-script" data-aside="true">
                            {tr("Loading…")}
                        </p>
                        <p class="without-script">
                            <a href=page.clone()>{tr("Show what the model was given")}</a>
                        </p>
                    }
                        .into_any()
                }
                Some(Ok(Some(input))) => given_views(input),
                Some(Ok(None)) => view! { <p class="step__by">{tr("Nothing")}</p> }.into_any(),
                Some(Err(error)) => view! { <ErrorPanel error=error is_aside=true /> }.into_any(),
            }}
        </details>
    }
}

fn given_views(input: StepInput) -> AnyView {
    let StepInput { model, system, tools, messages, doubts, .. } = input;
    let doubt = |doubt: InputDoubt| {
        let text = match doubt {
            InputDoubt::ModelGone => tr(
                "This model is not set up any more. What it was given may have been cut where this is not.",
            ),
            InputDoubt::Shortened => tr(
                "Some of it was shortened. What was pinned then, and how much the model took, may have been \
                otherwise.",
            ),
            InputDoubt::TooLong => tr("This is more than the model takes. It was not asked."),
        };
        view! { <Notice tone=Tone::Neutral>{text}</Notice> }
    };
    let tools: Vec<_> =
        tools.into_iter().map(|tool| format!("{}: {}", tool.name, tool.description)).collect();
    let tools = (!tools.is_empty()).then(|| {
        view! { <Data label=tr("Tools") laid=plain(tools.join("\n\n")) /> }
    });
    let system =
        system.map(|system| view! { <Data label=tr("System prompt") laid=plain(system) /> });
    view! {
        <div class="step__given">
            <p class="step__by">
                {tr_with("Made anew from the log, as {model} was given it", &[("model", &model)])}
            </p>
            {doubts.into_iter().map(doubt).collect_view()}
            {system}
            {tools}
            {messages.into_iter().map(given_view).collect_view()}
        </div>
    }
    .into_any()
}

fn given_view(given: Given) -> AnyView {
    let (label, text) = match given {
        Given::Goal { text } => (tr("Goal").to_owned(), text),
        Given::Summary { text } => (tr("Earlier steps, told shorter").to_owned(), text),
        Given::Person { text } => (tr("Message").to_owned(), text),
        Given::Result { tool, text, is_error: false } => {
            (tr_with("{tool} answered", &[("tool", &tool)]), text)
        }
        Given::Result { tool, text, is_error: true } => {
            (tr_with("{tool} failed", &[("tool", &tool)]), text)
        }
        Given::Agent { text, calls } => {
            let call = |GivenCall { tool, arguments }: GivenCall| {
                let label = tr_with("The agent called {tool}", &[("tool", &tool)]);
                view! { <Data label=label laid=lay_out_json(&arguments) /> }
            };
            let text = (!text.trim().is_empty()).then(|| {
                view! { <Data label=tr("The agent wrote") laid=plain(text) /> }
            });
            return view! {
                {text}
                {calls.into_iter().map(call).collect_view()}
            }
            .into_any();
        }
    };
    view! { <Data label=label laid=plain(text) /> }.into_any()
}

/// A text letter by letter, as the model was given it.
fn plain(text: String) -> Laid {
    Laid { text, language: "text" }
}
