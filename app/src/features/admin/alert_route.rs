//! `/admin/alerts/{id}`: one alert, what can be decided about it, its history, and its form.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::AlertId;
use resonant_domain::alert::{Alert, AlertDelivery, AlertEvent, AlertState, ChannelKind};
use resonant_domain::page::Page;
use resonant_domain::webhook::DeliveryState;

use super::admin_frame::{AdminHead, Refused, WideTable};
use super::alert_fields::AlertFields;
use super::alert_form::AlertForm;
use super::alerts_route::AlertBadges;
use super::api::{
    AcknowledgeAlert, AlertPage, DeleteAlert, ResolveAlert, SilenceAlert, TestAlert, UpdateAlert,
    get_alert,
};
use super::figures::figure_text;
use super::rule_text::told;
use crate::error::{AppError, action_error, successes};
use crate::language::{key, tr, tr_text, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Badge, Button, ButtonKind, Confirm, FormError, PageLinks, Select, Skeleton, Time, Tone, kept,
};

/// For how long an alert can be silenced here.
const SILENCES: [(&str, &str); 4] =
    [("1h", key("1 hour")), ("4h", key("4 hours")), ("24h", key("1 day")), ("7d", key("7 days"))];

/// From where on each list is shown; from its beginning where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Asked {
    events: Option<String>,
    messages: Option<String>,
}

/// The page of one alert.
pub struct AlertRoute {
    /// What was asked for, and what the server answered.
    page: Resource<(Asked, Result<AlertPage, AppError>)>,
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
        let (params, query) = (use_params_map(), use_query_map());
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let asked = Memo::new(move |_| {
            let query = query.read();
            Asked { events: query.get("events"), messages: query.get("messages") }
        });
        let actions = Actions::new();
        let changes = actions.successes();
        let page = Resource::new_blocking(
            move || (id.get(), asked.get(), changes.map(|change| change.get())),
            |(id, asked, _)| async move {
                let Asked { events, messages } = asked.clone();
                let page = match id.parse() {
                    Ok(id) => get_alert(id, events, messages).await,
                    // What is no id names no alert.
                    Err(_) => Err(AppError::not_found(key("There is no such alert"))),
                };
                (asked, page)
            },
        );
        Self { page, actions }
    }

    fn view(this: Self) -> AnyView {
        let AlertRoute { page, actions } = this;
        view! {
            <Title text=tr("Alert") />
            <Meta
                name="description"
                content=tr("An alert: where it stands, its history, who is told")
            />
            <Transition fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {kept(move || async move {
                    let (asked, page) = page.await;
                    match page {
                        Ok(page) => view! { <OneAlert asked page actions /> }.into_any(),
                        Err(error) => view! { <Refused error /> }.into_any(),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

#[component]
fn OneAlert(asked: Asked, page: AlertPage, actions: Actions) -> impl IntoView {
    let AlertPage { alert, version, signing_key, events, deliveries } = page;
    let id = alert.id;
    let (update, delete) = (actions.update, actions.delete);
    let error = action_error(update);
    let question = tr_with("Delete “{name}”?", &[("name", &alert.name)]);
    let form = AlertForm::refused().unwrap_or_else(|| alert.spec().into());
    let is_signed = alert.channels.iter().any(|channel| channel.kind == ChannelKind::Webhook);
    let key = is_signed.then(|| {
        view! {
            <details>
                <summary>{tr("Key that signs the messages")}</summary>
                <code class="admin-key">{signing_key}</code>
            </details>
        }
    });
    view! {
        <AdminHead title=tr("Alert") lead=tr("Where it stands, and what can be done") here="" />
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
            <h2 id="alert-history">{tr("History")}</h2>
            <History id page=events is_later=asked.events.is_some() />
            <h3 id="alert-messages">{tr("Messages")}</h3>
            <Messages id page=deliveries is_later=asked.messages.is_some() />
        </section>
        <section class="admin-part" aria-labelledby="alert-change">
            <h2 id="alert-change">{tr("Change it")}</h2>
            <p class="admin-note">{tr("An alert that is changed begins anew.")}</p>
            <ActionForm action=update>
                <input type="hidden" name="id" value=id.to_string() />
                <input type="hidden" name="seen" value=version />
                <div class="form">
                    <AlertFields form error />
                    <Button kind=ButtonKind::Primary busy=update.pending()>
                        {tr("Save the alert")}
                    </Button>
                </div>
            </ActionForm>
            <FormError error=action_error(delete) />
            <Confirm
                label=tr("Delete the alert")
                about=alert.name.clone()
                question
                text=tr("Its history and its messages go with it. Nobody can bring it back.")
            >
                <ActionForm action=delete>
                    <input type="hidden" name="id" value=id.to_string() />
                    <Button kind=ButtonKind::Danger busy=delete.pending()>
                        {tr("Yes, delete it")}
                    </Button>
                </ActionForm>
            </Confirm>
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
        (told(&rule, &alert.values), values.join(", "))
    });
    let told = told.ok().map(|(told, values)| {
        let values = if values.is_empty() { tr("nothing yet").to_owned() } else { values };
        view! {
            <p>{told} "."</p>
            <p class="admin-note">{tr("Measured at the last look: ")} {values}</p>
        }
    });
    let looked = match alert.evaluated_at {
        Some(at) => view! { {tr("Looked at ")} <Time at /> }.into_any(),
        None => tr("Not looked at yet").into_any(),
    };
    view! {
        {told}
        <p class="admin-note">{tr("Since ")} <Time at=alert.since /> " · " {looked}</p>
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
    let silences =
        SILENCES.map(|(period, title)| (period.to_owned(), tr(title).to_owned())).to_vec();
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
                                {tr("Acknowledge")}
                            </Button>
                        </ActionForm>
                    }
                })}
            {may_resolve
                .then(|| {
                    view! {
                        <ActionForm action=resolve>
                            <Id id />
                            <Button busy=resolve.pending()>{tr("Resolve")}</Button>
                        </ActionForm>
                    }
                })}
            {(!alert.channels.is_empty())
                .then(|| {
                    view! {
                        <ActionForm action=test>
                            <Id id />
                            <Button busy=test.pending()>{tr("Send a test message")}</Button>
                        </ActionForm>
                    }
                })}
            {is_silenced
                .then(|| {
                    view! {
                        <ActionForm action=silence>
                            <Id id />
                            <Button busy=silence.pending()>{tr("End the silence")}</Button>
                        </ActionForm>
                    }
                })}
        </div>
        <ActionForm action=silence>
            <Id id />
            <div class="admin-silence">
                <Select label=tr("Silence it for") name="period" options=silences />
                <Button busy=silence.pending()>{tr("Silence")}</Button>
            </div>
        </ActionForm>
    }
}

#[component]
fn Id(id: AlertId) -> impl IntoView {
    view! { <input type="hidden" name="id" value=id.to_string() /> }
}

#[component]
fn History(id: AlertId, page: Page<AlertEvent>, is_later: bool) -> impl IntoView {
    let Page { items: events, next_cursor } = page;
    if events.is_empty() && !is_later {
        return view! { <p>{tr("Nothing has happened yet.")}</p> }.into_any();
    }
    let line = |event: AlertEvent| {
        let by = event.by.map(|name| tr_with(" by {name}", &[("name", &name)]));
        let text = (!event.text.is_empty()).then(|| format!(": {}", tr_text(event.text)));
        view! {
            <li>
                <Time at=event.at />
                " · "
                <b>{tr(event.kind.title())}</b>
                {by}
                {text}
            </li>
        }
    };
    view! {
        <ol class="admin-list">{events.into_iter().map(line).collect_view()}</ol>
        <PageLinks
            next=next_cursor.map(|cursor| paths::alert_events_page(id, &cursor))
            more=tr("Older events")
            first=is_later.then(|| format!("{}#alert-history", paths::alert(id)))
            back=tr("Back to the newest")
        />
    }
    .into_any()
}

#[component]
fn Messages(id: AlertId, page: Page<AlertDelivery>, is_later: bool) -> impl IntoView {
    let Page { items: deliveries, next_cursor } = page;
    if deliveries.is_empty() && !is_later {
        return view! { <p>{tr("Nobody was told yet.")}</p> }.into_any();
    }
    let row = |message: AlertDelivery| {
        let (tone, state) = match message.state {
            DeliveryState::Pending => (Tone::Info, tr("Waiting")),
            DeliveryState::Delivered => (Tone::Good, tr("Delivered")),
            DeliveryState::Failed => (Tone::Bad, tr("Given up")),
        };
        let status =
            message.last_status.map(|status| tr_with("status {status}", &[("status", &status)]));
        let answer = message.last_error.map(tr_text).or(status).unwrap_or_else(|| "–".to_owned());
        view! {
            <tr>
                <td>
                    <Time at=message.created_at />
                </td>
                <td>{tr(message.event.title())}</td>
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
            label=tr("Messages")
            columns=[
                tr("Written"),
                tr("Of"),
                tr("Channel"),
                tr("Standing"),
                tr("Attempts"),
                tr("Last answer"),
            ]
        >
            {deliveries.into_iter().map(row).collect_view()}
        </WideTable>
        <PageLinks
            next=next_cursor.map(|cursor| paths::alert_messages_page(id, &cursor))
            more=tr("Older messages")
            first=is_later.then(|| format!("{}#alert-messages", paths::alert(id)))
            back=tr("Back to the newest")
        />
    }
    .into_any()
}
