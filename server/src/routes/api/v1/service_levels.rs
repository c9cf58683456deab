//! `/api/v1/service-levels`: the service targets beside what was measured, for admins.

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, metrics, service_levels};
use resonant_domain::metric::Period;
use resonant_domain::slo::Report;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::extract::Query;
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The route of service levels.
pub(crate) fn routes(api: Api) -> Api {
    let levels = Operation::get("/service-levels", "Reads the targets and what was measured");
    api.add(levels.admin().query::<LevelsQuery>().answers::<Report>(200), report)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LevelsQuery {
    period: Option<String>,
}

pub(crate) async fn report(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<LevelsQuery>,
) -> Result<Response, Fault> {
    metrics::may_read(&ctx).await?;
    let period = match &query.period {
        None => Period::HOUR,
        Some(text) => Period::parse("period", text).map_err(|fault| Fault::invalid(vec![fault]))?,
    };
    let report = service_levels::report(&ctx, period).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &report))
}
