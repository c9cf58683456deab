//! `/api/v1/sessions/{id}/share`: the link by which anyone reads a session, and `/api/v1/shared/{token}`, what
//! is read by it.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, sessions};
use resonant_domain::SessionId;
use resonant_domain::api_key::Scope;
use schemars::JsonSchema;
use serde::Serialize;

use super::session_files::SessionFile;
use crate::extract::{Path, PathId};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;
use crate::state::AppState;

/// The routes of links to sessions.
pub(crate) fn routes(api: Api) -> Api {
    let one = Operation::get("/sessions/{id}/share", "Reads the link to a session");
    let made =
        Operation::put("/sessions/{id}/share", "Makes a link by which anyone reads a session");
    let gone = Operation::delete("/sessions/{id}/share", "Takes the link to a session back");
    let shared = Operation::get("/shared/{token}", "Reads a session that was shared, with its log");

    let one = one.scope(Scope::SessionsRead);
    let made = made.scope(Scope::SessionsRun);
    let gone = gone.scope(Scope::SessionsRun);
    api.add(one.answers::<ShareLink>(200), get)
        .add(made.answers::<ShareLink>(200), share)
        .add(gone.answers_nothing(204), unshare)
        .add(shared.open().answers::<SessionFile>(200), read)
}

/// A link to a session, which leads there until it is taken back.
#[derive(Serialize, JsonSchema)]
struct ShareLink {
    /// Names the session to whoever has it, at `/api/v1/shared/{token}`.
    token: String,
    /// The address of its page.
    url: String,
}

impl ShareLink {
    fn answer(token: String, state: &AppState, headers: &HeaderMap) -> Response {
        let url = format!("{}{}", state.site.origin(headers), app::shared_page(&token));
        reply::json(StatusCode::OK, reply::NO_STORE, &Self { token, url })
    }
}

pub(crate) async fn get(
    State(state): State<AppState>,
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SessionId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let token = sessions::share_token(&ctx, id).await?;
    let token = token.ok_or_else(|| Fault::not_found("link"))?;
    Ok(ShareLink::answer(token, &state, &headers))
}

/// Made once: whoever asks again gets the link that there is.
pub(crate) async fn share(
    State(state): State<AppState>,
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SessionId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let token = sessions::share(&ctx, id).await?;
    Ok(ShareLink::answer(token, &state, &headers))
}

pub(crate) async fn unshare(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SessionId>,
) -> Result<Response, Fault> {
    sessions::unshare(&ctx, id).await?;
    Ok(reply::nothing())
}

pub(crate) async fn read(
    Extension(ctx): Extension<Ctx>,
    Path(token): Path<String>,
) -> Result<Response, Fault> {
    let (session, events) = sessions::shared(&ctx, &token).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &SessionFile { session, events }))
}
