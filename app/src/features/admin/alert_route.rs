//! `/admin/alerts/{id}`: one alert, what can be decided about it, its history, and its form.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::alert::{Alert, AlertState, ChannelKind};
use resonant_domain::{AlertId, FaultKind};
use server_fn::ServerFn as _;

use super::admin_frame::{AdminHead, Refused};
use super::alert_fields::AlertFields;
use super::alert_form::AlertForm;
use super::alert_history::{History, Messages};
use super::alerts_route::AlertBadges;
use super::api::{
    AcknowledgeAlert, AlertPage, DeleteAlert, ResolveAlert, SilenceAlert, TestAlert, UpdateAlert,
    get_alert,
};
use super::figures::figure_text;
use super::refresh::{Refresh, reread};
use super::rule_text::told;
use crate::error::{AppError, action_error, successes};
use crate::language::{key, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::ui::{Button, ButtonKind, Confirm, FormError, Select, Skeleton, Time, kept};
use crate::{browser, paths};

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

    /// Each changes whenever something was decided about the alert, which stays the same one.
    fn decisions(self) -> [Memo<usize>; 4] {
        [
            successes(self.acknowledge),
            successes(self.silence),
            successes(self.resolve),
            successes(self.test),
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
        // The form is drawn anew from what was saved by it, and by nothing else that is done here.
        let saved = successes(actions.update);
        let page = Resource::new_blocking(
            move || (id.get(), asked.get(), saved.get()),
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
        let news = RwSignal::new(0);
        let (leaving, left) = (actions.delete.pending(), actions.delete.value());
        let ask = Callback::new(move |()| {
            // Whoever deletes the alert here is led away from it.
            let is_left = left.with_untracked(|answer| matches!(answer, Some(Ok(()))));
            if !is_left && !leaving.get_untracked() {
                news.update(|news| *news += 1);
            }
        });
        let decisions = actions.decisions();
        Effect::new(move |was_drawn: Option<()>| {
            for decision in decisions {
                decision.track();
            }
            if was_drawn.is_some() {
                ask.run(());
            }
        });
        let again = Callback::new(move |()| page.refetch());
        let when = Signal::derive(move || page.with(|answer| matches!(answer, Some((_, Ok(_))))));
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
                        Ok(page) => {
                            let live = Live { news, again };
                            view! { <OneAlert asked page actions live /> }.into_any()
                        }
                        Err(error) => view! { <Refused error /> }.into_any(),
                    }
                })}
            </Transition>
            <Refresh ask when url=paths::ALERT_STREAM />
        }
        .into_any()
    }
}

/// How a page that is shown learns of what is done to the alert.
#[derive(Clone, Copy)]
struct Live {
    /// Counts on with each news.
    news: RwSignal<u32>,
    /// Reads all of the page anew.
    again: Callback<()>,
}

/// What is told of the alert follows what happens, here and elsewhere; the form stays as it is being filled in, with the version
/// that it was drawn from.
#[component]
fn OneAlert(asked: Asked, page: AlertPage, actions: Actions, live: Live) -> impl IntoView {
    let AlertPage { alert, version, signing_key, .. } = page.clone();
    let id = alert.id;
    let (is_later, are_later) = (asked.events.is_some(), asked.messages.is_some());
    let page = RwSignal::new(page);
    let take = Callback::new(move |answer: Result<AlertPage, AppError>| match answer {
        Ok(found) => {
            page.try_set(found);
        }
        // Somebody else has deleted it.
        Err(error) if error.kind == FaultKind::NotFound => {
            live.again.try_run(());
        }
        // What cannot be read now is read with the next news.
        Err(_) => {}
    });
    let read = move || get_alert(id, asked.events.clone(), asked.messages.clone());
    reread(live.news, read, take);
    let shown = Memo::new(move |_| page.with(|page| page.alert.clone()));
    let events = Memo::new(move |_| page.with(|page| page.events.clone()));
    let deliveries = Memo::new(move |_| page.with(|page| page.deliveries.clone()));
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
            <h2 id="alert-name">{move || shown.with(|alert| alert.name.clone())}</h2>
            <p class="admin-row__head">
                {move || view! { <AlertBadges alert=shown.get() /> }}
            </p>
            {move || view! { <Facts alert=shown.get() /> }}
            <Decisions alert=shown id actions />
            {key}
        </section>
        <section class="admin-part" aria-labelledby="alert-history">
            <h2 id="alert-history">{tr("History")}</h2>
            {move || view! { <History id page=events.get() is_later /> }}
            <h3 id="alert-messages">{tr("Messages")}</h3>
            {move || view! { <Messages id page=deliveries.get() is_later=are_later /> }}
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
                url=DeleteAlert::url()
                fields=vec![("id", id.to_string())]
                busy=delete.pending()
                on_yes=move |()| {
                    delete.dispatch(DeleteAlert { id });
                }
            />
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
fn Decisions(alert: Memo<Alert>, id: AlertId, actions: Actions) -> impl IntoView {
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
    let silences =
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
                <Select label=tr("Silence it for") name="period" options=silences />
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
