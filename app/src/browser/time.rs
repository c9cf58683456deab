//! Time as the visitor's browser tells it.

use js_sys::{Array, Date, Function, Intl, Object, Reflect};
use wasm_bindgen::JsValue;

thread_local! {
    /// Made once: making one takes longer than using it a hundred times.
    static FORMAT: Option<Function> = format();
}

fn format() -> Option<Function> {
    let options = Object::new();
    for (name, value) in [("dateStyle", "medium"), ("timeStyle", "short")] {
        Reflect::set(&options, &name.into(), &value.into()).ok()?;
    }
    Some(Intl::DateTimeFormat::new(&Array::new(), &options).format())
}

/// An instant in the visitor's time zone and language.
pub fn local_time(at_ms: i64) -> Option<String> {
    // Milliseconds since 1970 stay far below 2^53.
    #[expect(clippy::cast_precision_loss, reason = "exact for any date of ours")]
    let date = Date::new(&JsValue::from_f64(at_ms as f64));
    FORMAT.with(|format| format.as_ref()?.call1(&JsValue::UNDEFINED, &date).ok()?.as_string())
}

/// Milliseconds since the page was opened, for lengths of time alone.
pub fn now_ms() -> f64 {
    leptos::prelude::window().performance().map_or(0.0, |performance| performance.now())
}
