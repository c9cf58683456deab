//! Short notes on what just happened, read out to those who do not see them.

use std::time::Duration;

use leptos::prelude::*;

use crate::language::{tr, tr_text};
use crate::ui::{Icon, IconName, Tone};

/// How long a note stays.
const LIFETIME: Duration = Duration::from_secs(6);
/// How long a note stays that offers a way back.
const LONG_LIFETIME: Duration = Duration::from_secs(12);

/// The notes on the screen.
#[derive(Debug, Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    next_id: StoredValue<u32>,
}

#[derive(Debug, Clone)]
struct Toast {
    id: u32,
    tone: Tone,
    text: String,
    undo: Option<Callback<()>>,
}

impl Toasts {
    /// Shows a note for a few seconds. It may be what the server said.
    pub fn show(self, tone: Tone, text: impl Into<String>) {
        self.add(tone, tr_text(text.into()), None);
    }

    /// Shows a note on what was done, with a button that undoes it.
    pub fn show_undo(self, text: impl Into<String>, undo: impl Fn() + Send + Sync + 'static) {
        self.add(Tone::Good, text.into(), Some(Callback::new(move |()| undo())));
    }

    fn add(self, tone: Tone, text: String, undo: Option<Callback<()>>) {
        let lifetime = if undo.is_some() { LONG_LIFETIME } else { LIFETIME };
        let id = self.next_id.get_value();
        self.next_id.set_value(id.wrapping_add(1));
        self.shown.update(|shown| shown.push(Toast { id, tone, text, undo }));
        set_timeout(move || self.dismiss(id), lifetime);
    }

    fn dismiss(self, id: u32) {
        self.shown.try_update(|shown| shown.retain(|toast| toast.id != id));
    }
}

/// Makes notes possible below this component.
pub fn provide_toasts() -> Toasts {
    let toasts = Toasts { shown: RwSignal::new(Vec::new()), next_id: StoredValue::new(0) };
    provide_context(toasts);
    toasts
}

/// The notes of this page. Every component of the app may use them.
pub fn use_toasts() -> Toasts {
    expect_context()
}

/// Where the notes appear.
#[component]
pub fn ToastArea() -> impl IntoView {
    let toasts = use_toasts();
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || toasts.shown.get() key=|toast| toast.id let:toast>
                <div class=format!("toast toast--{}", toast.tone.as_str())>
                    <span class="toast__text">{toast.text}</span>
                    {toast
                        .undo
                        .map(|undo| {
                            view! {
                                <button
                                    type="button"
                                    class="toast__undo"
                                    on:click=move |_| {
                                        toasts.dismiss(toast.id);
                                        undo.run(());
                                    }
                                >
                                    {tr("Undo")}
                                </button>
                            }
                        })}
                    <button
                        type="button"
                        class="toast__close"
                        aria-label=tr("Dismiss")
                        on:click=move |_| toasts.dismiss(toast.id)
                    >
                        <Icon name=IconName::X />
                    </button>
                </div>
            </For>
        </div>
    }
}
