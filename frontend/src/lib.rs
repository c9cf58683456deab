//! The browser's entry: takes over the page that the server rendered.

// A view's type holds the types of all that it draws: deeper than the 128 that the compiler expects.
#![recursion_limit = "512"]

use leptos::mount::hydrate_from_async;
use leptos::tachys::dom::body;
use wasm_bindgen_futures::spawn_local;

/// Room for what the pieces of the data need between them when they are parted into chunks: where the whole
/// would become longer than it was, all of it stays in the main module (`wasm_split_cli_support`, 0.2.3).
/// Nothing refers to it, so that it is in no chunk itself.
#[used]
static ROOM: [u8; 16_384] = [1; 16_384];

/// Makes the server-rendered page live. Called once by the loader script.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    // A chunk that cannot be fetched ends in a panic, like a defect. The console says which; the
    // visitor gets the notice that the page drew beforehand.
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        app::show_fault_notice();
    }));
    spawn_local(async {
        // Done when the chunk of the page is there, too.
        hydrate_from_async(body(), app::App).await.forget();
        app::tell_live();
    });
}
