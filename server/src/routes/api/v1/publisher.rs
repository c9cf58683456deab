//! `/api/v1/publisher`: what the caller writes about themselves as a publisher.

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, publishers};
use resonant_domain::publisher::Profile;

use crate::conditional;
use crate::extract::Body;
use crate::fault::Fault;
use crate::openapi::{Api, Operation};

/// The routes of the caller's own profile.
pub(crate) fn routes(api: Api) -> Api {
    let own = Operation::get("/publisher", "Reads what the caller writes as a publisher");
    let new =
        Operation::put("/publisher", "Makes the caller a publisher, or changes their profile");

    let own = own.names_something().tagged().answers::<Profile>(200);
    let new = new.body::<Profile>().conditional();
    api.add(own, get).add(new.answers::<Profile>(200).answers::<Profile>(201), put)
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let profile = publishers::profile(&ctx).await?;
    let profile = profile.ok_or_else(|| Fault::not_found("profile"))?;
    Ok(conditional::answer_changeable(&headers, &profile))
}

/// `201` where there was no profile before. A handle is taken as it is written: a form's alone is put right.
pub(crate) async fn put(
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Body(profile): Body<Profile>,
) -> Result<Response, Fault> {
    profile.check().map_err(Fault::invalid)?;
    let saved = publishers::save(&conditional::expecting(&ctx, &headers), profile).await?;
    let status = if saved.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(conditional::changed(status, &saved.profile, &saved.profile))
}
