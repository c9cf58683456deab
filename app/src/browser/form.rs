//! What stands in a form.

use js_sys::Math;
use leptos::form::FromFormData as _;
use leptos::html;
use leptos::prelude::{Get as _, GetUntracked as _, NodeRef, document, request_animation_frame};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlElement};

/// The attribute of a form that says what it was drawn for.
const DRAWN_FOR: &str = "data-drawn-for";

/// Sets a form to what is drawn where its elements were another thing's before, as those of a list's rows may have
/// been: what was typed there would stay, and be sent for this one. Follows which element it is.
pub fn begin_anew(form: NodeRef<html::Form>, of: &str) {
    let Some(form) = form.get() else { return };
    let before = form.get_attribute(DRAWN_FOR);
    if before.as_deref() == Some(of) {
        return;
    }
    let _ = form.set_attribute(DRAWN_FOR, of);
    if before.is_some() {
        form.reset();
    }
}

/// What a form would send as it stands, whether its own rules refuse it or not. One that was taken out of
/// the document can still be read.
pub fn form_values<T: DeserializeOwned>(form: NodeRef<html::Form>) -> Option<T> {
    let form = form.try_get_untracked().flatten()?;
    T::from_form_data(&FormData::new_with_form(&form).ok()?).ok()
}

/// A key that no other form of the viewer has: 128 random bits, as a browser throws dice.
pub fn new_key() -> String {
    let part = || {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is a whole number from 0 to 2^32 - 1"
        )]
        let part = (Math::random() * 4_294_967_296.0) as u32;
        format!("{part:08x}")
    };
    (0..4).map(|_| part()).collect()
}

/// Leads whoever has sent a form to what is wrong with it, once that is drawn: to the first field that is
/// marked, or else to what is `told`. Whoever writes on is left alone: no text of many lines is sent by the
/// field that it stands in.
pub fn lead_to_fault(told: NodeRef<html::Div>) {
    request_animation_frame(move || {
        let Some(told) = told.try_get_untracked().flatten() else { return };
        let active = document().active_element();
        if active.is_some_and(|active| active.tag_name() == "TEXTAREA") {
            return;
        }
        let form = told.closest("form").ok().flatten();
        let field = form.and_then(|form| form.query_selector("[aria-invalid=true]").ok().flatten());
        if let Some(fold) = field.as_ref().and_then(|field| field.closest("details").ok().flatten())
        {
            let _ = fold.set_attribute("open", "");
        }
        let field = field.and_then(|field| field.dyn_into::<HtmlElement>().ok());
        let _ = field.unwrap_or_else(|| told.into()).focus();
    });
}
