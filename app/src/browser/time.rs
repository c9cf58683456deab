//! Time as the visitor's browser tells it.

use std::cell::OnceCell;

use js_sys::{Array, Date, Function, Intl, Object, Reflect};
use leptos::prelude::window;
use wasm_bindgen::JsValue;

thread_local! {
    /// Made once, in the language of the document, which stays: making one takes longer than using it a
    /// hundred times.
    static FORMAT: OnceCell<Option<Function>> = const { OnceCell::new() };
}

fn format(language: &str) -> Option<Function> {
    let options = Object::new();
    for (name, value) in [("dateStyle", "medium"), ("timeStyle", "short")] {
        Reflect::set(&options, &name.into(), &value.into()).ok()?;
    }
    Some(Intl::DateTimeFormat::new(&locales(language), &options).format())
}

/// The language alone; none for English where the visitor speaks it, so that it is that of their region.
fn locales(language: &str) -> Array {
    let own = window().navigator().language().unwrap_or_default();
    if language == "en" && own.starts_with("en") {
        Array::new()
    } else {
        Array::of1(&language.into())
    }
}

/// An instant in the visitor's time zone and in the document's language, named by its tag.
pub fn local_time(at_ms: i64, language: &str) -> Option<String> {
    // Milliseconds since 1970 stay far below 2^53.
    #[expect(clippy::cast_precision_loss, reason = "exact for any date of ours")]
    let date = Date::new(&JsValue::from_f64(at_ms as f64));
    FORMAT.with(|known| {
        let format = known.get_or_init(|| format(language)).as_ref()?;
        format.call1(&JsValue::UNDEFINED, &date).ok()?.as_string()
    })
}

/// Milliseconds since the page was opened, for lengths of time alone.
pub fn now_ms() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}
