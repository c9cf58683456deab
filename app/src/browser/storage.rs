//! What this browser remembers for itself. Private windows may refuse: then nothing is remembered.

use web_sys::Storage;

/// What was saved under the key.
pub fn load(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

/// Saves a text under the key, in this browser alone.
pub fn save(key: &str, text: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(key, text);
    }
}

/// Forgets what was saved under the key.
pub fn forget(key: &str) {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(key);
    }
}

fn storage() -> Option<Storage> {
    leptos::prelude::window().local_storage().ok()?
}
