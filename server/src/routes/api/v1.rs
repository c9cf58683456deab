//! Version 1 of the REST interface: a thin door to the use cases.

pub(crate) mod agent_files;
pub(crate) mod agent_trash;
pub(crate) mod agents;
pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod budgets;
pub(crate) mod following;
pub(crate) mod images;
pub(crate) mod keys;
pub(crate) mod knowledge;
pub(crate) mod listings;
pub(crate) mod metrics;
pub(crate) mod notices;
pub(crate) mod operations;
pub(crate) mod proposals;
pub(crate) mod publisher;
pub(crate) mod purchases;
pub(crate) mod reviews;
pub(crate) mod schedules;
pub(crate) mod secrets;
pub(crate) mod service_levels;
pub(crate) mod session_files;
pub(crate) mod session_shares;
pub(crate) mod session_steps;
pub(crate) mod sessions;
pub(crate) mod shelves;
pub(crate) mod showcase;
pub(crate) mod submissions;
pub(crate) mod teams;
pub(crate) mod test_sets;
pub(crate) mod tools;
pub(crate) mod triggers;
pub(crate) mod usage;
pub(crate) mod versions;
pub(crate) mod webhooks;

use std::str::FromStr;

use http::HeaderMap;
use resonant_backend::Ctx;
use resonant_backend::triggers::Signed;
use resonant_domain::AgentId;
use resonant_domain::fields::{Choosable, Fields};
use resonant_domain::metric::Period;
use resonant_domain::page::PageRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::extract::Named;
use crate::fault::Fault;
use crate::openapi::Api;
use crate::routes::{
    agent_stream, alert_stream, health, level_stream, notice_stream, session_stream,
};

/// Every route of the interface, with its description. A route that is not added here is none.
pub(crate) fn routes() -> Api {
    let resources = [
        agents::routes,
        agent_files::routes,
        agent_trash::routes,
        proposals::routes,
        agent_stream::routes,
        level_stream::routes,
        alert_stream::routes,
        versions::routes,
        knowledge::routes,
        test_sets::routes,
        teams::routes,
        sessions::routes,
        session_files::routes,
        session_steps::routes,
        session_shares::routes,
        session_stream::routes,
        budgets::routes,
        usage::routes,
        listings::routes,
        reviews::routes,
        shelves::routes,
        publisher::routes,
        submissions::routes,
        showcase::routes,
        images::routes,
        purchases::routes,
        following::routes,
        notices::routes,
        notice_stream::routes,
        audit::routes,
        keys::routes,
        schedules::routes,
        secrets::routes,
        tools::routes,
        triggers::routes,
        webhooks::routes,
        metrics::routes,
        alerts::routes,
        service_levels::routes,
        operations::routes,
        health::routes,
    ];
    resources.into_iter().fold(Api::new(), |api, routes| routes(api))
}

/// How an edition of an agent is named: `draft`, or the number of a version.
const EDITION: &str = "^(draft|[1-9][0-9]{0,8})$";

/// Which page of a list is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    cursor: Option<String>,
    limit: Option<u32>,
}

impl From<PageQuery> for PageRequest {
    fn from(query: PageQuery) -> Self {
        page(query.cursor, query.limit)
    }
}

/// Which fields of a thing are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldsQuery {
    fields: Option<String>,
}

/// Which page of a list is wanted, and which fields of each thing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartsQuery {
    cursor: Option<String>,
    limit: Option<u32>,
    fields: Option<String>,
}

/// Over which period something is told.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeriodQuery {
    period: Option<String>,
}

impl PeriodQuery {
    /// The last hour where nothing else is asked for. Who may not operate the installation does not learn
    /// what is wrong with it.
    async fn of_operator(&self, ctx: &Ctx) -> Result<Period, Fault> {
        let Some(text) = &self.period else { return Ok(Period::HOUR) };
        match Period::parse("period", text) {
            Ok(period) => Ok(period),
            Err(fault) => {
                resonant_backend::metrics::may_read(ctx).await?;
                Err(Fault::invalid(vec![fault]))
            }
        }
    }
}

/// The page that query parameters ask for. An empty cursor asks for the first page.
fn page(cursor: Option<String>, limit: Option<u32>) -> PageRequest {
    PageRequest { cursor: cursor.filter(|cursor| !cursor.is_empty()), limit }
}

/// An agent and what is under it, as the path names them. What is no id names nothing.
fn named<T: FromStr + Named>(agent: &str, id: &str) -> Result<(AgentId, T), Fault> {
    agent.parse().ok().zip(id.parse().ok()).ok_or_else(|| Fault::not_found(T::NOUN))
}

/// A message with what its sender has signed it by (Standard Webhooks).
fn signed(headers: &HeaderMap, body: String) -> Signed {
    let text = |name: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    Signed {
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        signature: text("webhook-signature"),
        body,
    }
}

/// The fields that a query parameter names; `None` without one.
fn chosen<T: Choosable>(fields: Option<&str>) -> Result<Option<Fields<T>>, Fault> {
    fields.map(Fields::parse).transpose().map_err(|fault| Fault::invalid(vec![fault]))
}
