//! `/sessions/{id}/replay`: a recorded session, event by event.

use std::time::Duration;

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::session_event::SessionEvent;
use resonant_domain::timeline::Timeline;

use super::api::{Recording, SessionSoFar, get_recording};
use super::door::Door;
use super::input_panel::Inputs;
use super::live_session::LiveSession;
use super::step_view::StepView;
use crate::error::AppError;
use crate::language::{key, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Button, Icon, IconName, LinkButton, PageHead, Select, Skeleton, cannot_be_shown, duration_text,
};

/// The longest pause between two events, however long it was.
const PAUSE_MAX_MS: i64 = 1_500;

/// The page of a recorded session.
#[derive(Debug)]
pub struct ReplayRoute {
    recording: Resource<Result<Recording, AppError>>,
}

impl LazyPage for ReplayRoute {
    fn data() -> Self {
        let params = use_params_map();
        let id = move || params.read().get("id").unwrap_or_default();
        let recording = Resource::new_blocking(id, |id| async move {
            // What is no id names no session.
            let id =
                id.parse().map_err(|_| AppError::not_found(key("There is no such session")))?;
            get_recording(id).await
        });
        Self { recording }
    }

    fn view(this: Self) -> AnyView {
        let recording = this.recording;
        view! {
            <Title text=tr("Replay") />
            <Meta name="description" content=tr("A recorded session of an AI agent, event by event") />
            <Suspense fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {move || Suspend::new(async move {
                    match recording.await {
                        Ok(recording) => view! { <Replay recording=recording /> }.into_any(),
                        Err(error) => cannot_be_shown(tr("This session cannot be shown"), error),
                    }
                })}
            </Suspense>
        }
        .into_any()
    }
}

#[component]
fn Replay(recording: Recording) -> impl IntoView {
    let Recording { session, events } = recording;
    let (id, last) = (session.id, events.len());
    let query = use_query_map();
    // Without JavaScript the address says how far.
    let asked = query.with_untracked(|query| query.get("at").and_then(|at| at.parse().ok()));
    let at = RwSignal::new(asked.unwrap_or(last).min(last));
    let is_playing = RwSignal::new(false);
    let speed = RwSignal::new("1".to_owned());
    let events = StoredValue::new(events);
    let inputs = StoredValue::new(Inputs { door: Door::Own(id), asked: None });
    play(at, is_playing, speed, events);

    let begin = events.with_value(|events| events.first().map(|event| event.at));
    let clock = move || {
        let now = at
            .get()
            .checked_sub(1)
            .and_then(|at| events.with_value(|events| Some(events.get(at)?.at)));
        let ms = begin.zip(now).map_or(0, |(from, to)| to.as_millisecond() - from.as_millisecond());
        duration_text(u64::try_from(ms).unwrap_or(0))
    };
    let shown = move || {
        let at = at.get();
        let so_far = events.with_value(|events| SessionSoFar {
            session: session.clone(),
            timeline: Timeline::from_events(events.iter().take(at).cloned()),
            as_of: session.created_at,
        });
        view! { <Shown so_far=so_far inputs=inputs /> }
    };
    let toggle = Callback::new(move |_| {
        if !is_playing.get_untracked() && at.get_untracked() >= last {
            at.set(0);
        }
        is_playing.update(|is_playing| *is_playing = !*is_playing);
    });
    let step_link = move |to: usize, text: &'static str| {
        view! {
            <a class="button" href=paths::replay_at(id, to)>
                {text}
            </a>
        }
    };
    let now = at.get_untracked();
    view! {
        <PageHead title=tr("Replay") lead=tr("A recorded session, event by event")>
            <LinkButton href=paths::session(id)>{tr("Back to the session")}</LinkButton>
        </PageHead>
        <div class="replay">
            <div class="replay__bar needs-script">
                <Button type_="button" on_click=toggle>
                    {move || {
                        if is_playing.get() {
                            view! {
                                <Icon name=IconName::Pause />
                                {tr("Pause")}
                            }
                                .into_any()
                        } else {
                            view! {
                                <Icon name=IconName::Play />
                                {tr("Play")}
                            }
                                .into_any()
                        }
                    }}
                </Button>
                <input
                    class="replay__scrubber"
                    type="range"
                    min="0"
                    max=last.to_string()
                    aria-label=tr("Event")
                    aria-valuetext=move || {
                        tr_with(
                            "Event {at} of {last}, after {clock}",
                            &[("at", &at.get()), ("last", &last), ("clock", &clock())],
                        )
                    }
                    prop:value=move || at.get().to_string()
                    value=now.to_string()
                    on:input=move |event| {
                        is_playing.set(false);
                        if let Ok(to) = event_target_value(&event).parse() {
                            at.set(to);
                        }
                    }
                />
                <Select
                    label=tr("Speed")
                    name="speed"
                    options=["1", "4", "16"]
                        .map(|times| (times.to_owned(), format!("{times} ×")))
                        .to_vec()
                    value=speed
                    on_change=Callback::new(move |value| speed.set(value))
                />
            </div>
            // While it plays nobody can listen to each event.
            <p
                class="replay__clock"
                role="status"
                aria-live=move || if is_playing.get() { "off" } else { "polite" }
            >
                {move || tr_with("Event {at} of {last}", &[("at", &at.get()), ("last", &last)])} " · "
                {clock}
            </p>
            <nav class="replay__steps without-script" aria-label=tr("Events")>
                {step_link(now.saturating_sub(1), tr("Back"))}
                {step_link((now + 1).min(last), tr("On"))}
            </nav>
            {shown}
        </div>
    }
}

/// The steps as they stood. What the model was given for one of them does not change any more.
#[component]
fn Shown(so_far: SessionSoFar, inputs: StoredValue<Inputs>) -> impl IntoView {
    let live = LiveSession::new(so_far);
    view! {
        <h2 class="visually-hidden">{tr("What happened")}</h2>
        <ol class="timeline">
            <For
                each=move || live.steps()
                key=|step| (step.step, step.attempt)
                children=move |step| {
                    view! { <StepView live=live step=step may_look_up=true inputs=inputs /> }
                }
            />
        </ol>
    }
}

/// Goes on from event to event, as fast as they came, times the speed. Long pauses are cut short.
fn play(
    at: RwSignal<usize>,
    is_playing: RwSignal<bool>,
    speed: RwSignal<String>,
    events: StoredValue<Vec<SessionEvent>>,
) {
    Effect::new(move || {
        let now = at.get();
        if !is_playing.get() {
            return;
        }
        let Some(pause) = events.with_value(|events| pause_before(events, now)) else {
            is_playing.set(false);
            return;
        };
        let times = speed.get().parse::<u64>().unwrap_or(1).max(1);
        let next = move || {
            at.try_set(now + 1);
        };
        if let Ok(handle) = set_timeout_with_handle(next, Duration::from_millis(pause / times)) {
            on_cleanup(move || handle.clear());
        }
    });
}

/// How long to wait, in milliseconds, before the event after so many; `None` after the last.
fn pause_before(events: &[SessionEvent], shown: usize) -> Option<u64> {
    let next = events.get(shown)?;
    let before = shown.checked_sub(1).and_then(|before| events.get(before));
    let ms = before.map_or(0, |before| next.at.as_millisecond() - before.at.as_millisecond());
    u64::try_from(ms.clamp(0, PAUSE_MAX_MS)).ok()
}

#[cfg(test)]
mod tests {
    use resonant_domain::session_event::EventBody;

    use super::*;

    #[test]
    fn pauses_are_those_of_the_log_but_never_long() {
        let event = |sequence: i64, at: &str| SessionEvent {
            sequence,
            at: at.parse().unwrap(),
            body: EventBody::StepStart { step: 1, attempt: 1 },
        };
        let events = [
            event(1, "2026-01-01T00:00:00Z"),
            event(2, "2026-01-01T00:00:00.200Z"),
            event(3, "2026-01-01T01:00:00Z"),
        ];
        let pauses: Vec<_> = (0..4).map(|shown| pause_before(&events, shown)).collect();
        assert_eq!(pauses, [Some(0), Some(200), Some(1_500), None]);
    }
}
