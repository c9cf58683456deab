//! `/api/v1/triggers`, and `/api/v1/hooks`, where the signed messages come.

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, triggers};
use resonant_domain::session::SessionState;
use resonant_domain::webhook::{NewTrigger, Trigger, WithKey};
use resonant_domain::{SessionId, TriggerId, UserId};
use schemars::JsonSchema;
use serde::Serialize;

use super::{PageQuery, signed};
use crate::conditional;
use crate::extract::{Body, Path, PathId, Query, Text};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of triggers, and of the messages that they take.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/triggers", "Lists the caller's triggers");
    let new = Operation::post("/triggers", "Lets signed messages start an agent");
    let one = Operation::get("/triggers/{id}", "Reads a trigger");
    let gone = Operation::delete("/triggers/{id}", "Forgets a trigger");
    let message = Operation::ask("/hooks/{owner}/{id}", "Takes a signed message");

    let new = new.body::<NewTrigger>().names_something().located();
    api.add(list_of.query::<PageQuery>().answers_page::<Trigger>("triggers"), list)
        .add(new.versioned().answers::<WithKey<Trigger>>(201), create)
        .add(one.tagged().answers::<Trigger>(200), get)
        .add(gone.conditional().answers_nothing(204), delete)
        .add(message.open().signed().answers::<Taken>(202), fire)
}

/// What came of a message: who sends one need not see more.
#[derive(Serialize, JsonSchema)]
struct Taken {
    session_id: SessionId,
    state: SessionState,
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = triggers::list(&ctx, query.into()).await?;
    Ok(reply::page("triggers", &page))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<TriggerId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let trigger = triggers::get(&ctx, id).await?;
    Ok(conditional::answer_changeable(&headers, &trigger))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    Body(new): Body<NewTrigger>,
) -> Result<Response, Fault> {
    let made = triggers::create(&ctx, new).await?;
    let path = format!("/api/v1/triggers/{}", made.made.id);
    let response = conditional::changed(StatusCode::CREATED, &made.made, &made);
    Ok(reply::told_once(reply::located(response, &path), &made.made))
}

pub(crate) async fn delete(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<TriggerId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    triggers::delete(&conditional::expecting(&ctx, &headers), id).await?;
    Ok(reply::nothing())
}

/// Takes a signed message; whoever sends it is nobody we know.
pub(crate) async fn fire(
    Extension(ctx): Extension<Ctx>,
    Path((owner, id)): Path<(String, String)>,
    headers: HeaderMap,
    Text(body): Text,
) -> Result<Response, Fault> {
    let (Ok(owner), Ok(id)) = (owner.parse::<UserId>(), id.parse::<TriggerId>()) else {
        return Err(Fault::not_found("trigger"));
    };
    let session = triggers::fire(&ctx, owner, id, signed(&headers, body)).await?;
    let told = Taken { session_id: session.id, state: session.state };
    Ok(reply::json(StatusCode::ACCEPTED, reply::NO_STORE, &told))
}
