//! `/api/v1/budget` and `/api/v1/agents/{id}/budget`

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, budgets};
use resonant_domain::AgentId;
use resonant_domain::api_key::Scope;
use resonant_domain::budget::{Budget, BudgetLimits};

use crate::conditional;
use crate::extract::{Body, PathId};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};

/// The routes of budgets.
pub(crate) fn routes(api: Api) -> Api {
    let own = Operation::get("/budget", "Reads what may be used in a month, and what is used");
    let new_own = Operation::put("/budget", "Sets what may be used in a month");
    let one = Operation::get("/agents/{id}/budget", "Reads what an agent may use in a month");
    let new_one = Operation::put("/agents/{id}/budget", "Sets what an agent may use in a month");

    let (own, one) = (own.tagged(), one.tagged());
    let new_own = new_own.scope(Scope::AgentsWrite).body::<BudgetLimits>().conditional();
    let new_one = new_one.scope(Scope::AgentsWrite).body::<BudgetLimits>().conditional();
    api.add(own.scope(Scope::AgentsRead).answers::<Budget>(200), get_own)
        .add(new_own.answers::<Budget>(200), put_own)
        .add(one.scope(Scope::AgentsRead).answers::<Budget>(200), get)
        .add(new_one.answers::<Budget>(200), put)
}

pub(crate) async fn get_own(
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let budget = budgets::get(&ctx, None).await?;
    Ok(conditional::answer_changeable(&headers, &budget))
}

pub(crate) async fn put_own(
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Body(limits): Body<BudgetLimits>,
) -> Result<Response, Fault> {
    let budget = budgets::set(&conditional::expecting(&ctx, &headers), None, limits).await?;
    Ok(conditional::changed(StatusCode::OK, &budget, &budget))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let budget = budgets::get(&ctx, Some(id)).await?;
    Ok(conditional::answer_changeable(&headers, &budget))
}

pub(crate) async fn put(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    headers: HeaderMap,
    Body(limits): Body<BudgetLimits>,
) -> Result<Response, Fault> {
    let budget = budgets::set(&conditional::expecting(&ctx, &headers), Some(id), limits).await?;
    Ok(conditional::changed(StatusCode::OK, &budget, &budget))
}
