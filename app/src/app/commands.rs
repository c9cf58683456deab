//! What the keyboard can do on every page: the palette of commands and the sheet of shortcuts. Both are
//! fetched when they are first asked for.

use leptos::ev;
use leptos::prelude::*;

use super::command_palette::{Asked, SINGLE_KEYS, command_palette};
use crate::browser::{self, is_in_field};
use crate::state::toasts::TOASTS;
use crate::state::use_toasts;

/// The key that opens the palette, together with Ctrl or the command key. The document says it to what keeps
/// keys until the page is live (`shell/entries.js`), and so does the one below.
pub const PALETTE_KEY: &str = "k";
/// The key that opens the sheet of shortcuts.
pub const SHEET_KEY: &str = "?";

/// Listens for Ctrl-K and `?` and shows what they ask for; F8 leads to the notes on the screen.
#[component]
pub fn Commands() -> impl IntoView {
    let asked = RwSignal::new(None::<Asked>);
    let toasts = use_toasts();
    Effect::new(move || {
        let keys = window_event_listener(ev::keydown, move |event| {
            // What keeps keys until then strikes this one once more.
            if !browser::is_live() {
                return;
            }
            let is_command = event.ctrl_key() || event.meta_key();
            let next = match browser::key_of(&event).as_str() {
                PALETTE_KEY if is_command && !event.shift_key() => Asked::Palette,
                // Whoever speaks to their machine may press it unawares, and can switch it off.
                SHEET_KEY if !is_command && !is_in_field(&event) && !is_switched_off() => {
                    Asked::Shortcuts
                }
                "F8" if !toasts.is_empty_untracked() => {
                    event.prevent_default();
                    return browser::focus(TOASTS);
                }
                _ => return,
            };
            event.prevent_default();
            asked.set(Some(next));
        });
        on_cleanup(move || keys.remove());
    });
    move || {
        let shown = asked.get()?;
        Some(view! {
            <Suspense fallback=|| ()>
                {move || Suspend::new(command_palette(shown, asked))}
            </Suspense>
        })
    }
}

/// Whether the visitor wants no key to do anything alone.
fn is_switched_off() -> bool {
    browser::kept(SINGLE_KEYS).as_deref() == Some("off")
}
