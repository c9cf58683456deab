//! Menus: `<details>` whose sheet lies over the page.

use leptos::html;
use leptos::prelude::{GetUntracked as _, NodeRef};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, KeyboardEvent};

use super::document::key_of;

/// Folds a menu up where an event of the window asks for it: the key Escape, or a pointer or the focus
/// outside of it. Its button has the focus then, if something in the menu had it.
pub fn fold_up(event: &Event, menu: NodeRef<html::Details>) {
    let Some(menu) = menu.try_get_untracked().flatten() else { return };
    if !menu.open() {
        return;
    }
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let Some(target) = target else { return };
    // A dialog over the page gives back what it took, the focus in a menu, too.
    if matches!(target.closest("dialog"), Ok(Some(_))) {
        return;
    }
    let is_meant = match event.dyn_ref::<KeyboardEvent>() {
        Some(pressed) => key_of(pressed) == "Escape",
        None => !menu.contains(Some(target.as_ref())),
    };
    if !is_meant {
        return;
    }
    let had_focus = menu.matches(":focus-within").unwrap_or(false);
    menu.set_open(false);
    let button = menu.query_selector("summary").ok().flatten();
    let button = button.and_then(|button| button.dyn_into::<HtmlElement>().ok());
    if had_focus && let Some(button) = button {
        let _ = button.focus();
    }
}
