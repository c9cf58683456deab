//! What is written of a listing and not saved yet: moderators are not handed anything else than what the
//! form says, and whoever leaves the page saves it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::{ev, html};
use leptos_router::hooks::use_location;
use resonant_domain::AgentId;

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
    /// Names the draft that the form was made for, or was saved as, and whose it is.
    seen: RwSignal<Option<(AgentId, String)>>,
}

impl Unsaved {
    /// Notes that something was written.
    pub(super) fn write(self) {
        self.is_changed.try_set(true);
    }

    /// Takes over for which draft of an agent the form is made. One that is read later on, while the form holds
    /// what was typed before, was not seen by that.
    pub(super) fn see(self, agent: AgentId, draft: String) {
        let known = self.seen.try_get_untracked().flatten();
        if known.is_none_or(|(known, _)| known != agent) {
            self.seen.try_set(Some((agent, draft)));
        }
    }

    /// Names the draft that the form was made for, or was saved as.
    pub(super) fn seen(self) -> String {
        self.seen.try_get().flatten().map(|(_, draft)| draft).unwrap_or_default()
    }

    /// Notes that what was written is given up.
    pub(super) fn give_up(self) {
        self.is_changed.try_set(false);
    }

    /// Whether the form says something else than what is saved, or than what will be in a moment.
    pub(super) fn is_changed(self) -> bool {
        self.is_changed.try_get() == Some(true) || self.is_pending.try_get() == Some(true)
    }

    /// Follows the form for as long as the component that calls this is there.
    pub(super) fn follow(save: ServerAction<SaveSubmission>) -> Self {
        let (is_pending, answer) = (save.pending(), save.value());
        let (is_changed, seen) = (RwSignal::new(false), RwSignal::new(None::<(AgentId, String)>));
        let unsaved = Self { form: NodeRef::new(), is_changed, is_pending, seen };
        // An action's signals may be gone before the last effect of their page.
        Effect::new(move || {
            if is_pending.try_get() == Some(true) {
                is_changed.try_set(false);
            }
        });
        Effect::new(move || match answer.try_get().flatten() {
            Some(Ok(draft)) => {
                seen.try_update(|seen| *seen = seen.take().map(|(agent, _)| (agent, draft)));
            }
            Some(Err(_)) => {
                is_changed.try_set(true);
            }
            None => {}
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
                let SaveSubmission { id, form, seen, .. } = left;
                let (is_left, overwrite) = (true, false);
                spawn_local(async move {
                    let saved = save_submission(id, form, is_left, seen, overwrite).await;
                    if let Err(error) = saved {
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
