//! What can be decided about an alert.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::AlertId;
use resonant_domain::alert::{Alert, AlertState};

use super::alert_route::Actions;
use crate::browser;
use crate::error::action_error;
use crate::language::{key, tr};
use crate::ui::{Button, ButtonKind, FormError, Select};

/// For how long an alert can be silenced here.
pub(super) const SILENCES: [(&str, &str); 4] =
    [("1h", key("1 hour")), ("4h", key("4 hours")), ("24h", key("1 day")), ("7d", key("7 days"))];

/// What can be done with the alert as it stands.
#[component]
pub(super) fn Decisions(
    /// The alert.
    alert: Memo<Alert>,
    /// Its identity.
    id: AlertId,
    /// What the forms do.
    actions: Actions,
) -> impl IntoView {
    let Actions { acknowledge, silence, resolve, test, .. } = actions;
    let may = |is_so: fn(&Alert) -> bool| Memo::new(move |_| alert.with(is_so));
    let may_acknowledge =
        may(|alert| alert.state == AlertState::Firing && alert.acknowledged_at.is_none());
    let may_resolve = may(|alert| matches!(alert.state, AlertState::Firing | AlertState::Pending));
    let may_test = may(|alert| !alert.channels.is_empty());
    let is_silenced = may(|alert| alert.silenced_until.is_some());
    let acknowledged = (acknowledge.version(), acknowledge.pending());
    let resolved = (resolve.version(), resolve.pending());
    let silenced = (silence.version(), silence.pending());
    let periods =
        SILENCES.map(|(period, title)| (period.to_owned(), tr(title).to_owned())).to_vec();
    view! {
        <FormError error=action_error(acknowledge) />
        <FormError error=action_error(silence) />
        <FormError error=action_error(resolve) />
        <FormError error=action_error(test) />
        <div class="admin-decisions">
            {move || {
                may_acknowledge
                    .get()
                    .then(|| {
                        lead_on(acknowledged);
                        view! {
                            <ActionForm action=acknowledge>
                                <Id id />
                                <Button kind=ButtonKind::Primary busy=acknowledge.pending()>
                                    {tr("Acknowledge")}
                                </Button>
                            </ActionForm>
                        }
                    })
            }}
            {move || {
                may_resolve
                    .get()
                    .then(|| {
                        lead_on(resolved);
                        view! {
                            <ActionForm action=resolve>
                                <Id id />
                                <Button busy=resolve.pending()>{tr("Resolve")}</Button>
                            </ActionForm>
                        }
                    })
            }}
            {move || {
                may_test
                    .get()
                    .then(|| {
                        view! {
                            <ActionForm action=test>
                                <Id id />
                                <Button busy=test.pending()>{tr("Send a test message")}</Button>
                            </ActionForm>
                        }
                    })
            }}
            {move || {
                is_silenced
                    .get()
                    .then(|| {
                        lead_on(silenced);
                        view! {
                            <ActionForm action=silence>
                                <Id id />
                                <Button busy=silence.pending()>{tr("End the silence")}</Button>
                            </ActionForm>
                        }
                    })
            }}
        </div>
        <ActionForm action=silence>
            <Id id />
            <div class="admin-silence">
                <Select label=tr("Silence it for") name="period" options=periods />
                <Button busy=silence.pending()>{tr("Silence")}</Button>
            </div>
        </ActionForm>
    }
}

/// The button that is drawn here goes once it was pressed, and the focus with it: it is told by how many presses
/// were answered, and whether one is on its way.
fn lead_on((answered, is_asking): (RwSignal<usize>, Memo<bool>)) {
    let before = answered.get_untracked();
    on_cleanup(move || {
        let is_answered = answered.try_get_untracked().is_some_and(|now| now != before);
        if is_answered || is_asking.try_get_untracked() == Some(true) {
            browser::focus_if_lost("main");
        }
    });
}

#[component]
fn Id(id: AlertId) -> impl IntoView {
    view! { <input type="hidden" name="id" value=id.to_string() /> }
}
