//! What only a browser can do. The only place that names web-sys, js-sys and gloo-net, and the gate
//! behind which they stay: on the server every function is there and does nothing.

#[cfg(not(feature = "hydrate"))]
mod absent;
#[cfg(feature = "hydrate")]
mod agent_stream;
#[cfg(feature = "hydrate")]
mod clipboard;
#[cfg(feature = "hydrate")]
mod document;
#[cfg(feature = "hydrate")]
mod event_source;
#[cfg(feature = "hydrate")]
mod file;
#[cfg(feature = "hydrate")]
mod find;
#[cfg(feature = "hydrate")]
mod form;
#[cfg(feature = "hydrate")]
mod language;
#[cfg(feature = "hydrate")]
mod menu;
#[cfg(feature = "hydrate")]
mod page_grid;
#[cfg(feature = "hydrate")]
mod scroll;
#[cfg(feature = "hydrate")]
mod scroller;
#[cfg(feature = "hydrate")]
mod time;
#[cfg(any(feature = "hydrate", test))]
mod words;

#[cfg(not(feature = "hydrate"))]
pub use absent::*;
#[cfg(feature = "hydrate")]
pub use {
    agent_stream::{LiveStream, follow_agents, follow_news, follow_unread},
    clipboard::copy_text,
    document::{
        address, announce_page, choose_theme, chosen_theme, focus, focus_if_lost, is_in_field,
        is_live, is_on_link, is_online, is_shown, keep, keep_focus, kept, key_of, load, origin,
        prefers_dark, show_fault_notice, tell_live, tick, when_live,
    },
    event_source::{EventStream, follow_session, sleep},
    file::{ChosenFile, chosen_file},
    find::mark_words,
    form::{begin_anew, form_values, lead_to_fault, new_key},
    language::{choose_language, document_language, word},
    menu::fold_up,
    page_grid::PageGrid,
    scroll::{is_near_end, reveal, scroll_to_end, scroll_top},
    scroller::{Scroller, remember_place, remembered_place},
    time::{local_time, now_ms},
};

/// How a live stream of events stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "hydrate"),
    expect(dead_code, reason = "only a browser connects; the server draws what it may say")
)]
pub enum StreamState {
    /// Not connected yet.
    Connecting,
    /// Events arrive.
    Live,
    /// The connection was lost and is being made again.
    Reconnecting,
    /// What was followed can be read no more.
    Gone,
    /// The stream is over; nothing more will come.
    Ended,
}
