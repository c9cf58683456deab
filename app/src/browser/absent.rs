//! The server's side of this module: every function is there and does nothing.

#![expect(clippy::unused_async, reason = "the signatures are those of the browser's side")]

mod scrolled;

use std::time::Duration;

use leptos::html;
use leptos::prelude::NodeRef;
use resonant_domain::agent_list::{AgentLine, ListNews};
use resonant_domain::session_event::SessionEvent;

pub use self::scrolled::*;
use super::StreamState;

/// Copies a text. `false` when the browser refuses.
pub async fn copy_text(_text: &str) -> bool {
    false
}

/// Calls `announce` with the page's title and moves the focus to its main part.
pub fn announce_page(_announce: impl FnOnce(String) + 'static) {}

/// Shows a theme and remembers it in a cookie.
pub fn choose_theme(_cookie: &str, _theme: &str) {}

/// Keeps a word in a cookie of this name.
pub fn keep(_cookie: &str, _word: &str) {}

/// The word that is kept in a cookie of this name.
pub fn kept(_cookie: &str) -> Option<String> {
    None
}

/// The theme that was chosen.
pub fn chosen_theme() -> Option<String> {
    None
}

/// Remembers a language and loads the page anew.
pub fn choose_language(_cookie: &str, _tag: &str) {}

/// The tag of the document's language.
#[cfg(not(feature = "ssr"))]
pub fn document_language() -> Option<String> {
    None
}

/// The word of the document's language for an English text.
#[cfg(not(feature = "ssr"))]
pub fn word(_english: &str) -> Option<String> {
    None
}

/// Whether the system asks for a dark page.
pub fn prefers_dark() -> bool {
    false
}

/// Moves the focus to the element with this id.
pub fn focus(_id: &str) {}

/// Moves the focus to the element with this id where nothing has it.
pub fn focus_if_lost(_id: &'static str) {}

/// Gives the focus back where it was lost by the next frame.
pub fn keep_focus() {}

/// Where the site is. The server knows by other means.
#[cfg(not(feature = "ssr"))]
pub fn origin() -> String {
    String::new()
}

/// Whether the page is shown, rather than in a tab behind others.
pub fn is_shown() -> bool {
    false
}

/// Opens a page of this site as if its address had been typed.
pub fn load(_path: &str) {}

/// The key that somebody pressed. Nobody presses one on the server.
pub fn key_of(_event: &leptos::ev::KeyboardEvent) -> String {
    String::new()
}

/// Folds a menu up where an event of the window asks for it.
pub fn fold_up(_event: &leptos::ev::Event, _menu: NodeRef<html::Details>) {}

/// Whether a key was pressed in something that takes text.
pub fn is_in_field(_event: &leptos::ev::KeyboardEvent) -> bool {
    false
}

/// Whether a key was pressed on a link.
pub fn is_on_link(_event: &leptos::ev::KeyboardEvent) -> bool {
    false
}

/// Shows the check box that an event comes from as ticked, or not.
pub fn tick(_event: &leptos::ev::Event, _is_ticked: bool) {}

/// Shows the notice that the page has to be loaded anew.
pub fn show_fault_notice() {}

/// Marks the document as live.
pub fn tell_live() {}

/// Whether the document is live.
pub fn is_live() -> bool {
    false
}

/// Calls once the document is live.
pub fn when_live(_call: impl Fn() + 'static) {}

/// Whether the browser has a network. A browser's alone.
pub fn is_online() -> bool {
    true
}

/// A live stream of events. Dropping it ends the stream.
#[derive(Debug)]
pub struct EventStream;

/// Follows a session's events.
pub fn follow_session(
    _url: impl Fn(i64) -> String + 'static,
    _after: i64,
    _on_event: impl Fn(SessionEvent) + 'static,
    _on_pins: impl Fn(Vec<i64>) + 'static,
    _on_state: impl Fn(StreamState) + 'static,
    _is_gone: impl AsyncFn() -> bool + 'static,
) -> EventStream {
    EventStream
}

/// A live stream. Dropping it ends it.
#[derive(Debug)]
pub struct LiveStream;

/// Follows what happens to the viewer's agents.
pub fn follow_agents(
    _url: &str,
    _on_open: impl Fn() + 'static,
    _on_line: impl Fn(AgentLine) + 'static,
    _on_news: impl Fn(ListNews) + 'static,
    _on_unread: impl Fn(i64) + 'static,
) -> LiveStream {
    LiveStream
}

/// Hears how many notices of the viewer are unread.
pub fn follow_unread(_url: &str, _on_unread: impl Fn(i64) + 'static) -> LiveStream {
    LiveStream
}

/// Hears whenever there is something new to ask for.
pub fn follow_news(_url: &str, _on_news: impl Fn() + 'static) -> LiveStream {
    LiveStream
}

/// Sets a form to what is drawn where its elements were another thing's before.
pub fn begin_anew(_form: NodeRef<html::Form>, _of: &str) {}

/// What a form would send as it stands.
pub fn form_values<T>(_form: NodeRef<html::Form>) -> Option<T> {
    None
}

/// A key that no other form of the viewer has. The server knows by other means.
#[cfg(not(feature = "ssr"))]
pub fn new_key() -> String {
    String::new()
}

/// Leads whoever has sent a form to what is wrong with it.
pub fn lead_to_fault(_told: NodeRef<html::Div>) {}

/// Waits so long. A browser's alone.
pub async fn sleep(_length: Duration) {}

/// A file that was chosen. There is none on the server.
#[derive(Debug)]
pub enum ChosenFile {}

impl ChosenFile {
    /// Its name, without a path.
    pub fn name(&self) -> String {
        match *self {}
    }

    /// Its length.
    pub fn size_bytes(&self) -> f64 {
        match *self {}
    }

    /// Its text; `None` when it cannot be read.
    pub async fn base64(&self) -> Option<String> {
        match *self {}
    }

    /// A browser's alone.
    pub async fn text(&self) -> Option<String> {
        match *self {}
    }
}

/// The first file that was chosen in the control that an event comes from.
pub fn chosen_file(_event: &leptos::ev::Event) -> Option<ChosenFile> {
    None
}

/// Marks all places of words in the page. There is no page on the server.
pub fn mark_words(_within: &[&str], _words: &str, _shown: usize, _is_moved_to: bool) -> usize {
    0
}

/// The address of the page without its origin. A browser's alone.
pub fn address() -> String {
    String::new()
}

/// An instant in the visitor's time zone and in the document's language, named by its tag.
pub fn local_time(_at_ms: i64, _language: &str) -> Option<String> {
    None
}

/// Milliseconds since the page was opened, for lengths of time alone.
pub fn now_ms() -> f64 {
    0.0
}
