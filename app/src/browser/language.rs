//! The language of the document, and its words.

use js_sys::{JsString, Reflect};
use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue};

use super::document::set_cookie;

/// Where the script of a language leaves its words.
const WORDS: &str = "resonantWords";

/// The tag of the document's language.
pub fn document_language() -> Option<String> {
    document().document_element()?.get_attribute("lang")
}

/// The word of the document's language for an English text.
pub fn word(english: &str) -> Option<String> {
    thread_local! {
        static ALL: JsValue = Reflect::get(&window(), &WORDS.into()).unwrap_or(JsValue::UNDEFINED);
    }
    let word = ALL.with(|words| Reflect::get(words, &english.into()).ok())?;
    word.dyn_into::<JsString>().ok().map(String::from)
}

/// Remembers a language in a cookie and loads the page anew.
pub fn choose_language(cookie: &str, tag: &str) {
    set_cookie(cookie, tag);
    let _ = window().location().reload();
}
