//! `/api/v1/teams`: teams, who is in them, and the agents that are shared with them.

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::teams::{self, Invited};
use resonant_backend::{Ctx, Error};
use resonant_domain::api_key::Scope;
use resonant_domain::team::{
    InvitationOffer, MadeInvitation, NewInvitation, NewTeam, RoleChange, SharedAgent, Team,
    TeamInvitation, TeamMember,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::PageQuery;
use crate::conditional;
use crate::extract::{Body, Path, Query, named};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of teams.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/teams", "Lists the caller's teams").scope(Scope::TeamsRead);
    let new = Operation::post("/teams", "Makes a team").scope(Scope::TeamsWrite);
    let one = Operation::get("/teams/{team}", "Reads a team").scope(Scope::TeamsRead);
    let changed = Operation::patch("/teams/{team}", "Renames a team").scope(Scope::TeamsWrite);
    let gone = Operation::delete("/teams/{team}", "Deletes a team").scope(Scope::TeamsWrite);
    let people = Operation::get("/teams/{team}/members", "Lists the people of a team");
    let person = Operation::get("/teams/{team}/members/{id}", "Reads who somebody is in a team");
    let role = Operation::patch("/teams/{team}/members/{id}", "Gives somebody another role");
    let out = Operation::delete("/teams/{team}/members/{id}", "Takes somebody out of a team");
    let shared = Operation::get("/teams/{team}/agents", "Lists the agents of a team");
    let share_one = Operation::put("/teams/{team}/agents/{id}", "Shares an agent with a team");
    let unshare_one = Operation::delete("/teams/{team}/agents/{id}", "Shares it no more");
    let mine =
        Operation::get("/agents/shared", "Lists the agents that others share with the caller");

    let list_of = list_of.query::<PageQuery>();
    let new = new.body::<NewTeam>().answers::<Team>(201).located().versioned();
    let changed = changed.body::<TeamName>().conditional().answers::<Team>(200);
    let people = people.scope(Scope::TeamsRead).query::<PageQuery>();
    let person = person.scope(Scope::TeamsRead).tagged();
    let role = role.scope(Scope::TeamsWrite).body::<RoleChange>().conditional();
    let out = out.scope(Scope::TeamsWrite).conditional();
    let shared = shared.scope(Scope::TeamsRead).query::<PageQuery>();
    let share_one = share_one.scope(Scope::TeamsWrite).may_conflict();
    let mine = mine.scope(Scope::AgentsRead).query::<PageQuery>();
    let api = api
        .add(list_of.answers_page::<Team>("teams"), list)
        .add(new, create)
        .add(one.tagged().answers::<Team>(200), get)
        .add(changed, rename)
        .add(gone.conditional().answers_nothing(204), delete)
        .add(people.answers_page::<TeamMember>("members"), members)
        .add(person.answers::<TeamMember>(200), member)
        .add(role.answers_nothing(204), set_role)
        .add(out.answers_nothing(204), remove)
        .add(shared.answers_page::<SharedAgent>("agents"), agents)
        .add(share_one.answers_nothing(204), share)
        .add(unshare_one.scope(Scope::TeamsWrite).answers_nothing(204), unshare)
        .add(mine.answers_page::<SharedAgent>("agents"), shared_with_me);
    invitation_routes(api)
}

fn invitation_routes(api: Api) -> Api {
    let open = Operation::get("/teams/{team}/invitations", "Lists invitations not yet taken");
    let new = Operation::post("/teams/{team}/invitations", "Invites an account, or makes a link");
    let gone = Operation::delete("/teams/{team}/invitations/{id}", "Takes an invitation back");
    let mine = Operation::get("/team-invitations", "Lists what the caller is invited to");
    let taken = Operation::post("/team-invitations/accept", "Takes an invitation");
    let refused = Operation::ask("/team-invitations/decline", "Says no to an invitation");

    let open = open.scope(Scope::TeamsRead).query::<PageQuery>();
    let new = new.scope(Scope::TeamsWrite).body::<NewInvitation>();
    let mine = mine.query::<PageQuery>();
    let taken = taken.body::<Acceptance>().names_something();
    let refused = refused.body::<Refusal>().names_something();
    api.add(open.answers_page::<TeamInvitation>("invitations"), invitations)
        .add(new.answers::<MadeInvitation>(201), invite)
        .add(gone.scope(Scope::TeamsWrite).answers_nothing(204), revoke)
        .add(mine.answers_page::<InvitationOffer>("invitations"), offers)
        .add(taken.answers::<Team>(200), accept)
        .add(refused.answers_nothing(204), decline)
}

/// Another name for a team.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeamName {
    /// 1 to 80 characters, one line.
    #[schemars(length(min = 1, max = 80))]
    name: String,
}

/// An invitation that is taken: by the token of its link, or by the team that invited the account.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acceptance {
    /// The token of a link.
    token: Option<String>,
    /// The slug of a team.
    team: Option<String>,
}

/// An invitation of the caller's account that is not taken.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    /// The slug of the team.
    team: String,
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = teams::list(&ctx, query.into()).await?;
    Ok(reply::page("teams", &page))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    Body(new): Body<NewTeam>,
) -> Result<Response, Fault> {
    let team = teams::create(&ctx, new).await?;
    let path = format!("/api/v1/teams/{}", team.slug);
    Ok(reply::located(conditional::changed(StatusCode::CREATED, &team, &team), &path))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    Path(team): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    Ok(conditional::answer_changeable(&headers, &teams::get(&ctx, &team).await?))
}

pub(crate) async fn rename(
    Extension(ctx): Extension<Ctx>,
    Path(team): Path<String>,
    headers: HeaderMap,
    Body(new): Body<TeamName>,
) -> Result<Response, Fault> {
    let ctx = conditional::expecting(&ctx, &headers);
    let team = teams::rename(&ctx, &team, new.name).await?;
    Ok(conditional::changed(StatusCode::OK, &team, &team))
}

pub(crate) async fn delete(
    Extension(ctx): Extension<Ctx>,
    Path(team): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    teams::delete(&conditional::expecting(&ctx, &headers), &team).await?;
    Ok(reply::nothing())
}

pub(crate) async fn members(
    Extension(ctx): Extension<Ctx>,
    Path(team): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = teams::members(&ctx, &team, query.into()).await?;
    Ok(reply::page("members", &page))
}

pub(crate) async fn member(
    Extension(ctx): Extension<Ctx>,
    Path((team, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let member = teams::member(&ctx, &team, named(&id)?).await?;
    Ok(conditional::answer_changeable(&headers, &member))
}

pub(crate) async fn set_role(
    Extension(ctx): Extension<Ctx>,
    Path((team, id)): Path<(String, String)>,
    headers: HeaderMap,
    Body(change): Body<RoleChange>,
) -> Result<Response, Fault> {
    let ctx = conditional::expecting(&ctx, &headers);
    teams::set_role(&ctx, &team, named(&id)?, change.role).await?;
    Ok(reply::nothing())
}

pub(crate) async fn remove(
    Extension(ctx): Extension<Ctx>,
    Path((team, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    teams::remove(&conditional::expecting(&ctx, &headers), &team, named(&id)?).await?;
    Ok(reply::nothing())
}

pub(crate) async fn agents(
    Extension(ctx): Extension<Ctx>,
    Path(team): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = teams::agents(&ctx, &team, query.into()).await?;
    Ok(reply::page("agents", &page))
}

pub(crate) async fn shared_with_me(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = teams::shared_with_me(&ctx, query.into()).await?;
    Ok(reply::page("agents", &page))
}

pub(crate) async fn share(
    Extension(ctx): Extension<Ctx>,
    Path((team, id)): Path<(String, String)>,
) -> Result<Response, Fault> {
    teams::share(&ctx, &team, named(&id)?).await?;
    Ok(reply::nothing())
}

pub(crate) async fn unshare(
    Extension(ctx): Extension<Ctx>,
    Path((team, id)): Path<(String, String)>,
) -> Result<Response, Fault> {
    teams::unshare(&ctx, &team, named(&id)?).await?;
    Ok(reply::nothing())
}

pub(crate) async fn invitations(
    Extension(ctx): Extension<Ctx>,
    Path(team): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = teams::invitations(&ctx, &team, query.into()).await?;
    Ok(reply::page("invitations", &page))
}

pub(crate) async fn invite(
    Extension(ctx): Extension<Ctx>,
    Path(team): Path<String>,
    Body(new): Body<NewInvitation>,
) -> Result<Response, Fault> {
    let made = teams::invite(&ctx, &team, new).await?;
    let response = reply::json(StatusCode::CREATED, reply::NO_STORE, &made);
    Ok(reply::told_once(response, &made.invitation))
}

pub(crate) async fn revoke(
    Extension(ctx): Extension<Ctx>,
    Path((team, id)): Path<(String, String)>,
) -> Result<Response, Fault> {
    teams::revoke(&ctx, &team, named(&id)?).await?;
    Ok(reply::nothing())
}

pub(crate) async fn offers(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = teams::offers(&ctx, query.into()).await?;
    Ok(reply::page("invitations", &page))
}

pub(crate) async fn accept(
    Extension(ctx): Extension<Ctx>,
    Body(asked): Body<Acceptance>,
) -> Result<Response, Fault> {
    let which = match (&asked.token, &asked.team) {
        (Some(token), None) => Invited::ByLink(token),
        (None, Some(team)) => Invited::To(team),
        _ => return Err(Error::field("token", "must be given, or team in its place").into()),
    };
    let team = teams::accept(&ctx, which).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &team))
}

pub(crate) async fn decline(
    Extension(ctx): Extension<Ctx>,
    Body(refused): Body<Refusal>,
) -> Result<Response, Fault> {
    teams::decline(&ctx, &refused.team).await?;
    Ok(reply::nothing())
}
