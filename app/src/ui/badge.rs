//! Small marks of a state or a kind.

use leptos::prelude::*;
use resonant_domain::session::SessionState;

use crate::language::tr;

/// What a colour says. Never the only sign of it: the text says the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Neutral,
    /// Something goes on, or is worth knowing.
    Info,
    /// It went well.
    Good,
    /// It needs a look.
    Warn,
    /// It went wrong.
    Bad,
}

impl Tone {
    /// The tone as it stands in class names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Info => "info",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// A small mark.
#[component]
pub fn Badge(
    /// What its colour says.
    #[prop(optional)]
    tone: Tone,
    /// What it says.
    children: Children,
) -> impl IntoView {
    view! { <span class=format!("badge badge--{}", tone.as_str())>{children()}</span> }
}

/// The state of a session.
#[component]
pub fn StateBadge(
    /// The state.
    #[prop(into)]
    state: Signal<SessionState>,
) -> impl IntoView {
    let class = move || {
        let state = state.get();
        let moving = if state == SessionState::Running { " is-moving" } else { "" };
        format!("badge badge--dot badge--{}{moving}", tone_of(state).as_str())
    };
    view! { <span class=class>{move || tr(state.get().title())}</span> }
}

const fn tone_of(state: SessionState) -> Tone {
    match state {
        SessionState::Created | SessionState::Queued | SessionState::Cancelled => Tone::Neutral,
        SessionState::Running => Tone::Info,
        SessionState::Waiting | SessionState::Timeout => Tone::Warn,
        SessionState::Completed => Tone::Good,
        SessionState::Failed => Tone::Bad,
    }
}
