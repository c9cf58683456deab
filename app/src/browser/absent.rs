//! The server's side of this module: every function is there and does nothing.

#![expect(clippy::unused_async, reason = "the signatures are those of the browser's side")]

use std::time::Duration;

use leptos::html;
use leptos::prelude::NodeRef;
use resonant_domain::agent_list::{AgentLine, ListNews};
use resonant_domain::session_event::SessionEvent;

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

/// Whether the window is scrolled to its end, within the given number of pixels.
pub fn is_near_end(_within: f64) -> bool {
    false
}

/// How far the window is scrolled down, in pixels.
pub fn scroll_top() -> f64 {
    0.0
}

/// Scrolls the window to its end.
pub fn scroll_to_end() {}

/// Scrolls no further than needed for the element with this id to be seen.
pub fn reveal(_id: &str) {}

/// Marks all places of words in the page. There is no page on the server.
pub fn mark_words(_within: &[&str], _words: &str, _shown: usize, _is_moved_to: bool) -> usize {
    0
}

/// A list that scrolls within itself. There is none on the server.
#[derive(Debug)]
pub enum Scroller {}

impl Scroller {
    /// The list whose box has this id.
    pub fn find(_id: &str) -> Option<Self> {
        None
    }

    /// How far it is scrolled, in pixels.
    pub fn top(&self) -> f64 {
        match *self {}
    }

    /// The height of what is seen, in pixels.
    pub fn view(&self) -> f64 {
        match *self {}
    }

    /// Scrolls to a place.
    pub fn set_top(&self, _top: f64) {
        match *self {}
    }

    /// The height of a row, in pixels.
    pub fn height(&self, _slot: usize) -> f64 {
        match *self {}
    }

    /// Tells the style sheet what a row measures on average.
    pub fn set_estimate(&self, _height: f64) {
        match *self {}
    }

    /// Sets the height of the space.
    pub fn set_space(&self, _height: f64) {
        match *self {}
    }

    /// Lets the rows lie in the flow again.
    pub fn clear_space(&self) {
        match *self {}
    }

    /// Places the rows within the space.
    pub fn place_rows(&self, _top: f64) {
        match *self {}
    }

    /// Takes a row out of the document.
    pub fn take_out(&self, _slot: usize) {
        match *self {}
    }

    /// Puts a row behind all others.
    pub fn move_to_end(&self, _slot: usize) {
        match *self {}
    }

    /// Leaves the focus to the list where one of these rows has it.
    pub fn take_focus(&self, _slots: impl Iterator<Item = usize>) {
        match *self {}
    }

    /// Moves the focus within a row.
    pub fn step(&self, _slot: usize, _is_forward: bool) {
        match *self {}
    }

    /// Tells a row which one of the list it is, and whether there is such a one.
    pub fn set_rank(&self, _slot: usize, _rank: usize, _is_there: bool) {
        match *self {}
    }

    /// Puts the elements themselves into the order in which they are seen.
    pub fn put_in_order(&self, _first: usize) {
        match *self {}
    }
}

/// A grid of cards that scrolls with the page. There is none on the server.
#[derive(Debug)]
pub enum PageGrid {}

impl PageGrid {
    /// The grid whose list has this id.
    pub fn find(_id: &'static str) -> Option<Self> {
        None
    }

    /// How far the upper edge of the list is scrolled past.
    pub fn top(&self) -> f64 {
        match *self {}
    }

    /// Whether the lower edge of the list is seen.
    pub fn is_end_seen(&self) -> bool {
        match *self {}
    }

    /// The height of the window.
    pub fn view() -> f64 {
        0.0
    }

    /// The width of the list.
    pub fn width(&self) -> f64 {
        match *self {}
    }

    /// How many columns there are, and the gap between rows.
    pub fn layout(&self) -> (usize, f64) {
        match *self {}
    }

    /// The height of an item.
    pub fn height(&self, _slot: usize) -> f64 {
        match *self {}
    }

    /// Where the upper edge of an item is within the window.
    pub fn edge(&self, _slot: usize) -> Option<f64> {
        match *self {}
    }

    /// Sets the room before and after what is drawn.
    pub fn set_room(&self, _before: f64, _after: f64) {
        match *self {}
    }

    /// Tells the style sheet how the grid is laid out.
    pub fn set_layout(&self, _columns: usize, _estimate: f64) {
        match *self {}
    }

    /// Puts an item before another one.
    pub fn put_before(&self, _slot: usize, _next: Option<usize>) -> bool {
        match *self {}
    }

    /// Tells the style sheet where an item lies that is drawn apart from the others.
    pub fn put_aside(&self, _slot: usize, _top: f64, _column: usize) {
        match *self {}
    }

    /// Scrolls the page on by so many pixels.
    pub fn scroll_by(_way: f64) {}
}

/// The address of the page without its origin. A browser's alone.
pub fn address() -> String {
    String::new()
}

/// Remembers a text with this entry of the browser's history.
pub fn remember_place(_text: &str) {}

/// The text that was remembered with this entry of the browser's history.
pub fn remembered_place() -> Option<String> {
    None
}

/// An instant in the visitor's time zone and in the document's language, named by its tag.
pub fn local_time(_at_ms: i64, _language: &str) -> Option<String> {
    None
}

/// Milliseconds since the page was opened, for lengths of time alone.
pub fn now_ms() -> f64 {
    0.0
}
