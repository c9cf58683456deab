//! `/api/v1/audit`: who did what, when, from where, to what.

use axum::Extension;
use axum::response::Response;
use jiff::Timestamp;
use resonant_backend::Ctx;
use resonant_backend::audit::{self, Whose};
use resonant_domain::api_key::Scope;
use resonant_domain::audit::{AuditEntry, AuditFilter, DeedGroup};
use resonant_domain::instant::Instant;
use schemars::JsonSchema;
use serde::Deserialize;

use super::page;
use crate::extract::Query;
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of the audit log.
pub(crate) fn routes(api: Api) -> Api {
    let own = Operation::get("/audit", "Lists what was done to the caller's account and things");
    let all = Operation::get("/audit/installation", "Lists what was done in the installation");
    let own = own.scope(Scope::AuditRead).query::<AuditQuery>();
    let all = all.admin().query::<AuditQuery>();
    api.add(own.answers_page::<AuditEntry>("entries"), list_own)
        .add(all.answers_page::<AuditEntry>("entries"), list_all)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    /// Deeds of this group alone.
    group: Option<DeedGroup>,
    /// What happened at this instant or after it.
    #[schemars(with = "Option<Timestamp>")]
    since: Option<Instant>,
    /// What happened before this instant.
    #[schemars(with = "Option<Timestamp>")]
    until: Option<Instant>,
    cursor: Option<String>,
    limit: Option<u32>,
}

pub(crate) async fn list_own(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<AuditQuery>,
) -> Result<Response, Fault> {
    list(&ctx, Whose::Own, query).await
}

pub(crate) async fn list_all(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<AuditQuery>,
) -> Result<Response, Fault> {
    list(&ctx, Whose::All, query).await
}

async fn list(ctx: &Ctx, whose: Whose, query: AuditQuery) -> Result<Response, Fault> {
    let AuditQuery { group, since, until, cursor, limit } = query;
    let [since, until] = [since, until].map(|named| named.map(|Instant(at)| at));
    let filter = AuditFilter { group, since, until };
    let page = audit::list(ctx, whose, filter, page(cursor, limit)).await?;
    Ok(reply::page("entries", &page))
}
