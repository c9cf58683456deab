//! `/sessions/{id}/replay`: a recorded session, event by event. One that is not over grows as it goes on.

mod stood;

use std::time::Duration;

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::SessionId;
use resonant_domain::session::SessionState;
use resonant_domain::session_event::SessionEvent;

use self::stood::{Shown, so_far};
use super::api::{Recording, get_events, get_recording};
use super::door::Door;
use super::live_session::LiveSession;
use super::raw_view::keep_up;
use super::reading::{Connection, follow_log};
use crate::error::AppError;
use crate::language::{key, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Button, ErrorPanel, Icon, IconName, LinkButton, Notice, PageHead, Select, Skeleton, Tone,
    cannot_be_shown, duration_text,
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

/// What is replayed, and how far.
#[derive(Clone, Copy)]
struct Player {
    /// The log: all of it that is there.
    events: StoredValue<Vec<SessionEvent>>,
    /// How many events there are.
    last: RwSignal<usize>,
    /// How many of them are shown.
    at: RwSignal<usize>,
    /// Whether no more are to come.
    is_over: Memo<bool>,
    is_playing: RwSignal<bool>,
    speed: RwSignal<String>,
}

#[component]
fn Replay(recording: Recording) -> impl IntoView {
    let Recording { session, events } = recording;
    let (id, recorded) = (session.id, events.len());
    let query = use_query_map();
    // Without JavaScript the address says how far.
    let asked = query.with_untracked(|query| query.get("at").and_then(|at| at.parse().ok()));
    // The session as it is now: what is shown stands at another event.
    let head = LiveSession::new(so_far(session.clone(), &events));
    let state = Memo::new(move |_| head.state());
    let player = Player {
        events: StoredValue::new(events),
        last: RwSignal::new(recorded),
        at: RwSignal::new(asked.unwrap_or(recorded).min(recorded)),
        is_over: Memo::new(move |_| state.get().is_terminal()),
        is_playing: RwSignal::new(false),
        speed: RwSignal::new("1".to_owned()),
    };
    let Player { events, last, at, is_over, is_playing, speed } = player;
    let fault = RwSignal::new(None::<AppError>);
    // Where its reader is, the scrubber says.
    head.at_end().set(false);
    follow_log(head, Door::Own(id));
    keep_up(head, Door::Own(id), (events, last), fault);
    look_again(head, id, is_over);
    player.stay_at_end();
    player.play();

    let clock = move || {
        let at = at.get();
        let ms = events.with_value(|events| {
            let (first, shown) = (events.first()?, events.get(at.checked_sub(1)?)?);
            Some(shown.at.as_millisecond() - first.at.as_millisecond())
        });
        duration_text(ms.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0))
    };
    let toggle = Callback::new(move |_| {
        if !is_playing.get_untracked() && at.get_untracked() >= last.get_untracked() {
            at.set(0);
        }
        is_playing.update(|is_playing| *is_playing = !*is_playing);
    });
    // Nobody can listen to each event while they follow one another.
    let is_moving = move || is_playing.get() || (!is_over.get() && at.get() == last.get());
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
            <Show when=move || !is_over.get()>
                <GoesOn id=id state=state />
            </Show>
            <Connection live=head is_known=true />
            {move || fault.get().map(|error| view! { <ErrorPanel error=error is_aside=true /> })}
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
                    max=move || last.get().to_string()
                    aria-label=tr("Event")
                    aria-valuetext=move || {
                        tr_with(
                            "Event {at} of {last}, after {clock}",
                            &[("at", &at.get()), ("last", &last.get()), ("clock", &clock())],
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
            <p
                class="replay__clock"
                role="status"
                aria-live=move || if is_moving() { "off" } else { "polite" }
            >
                {move || {
                    tr_with("Event {at} of {last}", &[("at", &at.get()), ("last", &last.get())])
                }} " · "
                {clock}
            </p>
            <nav class="replay__steps without-script" aria-label=tr("Events")>
                {step_link(now.saturating_sub(1), tr("Back"))}
                {step_link((now + 1).min(recorded), tr("On"))}
            </nav>
            <Shown player=player head=head session=session />
        </div>
    }
}

/// Looks whether a session that was over has gone on when one comes back to the page: nobody tells of that.
/// If so, it is followed from there on.
fn look_again(head: LiveSession, id: SessionId, is_over: Memo<bool>) {
    Effect::new(move || {
        let back = window_event_listener(ev::focus, move |_| {
            if !is_over.get_untracked() {
                return;
            }
            let known = head.last_sequence();
            spawn_local(async move {
                // Where it cannot be asked for, what is shown is as true as before.
                let more = get_events(Door::Own(id), known).await.unwrap_or_default();
                if more.is_empty() {
                    return;
                }
                // That it is not over any more, its record says alone.
                if let Ok(Recording { session, events }) = get_recording(id).await {
                    head.renew(session);
                    for event in events {
                        head.hear(event);
                    }
                }
            });
        });
        on_cleanup(move || back.remove());
    });
}

/// Says that more is to come.
#[component]
fn GoesOn(id: SessionId, state: Memo<SessionState>) -> impl IntoView {
    let words = move || {
        let state = tr(state.get().title()).to_lowercase();
        tr_with("The session is still going on ({state}).", &[("state", &state)])
    };
    view! {
        <Notice tone=Tone::Info>
            {words} " " <span class="with-script">{tr("What happens is added at the end.")}</span>
            <a class="without-script" href=paths::replay(id)>
                {tr("Reload to see what is new")}
            </a>
        </Notice>
    }
}

impl Player {
    /// Whoever is at the end of a session that goes on stays there.
    fn stay_at_end(self) {
        Effect::new(move |before: Option<usize>| {
            let now = self.last.get();
            let was_at_end = before.is_some_and(|before| self.at.get_untracked() == before);
            if was_at_end && !self.is_playing.get_untracked() {
                self.at.set(now);
            }
            now
        });
    }

    /// Goes on from event to event, as fast as they came, times the speed. Long pauses are cut short, and
    /// what is not there yet is waited for.
    fn play(self) {
        // Nothing that comes later makes the pause begin anew.
        let has_next = Memo::new(move |_| self.at.get() < self.last.get());
        Effect::new(move || {
            let now = self.at.get();
            if !self.is_playing.get() {
                return;
            }
            if !has_next.get() {
                if self.is_over.get() {
                    self.is_playing.set(false);
                }
                return;
            }
            let pause = self.events.with_value(|events| pause_before(events, now)).unwrap_or(0);
            let times = self.speed.get().parse::<u64>().unwrap_or(1).max(1);
            let next = move || {
                self.at.try_set(now + 1);
            };
            if let Ok(handle) = set_timeout_with_handle(next, Duration::from_millis(pause / times))
            {
                on_cleanup(move || handle.clear());
            }
        });
    }
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
