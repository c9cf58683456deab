//! `/api/v1/operations`: how the parts of the installation stand, over all processes, for admins.

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, metrics, operations};
use resonant_domain::metric::Period;
use resonant_domain::operations::Overview;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::extract::Query;
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The route of the overview.
pub(crate) fn routes(api: Api) -> Api {
    let overview = Operation::get("/operations", "Reads how the parts of the installation stand");
    api.add(overview.admin().query::<OverviewQuery>().answers::<Overview>(200), overview_of)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OverviewQuery {
    period: Option<String>,
}

pub(crate) async fn overview_of(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<OverviewQuery>,
) -> Result<Response, Fault> {
    metrics::may_read(&ctx).await?;
    let period = match &query.period {
        None => Period::HOUR,
        Some(text) => Period::parse("period", text).map_err(|fault| Fault::invalid(vec![fault]))?,
    };
    let overview = operations::shared_overview(&ctx, period).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &*overview))
}
