//! What happened in a session, and where it stands by then. Its own page and its replay draw it alike.

use leptos::prelude::*;
use resonant_domain::session::Session;

use super::ending::Ending;
use super::input_panel::Inputs;
use super::live_session::LiveSession;
use super::message_panel::Said;
use super::step_view::StepView;
use super::wait_words::wait_words;
use crate::language::{tr, tr_text};
use crate::paths;
use crate::ui::{Icon, IconName, Notice, Time, Tone};

/// Stands in for the first step until a worker begins it.
#[component]
pub(super) fn Queued(
    /// The session.
    live: LiveSession,
) -> impl IntoView {
    let is_over = Memo::new(move |_| live.state().is_terminal());
    let begins_at = live.record().begins_at();
    let stage = move || {
        if live.model().is_some() {
            tr("Starting the first step")
        } else {
            tr("Waiting for a worker")
        }
    };
    view! {
        <Show when=move || live.steps().is_empty() && !is_over.get()>
            <p class="session__queued">
                {match begins_at {
                    Some(at) => view! { <span>{tr("Begins ")} <Time at=at /></span> }.into_any(),
                    None => view! { <Icon name=IconName::Spinner /> {stage} }.into_any(),
                }}
            </p>
        </Show>
    }
}

/// The steps, in order.
#[component]
pub(super) fn Steps(
    /// The session.
    live: LiveSession,
    /// Whether the reader may fork the session.
    #[prop(optional)]
    may_fork: bool,
    /// Whether the reader may go on with the session, and pin what is said in it.
    #[prop(optional)]
    may_steer: bool,
    /// Whether the reader may know the agent's documents.
    may_look_up: bool,
    /// Where it is read what the model was given.
    inputs: StoredValue<Inputs>,
) -> impl IntoView {
    view! {
        <ol class="timeline">
            <For
                each=move || live.steps()
                key=|step| (step.step, step.attempt)
                children=move |step| {
                    view! {
                        <StepView
                            live=live
                            step=step
                            is_owner=may_fork
                            may_pin=may_steer
                            may_look_up=may_look_up
                            inputs=inputs
                        />
                    }
                }
            />
        </ol>
    }
}

/// What stands below the steps: what people said that no step has heard yet, what the session waits for, and
/// the faults that belong to no step.
#[component]
pub(super) fn Below(
    /// The session.
    live: LiveSession,
    /// The session, for a reader who may pin what was said.
    pins: Option<LiveSession>,
    /// What it waits for.
    children: Children,
) -> impl IntoView {
    view! {
        {move || view! { <Said messages=live.unheard() is_heard=false pins=pins /> }}
        {children()}
        {move || {
            live.errors()
                .into_iter()
                .map(|message| view! { <Notice tone=Tone::Bad>{tr_text(message)}</Notice> })
                .collect_view()
        }}
    }
}

/// Tells a reader what the session waits for; only its owner can decide it.
#[component]
pub(super) fn Waiting(
    /// The session.
    live: LiveSession,
) -> impl IntoView {
    let wait = Memo::new(move |_| live.wait());
    move || {
        let reason = wait.get()?.reason;
        let (tone, who) = if reason.needs_person() {
            (Tone::Warn, tr("Waiting for its owner: "))
        } else {
            (Tone::Neutral, tr("Waiting for other agents: "))
        };
        let reason = wait_words(&reason);
        Some(view! { <Notice tone=tone>{who} {reason}</Notice> })
    }
}

/// How it ended and what to do next.
#[component]
pub(super) fn Close(
    /// The session.
    live: LiveSession,
    /// Its record.
    session: Session,
    /// Whether the reader may run it again.
    #[prop(optional)]
    may_run: bool,
) -> impl IntoView {
    let again = paths::run_again(session.agent_id, session.id);
    let agent = paths::agent(session.agent_id);
    let ending = Memo::new(move |_| live.ending());
    move || {
        let Ending { tone, title, reason, advice } = ending.get()?;
        let (again, agent) = (again.clone(), agent.clone());
        Some(view! {
            <Notice tone=tone>
                <p class="session__end">{title}</p>
                {reason.map(|reason| view! { <p>{tr_text(reason)}</p> })}
                <p>{advice}"."</p>
                <p class="session__ways">
                    {may_run.then(|| view! { <a href=again>{tr("Run again")}</a> })}
                    <a href=agent>{tr("Open the agent")}</a>
                </p>
            </Notice>
        })
    }
}
