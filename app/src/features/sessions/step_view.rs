//! A step of a session: what the model thought, which tools it called, what it wrote.

use leptos::prelude::*;
use resonant_domain::model::ScorePart;

use super::call_view::CallView;
use super::citations::Citations;
use super::figures::grouped;
use super::input_panel::{InputPanel, Inputs};
use super::live_session::{LiveSession, LiveStep, StepClose, StepOpening};
use super::markdown_view::Markdown;
use super::message_panel::Said;
use super::pin_button::PinButton;
use super::step_ways::StepWays;
use crate::language::{cost_text, tr, tr_count, tr_text, tr_with};
use crate::ui::{Badge, Duration, Icon, IconName, Notice, Tone};

/// A step. Each part listens for its own changes.
#[component]
pub fn StepView(
    /// The session.
    live: LiveSession,
    /// The step.
    step: LiveStep,
    /// Whether the reader may fork the session from here.
    #[prop(optional)]
    is_owner: bool,
    /// Whether the reader may go on with the session, and pin what is said in it.
    #[prop(optional)]
    may_pin: bool,
    /// Whether the reader may know the agent's documents: citations lead there.
    #[prop(optional)]
    may_look_up: bool,
    /// Where it is read what the model was given for it.
    inputs: StoredValue<Inputs>,
) -> impl IntoView {
    let (number, attempt) = (step.step, step.attempt);
    let cites = if may_look_up { live.citations(&step) } else { Citations::NONE };
    let cites = StoredValue::new(cites);
    let thinking = part(live, &step, LiveSession::thinking);
    let output = part(live, &step, LiveSession::output);
    let calls = part(live, &step, LiveSession::calls);
    let close = part(live, &step, LiveSession::close);
    let opening = part(live, &step, LiveSession::opening);
    let is_over = move || close.with(|close| close.duration_ms.is_some());
    let is_working = Memo::new(move |_| !is_over() && !live.state().is_terminal());
    let is_waiting = Memo::new(move |_| live.wait().is_some());
    // A step that is watched shows its thoughts; one of the past hides them until asked.
    let is_watched = is_working.get_untracked();
    let pins = may_pin.then_some(live);
    let answer = Memo::new(move |_| {
        let has_text = may_pin && output.with(|text| !text.trim().is_empty());
        close.with(|close| close.sequence).filter(|_| has_text)
    });
    let errors = move || close.with(|close| close.errors.clone());
    let call_step = step.clone();
    view! {
        <li
            class="step"
            id=format!("step-{number}")
            class:is-over=is_over
            class:is-working=move || is_working.get()
        >
            {move || view! { <Opening opening=opening.get() pins=pins /> }}
            <header class="step__head">
                <h3 class="step__title">{tr_with("Step {step}", &[("step", &number)])}</h3>
                {(attempt > 1)
                    .then(|| {
                        view! {
                            <Badge tone=Tone::Warn>
                                {tr_with("begun anew, attempt {attempt}", &[("attempt", &attempt)])}
                            </Badge>
                        }
                    })}
                <p class="step__figures">
                    {move || {
                        if is_working.get() {
                            view! {
                                <span class="step__working">
                                    <Icon name=IconName::Spinner />
                                    {move || if is_waiting.get() { tr("Waiting") } else { tr("Working") }}
                                </span>
                            }
                                .into_any()
                        } else {
                            figures(&close.get()).into_any()
                        }
                    }}
                </p>
            </header>
            <InputPanel inputs=inputs step=number />
            <Show when=move || !thinking.with(String::is_empty)>
                <details class="step__thinking" open=is_watched>
                    <summary class="step__thinking-title">
                        <Icon name=IconName::Thought />
                        {tr("Thinking")}
                    </summary>
                    <p class="step__thinking-text">{thinking}</p>
                </details>
            </Show>
            <Show when=move || calls.with(|calls| calls.len() > 1)>
                <p class="step__parallel">
                    <Icon name=IconName::Parallel />
                    {move || {
                        let count = calls.with(Vec::len) as u64;
                        tr_count("{n} call side by side", "{n} calls side by side", count)
                    }}
                </p>
            </Show>
            <div class="lanes" class:lanes--many=move || calls.with(|calls| calls.len() > 1)>
                <For
                    each=move || calls.get()
                    // A call that a person has changed, or whose session has begun, is drawn anew.
                    key=|call| (call.id.clone(), call.is_edited, call.session)
                    children=move |call| {
                        view! {
                            <CallView
                                live=live
                                step=call_step.clone()
                                call=call
                                is_owner=is_owner
                                may_pin=may_pin
                                inputs=inputs
                            />
                        }
                    }
                />
            </div>
            <Show when=move || !output.with(String::is_empty)>
                <div class="step__output" class:is-writing=move || is_working.get()>
                    <Markdown text=output cites=cites />
                </div>
            </Show>
            {move || answer.get().map(|number| view! { <PinButton live=live message=number /> })}
            {move || {
                errors()
                    .into_iter()
                    .map(|message| view! { <Notice tone=Tone::Bad>{tr_text(message)}</Notice> })
                    .collect_view()
            }}
            {(is_owner || may_pin)
                .then(|| {
                    view! {
                        <StepWays
                            live=live
                            number=number
                            is_working=is_working
                            may_fork=is_owner
                            may_steer=may_pin
                        />
                    }
                })}
        </li>
    }
}

/// What a step begins with: what people said, what stands for earlier steps, and who answers now.
#[component]
fn Opening(opening: StepOpening, pins: Option<LiveSession>) -> impl IntoView {
    let StepOpening { messages, model, summary } = opening;
    let summary = summary.map(|summary| {
        let title = tr_with(
            "Steps {from} to {through} told shorter: {after} tokens instead of {before}",
            &[
                ("from", &summary.from_step),
                ("through", &summary.through_step),
                ("after", &grouped(summary.tokens_after)),
                ("before", &grouped(summary.tokens_before)),
            ],
        );
        let pinned = (summary.pinned > 0).then(|| {
            tr_count(
                "{n} message of them stays word for word, because it is pinned",
                "{n} messages of them stay word for word, because they are pinned",
                u64::from(summary.pinned),
            )
        });
        view! {
            <details class="step__summary">
                <summary>{title}</summary>
                {pinned.map(|pinned| view! { <p class="step__by">{pinned}</p> })}
                <p class="session__text">{summary.text}</p>
                <p class="step__by">{tr_with("Written by {by}", &[("by", &summary.by)])}</p>
                {(!summary.reason.is_empty())
                    .then(|| view! { <p class="step__by">{tr_text(summary.reason)}</p> })}
            </details>
        }
    });
    let model = model.map(|choice| {
        let tier =
            choice.tier.map(|tier| tr_with(", tier {tier}", &[("tier", &tr(tier.as_str()))]));
        let point =
            |part: ScorePart| view! { <li>{format!("{}: {}", part.what, part.points)}</li> };
        let score = choice.score.into_iter().map(point).collect_view();
        view! {
            <details class="step__choice">
                <summary>{tr("Answered by ")} {choice.model} {tier}</summary>
                <p>{tr_text(choice.reason)}</p>
                <ul class="step__score">{score}</ul>
            </details>
        }
    });
    view! {
        <Said messages=messages is_heard=true pins=pins />
        {summary}
        {model}
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
        let title = tr_with(
            "{read} tokens read, {written} tokens written",
            &[("read", &grouped(usage.input_tokens)), ("written", &grouped(usage.output_tokens))],
        );
        view! {
            <span title=title>{tr_count("{n} token", "{n} tokens", tokens)}</span>
            <span>{cost_text(usage.cost)}</span>
        }
    });
    view! {
        {duration}
        {usage}
    }
}
