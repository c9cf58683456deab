//! What can be done from a step on: try it anew, or go another way.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use server_fn::ServerFn as _;

use super::api::{RetryFrom, RetrySession, retry_from, retry_session};
use super::live_session::LiveSession;
use crate::browser;
use crate::intent::{Intent, IntentField};
use crate::language::{tr, tr_text};
use crate::paths;
use crate::state::use_toasts;
use crate::ui::{Icon, IconName, Tone};

/// The step in which a session came to no good end is tried again where it is; any other one is in a copy
/// that is told the same. Without scripts both are plain forms.
#[component]
pub(super) fn StepWays(
    /// The session.
    live: LiveSession,
    /// The number of the step.
    number: u32,
    /// Whether the step is at work.
    #[prop(into)]
    is_working: Signal<bool>,
    /// Whether the reader may start another session with the steps of this one.
    may_fork: bool,
    /// Whether the reader may go on with this one.
    may_steer: bool,
) -> impl IntoView {
    let is_failed = Memo::new(move |_| may_steer && live.failed_step() == Some(number));
    let may_retry = Memo::new(move |_| is_failed.get() || (may_fork && !is_working.get()));
    let is_shared = Memo::new(move |_| may_fork && live.fork_steps().contains(&number));
    let fork = move |_| {
        live.fork_step().set(number);
        request_animation_frame(|| browser::focus("fork-step"));
    };
    view! {
        <Show when=move || may_retry.get() || is_shared.get()>
            <div class="step__ways">
                <Show when=move || may_retry.get()>
                    <Retry live=live number=number is_failed=is_failed />
                </Show>
                <Show when=move || is_shared.get()>
                    <a href="#fork" on:click=fork>
                        {tr("Fork from here")}
                    </a>
                </Show>
            </div>
        </Show>
    }
}

#[component]
fn Retry(live: LiveSession, number: u32, is_failed: Memo<bool>) -> impl IntoView {
    let toasts = use_toasts();
    let id = live.id();
    let intent = Intent::new();
    let is_asked = RwSignal::new(false);
    let retry = move |event: MouseEvent| {
        event.prevent_default();
        if is_asked.get_untracked() {
            return;
        }
        is_asked.set(true);
        let (is_here, key) = (is_failed.get_untracked(), intent.key());
        spawn_local(async move {
            let answer = if is_here {
                retry_session(id, key).await.map(|session| live.renew(session))
            } else {
                retry_from(id, number, key).await.map(|copy| {
                    // Whoever has gone elsewhere meanwhile is not called away from there.
                    if is_asked.try_get_untracked().is_some() {
                        browser::load(&paths::session(copy));
                    }
                })
            };
            match answer {
                Ok(()) => intent.renew(),
                Err(error) => toasts.show(Tone::Bad, tr_text(error.message)),
            }
            is_asked.try_set(false);
        });
    };
    let action = move || if is_failed.get() { RetrySession::url() } else { RetryFrom::url() };
    view! {
        <form class="step__retry" method="post" action=action>
            <input type="hidden" name="id" value=id.to_string() />
            <input type="hidden" name="step" value=number.to_string() />
            <IntentField intent=intent />
            <button
                class="button button--quiet pin__button"
                aria-busy=move || is_asked.get().then_some("true")
                on:click=retry
            >
                <Icon name=IconName::Refresh />
                {tr("Retry from here")}
            </button>
            <Show when=move || !is_failed.get()>
                <span>{tr("Goes on in a copy")}</span>
            </Show>
        </form>
    }
}
