//! Another try of a session that came to no good end.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::SessionId;
use resonant_domain::session::SessionState;

use super::api::RetrySession;
use super::live_session::LiveSession;
use crate::error::action_error;
use crate::intent::{Intent, IntentField};
use crate::language::tr;
use crate::ui::{Button, ButtonKind, FormError};

/// One button, for the states that another try helps.
#[component]
pub fn RetryForm(
    /// The session.
    live: LiveSession,
    /// Its identity.
    id: SessionId,
) -> impl IntoView {
    let retry = ServerAction::<RetrySession>::new();
    let intent = Intent::of(retry);
    let value = retry.value();
    Effect::new(move || {
        if let Some(Ok(session)) = value.get() {
            live.renew(session);
        }
    });
    let error = action_error(retry);
    let label = move || match live.state() {
        SessionState::Failed => Some(tr("Try the failed step again")),
        SessionState::Cancelled | SessionState::Timeout => Some(tr("Go on where it stopped")),
        _ => None,
    };
    let has_label = Memo::new(move |_| label().is_some());
    view! {
        <Show when=move || has_label.get()>
            <ActionForm action=retry>
                <input type="hidden" name="id" value=id.to_string() />
                <IntentField intent=intent />
                <Button kind=ButtonKind::Secondary busy=retry.pending()>{label}</Button>
            </ActionForm>
            <FormError error=error />
        </Show>
    }
}
