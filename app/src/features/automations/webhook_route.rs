//! `/studio/automations/webhooks/{id}`: the messages of a webhook and what became of each.

use std::time::Duration;

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::webhook::{Delivery, DeliveryState};
use resonant_domain::{FaultKind, WebhookId};

use super::api::{Redeliver, WebhookLog, get_webhook_log};
use crate::app::NotFoundPage;
use crate::error::{AppError, action_error, successes};
use crate::language::{key, tr, tr_count, tr_text, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::state::use_toasts;
use crate::ui::{
    Badge, Button, EmptyState, FormError, IconName, LinkButton, PageHead, Skeleton, Time, Tone,
    kept, own_page_fault,
};

/// After this long a message that is sent again has most likely been.
const SENT_AFTER: Duration = Duration::from_secs(4);

/// The messages of a webhook.
pub struct WebhookRoute {
    log: Resource<Result<WebhookLog, AppError>>,
    again: ServerAction<Redeliver>,
}

impl LazyPage for WebhookRoute {
    fn data() -> Self {
        let (params, query) = (use_params_map(), use_query_map());
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let cursor = Memo::new(move |_| query.read().get("cursor"));
        let again = ServerAction::new();
        let changes = successes(again);
        let log = Resource::new_blocking(
            move || (id.get(), cursor.get(), changes.get()),
            |(id, cursor, _)| async move {
                // What is no id names no webhook.
                let id =
                    id.parse().map_err(|_| AppError::not_found(key("There is no such webhook")))?;
                get_webhook_log(id, cursor).await
            },
        );
        Self { log, again }
    }

    fn view(this: Self) -> AnyView {
        let WebhookRoute { log, again } = this;
        let toasts = use_toasts();
        let changes = successes(again);
        Effect::new(move |before: Option<usize>| {
            let now = changes.get();
            if before.is_some_and(|before| before != now) {
                toasts.show(Tone::Good, tr("The message is sent again within seconds"));
                set_timeout(move || log.refetch(), SENT_AFTER);
            }
            now
        });
        view! {
            <Title text=tr("Messages of a webhook") />
            <Meta name="description" content=tr("What a webhook was told, and what became of each message") />
            <Transition fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {kept(move || async move {
                    match log.await {
                        Ok(log) => shown(log, again),
                        Err(error) if error.kind == FaultKind::NotFound => {
                            view! { <NotFoundPage /> }.into_any()
                        }
                        Err(error) => own_page_fault(
                            tr("Messages of a webhook"),
                            tr("Sign in to see what your webhooks were told."),
                            paths::AUTOMATIONS,
                            error,
                        ),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn shown(log: WebhookLog, again: ServerAction<Redeliver>) -> AnyView {
    let WebhookLog { webhook, page } = log;
    let id = webhook.id;
    let older = page.next_cursor.map(|cursor| {
        view! {
            <p>
                <LinkButton href=paths::webhook_page(id, &cursor)>{tr("Older messages")}</LinkButton>
            </p>
        }
    });
    let list = if page.items.is_empty() {
        view! {
            <EmptyState
                icon=IconName::History
                title=tr("Nothing was told yet")
                text=tr("When a session ends, the message about it is here, with every attempt to send it.")
            />
        }
        .into_any()
    } else {
        let rows = page.items.into_iter().map(|delivery| row(id, delivery, again)).collect_view();
        view! { <ol class="secret-list">{rows}</ol> }.into_any()
    };
    view! {
        <div class="account">
            <PageHead title=tr("Messages of a webhook") lead=webhook.url>
                <LinkButton href=paths::AUTOMATIONS>{tr("Automations")}</LinkButton>
            </PageHead>
            <FormError error=action_error(again) />
            {list}
            {older}
        </div>
    }
    .into_any()
}

fn row(webhook: WebhookId, delivery: Delivery, again: ServerAction<Redeliver>) -> AnyView {
    let (tone, state) = match delivery.state {
        DeliveryState::Pending => (Tone::Info, tr("waiting")),
        DeliveryState::Delivered => (Tone::Good, tr("taken")),
        DeliveryState::Failed => (Tone::Bad, tr("given up")),
    };
    let attempts = tr_count("{n} attempt", "{n} attempts", delivery.attempts.unsigned_abs().into());
    let status =
        delivery.last_status.map(|status| tr_with(" · answered {status}", &[("status", &status)]));
    let error = delivery.last_error.map(|error| format!(" · {}", tr_text(error)));
    let next =
        delivery.next_attempt_at.map(|at| view! { <span>{tr(" · next ")} <Time at /></span> });
    view! {
        <li class="secret">
            <div class="secret__head">
                <Badge tone=tone>{state}</Badge>
                <code>"session.ended"</code>
                <a href=paths::session(delivery.session_id)>{tr("the session")}</a>
                <span class="secret__about">
                    <Time at=delivery.created_at />
                </span>
            </div>
            <p class="secret__about">{attempts} {status} {error} {next}</p>
            <ActionForm action=again>
                <input type="hidden" name="id" value=webhook.to_string() />
                <input type="hidden" name="delivery" value=delivery.id.to_string() />
                <Button busy=again.pending()>{tr("Send again")}</Button>
            </ActionForm>
        </li>
    }
    .into_any()
}
