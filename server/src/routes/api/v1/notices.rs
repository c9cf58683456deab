//! `/api/v1/notices`: what the caller was told.

use axum::Extension;
use axum::response::Response;
use resonant_backend::{Ctx, inbox};
use resonant_domain::NoticeId;
use resonant_domain::notice::{MARKED_MAX, Notice};
use schemars::JsonSchema;
use serde::Deserialize;

use super::PageQuery;
use crate::extract::{Body, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of notices.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/notices", "Lists what the caller was told, newest first");
    let read = Operation::post("/notices/read", "Marks notices as read");
    api.add(list_of.query::<PageQuery>().answers_page::<Notice>("notices"), list)
        .add(read.body::<ReadNotices>().answers_nothing(204), mark_read)
}

/// Which notices were read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadNotices {
    /// At most 200; none for all.
    #[serde(default)]
    #[schemars(length(max = MARKED_MAX))]
    ids: Vec<NoticeId>,
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = inbox::list(&ctx, query.into()).await?;
    Ok(reply::page("notices", &page))
}

pub(crate) async fn mark_read(
    Extension(ctx): Extension<Ctx>,
    Body(read): Body<ReadNotices>,
) -> Result<Response, Fault> {
    inbox::mark_read(&ctx, &read.ids).await?;
    Ok(reply::nothing())
}
