//! `/api/v1/following` and `/api/v1/publishers/{handle}/follow`: whom the caller follows.

use axum::Extension;
use axum::response::Response;
use resonant_backend::{Ctx, follows};
use resonant_domain::publisher::FollowedPublisher;

use super::PageQuery;
use crate::extract::{PathId, Query, Slug};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of following.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/following", "Lists the publishers whom the caller follows");
    let on = Operation::put("/publishers/{handle}/follow", "Follows a publisher");
    let off = Operation::delete("/publishers/{handle}/follow", "Follows a publisher no more");
    api.add(list_of.query::<PageQuery>().answers_page::<FollowedPublisher>("following"), list)
        .add(on.may_conflict().answers_nothing(204), follow)
        .add(off.answers_nothing(204), unfollow)
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = follows::list(&ctx, query.into()).await?;
    Ok(reply::page("following", &page))
}

pub(crate) async fn follow(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(handle)): PathId<Slug>,
) -> Result<Response, Fault> {
    follows::follow(&ctx, &handle).await?;
    Ok(reply::nothing())
}

pub(crate) async fn unfollow(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(handle)): PathId<Slug>,
) -> Result<Response, Fault> {
    follows::unfollow(&ctx, &handle).await?;
    Ok(reply::nothing())
}
