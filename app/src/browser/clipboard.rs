//! The clipboard.

use wasm_bindgen_futures::JsFuture;

/// Copies a text. `false` when the browser refuses.
pub async fn copy_text(text: &str) -> bool {
    // Absent outside secure contexts, whatever the type says.
    let clipboard = leptos::prelude::window().navigator().clipboard();
    if clipboard.is_undefined() {
        return false;
    }
    JsFuture::from(clipboard.write_text(text)).await.is_ok()
}
