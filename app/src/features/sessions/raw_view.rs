//! The log of a session as it is written, event by event.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::FaultKind;
use resonant_domain::session_event::SessionEvent;

use super::api::get_events;
use super::door::Door;
use super::figures::clip;
use super::live_session::LiveSession;
use crate::browser;
use crate::error::AppError;
use crate::language::{tr, tr_with};
use crate::ui::{ErrorPanel, Skeleton};

/// How long what is new waits for more, and how long a fault is left alone.
const REST: Duration = Duration::from_millis(500);
const LONG_REST: Duration = Duration::from_secs(5);

/// The log as an address asked for it; nothing where it did not.
pub type AskedLog = Resource<Option<Result<Vec<SessionEvent>, AppError>>>;

/// The whole log, and what is written meanwhile.
#[component]
pub(super) fn RawView(
    /// The session.
    live: LiveSession,
    /// How its reader has come to it.
    door: Door,
    /// Its log so far.
    log: AskedLog,
) -> impl IntoView {
    view! {
        <Suspense fallback=|| {
            view! { <Skeleton lines=8 /> }
        }>
            {move || {
                let door = door.clone();
                Suspend::new(async move {
                    match log.await {
                        None => ().into_any(),
                        Some(Ok(events)) => {
                            view! { <Events live=live door=door events=events /> }.into_any()
                        }
                        Some(Err(error)) => view! { <ErrorPanel error=error /> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
}

#[component]
fn Events(live: LiveSession, door: Door, events: Vec<SessionEvent>) -> impl IntoView {
    let count = RwSignal::new(events.len());
    let events = StoredValue::new(events);
    let fault = RwSignal::new(None::<AppError>);
    keep_up(live, door, (events, count), fault);
    view! {
        <ol class="raw" aria-label=tr("Events")>
            <For
                each=move || 0..count.get()
                key=|at| *at
                children=move |at| events.with_value(|events| events.get(at).map(row))
            />
        </ol>
        {move || fault.get().map(|error| view! { <ErrorPanel error=error is_aside=true /> })}
    }
}

/// Reads what is new of a log when something has happened: the stream joins neighbours, and the log does not.
pub(super) fn keep_up(
    live: LiveSession,
    door: Door,
    (events, count): (StoredValue<Vec<SessionEvent>>, RwSignal<usize>),
    fault: RwSignal<Option<AppError>>,
) {
    let is_reading = RwSignal::new(false);
    Effect::new(move |_: Option<()>| {
        live.track_pulse();
        let known = events.with_value(|events| events.last().map_or(0, |last| last.sequence));
        if is_reading.get() || live.last_sequence() <= known {
            return;
        }
        is_reading.set(true);
        let door = door.clone();
        spawn_local(async move {
            let answer = get_events(door, known).await;
            let is_gone = matches!(&answer, Err(error) if error.kind == FaultKind::NotFound);
            let rest = if answer.is_ok() { REST } else { LONG_REST };
            match answer {
                Ok(more) => {
                    let all = events.try_update_value(|events| {
                        events.extend(more);
                        events.len()
                    });
                    count.try_set(all.unwrap_or_default());
                    fault.try_set(None);
                    // It comes later than the event that the page has gone along with.
                    if live.at_end().try_get_untracked() == Some(true) {
                        request_animation_frame(browser::scroll_to_end);
                    }
                }
                Err(error) => {
                    fault.try_set(Some(error));
                }
            }
            // What can be read no more is not asked for again.
            if !is_gone {
                browser::sleep(rest).await;
                is_reading.try_set(false);
            }
        });
    });
}

/// One event: its number, its time, what it is, and all that it says.
fn row(event: &SessionEvent) -> AnyView {
    let (number, kind, at) = (event.sequence, event.body.name(), event.at.to_string());
    let datetime = at.clone();
    // What was read from JSON can be written as JSON.
    let text = serde_json::to_string_pretty(event).unwrap_or_default();
    // Long ones scroll within themselves, and are reached by keyboard for that.
    let is_long = clip(&text).is_some();
    let label = tr_with("Event {number}: {kind}", &[("number", &number), ("kind", &kind)]);
    view! {
        <li class="raw__event" id=format!("event-{number}")>
            <p class="raw__head">
                <span class="raw__number">{number}</span>
                <code>{kind}</code>
                <time class="raw__time" datetime=datetime>
                    {at}
                </time>
            </p>
            <pre
                class="code raw__json"
                class:raw__json--long=is_long
                tabindex=is_long.then_some("0")
                role=is_long.then_some("group")
                aria-label=is_long.then_some(label)
            >
                {text}
            </pre>
        </li>
    }
    .into_any()
}
