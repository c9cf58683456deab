//! What the page of automations asks the server.

use leptos::prelude::*;
use resonant_domain::agent::AgentSummary;
use resonant_domain::page::Page;
use resonant_domain::schedule::Schedule;
use resonant_domain::webhook::{Delivery, Trigger, Webhook, WithKey};
use resonant_domain::{AgentId, DeliveryId, ScheduleId, TriggerId, WebhookId};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// What starts the viewer's agents by itself, and who is told of their end.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Automations {
    /// The agents to choose from.
    pub agents: Vec<AgentSummary>,
    /// The schedules.
    pub schedules: Vec<Schedule>,
    /// The triggers, with the keys that sign their messages.
    pub triggers: Vec<WithKey<Trigger>>,
    /// The webhooks, with the keys that sign their messages.
    pub webhooks: Vec<WithKey<Webhook>>,
}

/// The viewer's schedules, triggers and webhooks.
#[server(prefix = "/api/fn", endpoint = "studio/get_automations")]
pub async fn get_automations() -> Result<Automations, AppError> {
    use resonant_backend::agents::{self, AgentFilter};
    use resonant_backend::{schedules, triggers, webhooks};
    use resonant_domain::agent::AgentStatus;
    use resonant_domain::page::PageRequest;

    let ctx = ssr::ctx()?;
    let schedules = schedules::list(&ctx, PageRequest::largest()).await.map_err(ssr::fail)?.items;
    let triggers = triggers::list_with_keys(&ctx).await.map_err(ssr::fail)?;
    let webhooks = webhooks::list_with_keys(&ctx).await.map_err(ssr::fail)?;
    let page = PageRequest::largest();
    let active = AgentFilter { status: Some(AgentStatus::Active), page };
    let agents = agents::list(&ctx, active).await.map_err(ssr::fail)?.items;
    Ok(Automations { agents, schedules, triggers, webhooks })
}

/// Makes a schedule.
#[server(prefix = "/api/fn", endpoint = "studio/create_schedule")]
pub async fn create_schedule(
    agent_id: AgentId,
    cron: String,
    time_zone: String,
    goal: String,
    #[server(default)] variables: String,
) -> Result<(), AppError> {
    use resonant_domain::schedule::NewSchedule;

    let variables = values(&variables)?;
    let new = NewSchedule { agent_id, cron, time_zone, goal, context: None, variables };
    resonant_backend::schedules::create(&ssr::ctx()?, new).await.map_err(ssr::fail)?;
    ssr::redirect(paths::AUTOMATIONS);
    Ok(())
}

/// Switches a schedule on or off.
#[server(prefix = "/api/fn", endpoint = "studio/switch_schedule")]
pub async fn switch_schedule(id: ScheduleId, is_enabled: bool) -> Result<(), AppError> {
    use resonant_domain::schedule::ScheduleChanges;

    let changes = ScheduleChanges { is_enabled: Some(is_enabled), ..ScheduleChanges::default() };
    resonant_backend::schedules::update(&ssr::ctx()?, id, changes).await.map_err(ssr::fail)?;
    ssr::redirect(paths::AUTOMATIONS);
    Ok(())
}

/// Deletes a schedule.
#[server(prefix = "/api/fn", endpoint = "studio/delete_schedule")]
pub async fn delete_schedule(id: ScheduleId) -> Result<(), AppError> {
    resonant_backend::schedules::delete(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    ssr::redirect(paths::AUTOMATIONS);
    Ok(())
}

/// Makes a trigger.
#[server(prefix = "/api/fn", endpoint = "studio/create_trigger")]
pub async fn create_trigger(
    agent_id: AgentId,
    goal: String,
    #[server(default)] variables: String,
) -> Result<(), AppError> {
    use resonant_domain::webhook::NewTrigger;

    let new = NewTrigger { agent_id, goal, variables: values(&variables)? };
    resonant_backend::triggers::create(&ssr::ctx()?, new).await.map_err(ssr::fail)?;
    ssr::redirect(paths::AUTOMATIONS);
    Ok(())
}

/// Deletes a trigger.
#[server(prefix = "/api/fn", endpoint = "studio/delete_trigger")]
pub async fn delete_trigger(id: TriggerId) -> Result<(), AppError> {
    resonant_backend::triggers::delete(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    ssr::redirect(paths::AUTOMATIONS);
    Ok(())
}

/// Makes a webhook.
#[server(prefix = "/api/fn", endpoint = "studio/create_webhook")]
pub async fn create_webhook(url: String) -> Result<(), AppError> {
    use resonant_domain::webhook::NewWebhook;

    let new = NewWebhook { url, agent_id: None };
    resonant_backend::webhooks::create(&ssr::ctx()?, new).await.map_err(ssr::fail)?;
    ssr::redirect(paths::AUTOMATIONS);
    Ok(())
}

/// Deletes a webhook and its log.
#[server(prefix = "/api/fn", endpoint = "studio/delete_webhook")]
pub async fn delete_webhook(id: WebhookId) -> Result<(), AppError> {
    resonant_backend::webhooks::delete(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    ssr::redirect(paths::AUTOMATIONS);
    Ok(())
}

/// A webhook and its messages, from a cursor on.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct WebhookLog {
    /// The webhook.
    pub webhook: Webhook,
    /// Its messages, the newest first.
    pub page: Page<Delivery>,
}

/// The messages of a webhook and what became of each.
#[server(prefix = "/api/fn", endpoint = "studio/get_webhook_log")]
pub async fn get_webhook_log(
    id: WebhookId,
    #[server(default)] cursor: Option<String>,
) -> Result<WebhookLog, AppError> {
    use resonant_backend::webhooks;
    use resonant_domain::page::PageRequest;

    let ctx = ssr::ctx()?;
    let webhook = webhooks::get(&ctx, id).await.map_err(ssr::fail)?;
    let page = PageRequest { cursor, limit: None };
    let page = webhooks::deliveries(&ctx, id, page).await.map_err(ssr::fail)?;
    Ok(WebhookLog { webhook, page })
}

/// Has a message of a webhook sent once more.
#[server(prefix = "/api/fn", endpoint = "studio/redeliver")]
pub async fn redeliver(id: WebhookId, delivery: DeliveryId) -> Result<(), AppError> {
    resonant_backend::webhooks::redeliver(&ssr::ctx()?, id, delivery).await.map_err(ssr::fail)?;
    ssr::redirect_form(&paths::webhook(id));
    Ok(())
}

/// Reads `name = value` from each line.
#[cfg(feature = "ssr")]
fn values(text: &str) -> Result<resonant_domain::variable::Values, AppError> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let (name, value) = line.split_once('=').ok_or_else(|| {
                ssr::fail(resonant_backend::Error::field(
                    "variables",
                    "must have a name, = and a value on each line",
                ))
            })?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_line_by_line() {
        let read = values("city = Oslo\r\n\ntone=kind = of\n").unwrap();
        let read: Vec<_> = read.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        assert_eq!(read, ["city:Oslo", "tone:kind = of"]);
        assert!(values("city").unwrap_err().field("variables").is_some());
    }
}
