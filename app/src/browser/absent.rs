//! The server's side of this module: every function is there and does nothing.

#![expect(clippy::unused_async, reason = "the signatures are those of the browser's side")]

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

/// The theme that was chosen.
pub fn chosen_theme() -> Option<String> {
    None
}

/// Whether the system asks for a dark page.
pub fn prefers_dark() -> bool {
    false
}

/// Moves the focus to the element with this id.
pub fn focus(_id: &str) {}

/// Where the site is. The server knows by other means.
#[cfg(not(feature = "ssr"))]
pub fn origin() -> String {
    String::new()
}

/// Shows the notice that the page has to be loaded anew.
pub fn show_fault_notice() {}

/// A live stream of events. Dropping it ends the stream.
#[derive(Debug)]
pub struct EventStream;

/// Follows a session's events.
pub fn follow_session(
    _url: impl Fn(i64) -> String + 'static,
    _after: i64,
    _on_event: impl Fn(SessionEvent) + 'static,
    _on_state: impl Fn(StreamState) + 'static,
) -> EventStream {
    EventStream
}

/// Whether the window is scrolled to its end, within the given number of pixels.
pub fn is_near_end(_within: f64) -> bool {
    false
}

/// Scrolls the window to its end.
pub fn scroll_to_end() {}

/// An instant in the visitor's time zone and language.
pub fn local_time(_at_ms: i64) -> Option<String> {
    None
}

/// Milliseconds since the page was opened, for lengths of time alone.
pub fn now_ms() -> f64 {
    0.0
}
