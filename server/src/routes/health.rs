//! Whether this process lives, and whether it should get requests.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use resonant_domain::FaultKind;
use schemars::JsonSchema;
use serde::Serialize;

use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;
use crate::state::AppState;

/// The routes that tell how the process is.
pub(crate) fn routes(api: Api) -> Api {
    let lives = Operation::get("/health", "Tells that the process lives");
    let serves = Operation::get("/health/ready", "Tells that the process can serve");
    api.add(lives.probe().answers::<Health>(200), alive)
        .add(serves.probe().answers::<Health>(200), ready)
}

/// How the process is.
#[derive(Serialize, JsonSchema)]
struct Health {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    /// Whether Redis answers, where one is configured. The process serves without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_redis: Option<bool>,
}

pub(crate) async fn alive() -> Response {
    let version = Some(env!("CARGO_PKG_VERSION"));
    let body = Health { status: "ok", version, has_redis: None };
    reply::json(StatusCode::OK, reply::NO_STORE, &body)
}

pub(crate) async fn ready(State(state): State<AppState>) -> Result<Response, Fault> {
    if state.leaving.is_cancelled() || state.stopping.is_cancelled() {
        return Err(Fault::of(FaultKind::Unavailable, "this process is about to stop"));
    }
    state.backend.is_ready().await?;
    let has_redis = state.backend.does_redis_answer().await;
    let body = Health { status: "ready", version: None, has_redis };
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &body))
}
