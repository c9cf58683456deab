//! Files that a person chooses.

use resonant_domain::text::of_file;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, HtmlInputElement};

/// A file that was chosen.
#[derive(Debug)]
pub struct ChosenFile(File);

impl ChosenFile {
    /// Its name, without a path.
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// Its length.
    pub fn size_bytes(&self) -> f64 {
        self.0.size()
    }

    /// Its text; `None` when it cannot be read.
    pub async fn text(&self) -> Option<String> {
        Some(of_file(self.bytes().await?))
    }

    /// Its bytes in base64; `None` when it cannot be read.
    pub async fn base64(&self) -> Option<String> {
        let letters: String = self.bytes().await?.into_iter().map(char::from).collect();
        web_sys::window()?.btoa(&letters).ok()
    }

    async fn bytes(&self) -> Option<Vec<u8>> {
        let buffer = JsFuture::from(self.0.array_buffer()).await.ok()?;
        Some(js_sys::Uint8Array::new(&buffer).to_vec())
    }
}

/// The first file that was chosen in the control that an event comes from.
pub fn chosen_file(event: &leptos::ev::Event) -> Option<ChosenFile> {
    let input: HtmlInputElement = event.target()?.dyn_into().ok()?;
    input.files()?.get(0).map(ChosenFile)
}
