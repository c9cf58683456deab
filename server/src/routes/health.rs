//! Whether this process lives, and whether it should get requests.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use resonant_domain::FaultKind;
use serde_json::json;

use crate::fault::Fault;
use crate::reply;
use crate::state::AppState;

pub(crate) async fn alive() -> Response {
    let body = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") });
    reply::json(StatusCode::OK, reply::NO_STORE, &body)
}

pub(crate) async fn ready(State(state): State<AppState>) -> Result<Response, Fault> {
    if state.leaving.is_cancelled() || state.stopping.is_cancelled() {
        return Err(Fault::of(FaultKind::Unavailable, "this process is about to stop"));
    }
    state.backend.is_ready().await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &json!({ "status": "ready" })))
}
