//! `/api/v1/service-levels`: the service targets beside what was measured, for admins.

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, service_levels};
use resonant_domain::slo::Report;

use super::PeriodQuery;
use crate::extract::Query;
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The route of service levels.
pub(crate) fn routes(api: Api) -> Api {
    let levels = Operation::get("/service-levels", "Reads the targets and what was measured");
    api.add(levels.admin().query::<PeriodQuery>().answers::<Report>(200), report)
}

pub(crate) async fn report(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PeriodQuery>,
) -> Result<Response, Fault> {
    let period = query.of_operator(&ctx).await?;
    let report = service_levels::shared_report(&ctx, period).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &*report))
}
