//! `/api/v1/budget` and `/api/v1/agents/{id}/budget`

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, budgets};
use resonant_domain::AgentId;
use resonant_domain::budget::BudgetLimits;

use crate::extract::{Body, PathId};
use crate::fault::Fault;
use crate::reply;

pub(crate) async fn get_own(Extension(ctx): Extension<Ctx>) -> Result<Response, Fault> {
    let budget = budgets::get(&ctx, None).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &budget))
}

pub(crate) async fn put_own(
    Extension(ctx): Extension<Ctx>,
    Body(limits): Body<BudgetLimits>,
) -> Result<Response, Fault> {
    let budget = budgets::set(&ctx, None, limits).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &budget))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
) -> Result<Response, Fault> {
    let budget = budgets::get(&ctx, Some(id)).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &budget))
}

pub(crate) async fn put(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Body(limits): Body<BudgetLimits>,
) -> Result<Response, Fault> {
    let budget = budgets::set(&ctx, Some(id), limits).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &budget))
}
