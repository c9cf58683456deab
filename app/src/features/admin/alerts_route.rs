//! `/admin/alerts`: the alerts and where each stands, and the form for a new one.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use resonant_domain::alert::{Alert, AlertState, Severity};

use super::admin_frame::{AdminHead, Refused};
use super::alert_fields::AlertFields;
use super::alert_form::AlertForm;
use super::api::{CreateAlert, list_alerts};
use super::refresh::{Refresh, reread};
use crate::error::{AppError, action_error};
use crate::language::tr;
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{Badge, Button, ButtonKind, EmptyState, IconName, Skeleton, Time, Tone, kept};

/// The page of the alerts.
pub struct AlertsRoute {
    alerts: Resource<Result<Vec<Alert>, AppError>>,
    create: ServerAction<CreateAlert>,
}

impl LazyPage for AlertsRoute {
    fn data() -> Self {
        let create = ServerAction::<CreateAlert>::new();
        let alerts = Resource::new_blocking(|| (), |()| list_alerts());
        Self { alerts, create }
    }

    fn view(this: Self) -> AnyView {
        let AlertsRoute { alerts, create } = this;
        let news = RwSignal::new(0);
        let ask = Callback::new(move |()| news.update(|news| *news += 1));
        let when = Signal::derive(move || alerts.with(|answer| matches!(answer, Some(Ok(_)))));
        view! {
            <Title text=tr("Alerts") />
            <Meta
                name="description"
                content=tr("What is watched, where it stands, and who is told")
            />
            <Transition fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {kept(move || async move {
                    match alerts.await {
                        Ok(alerts) => view! { <Alerts alerts create news /> }.into_any(),
                        Err(error) => view! { <Refused error /> }.into_any(),
                    }
                })}
            </Transition>
            <Refresh ask when url=paths::ALERT_STREAM />
        }
        .into_any()
    }
}

/// The list follows what happens; the form stays as it is being filled in.
#[component]
fn Alerts(
    alerts: Vec<Alert>,
    create: ServerAction<CreateAlert>,
    news: RwSignal<u32>,
) -> impl IntoView {
    let alerts = RwSignal::new(alerts);
    let take = Callback::new(move |answer: Result<Vec<Alert>, AppError>| {
        // What cannot be read now is read with the next news.
        if let Ok(found) = answer {
            alerts.try_set(found);
        }
    });
    reread(news, list_alerts, take);
    let shown = Memo::new(move |_| alerts.with(|alerts| in_order(alerts)));
    let error = action_error(create);
    let form = AlertForm::refused().unwrap_or_else(AlertForm::fresh);
    view! {
        <AdminHead
            title=tr("Alerts")
            lead=tr("What is watched, where it stands, and who is told")
            here=paths::ALERTS
        />
        {move || list(shown.get())}
        <section class="admin-part" aria-labelledby="alert-make">
            <h2 id="alert-make">{tr("Make an alert")}</h2>
            <ActionForm action=create>
                <div class="form">
                    <AlertFields form error />
                    <Button kind=ButtonKind::Primary busy=create.pending()>
                        {tr("Make the alert")}
                    </Button>
                </div>
            </ActionForm>
        </section>
    }
}

/// The alerts as the list shows them, without what was measured: what needs a look comes first, in the order of
/// the server otherwise.
fn in_order(alerts: &[Alert]) -> Vec<Alert> {
    let shown = |alert: &Alert| Alert { values: Vec::new(), evaluated_at: None, ..alert.clone() };
    let mut alerts: Vec<_> = alerts.iter().map(shown).collect();
    alerts.sort_by_key(|alert| match alert.state {
        AlertState::Firing => 0,
        AlertState::Pending => 1,
        AlertState::Resolved | AlertState::Quiet => 2,
    });
    alerts
}

fn list(alerts: Vec<Alert>) -> AnyView {
    if alerts.is_empty() {
        return view! {
            <EmptyState
                icon=IconName::Alert
                title=tr("No alerts yet")
                text=tr(
                    "Make one below: it watches a metric and tells a webhook, a Slack channel or a mailbox.",
                )
            />
        }
        .into_any();
    }
    view! {
        <ul class="admin-list">
            {alerts.into_iter().map(|alert| view! { <AlertRow alert /> }).collect_view()}
        </ul>
    }
    .into_any()
}

#[component]
fn AlertRow(alert: Alert) -> impl IntoView {
    let href = paths::alert(alert.id);
    let watched = alert.metric.clone().unwrap_or_else(|| tr("several metrics").to_owned());
    view! {
        <li class="admin-row">
            <p class="admin-row__head">
                <a class="admin-row__name" href=href>
                    {alert.name.clone()}
                </a>
                <AlertBadges alert=alert.clone() />
            </p>
            <p class="admin-note">{watched} {tr(" · since ")} <Time at=alert.since /></p>
        </li>
    }
}

/// How bad an alert is, where it stands, and what a person decided about it.
#[component]
pub(super) fn AlertBadges(
    /// The alert.
    alert: Alert,
) -> impl IntoView {
    let state = match alert.state {
        AlertState::Quiet => Tone::Good,
        AlertState::Pending => Tone::Warn,
        AlertState::Firing => Tone::Bad,
        AlertState::Resolved => Tone::Neutral,
    };
    let severity = match alert.severity {
        Severity::Info => Tone::Info,
        Severity::Warning => Tone::Warn,
        Severity::Critical => Tone::Bad,
    };
    let silenced = alert.silenced_until.map(|until| {
        view! { <span class="admin-note">{tr("Silenced until ")} <Time at=until /></span> }
    });
    view! {
        <Badge tone=state>{tr(alert.state.title())}</Badge>
        <Badge tone=severity>{tr(alert.severity.title())}</Badge>
        {alert.acknowledged_at.map(|_| view! { <Badge>{tr("Acknowledged")}</Badge> })}
        {silenced}
    }
}
