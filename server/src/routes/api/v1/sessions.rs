//! `/api/v1/sessions`

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::Ctx;
use resonant_backend::sessions::{self, SessionFilter, records};
use resonant_domain::api_key::Scope;
use resonant_domain::fields::{Fields, Part};
use resonant_domain::pin::NewPin;
use resonant_domain::session::{NewDecision, NewFork, NewMessage, Session};
use resonant_domain::session_event::SessionEvent;
use resonant_domain::thumb::NewThumb;
use resonant_domain::{AgentId, SessionId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{chosen, page};
use crate::conditional::{self, Audience};
use crate::extract::{Body, PathId, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of sessions.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/sessions", "Lists the caller's sessions, newest first");
    let one = Operation::get("/sessions/{id}", "Reads a session");
    let end = Operation::post("/sessions/{id}/cancel", "Ends a session early");
    let decision = Operation::post("/sessions/{id}/decisions", "Decides what a session waits for");
    let word = Operation::post("/sessions/{id}/messages", "Tells a session something");
    let again = Operation::post("/sessions/{id}/retry", "Tries the failed step again");
    let other = Operation::post("/sessions/{id}/fork", "Starts another session from a step on");
    let thumb = Operation::put("/sessions/{id}/thumb", "Says what a person thinks of a session");
    let pin = Operation::put("/sessions/{id}/pins", "Pins a message of a session, or lets it go");

    let list_of = list_of.scope(Scope::SessionsRead).query::<ListQuery>().fields::<Session>();
    let one = one.scope(Scope::SessionsRead).query::<GetQuery>().fields::<Session>().tagged();
    let decision = decision.scope(Scope::SessionsRun).body::<NewDecision>();
    let word = word.scope(Scope::SessionsRun).body::<NewMessage>();
    let other = other.scope(Scope::SessionsRun).body::<NewFork>().located();
    let thumb = thumb.scope(Scope::SessionsRun).body::<NewThumb>();
    let pin = pin.scope(Scope::SessionsRun).body::<NewPin>();
    api.add(list_of.answers_page::<Part<Session>>("sessions"), list)
        .add(one.answers::<SessionBody>(200), get)
        .add(end.scope(Scope::SessionsRun).answers::<Session>(200), cancel)
        .add(decision.answers::<Session>(202), decide)
        .add(word.answers::<Session>(202), say)
        .add(again.scope(Scope::SessionsRun).answers::<Session>(202), retry)
        .add(other.answers::<Session>(202), fork)
        .add(thumb.answers::<Session>(200), rate)
        .add(pin.answers::<Session>(200), set_pin)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    agent_id: Option<AgentId>,
    cursor: Option<String>,
    limit: Option<u32>,
    fields: Option<String>,
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Fault> {
    let filter = SessionFilter { agent_id: query.agent_id, page: page(query.cursor, query.limit) };
    if let Some(fields) = chosen(query.fields.as_deref())? {
        return Ok(reply::page("sessions", &records::list(&ctx, filter, &fields).await?));
    }
    Ok(reply::page("sessions", &sessions::list(&ctx, filter).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetQuery {
    fields: Option<String>,
    include: Option<Include>,
    /// The number of the last event that was read: with `include=events`, at most 1,000 after it come.
    #[schemars(range(min = 0))]
    after: Option<i64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Include {
    Events,
}

#[derive(Serialize, JsonSchema)]
struct SessionBody {
    #[serde(flatten)]
    session: Part<Session>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<SessionEvent>>,
    /// Whether more events come after these, for `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_more: Option<bool>,
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SessionId>,
    Query(query): Query<GetQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let after = query.after.unwrap_or(0);
    if after < 0 {
        return Err(Fault::field("after", "must not be negative"));
    }
    if query.fields.is_none() && query.include.is_none() {
        let session = sessions::document(&ctx, id).await?;
        return Ok(conditional::answer(&headers, Audience::Owner, &session));
    }
    let session = match chosen(query.fields.as_deref())? {
        Some(fields) => records::get(&ctx, id, &fields).await?,
        None => Fields::all().of(sessions::get(&ctx, id).await?),
    };
    let (events, has_more) = match query.include {
        Some(Include::Events) => {
            let part = sessions::log_part(&ctx, id, after).await?;
            (Some(part.events), Some(part.has_more))
        }
        None => (None, None),
    };
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &SessionBody { session, events, has_more }))
}

pub(crate) async fn decide(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SessionId>,
    Body(new): Body<NewDecision>,
) -> Result<Response, Fault> {
    let session = sessions::decide(&ctx, id, new).await?;
    Ok(reply::json(StatusCode::ACCEPTED, reply::NO_STORE, &session))
}

pub(crate) async fn say(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SessionId>,
    Body(new): Body<NewMessage>,
) -> Result<Response, Fault> {
    let session = sessions::say(&ctx, id, new).await?;
    Ok(reply::json(StatusCode::ACCEPTED, reply::NO_STORE, &session))
}

pub(crate) async fn retry(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SessionId>,
) -> Result<Response, Fault> {
    let session = sessions::retry(&ctx, id).await?;
    Ok(reply::json(StatusCode::ACCEPTED, reply::NO_STORE, &session))
}

pub(crate) async fn fork(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SessionId>,
    Body(new): Body<NewFork>,
) -> Result<Response, Fault> {
    let session = sessions::fork(&ctx, id, new).await?;
    let path = format!("/api/v1/sessions/{}", session.id);
    Ok(reply::located(reply::json(StatusCode::ACCEPTED, reply::NO_STORE, &session), &path))
}

pub(crate) async fn rate(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SessionId>,
    Body(new): Body<NewThumb>,
) -> Result<Response, Fault> {
    let session = sessions::rate(&ctx, id, new.thumb).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &session))
}

pub(crate) async fn set_pin(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SessionId>,
    Body(new): Body<NewPin>,
) -> Result<Response, Fault> {
    let session = sessions::pin(&ctx, id, new).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &session))
}

pub(crate) async fn cancel(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SessionId>,
) -> Result<Response, Fault> {
    let session = sessions::cancel(&ctx, id).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &session))
}
