//! `/api/v1/tools`

use axum::response::Response;
use http::StatusCode;
use resonant_domain::tool::BUILT_IN_TOOLS;
use serde::Deserialize;
use serde_json::json;

use super::chosen;
use crate::extract::Query;
use crate::fault::Fault;
use crate::reply;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    fields: Option<String>,
}

pub(crate) async fn list(Query(query): Query<ListQuery>) -> Result<Response, Fault> {
    let fields = chosen(query.fields.as_deref())?.unwrap_or_default();
    let tools = BUILT_IN_TOOLS.map(|tool| fields.of(tool));
    Ok(reply::json(StatusCode::OK, reply::PUBLIC, &json!({ "tools": tools })))
}
