//! `/api/v1/tools`

use axum::response::Response;
use http::StatusCode;
use resonant_domain::tool::BUILT_IN_TOOLS;
use serde_json::json;

use crate::reply;

pub(crate) async fn list() -> Response {
    let tools = BUILT_IN_TOOLS.map(|tool| {
        json!({
            "name": tool.name,
            "title": tool.title,
            "summary": tool.summary,
            "reaches_out": tool.reaches_out,
        })
    });
    reply::json(StatusCode::OK, reply::PUBLIC, &json!({ "tools": tools }))
}
