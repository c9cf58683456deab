//! What the reader thinks of a session: a thumb up or down, which counts in the agent's numbers.
//!
//! It is shown at once and taken back when the server refuses it.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::SessionId;
use resonant_domain::thumb::Thumb;
use server_fn::ServerFn as _;

use super::api::{RateSession, rate_session};
use crate::language::{tr, tr_text};
use crate::state::use_toasts;
use crate::ui::{Icon, IconName, Tone};

/// Two thumbs, of which one can be pressed. Without scripts it is a plain form.
#[component]
pub(super) fn ThumbPanel(
    /// The session.
    id: SessionId,
    /// What is thought of it, as it is shown.
    thumb: RwSignal<Option<Thumb>>,
) -> impl IntoView {
    let toasts = use_toasts();
    let confirmed = StoredValue::new(thumb.get_untracked());
    let asked = StoredValue::new(0_u32);
    let choose = move |chosen: Thumb| {
        let next = Some(chosen).filter(|chosen| thumb.get_untracked() != Some(*chosen));
        thumb.set(next);
        let number = asked.get_value().wrapping_add(1);
        asked.set_value(number);
        spawn_local(async move {
            let answer = rate_session(id, next).await;
            // Only the newest wish counts for what is shown.
            let is_newest = asked.try_get_value() == Some(number);
            match answer {
                Ok(_) => {
                    confirmed.try_update_value(|confirmed| *confirmed = next);
                }
                Err(error) if is_newest => {
                    if let Some(confirmed) = confirmed.try_get_value() {
                        thumb.try_set(confirmed);
                    }
                    toasts.show(Tone::Bad, tr_text(error.message));
                }
                Err(_) => {}
            }
        });
    };
    let button = move |own: Thumb, icon: IconName, text: &'static str| {
        let is_pressed = move || thumb.get() == Some(own);
        view! {
            <button
                class="button button--quiet thumbs__one"
                class:is-pressed=is_pressed
                aria-pressed=move || is_pressed().to_string()
                aria-label=text
                title=text
                // Pressed again it says nothing.
                name=move || (!is_pressed()).then_some("thumb")
                value=own.as_str()
                on:click=move |event: MouseEvent| {
                    event.prevent_default();
                    choose(own);
                }
            >
                <Icon name=icon />
            </button>
        }
    };
    view! {
        <form
            class="thumbs"
            method="post"
            action=RateSession::url()
            aria-label=tr("What you think of this session")
        >
            <input type="hidden" name="id" value=id.to_string() />
            {button(Thumb::Up, IconName::ThumbUp, tr("It did well"))}
            {button(Thumb::Down, IconName::ThumbDown, tr("It did not do well"))}
        </form>
    }
}
