//! The document around the app.

use leptos::prelude::{document, request_animation_frame, window, window_event_listener_untyped};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlDocument, HtmlElement, HtmlInputElement, KeyboardEvent};

/// Calls `announce` with the page's title and moves the focus to its main part, once the new page is
/// drawn.
pub fn announce_page(announce: impl FnOnce(String) + 'static) {
    request_animation_frame(move || {
        focus("main");
        announce(document().title());
    });
}

/// The attribute of a document that is live.
const LIVE_MARK: &str = "data-live";
/// The event that tells the window so.
const LIVE: &str = "live";

/// Marks the document as live, and tells the window so.
pub fn tell_live() {
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute(LIVE_MARK, "");
    }
    if let Ok(event) = Event::new(LIVE) {
        let _ = window().dispatch_event(&event);
    }
}

/// Whether the document is live: the app has taken over all that the server drew. What is drawn otherwise
/// before that, behind a page that is still on its way, is not what it finds there.
pub fn is_live() -> bool {
    document().document_element().is_some_and(|root| root.has_attribute(LIVE_MARK))
}

/// Calls once the document is live; at once where it is.
pub fn when_live(call: impl Fn() + 'static) {
    if is_live() {
        return call();
    }
    // It is told once.
    window_event_listener_untyped(LIVE, move |_| call());
}

/// Whether the browser has a network, as far as it knows.
pub fn is_online() -> bool {
    window().navigator().on_line()
}

/// Shows a theme and remembers it in a cookie.
pub fn choose_theme(cookie: &str, theme: &str) {
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-theme", theme);
    }
    set_cookie(cookie, theme);
}

/// Keeps a value for a year.
pub(super) fn set_cookie(name: &str, value: &str) {
    if let Ok(document) = document().dyn_into::<HtmlDocument>() {
        let _ =
            document.set_cookie(&format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax"));
    }
}

/// Keeps a word in a cookie of this name.
pub fn keep(cookie: &str, word: &str) {
    set_cookie(cookie, word);
}

/// The word that is kept in a cookie of this name.
pub fn kept(cookie: &str) -> Option<String> {
    let all = document().dyn_into::<HtmlDocument>().ok()?.cookie().ok()?;
    all.split(';').find_map(|pair| {
        let (name, word) = pair.trim().split_once('=')?;
        (name == cookie).then(|| word.to_owned())
    })
}

/// The theme that was chosen.
pub fn chosen_theme() -> Option<String> {
    document().document_element()?.get_attribute("data-theme")
}

/// Whether the system asks for a dark page.
pub fn prefers_dark() -> bool {
    let query = window().match_media("(prefers-color-scheme: dark)");
    query.ok().flatten().is_some_and(|query| query.matches())
}

/// Moves the focus to the element with this id, without scrolling.
pub fn focus(id: &str) {
    if let Some(element) = element(id) {
        focus_element(&element);
    }
}

fn focus_element(element: &HtmlElement) {
    let options = web_sys::FocusOptions::new();
    options.set_prevent_scroll(true);
    let _ = element.focus_with_options(&options);
}

/// Moves the focus to the element with this id where nothing has it by the next frame: what had it may be
/// gone from the page.
pub fn focus_if_lost(id: &'static str) {
    request_animation_frame(move || {
        if focused().is_none() {
            focus(id);
        }
    });
}

/// Gives the focus back by the next frame where it was lost until then: to what has it, to what comes in its
/// place by the same id, or else to the main part of the page.
///
/// A view that is drawn anew on the same elements takes every attribute away and puts it back (tachys, where
/// views are erased to one type). A browser takes the focus from a link that leads nowhere, be it for a moment,
/// and from what only its `tabindex` lets have it. What stands in a closure comes as new elements.
pub fn keep_focus() {
    let Some(before) = focused() else { return };
    request_animation_frame(move || {
        if focused().is_some() {
            return;
        }
        let is_there = before.is_connected();
        let now = if is_there { before.dyn_into().ok() } else { element(&before.id()) };
        if let Some(now) = now {
            focus_element(&now);
        }
        if focused().is_none() {
            focus("main");
        }
    });
}

/// What has the focus; nothing where the page as a whole has it.
fn focused() -> Option<Element> {
    document().active_element().filter(|active| active.tag_name() != "BODY")
}

/// Where the site is: `https://resonant.example.org`.
pub fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// The address of the page without its origin.
pub fn address() -> String {
    let location = window().location();
    let (path, query) = (location.pathname(), location.search());
    format!("{}{}", path.unwrap_or_default(), query.unwrap_or_default())
}

/// The key that somebody pressed; empty where nobody did. What a browser fills in by itself it may tell of by an
/// event of that name that knows of no key, and to ask it for one ends all scripts: it is asked here alone.
pub fn key_of(event: &KeyboardEvent) -> String {
    if event.is_instance_of::<KeyboardEvent>() { event.key() } else { String::new() }
}

/// Whether a key was pressed in something that takes text.
pub fn is_in_field(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|element| {
        matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
    })
}

/// Whether a key was pressed on a link.
pub fn is_on_link(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|element| element.tag_name() == "A")
}

/// Shows the check box that an event comes from as ticked, or not: a browser ticks what is clicked, whatever
/// comes of it.
pub fn tick(event: &Event, is_ticked: bool) {
    let target = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
    if let Some(target) = target {
        target.set_checked(is_ticked);
    }
}

/// Whether the page is shown, rather than in a tab behind others.
pub fn is_shown() -> bool {
    !document().hidden()
}

/// Opens a page of this site as if its address had been typed.
pub fn load(path: &str) {
    let _ = window().location().set_href(path);
}

/// Shows the notice that the page has to be loaded anew. Called when the app has stopped: what it
/// touches was drawn before.
pub fn show_fault_notice() {
    // It would be out of reach behind a dialog. That is taken away rather than closed, of which the app would
    // be told.
    while let Ok(Some(dialog)) = document().query_selector("dialog[open]") {
        dialog.remove();
    }
    if let Some(notice) = element("fault-notice") {
        let _ = notice.remove_attribute("hidden");
    }
}

fn element(id: &str) -> Option<HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}
