//! Short notes on what just happened, read out to those who do not see them.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;

use crate::browser;
use crate::language::{tr, tr_text};
use crate::ui::{Icon, IconName, Tone};

/// How long a note stays.
const LIFETIME: Duration = Duration::from_secs(6);
/// How long a note stays that offers a way back, or that says what went wrong.
const LONG_LIFETIME: Duration = Duration::from_secs(20);
/// How long notes stay at least after somebody was at them.
const RESPITE: Duration = Duration::from_secs(4);
/// The id of the place where notes appear.
pub const TOASTS: &str = "toasts";

/// The notes on the screen.
#[derive(Debug, Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    next_id: StoredValue<u32>,
    /// Whether somebody points at the notes, and whether the focus is among them.
    held: StoredValue<(bool, bool)>,
}

#[derive(Clone)]
struct Toast {
    id: u32,
    /// Which time that it is shown counts: one that is said again stays as long as a new one.
    turn: u32,
    tone: Tone,
    text: String,
    /// No [`Callback`]: that is gone with the page that made it, which notes outlive.
    undo: Option<Undo>,
}

type Undo = Arc<dyn Fn() + Send + Sync>;

impl Toasts {
    /// Shows a note for a few seconds. It may be what the server said.
    pub fn show(self, tone: Tone, text: impl Into<String>) {
        self.add(tone, tr_text(text.into()), None);
    }

    /// Shows a note on what was done, with a button that undoes it.
    pub fn show_undo(self, text: impl Into<String>, undo: impl Fn() + Send + Sync + 'static) {
        self.add(Tone::Good, text.into(), Some(Arc::new(undo)));
    }

    fn add(self, tone: Tone, text: String, undo: Option<Undo>) {
        let is_long = undo.is_some() || tone == Tone::Bad;
        let lifetime = if is_long { LONG_LIFETIME } else { LIFETIME };
        let (id, turn) = self.put(tone, text, undo);
        self.expire(id, turn, lifetime);
    }

    /// Puts a note on the screen, unless it stands there. Answers which it is, and its turn.
    fn put(self, tone: Tone, text: String, undo: Option<Undo>) -> (u32, u32) {
        let turn = self.next_id.get_value();
        self.next_id.set_value(turn.wrapping_add(1));
        let id = self.renew(tone, &text, undo.is_some(), turn).unwrap_or_else(|| {
            self.shown.update(|shown| shown.push(Toast { id: turn, turn, tone, text, undo }));
            turn
        });
        (id, turn)
    }

    /// Keeps a note on the screen that says the same already, and answers which. Each way back is its own.
    fn renew(self, tone: Tone, text: &str, has_undo: bool, turn: u32) -> Option<u32> {
        // It is drawn as it was.
        let renewed = self.shown.try_update_untracked(|shown| {
            let is_same = |toast: &&mut Toast| {
                !has_undo && toast.undo.is_none() && toast.tone == tone && toast.text == text
            };
            let same = shown.iter_mut().find(is_same)?;
            same.turn = turn;
            Some(same.id)
        });
        renewed.flatten()
    }

    /// Whether there is none.
    pub fn is_empty_untracked(self) -> bool {
        self.shown.with_untracked(Vec::is_empty)
    }

    /// Takes a note away after a while, but from nobody who is at it.
    fn expire(self, id: u32, turn: u32, after: Duration) {
        set_timeout(
            move || match self.held.try_get_value() {
                Some((false, false)) => self.leave(id, turn),
                Some(_) => self.expire(id, turn, RESPITE),
                None => {}
            },
            after,
        );
    }

    /// Takes a note away whose time is over, unless the same was said since.
    fn leave(self, id: u32, turn: u32) {
        self.shown.try_update(|shown| {
            shown.retain(|toast| toast.id != id || toast.turn != turn);
        });
    }

    fn dismiss(self, id: u32) {
        self.shown.try_update(|shown| shown.retain(|toast| toast.id != id));
    }

    /// Takes a note away whose button was pressed. The button is gone with it: whoever had the focus there
    /// goes on with the page, and whoever points there points at the next note.
    fn close(self, id: u32) {
        self.dismiss(id);
        let (is_pointed_at, had_focus) = self.held.get_value();
        self.held.set_value((is_pointed_at && !self.is_empty_untracked(), false));
        if had_focus {
            browser::focus("main");
        }
    }
}

/// Makes notes possible below this component.
pub fn provide_toasts() -> Toasts {
    let toasts = Toasts {
        shown: RwSignal::new(Vec::new()),
        next_id: StoredValue::new(0),
        held: StoredValue::new((false, false)),
    };
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
    let point = move |is: bool| toasts.held.update_value(|held| held.0 = is);
    let focus = move |is: bool| toasts.held.update_value(|held| held.1 = is);
    view! {
        <div
            class="toasts"
            id=TOASTS
            tabindex="-1"
            role="status"
            aria-live="polite"
            aria-label=tr("Notes")
            on:pointerenter=move |_| point(true)
            on:pointerleave=move |_| point(false)
            on:focusin=move |_| focus(true)
            on:focusout=move |_| focus(false)
        >
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
                                        toasts.close(toast.id);
                                        undo();
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
                        on:click=move |_| toasts.close(toast.id)
                    >
                        <Icon name=IconName::X />
                    </button>
                </div>
            </For>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_that_says_the_same_is_no_second_one_and_stays_as_long_as_a_new_one() {
        Owner::new().with(|| {
            let toasts = provide_toasts();
            let shown = || toasts.shown.with_untracked(Vec::len);
            let put = |text: &str, undo: Option<Undo>| toasts.put(Tone::Bad, text.to_owned(), undo);
            assert_eq!((put("refused", None), put("refused", None)), ((0, 0), (0, 1)));
            assert_eq!((put("other", None), shown()), ((2, 2), 2));
            // Each way back leads elsewhere.
            let back = || -> Option<Undo> { Some(Arc::new(|| {})) };
            assert_eq!((put("done", back()), put("done", back())), ((3, 3), (4, 4)));
            assert_eq!(shown(), 4);
            // The first time is over, the second is not.
            toasts.leave(0, 0);
            assert_eq!(shown(), 4);
            toasts.leave(0, 1);
            assert_eq!(shown(), 3);
        });
    }
}
