//! What the keyboard can do on every page: the palette of commands and the sheet of shortcuts. Both are
//! fetched when they are first asked for. The palette's field is there before: what is typed right after the
//! key is its own.

use leptos::prelude::*;
use leptos::{ev, html};

use super::command_palette::{Asked, PaletteField, SINGLE_KEYS, command_palette, take_back};
use crate::browser::{self, is_in_field};
use crate::language::tr;
use crate::state::toasts::TOASTS;
use crate::state::use_toasts;

/// The key that opens the palette, together with Ctrl or the command key. The document says it to what keeps
/// keys until the page is live (`shell/entries.js`), and so does the one below.
pub const PALETTE_KEY: &str = "k";
/// The key that opens the sheet of shortcuts.
pub const SHEET_KEY: &str = "?";
/// The id of the palette. What keeps keys shows it before the page is live.
pub const PALETTE: &str = "palette";

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
            if asked.get_untracked() != Some(next) {
                asked.set(Some(next));
            }
        });
        on_cleanup(move || keys.remove());
    });
    let field = PaletteField { typed: RwSignal::new(String::new()), active: RwSignal::new(None) };
    let dialog = NodeRef::<html::Dialog>::new();
    let input = NodeRef::<html::Input>::new();
    Effect::new(move |was_asked: Option<bool>| {
        let is_asked = asked.get() == Some(Asked::Palette);
        // At first it stands as the visitor has it, who may have opened it and typed already.
        if was_asked.is_some_and(|was_asked| was_asked != is_asked)
            && let (Some(dialog), Some(input)) = (dialog.get_untracked(), input.get_untracked())
        {
            match (is_asked, dialog.open()) {
                (true, false) => {
                    input.set_value("");
                    field.typed.set(String::new());
                    // Fails only when it is open already.
                    let _ = dialog.show_modal();
                }
                (false, true) => dialog.close(),
                _ => {}
            }
        }
        is_asked
    });
    let part = move |shown: Asked| {
        move || {
            (asked.get() == Some(shown)).then(|| {
                view! {
                    <Suspense fallback=|| ()>
                        {move || Suspend::new(command_palette(shown, asked, field))}
                    </Suspense>
                }
            })
        }
    };
    view! {
        <dialog
            class="dialog commands"
            id=PALETTE
            node_ref=dialog
            aria-label=tr("Commands")
            on:close=move |_| take_back(asked, Asked::Palette)
        >
            <input
                class="field__control commands__input"
                type="text"
                node_ref=input
                role="combobox"
                aria-autocomplete="list"
                aria-label=tr("Go to")
                aria-expanded=move || field.active.get().is_some().to_string()
                aria-controls="command-list"
                aria-activedescendant=move || field.active.get().map(|at| format!("command-{at}"))
                placeholder=tr("Go to a page or an agent")
                autocomplete="off"
                on:input=move |event| field.typed.set(event_target_value(&event))
            />
            {part(Asked::Palette)}
        </dialog>
        {part(Asked::Shortcuts)}
    }
}

/// Whether the visitor wants no key to do anything alone.
fn is_switched_off() -> bool {
    browser::kept(SINGLE_KEYS).as_deref() == Some("off")
}
