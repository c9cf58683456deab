//! `/admin/alerts/{id}`: one alert, what can be decided about it, its history, and its form.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_params_map;
use resonant_domain::AlertId;
use resonant_domain::alert::{Alert, AlertDelivery, AlertEvent, AlertState, ChannelKind};
use resonant_domain::operations::figure_text;
use resonant_domain::webhook::DeliveryState;

use super::admin_frame::{AdminHead, Refused, WideTable};
use super::alert_fields::AlertFields;
use super::alert_form::AlertForm;
use super::alerts_route::AlertBadges;
use super::api::{
    AcknowledgeAlert, AlertPage, DeleteAlert, ResolveAlert, SilenceAlert, TestAlert, UpdateAlert,
    get_alert,
};
use crate::error::{AppError, action_error, successes};
use crate::lazy_page::LazyPage;
use crate::ui::{Badge, Button, ButtonKind, FormError, Select, Skeleton, Time, Tone};

/// For how long an alert can be silenced here.
const SILENCES: [(&str, &str); 4] =
    [("1h", "1 hour"), ("4h", "4 hours"), ("24h", "1 day"), ("7d", "7 days")];

/// The page of one alert.
pub struct AlertRoute {
    page: Resource<Result<AlertPage, AppError>>,
    actions: Actions,
}

/// Everything that the page's forms do.
#[derive(Clone, Copy)]
struct Actions {
    acknowledge: ServerAction<AcknowledgeAlert>,
    silence: ServerAction<SilenceAlert>,
    resolve: ServerAction<ResolveAlert>,
    test: ServerAction<TestAlert>,
    update: ServerAction<UpdateAlert>,
    delete: ServerAction<DeleteAlert>,
}

impl Actions {
    fn new() -> Self {
        Self {
            acknowledge: ServerAction::new(),
            silence: ServerAction::new(),
            resolve: ServerAction::new(),
            test: ServerAction::new(),
            update: ServerAction::new(),
            delete: ServerAction::new(),
        }
    }

    /// Each changes whenever the alert may have changed.
    fn successes(self) -> [Memo<usize>; 5] {
        [
            successes(self.acknowledge),
            successes(self.silence),
            successes(self.resolve),
            successes(self.test),
            successes(self.update),
        ]
    }
}

impl LazyPage for AlertRoute {
    fn data() -> Self {
        let params = use_params_map();
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let actions = Actions::new();
        let changes = actions.successes();
        let page = Resource::new_blocking(
            move || (id.get(), changes.map(|change| change.get())),
            |(id, _)| async move {
                // What is no id names no alert.
                let id = id.parse().map_err(|_| AppError::not_found("There is no such alert"))?;
                get_alert(id).await
            },
        );
        Self { page, actions }
    }

    fn view(this: Self) -> AnyView {
        let AlertRoute { page, actions } = this;
        view! {
            <Title text="Alert" />
            <Meta name="description" content="An alert: where it stands, its history, who is told" />
            <Transition fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {move || Suspend::new(async move {
                    match page.await {
                        Ok(page) => view! { <OneAlert page actions /> }.into_any(),
                        Err(error) => view! { <Refused error /> }.into_any(),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

#[component]
fn OneAlert(page: AlertPage, actions: Actions) -> impl IntoView {
    let AlertPage { alert, signing_key, events, deliveries } = page;
    let id = alert.id;
    let (update, delete) = (actions.update, actions.delete);
    let error = action_error(update);
    let form = AlertForm::refused().unwrap_or_else(|| alert.spec().into());
    let is_signed = alert.channels.iter().any(|channel| channel.kind == ChannelKind::Webhook);
    let key = is_signed.then(|| {
        view! {
            <details>
                <summary>"Key that signs the messages"</summary>
                <code class="admin-key">{signing_key}</code>
            </details>
        }
    });
    view! {
        <AdminHead title="Alert" lead="Where it stands, and what can be done" here="" />
        <section class="admin-part" aria-labelledby="alert-name">
            <h2 id="alert-name">{alert.name.clone()}</h2>
            <p class="admin-row__head">
                <AlertBadges alert=alert.clone() />
            </p>
            <Facts alert=alert.clone() />
            <Decisions alert=alert.clone() actions />
            {key}
        </section>
        <section class="admin-part" aria-labelledby="alert-history">
            <h2 id="alert-history">"History"</h2>
            <History events />
            <h3>"Messages"</h3>
            <Messages deliveries />
        </section>
        <section class="admin-part" aria-labelledby="alert-change">
            <h2 id="alert-change">"Change it"</h2>
            <p class="admin-note">"An alert that is changed begins anew."</p>
            <ActionForm action=update>
                <input type="hidden" name="id" value=id.to_string() />
                <div class="form">
                    <AlertFields form error />
                    <Button kind=ButtonKind::Primary busy=update.pending()>
                        "Save the alert"
                    </Button>
                </div>
            </ActionForm>
            <FormError error=action_error(delete) />
            <ActionForm action=delete>
                <input type="hidden" name="id" value=id.to_string() />
                <Button kind=ButtonKind::Danger busy=delete.pending()>
                    "Delete the alert"
                </Button>
            </ActionForm>
        </section>
    }
}

#[component]
fn Facts(alert: Alert) -> impl IntoView {
    let spec = alert.spec();
    let told = spec.check().map(|rule| {
        let measured = rule.measured().into_iter().map(|(metric, _)| metric.unit().as_str());
        let values = alert.values.iter().zip(measured);
        let values: Vec<_> = values.map(|(value, unit)| figure_text(*value, unit)).collect();
        (rule.told(&alert.values), values.join(", "))
    });
    let told = told.ok().map(|(told, values)| {
        let values = if values.is_empty() { "nothing yet".to_owned() } else { values };
        view! {
            <p>{told} "."</p>
            <p class="admin-note">"Measured at the last look: " {values}</p>
        }
    });
    let looked = match alert.evaluated_at {
        Some(at) => view! { "Looked at " <Time at /> }.into_any(),
        None => view! { "Not looked at yet" }.into_any(),
    };
    view! {
        {told}
        <p class="admin-note">"Since " <Time at=alert.since /> " · " {looked}</p>
    }
}

/// What can be done with the alert as it stands.
#[component]
fn Decisions(alert: Alert, actions: Actions) -> impl IntoView {
    let id = alert.id;
    let Actions { acknowledge, silence, resolve, test, .. } = actions;
    let is_firing = alert.state == AlertState::Firing;
    let may_acknowledge = is_firing && alert.acknowledged_at.is_none();
    let may_resolve = is_firing || alert.state == AlertState::Pending;
    let silences = SILENCES.map(|(period, title)| (period.to_owned(), title.to_owned())).to_vec();
    let is_silenced = alert.silenced_until.is_some();
    view! {
        <FormError error=action_error(acknowledge) />
        <FormError error=action_error(silence) />
        <FormError error=action_error(resolve) />
        <FormError error=action_error(test) />
        <div class="admin-decisions">
            {may_acknowledge
                .then(|| {
                    view! {
                        <ActionForm action=acknowledge>
                            <Id id />
                            <Button kind=ButtonKind::Primary busy=acknowledge.pending()>
                                "Acknowledge"
                            </Button>
                        </ActionForm>
                    }
                })}
            {may_resolve
                .then(|| {
                    view! {
                        <ActionForm action=resolve>
                            <Id id />
                            <Button busy=resolve.pending()>"Resolve"</Button>
                        </ActionForm>
                    }
                })}
            {(!alert.channels.is_empty())
                .then(|| {
                    view! {
                        <ActionForm action=test>
                            <Id id />
                            <Button busy=test.pending()>"Send a test message"</Button>
                        </ActionForm>
                    }
                })}
            {is_silenced
                .then(|| {
                    view! {
                        <ActionForm action=silence>
                            <Id id />
                            <Button busy=silence.pending()>"End the silence"</Button>
                        </ActionForm>
                    }
                })}
        </div>
        <ActionForm action=silence>
            <Id id />
            <div class="admin-silence">
                <Select label="Silence it for" name="period" options=silences />
                <Button busy=silence.pending()>"Silence"</Button>
            </div>
        </ActionForm>
    }
}

#[component]
fn Id(id: AlertId) -> impl IntoView {
    view! { <input type="hidden" name="id" value=id.to_string() /> }
}

#[component]
fn History(events: Vec<AlertEvent>) -> impl IntoView {
    if events.is_empty() {
        return view! { <p>"Nothing has happened yet."</p> }.into_any();
    }
    let line = |event: AlertEvent| {
        let by = event.by.map(|name| format!(" by {name}"));
        let text = (!event.text.is_empty()).then(|| format!(": {}", event.text));
        view! {
            <li>
                <Time at=event.at />
                " · "
                <b>{event.kind.title()}</b>
                {by}
                {text}
            </li>
        }
    };
    view! { <ol class="admin-list">{events.into_iter().map(line).collect_view()}</ol> }.into_any()
}

#[component]
fn Messages(deliveries: Vec<AlertDelivery>) -> impl IntoView {
    if deliveries.is_empty() {
        return view! { <p>"Nobody was told yet."</p> }.into_any();
    }
    let row = |message: AlertDelivery| {
        let (tone, state) = match message.state {
            DeliveryState::Pending => (Tone::Info, "Waiting"),
            DeliveryState::Delivered => (Tone::Good, "Delivered"),
            DeliveryState::Failed => (Tone::Bad, "Given up"),
        };
        let status = message.last_status.map(|status| format!("status {status}"));
        let answer = message.last_error.or(status).unwrap_or_else(|| "–".to_owned());
        view! {
            <tr>
                <td>
                    <Time at=message.created_at />
                </td>
                <td>{message.event.title()}</td>
                <th scope="row">
                    <code>{message.channel.address().to_owned()}</code>
                </th>
                <td>
                    <Badge tone>{state}</Badge>
                </td>
                <td>{message.attempts}</td>
                <td>{answer}</td>
            </tr>
        }
    };
    view! {
        <WideTable
            label="Messages"
            columns=&["Written", "Of", "Channel", "Standing", "Attempts", "Last answer"]
        >
            {deliveries.into_iter().map(row).collect_view()}
        </WideTable>
    }
    .into_any()
}
