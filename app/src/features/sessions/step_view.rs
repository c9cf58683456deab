//! A step of a session: what the model thought, which tools it called, what it wrote.

use leptos::prelude::*;

use super::call_view::CallView;
use super::figures::{counted, grouped};
use super::live_session::{LiveSession, LiveStep, StepClose};
use super::markdown_view::Markdown;
use crate::ui::{Badge, Duration, Icon, IconName, Notice, Tone};

/// A step. Each part listens for its own changes.
#[component]
pub fn StepView(
    /// The session.
    live: LiveSession,
    /// The step.
    step: LiveStep,
) -> impl IntoView {
    let (number, attempt) = (step.step, step.attempt);
    let thinking = part(live, &step, LiveSession::thinking);
    let output = part(live, &step, LiveSession::output);
    let calls = part(live, &step, LiveSession::calls);
    let close = part(live, &step, LiveSession::close);
    let is_over = move || close.with(|close| close.duration_ms.is_some());
    let is_working = Memo::new(move |_| !is_over() && !live.state().is_terminal());
    // A step that is watched shows its thoughts; one of the past hides them until asked.
    let is_watched = is_working.get_untracked();
    let errors = move || close.with(|close| close.errors.clone());
    let call_step = step.clone();
    view! {
        <li class="step" class:is-over=is_over class:is-working=move || is_working.get()>
            <header class="step__head">
                <h3 class="step__title">{format!("Step {number}")}</h3>
                {(attempt > 1)
                    .then(|| {
                        view! {
                            <Badge tone=Tone::Warn>{format!("begun anew, attempt {attempt}")}</Badge>
                        }
                    })}
                <p class="step__figures">
                    {move || {
                        if is_working.get() {
                            view! {
                                <span class="step__working">
                                    <Icon name=IconName::Spinner />
                                    "Working"
                                </span>
                            }
                                .into_any()
                        } else {
                            figures(&close.get()).into_any()
                        }
                    }}
                </p>
            </header>
            <Show when=move || !thinking.with(String::is_empty)>
                <details class="step__thinking" open=is_watched>
                    <summary class="step__thinking-title">
                        <Icon name=IconName::Thought />
                        "Thinking"
                    </summary>
                    <p class="step__thinking-text">{thinking}</p>
                </details>
            </Show>
            <Show when=move || calls.with(|calls| calls.len() > 1)>
                <p class="step__parallel">
                    <Icon name=IconName::Parallel />
                    {move || {
                        format!("{} side by side", counted(calls.with(Vec::len) as u64, "call", "calls"))
                    }}
                </p>
            </Show>
            <div class="lanes" class:lanes--many=move || calls.with(|calls| calls.len() > 1)>
                <For
                    each=move || calls.get()
                    key=|call| call.id.clone()
                    children=move |call| {
                        view! { <CallView live=live step=call_step.clone() call=call /> }
                    }
                />
            </div>
            <Show when=move || !output.with(String::is_empty)>
                <div class="step__output" class:is-writing=move || is_working.get()>
                    <Markdown text=output />
                </div>
            </Show>
            {move || {
                errors()
                    .into_iter()
                    .map(|message| view! { <Notice tone=Tone::Bad>{message}</Notice> })
                    .collect_view()
            }}
        </li>
    }
}

fn part<T: Clone + PartialEq + Send + Sync + 'static>(
    live: LiveSession,
    step: &LiveStep,
    read: fn(LiveSession, &LiveStep) -> T,
) -> Memo<T> {
    let step = step.clone();
    Memo::new(move |_| read(live, &step))
}

fn figures(close: &StepClose) -> impl IntoView + use<> {
    let duration = close.duration_ms.map(|ms| view! { <Duration ms=ms /> });
    let usage = close.usage.map(|usage| {
        let tokens = usage.total_tokens();
        let title = format!(
            "{} tokens read, {} tokens written",
            grouped(usage.input_tokens),
            grouped(usage.output_tokens)
        );
        view! {
            <span title=title>{counted(tokens, "token", "tokens")}</span>
            <span>{usage.cost.to_string()}</span>
        }
    });
    view! {
        {duration}
        {usage}
    }
}
