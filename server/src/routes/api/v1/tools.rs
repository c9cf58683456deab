//! `/api/v1/tools`

use axum::response::Response;
use http::StatusCode;
use resonant_domain::fields::Part;
use resonant_domain::tool::{BUILT_IN_TOOLS, BuiltInTool};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::chosen;
use crate::extract::Query;
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of tools.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/tools", "Lists the built-in tools");
    api.add(list_of.open().query::<ListQuery>().answers_page::<Part<BuiltInTool>>("tools"), list)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    fields: Option<String>,
}

pub(crate) async fn list(Query(query): Query<ListQuery>) -> Result<Response, Fault> {
    let fields = chosen(query.fields.as_deref())?.unwrap_or_default();
    let tools = BUILT_IN_TOOLS.map(|tool| fields.of(tool));
    Ok(reply::json(StatusCode::OK, reply::PUBLIC, &json!({ "tools": tools })))
}
