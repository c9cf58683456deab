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
use crate::{
    features::studio::{invalid, read_values},
    paths, ssr,
};

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
    #[server(default)] context: Option<String>,
) -> Result<(), AppError> {
    use resonant_domain::schedule::NewSchedule;

    let variables = values(&variables)?;
    let new = NewSchedule { agent_id, cron, time_zone, goal, context, variables };
    resonant_backend::schedules::create(&ssr::ctx()?, new).await.map_err(ssr::fail)?;
    ssr::redirect(paths::AUTOMATIONS);
    Ok(())
}

/// Changes a schedule, which runs the newest version of its agent from then on where that is asked for.
#[server(prefix = "/api/fn", endpoint = "studio/change_schedule")]
pub async fn change_schedule(
    id: ScheduleId,
    cron: String,
    time_zone: String,
    goal: String,
    #[server(default)] variables: String,
    #[server(default)] context: String,
    #[server(default)] refresh_agent: bool,
) -> Result<(), AppError> {
    use resonant_domain::schedule::ScheduleChanges;

    let changes = ScheduleChanges {
        cron: Some(cron),
        time_zone: Some(time_zone),
        goal: Some(goal),
        context: Some(context),
        variables: Some(values(&variables)?),
        is_enabled: None,
        refresh_agent,
    };
    resonant_backend::schedules::update(&ssr::ctx()?, id, changes).await.map_err(ssr::fail)?;
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

/// Reads the values of variables from their field.
#[cfg(feature = "ssr")]
fn values(text: &str) -> Result<resonant_domain::variable::Values, AppError> {
    let mut faults = Vec::new();
    let values = read_values(&mut faults, "variables", text);
    if faults.is_empty() { Ok(values) } else { Err(invalid(faults)) }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use crate::features::studio::write_values;

    #[test]
    fn values_of_several_lines_are_read_and_each_is_given_once() {
        let read = values("city = Oslo\r\naddress = 1 Way\r\n  = Oslo\r\n").unwrap();
        let read: Vec<_> = read.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        assert_eq!(read, ["address:1 Way\n= Oslo", "city:Oslo"]);
        let values_of_it = values("city = Oslo\naddress = 1 Way\n  = Oslo").unwrap();
        let written = write_values(&values_of_it);
        assert_eq!(written, "address = 1 Way\n  = Oslo\ncity = Oslo");
        assert_eq!(values(&written).unwrap(), values_of_it);
        for broken in ["city", "city = Oslo\ncity = Bergen"] {
            assert!(values(broken).unwrap_err().field("variables").is_some(), "{broken}");
        }
    }
}
