//! `/admin/alerts/{id}`: one alert, what can be decided about it, its history, and its form.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::AlertId;
use resonant_domain::alert::{Alert, ChannelKind};
use server_fn::ServerFn as _;

use super::admin_frame::{AdminHead, Refused};
use super::alert_decisions::Decisions;
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
use super::rule_text::when;
use crate::error::{AppError, action_error, last_error, removal_error, successes};
use crate::language::{key, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::ui::{
    Button, ButtonKind, Confirm, EmptyState, FormError, IconName, LinkButton, Skeleton, Time, kept,
};
use crate::{browser, paths};

/// From where on each list is shown; from its beginning where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Asked {
    events: Option<String>,
    messages: Option<String>,
}

/// The page of one alert.
pub struct AlertRoute {
    /// What was asked for, and what the server answered; nothing once the alert was deleted while it was shown.
    page: Resource<(Asked, Result<Option<AlertPage>, AppError>)>,
    /// The alert that was deleted while it was shown.
    gone: RwSignal<Option<AlertId>>,
    actions: Actions,
}

/// Everything that the page's forms do.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    pub(super) acknowledge: ServerAction<AcknowledgeAlert>,
    pub(super) silence: ServerAction<SilenceAlert>,
    pub(super) resolve: ServerAction<ResolveAlert>,
    pub(super) test: ServerAction<TestAlert>,
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
        let gone = RwSignal::new(None::<AlertId>);
        let page = Resource::new_blocking(
            move || (id.get(), asked.get(), saved.get(), gone.get()),
            |(id, asked, _, gone)| async move {
                let Asked { events, messages } = asked.clone();
                let page = match id.parse::<AlertId>() {
                    // Who knows that it is gone need not ask.
                    Ok(id) if gone == Some(id) => Ok(None),
                    Ok(id) => get_alert(id, events, messages).await.map(Some),
                    // What is no id names no alert.
                    Err(_) => Err(AppError::not_found(key("There is no such alert"))),
                };
                (asked, page)
            },
        );
        Self { page, gone, actions }
    }

    fn view(this: Self) -> AnyView {
        let AlertRoute { page, gone, actions } = this;
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
        let when =
            Signal::derive(move || page.with(|answer| matches!(answer, Some((_, Ok(Some(_)))))));
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
                        Ok(Some(page)) => {
                            let live = Live { news, gone };
                            view! { <OneAlert asked page actions live /> }.into_any()
                        }
                        Ok(None) => view! { <Deleted /> }.into_any(),
                        Err(error) => view! { <Refused error /> }.into_any(),
                    }
                })}
            </Transition>
            <Refresh ask when url=paths::ALERT_STREAM />
        }
        .into_any()
    }
}

/// Stands in place of an alert that somebody deleted while it was shown.
#[component]
fn Deleted() -> impl IntoView {
    Effect::new(|| browser::focus_if_lost("main"));
    view! {
        <h1 class="visually-hidden">{tr("Alert")}</h1>
        <EmptyState
            icon=IconName::Trash
            title=tr("This alert was deleted")
            text=tr("Its history and its messages went with it.")
        >
            <LinkButton href=paths::ALERTS kind=ButtonKind::Primary>
                {tr("See the alerts")}
            </LinkButton>
        </EmptyState>
    }
}

/// How a page that is shown learns of what is done to the alert.
#[derive(Clone, Copy)]
struct Live {
    /// Counts on with each news.
    news: RwSignal<u32>,
    /// Hears that the alert was deleted.
    gone: RwSignal<Option<AlertId>>,
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
        Err(error) if error.is_not_found() => {
            live.gone.try_set(Some(id));
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
    let lacked = last_error(delete);
    Effect::new(move |was_drawn: Option<()>| {
        let is_gone = lacked.with(|error| error.as_ref().is_some_and(AppError::is_not_found));
        if is_gone && was_drawn.is_some() {
            live.gone.try_set(Some(id));
        }
    });
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
            <FormError error=removal_error(delete) />
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
        (when(&rule), values.join(", "))
    });
    let told = told.ok().map(|(when, values)| {
        let values = if values.is_empty() { tr("nothing yet").to_owned() } else { values };
        view! {
            <p>{tr("Fires ")} {when} "."</p>
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
