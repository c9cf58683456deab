//! What the keyboard can do on every page: the palette of commands and the sheet of shortcuts. Both are
//! fetched when they are first asked for.

use leptos::ev;
use leptos::prelude::*;

use super::command_palette::{Asked, command_palette};
use crate::browser::is_in_field;

/// Listens for Ctrl-K and `?` and shows what they ask for.
#[component]
pub fn Commands() -> impl IntoView {
    let asked = RwSignal::new(None::<Asked>);
    Effect::new(move || {
        let keys = window_event_listener(ev::keydown, move |event| {
            let is_command = event.ctrl_key() || event.meta_key();
            let next = match event.key().as_str() {
                "k" if is_command && !event.shift_key() => Asked::Palette,
                "?" if !is_command && !is_in_field(&event) => Asked::Shortcuts,
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
