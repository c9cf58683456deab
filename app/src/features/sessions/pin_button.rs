//! Pinning a message: models are shown it word for word from then on, however long the session grows.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use server_fn::ServerFn as _;

use super::api::{PinMessage, pin_message};
use super::live_session::LiveSession;
use crate::language::{tr, tr_text};
use crate::state::use_toasts;
use crate::ui::{Icon, IconName, Tone};

/// A button that is pressed while the message is pinned. Without scripts it is a plain form.
#[component]
pub(super) fn PinButton(
    /// The session.
    live: LiveSession,
    /// The number of the message.
    message: i64,
) -> impl IntoView {
    let toasts = use_toasts();
    let id = live.id();
    let is_pinned = Memo::new(move |_| live.is_pinned(message));
    let is_asked = StoredValue::new(false);
    let turn = move |event: MouseEvent| {
        event.prevent_default();
        if is_asked.get_value() {
            return;
        }
        is_asked.set_value(true);
        let next = !is_pinned.get_untracked();
        spawn_local(async move {
            match pin_message(id, message, next).await {
                Ok(session) => live.set_pin(message, session.pins.contains(&message)),
                Err(error) => toasts.show(Tone::Bad, tr_text(error.message)),
            }
            is_asked.try_update_value(|is_asked| *is_asked = false);
        });
    };
    view! {
        <form class="pin" method="post" action=PinMessage::url()>
            <input type="hidden" name="id" value=id.to_string() />
            <input type="hidden" name="message" value=message.to_string() />
            <button
                class="button button--quiet pin__button"
                class:is-pressed=move || is_pinned.get()
                aria-pressed=move || is_pinned.get().to_string()
                title=tr("What is pinned is shown to the model word for word, however long the session grows")
                name="is_pinned"
                value=move || (!is_pinned.get()).to_string()
                on:click=turn
            >
                <Icon name=IconName::Pin />
                {tr("Pin")}
            </button>
        </form>
    }
}
