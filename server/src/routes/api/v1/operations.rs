//! `/api/v1/operations`: how the parts of the installation stand, over all processes, for admins.

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, operations};
use resonant_domain::operations::Overview;

use super::PeriodQuery;
use crate::extract::Query;
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The route of the overview.
pub(crate) fn routes(api: Api) -> Api {
    let overview = Operation::get("/operations", "Reads how the parts of the installation stand");
    api.add(overview.admin().query::<PeriodQuery>().answers::<Overview>(200), overview_of)
}

pub(crate) async fn overview_of(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PeriodQuery>,
) -> Result<Response, Fault> {
    let period = query.of_operator(&ctx).await?;
    let overview = operations::shared_overview(&ctx, period).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &*overview))
}
