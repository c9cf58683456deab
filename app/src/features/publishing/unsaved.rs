//! What is written of a listing and not saved yet: moderators are not handed anything else than what the
//! form says, and whoever leaves the page saves it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::{ev, html};
use leptos_router::hooks::use_location;

use super::api::{SaveSubmission, save_submission};
use crate::browser;
use crate::language::{tr_text, tr_with};
use crate::state::use_toasts;
use crate::ui::Tone;

/// The form of a listing, and whether it says what is saved.
#[derive(Clone, Copy)]
pub(super) struct Unsaved {
    /// The form.
    pub form: NodeRef<html::Form>,
    /// Whether it was written in since it was saved.
    is_changed: RwSignal<bool>,
    /// Whether it is being saved.
    is_pending: Memo<bool>,
}

impl Unsaved {
    /// Notes that something was written.
    pub(super) fn write(self) {
        self.is_changed.try_set(true);
    }

    /// Whether the form says something else than what is saved, or than what will be in a moment.
    pub(super) fn is_changed(self) -> bool {
        self.is_changed.try_get() == Some(true) || self.is_pending.try_get() == Some(true)
    }

    /// Follows the form for as long as the component that calls this is there.
    pub(super) fn follow(save: ServerAction<SaveSubmission>) -> Self {
        let (is_pending, answer) = (save.pending(), save.value());
        let unsaved = Self { form: NodeRef::new(), is_changed: RwSignal::new(false), is_pending };
        let is_changed = unsaved.is_changed;
        // An action's signals may be gone before the last effect of their page.
        Effect::new(move || {
            if is_pending.try_get() == Some(true) {
                is_changed.try_set(false);
            }
        });
        Effect::new(move || {
            if answer.try_with(|answer| matches!(answer, Some(Err(_)))) == Some(true) {
                is_changed.try_set(true);
            }
        });
        // A picture that is added, and a page that is closed, load another document.
        Effect::new(move || {
            let unload = window_event_listener(ev::beforeunload, move |event| {
                if is_changed.try_get_untracked() == Some(true) {
                    event.prevent_default();
                }
            });
            on_cleanup(move || unload.remove());
        });
        // Whoever follows a link leaves a draft.
        let toasts = use_toasts();
        let pathname = use_location().pathname;
        Effect::new(move |here: Option<String>| {
            let now = pathname.get();
            if here.is_some_and(|here| here != now)
                && is_changed.try_get_untracked() == Some(true)
                && let Some(left) = browser::form_values::<SaveSubmission>(unsaved.form)
            {
                is_changed.try_set(false);
                let SaveSubmission { id, form, .. } = left;
                let is_left = true;
                spawn_local(async move {
                    if let Err(error) = save_submission(id, form, is_left).await {
                        let told = tr_with(
                            "What you wrote of the listing could not be saved: {reason}",
                            &[("reason", &tr_text(error.message))],
                        );
                        toasts.show(Tone::Bad, told);
                    }
                });
            }
            now
        });
        unsaved
    }
}
