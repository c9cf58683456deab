//! The browser's entry: takes over the page that the server rendered.

/// Makes the server-rendered page live. Called once by the loader script.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_lazy(app::App);
}
