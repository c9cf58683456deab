//! What the pages of the administration ask the server.

use leptos::prelude::*;
use resonant_domain::AlertId;
use resonant_domain::alert::{Alert, AlertDelivery, AlertEvent};
use resonant_domain::operations::Overview;
use resonant_domain::page::Page;
use resonant_domain::slo::Report;
use serde::{Deserialize, Serialize};

use super::alert_form::AlertForm;
use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// An alert with its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertPage {
    /// The alert.
    pub alert: Alert,
    /// The version of it that is shown.
    pub version: String,
    /// The key that signs the messages to its webhooks.
    pub signing_key: String,
    /// What happened, the newest first.
    pub events: Page<AlertEvent>,
    /// The messages, the newest first.
    pub deliveries: Page<AlertDelivery>,
}

#[cfg(feature = "ssr")]
fn period_of(text: &str) -> Result<resonant_domain::metric::Period, AppError> {
    let period = resonant_domain::metric::Period::parse("period", text);
    period.map_err(|fault| ssr::fail(fault.into()))
}

/// How the parts of the installation stood over the period.
#[server(prefix = "/api/fn", endpoint = "admin/get_overview")]
pub async fn get_overview(period: String) -> Result<Overview, AppError> {
    use resonant_backend::operations;

    let shared = operations::shared_overview(&ssr::ctx()?, period_of(&period)?).await;
    shared.map(std::sync::Arc::unwrap_or_clone).map_err(ssr::fail)
}

/// The service targets beside what was measured over the period.
#[server(prefix = "/api/fn", endpoint = "admin/get_service_levels")]
pub async fn get_service_levels(period: String) -> Result<Report, AppError> {
    use resonant_backend::service_levels;

    let shared = service_levels::shared_report(&ssr::ctx()?, period_of(&period)?).await;
    shared.map(std::sync::Arc::unwrap_or_clone).map_err(ssr::fail)
}

/// All alerts.
#[server(prefix = "/api/fn", endpoint = "admin/list_alerts")]
pub async fn list_alerts() -> Result<Vec<Alert>, AppError> {
    use resonant_domain::page::PageRequest;

    let all = resonant_backend::alerts::list(&ssr::ctx()?, PageRequest::largest()).await;
    all.map(|page| page.items).map_err(ssr::fail)
}

/// An alert with its history, each list from a cursor on.
#[server(prefix = "/api/fn", endpoint = "admin/get_alert")]
pub async fn get_alert(
    id: AlertId,
    #[server(default)] events: Option<String>,
    #[server(default)] messages: Option<String>,
) -> Result<AlertPage, AppError> {
    use resonant_backend::alerts;
    use resonant_domain::page::PageRequest;

    let from = |cursor| PageRequest { cursor, limit: None };
    let read = alerts::get_with_history(&ssr::ctx()?, id, from(events), from(messages)).await;
    let alerts::WithHistory { alert, signing_key, events, deliveries } = read.map_err(ssr::fail)?;
    let version = resonant_backend::version_of(&alert);
    Ok(AlertPage { alert, version, signing_key, events, deliveries })
}

/// Makes an alert and leads to it.
#[server(prefix = "/api/fn", endpoint = "admin/create_alert")]
pub async fn create_alert(form: AlertForm) -> Result<(), AppError> {
    use resonant_backend::alerts;

    let ctx = ssr::ctx()?;
    alerts::may_write(&ctx).await.map_err(ssr::fail)?;
    let new = form.alert().map_err(|faults| ssr::fail(faults.into()))?;
    let made = alerts::create(&ctx, new).await;
    let made = made.map_err(|error| form.placed(ssr::fail(error)))?.made;
    ssr::redirect(&paths::alert(made.id));
    Ok(())
}

/// Changes an alert, unless it has changed since it was `seen`; it begins anew.
#[server(prefix = "/api/fn", endpoint = "admin/update_alert")]
pub async fn update_alert(
    id: AlertId,
    #[server(default)] seen: String,
    form: AlertForm,
) -> Result<(), AppError> {
    use resonant_backend::{Seen, alerts};

    let mut ctx = ssr::ctx()?;
    if !seen.is_empty() {
        ctx = ctx.expecting(Seen::at(seen));
    }
    alerts::may_write(&ctx).await.map_err(ssr::fail)?;
    let new = form.alert().map_err(|faults| ssr::fail(faults.into()))?;
    let replaced = alerts::replace(&ctx, id, new).await;
    replaced.map_err(|error| form.placed(ssr::fail(error)))?;
    ssr::redirect(&paths::alert(id));
    Ok(())
}

/// Deletes an alert with its history.
#[server(prefix = "/api/fn", endpoint = "admin/delete_alert")]
pub async fn delete_alert(id: AlertId) -> Result<(), AppError> {
    resonant_backend::alerts::delete(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    ssr::redirect(paths::ALERTS);
    Ok(())
}

/// Notes that the viewer saw that an alert fires.
#[server(prefix = "/api/fn", endpoint = "admin/acknowledge_alert")]
pub async fn acknowledge_alert(id: AlertId) -> Result<(), AppError> {
    resonant_backend::alerts::acknowledge(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::alert(id));
    Ok(())
}

/// Silences an alert for a while; without a period the silence ends.
#[server(prefix = "/api/fn", endpoint = "admin/silence_alert")]
pub async fn silence_alert(id: AlertId, #[server(default)] period: String) -> Result<(), AppError> {
    use resonant_domain::alert::Silence;

    let silence = Silence { period: Some(period) };
    resonant_backend::alerts::silence(&ssr::ctx()?, id, silence).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::alert(id));
    Ok(())
}

/// Takes an alert as over.
#[server(prefix = "/api/fn", endpoint = "admin/resolve_alert")]
pub async fn resolve_alert(id: AlertId) -> Result<(), AppError> {
    resonant_backend::alerts::resolve(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::alert(id));
    Ok(())
}

/// Sends a message to every channel of an alert.
#[server(prefix = "/api/fn", endpoint = "admin/test_alert")]
pub async fn test_alert(id: AlertId) -> Result<(), AppError> {
    resonant_backend::alerts::test(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::alert(id));
    Ok(())
}
