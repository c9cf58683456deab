//! How a session is read: by whom, what of it, and what is heard while it goes on.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;
use resonant_domain::FaultKind;
use resonant_domain::session::Session;
use resonant_domain::team::SessionStanding;

use super::api::{get_events, get_step_input};
use super::door::Door;
use super::input_panel::AskedInput;
use super::live_session::LiveSession;
use super::raw_view::AskedLog;
use crate::browser::{self, EventStream, StreamState};
use crate::language::tr;
use crate::paths;
use crate::ui::{Notice, Tone};

/// Who looks at a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reader {
    /// The person whose it is, or a teammate: with what they may do.
    Known(SessionStanding),
    /// Anyone who has the link with this token. They read and do nothing else.
    Link(String),
}

impl Reader {
    /// What the reader may do: with a link, nothing.
    pub(super) fn standing(&self) -> SessionStanding {
        match self {
            Self::Known(standing) => standing.clone(),
            Self::Link(_) => SessionStanding::default(),
        }
    }

    /// By which way they have come.
    pub(super) fn door(&self, session: &Session) -> Door {
        match self {
            Self::Known(_) => Door::Own(session.id),
            Self::Link(token) => Door::Link(token.clone()),
        }
    }
}

/// What an address can ask for beside the session: `view=raw` for its log, `input=3` for what the model was
/// given for a step.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Its log.
    pub(super) log: AskedLog,
    /// What the model was given.
    pub(super) input: AskedInput,
}

impl Asked {
    /// Reads it by a door; nothing where there is none. Call it where a page makes its resources.
    pub fn by(door: impl Fn() -> Option<Door> + Copy + Send + Sync + 'static) -> Self {
        let query = use_query_map();
        let log = move || door().filter(|_| is_raw(&query.read()));
        let input = move || {
            let step = query.read().get("input").and_then(|step| step.parse::<u32>().ok());
            door().zip(step)
        };
        Self {
            log: Resource::new_blocking(
                log,
                |door| async move { Some(get_events(door?, 0).await) },
            ),
            input: Resource::new_blocking(input, |asked| async move {
                let (door, step) = asked?;
                Some((step, get_step_input(door, step).await))
            }),
        }
    }
}

/// Whether the log is wanted in the place of the steps.
pub(super) fn is_raw(query: &ParamsMap) -> bool {
    query.get("view").as_deref() == Some("raw")
}

/// The two ways to look at what happened.
#[component]
pub(super) fn Views(
    /// The page of the session.
    page: String,
    /// Whether its log is shown.
    is_raw: Memo<bool>,
) -> impl IntoView {
    let raw = paths::raw(&page);
    let current = move |raw: bool| (is_raw.get() == raw).then_some("page");
    view! {
        <nav class="session__views" aria-label=tr("How it is shown")>
            <a href=page data-noscroll="true" aria-current=move || current(false)>
                {tr("Steps")}
            </a>
            <a href=raw data-noscroll="true" aria-current=move || current(true)>
                {tr("Raw")}
            </a>
        </nav>
    }
}

/// Goes on from the newest event that is known, unless the session is over.
pub(super) fn follow_log(live: LiveSession, door: Door) {
    // Goes away with the page, and the stream with it.
    let stream = StoredValue::new(None::<EventStream>);
    Effect::new(move || {
        if live.state().is_terminal() {
            stream.set_value(None);
        } else if stream.with_value(Option::is_none) {
            let (here, there) = (door.clone(), door.clone());
            let follow = browser::follow_session(
                move |after| here.stream(after),
                live.last_sequence(),
                move |event| live.hear(event),
                move |pins| live.set_pins(pins),
                move |state| live.set_stream(state),
                async move || is_gone(there.clone()).await,
            );
            stream.set_value(Some(follow));
        }
    });
}

/// Whether there is nothing to be read by a door any more: a link was taken back, a session has gone.
async fn is_gone(door: Door) -> bool {
    // Nothing comes after that: it costs least to ask for it.
    let answer = get_events(door, i64::MAX).await;
    matches!(answer, Err(error) if error.kind == FaultKind::NotFound)
}

/// Says when the connection is lost: what is missed meanwhile comes afterwards, unless nothing comes any
/// more.
#[component]
pub(super) fn Connection(
    /// The session.
    live: LiveSession,
    /// Whether the reader has come by who they are, rather than by a link.
    is_known: bool,
) -> impl IntoView {
    let stream = Memo::new(move |_| live.stream());
    let is_over = Memo::new(move |_| live.state().is_terminal());
    let told = move || match stream.get() {
        StreamState::Reconnecting => {
            Some(tr("Reconnecting… The session goes on meanwhile; nothing of it is lost."))
        }
        StreamState::Gone if is_known => {
            Some(tr("You cannot read this session any more. What happens now is not shown."))
        }
        StreamState::Gone => Some(tr(
            "This link is no longer valid: it was taken back. What happens now is not shown.",
        )),
        StreamState::Connecting | StreamState::Live | StreamState::Ended => None,
    };
    let told = move || told().filter(|_| !is_over.get());
    view! {
        <div role="status" class="session__connection">
            {move || told().map(|text| view! { <Notice tone=Tone::Warn>{text}</Notice> })}
        </div>
    }
}
