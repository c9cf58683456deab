//! Teams: people who use agents together.
//!
//! A team has one owner, who hands it over or deletes it but cannot just leave. Who may do what with an
//! agent that is shared with a team stands in `access`. To who is not in a team there is none.

mod invitations;
mod people;
mod sharing;

use resonant_domain::api_key::Scope;
use resonant_domain::audit::{Deed, SubjectKind};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::team::{NewTeam, TEAMS_MAX, Team, TeamRole, is_slug};
use resonant_domain::{TeamId, UserId};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::audit::{Log, Subject};
use crate::store::OnConstraint as _;
use crate::store::teams::TeamPosition;
use crate::{Changeable, Ctx, Error, Result, access, audit, seen, store};

pub use invitations::{Invited, accept, decline, invitations, invite, offer, offers, revoke};
pub use people::{member, members, remove, set_role};
pub use sharing::{
    AgentTeam, agents, find_shared, share, shared_with_me, standing, teams_of, unshare,
};

const NOT_FOUND: Error = Error::NotFound("team");
const FOR_ADMINS: Error =
    Error::NotAllowed("Only the owner and the admins of the team may do this");
const FOR_OWNER: Error = Error::NotAllowed("Only the owner of the team may do this");

/// A team that is locked for a change of who is in it or what it has.
struct Locked {
    me: UserId,
    id: TeamId,
    slug: String,
    name: String,
    role: TeamRole,
}

/// As the team itself.
impl Changeable for Locked {
    const NOUN: &'static str = Team::NOUN;

    fn part(&self) -> Value {
        json!([self.slug, self.name])
    }
}

impl Locked {
    fn check_manages(&self) -> Result<()> {
        if self.role.may_manage() { Ok(()) } else { Err(FOR_ADMINS) }
    }
}

/// What is no slug names no team: answers the slug, or `absent`.
fn checked(slug: &str, absent: Error) -> Result<&str> {
    if is_slug(slug) { Ok(slug) } else { Err(absent) }
}

async fn lock(tx: &mut PgConnection, me: UserId, slug: &str) -> Result<Locked> {
    let slug = checked(slug, NOT_FOUND)?;
    let (id, name, role) = store::teams::lock(tx, me, slug).await?.ok_or(NOT_FOUND)?;
    Ok(Locked { me, id, slug: slug.to_owned(), name, role })
}

/// Writes down what the caller does to a team, in the log of an account that it concerns.
async fn note(
    ctx: &Ctx,
    tx: &mut PgConnection,
    whose: UserId,
    deed: Deed,
    (id, name): (TeamId, &str),
) -> Result<()> {
    let subject = Subject::new(SubjectKind::Team, id.as_uuid(), name);
    audit::note(ctx, tx, Log::Account(whose), deed, Some(subject)).await
}

/// Lists the caller's teams, by name.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::Invalid`] for a limit or cursor that
/// cannot be used.
#[tracing::instrument(name = "teams.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, page: PageRequest) -> Result<Page<Team>> {
    let me = access::with_scope(ctx, Scope::TeamsRead)?;
    let limit = page.checked_limit()?;
    let scope = ("teams", me);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<TeamPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::teams::list(&mut conn, me, after.as_ref(), i64::from(limit) + 1).await?;
    let page = cursors.page(&scope, limit, found, |(_, position)| position.clone())?;
    Ok(page.map(|(team, _)| team))
}

/// Reads one of the caller's teams.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`].
#[tracing::instrument(name = "teams.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, slug: &str) -> Result<Team> {
    let me = access::with_scope(ctx, Scope::TeamsRead)?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    Ok(find(&mut conn, me, slug).await?.1)
}

async fn find(conn: &mut PgConnection, me: UserId, slug: &str) -> Result<(TeamId, Team)> {
    let slug = checked(slug, NOT_FOUND)?;
    store::teams::find(conn, me, slug).await?.ok_or(NOT_FOUND)
}

/// Makes a team that the caller owns.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::Invalid`], also for a slug that is
/// another team's; [`Error::Conflict`] for a guest, and for who is in too many teams.
#[tracing::instrument(name = "teams.create", level = "debug", parent = ctx.span(), skip_all)]
pub async fn create(ctx: &Ctx, new: NewTeam) -> Result<Team> {
    let me = access::with_scope(ctx, Scope::TeamsWrite)?;
    let new = NewTeam { name: new.name.trim().to_owned(), slug: new.slug.trim().to_owned() };
    new.check()?;
    let backend = ctx.backend();
    let id = TeamId::from_uuid(ctx.resource_id()?);
    let mut tx = backend.catalogue_begin().await?;
    if ctx.made_before().is_some()
        && let Some((slug, _)) = store::teams::lock_by_id(&mut tx, id).await?
    {
        return Ok(find(&mut tx, me, &slug).await?.1);
    }
    check_room(&mut tx, me).await?;
    let now = backend.now();
    store::teams::insert(&mut tx, id, (&new.slug, &new.name), now)
        .await
        .on_constraint("teams_slug_key", || Error::field("slug", "is in use already"))?;
    if !store::teams::insert_member(&mut tx, id, me, TeamRole::Owner, now).await? {
        return Err(needs_account());
    }
    let (_, team) = find(&mut tx, me, &new.slug).await?;
    note(ctx, &mut tx, me, Deed::TeamCreated, (id, &new.name)).await?;
    tx.commit().await?;
    tracing::info!(team.id = %id, user.id = %me, "team created");
    Ok(team)
}

fn needs_account() -> Error {
    Error::Conflict("Create an account first: people of a team know each other by name".to_owned())
}

/// Lets pass who is in fewer teams than the most, and into no other one until the transaction ends.
async fn check_room(conn: &mut PgConnection, me: UserId) -> Result<()> {
    if store::teams::lock_count(conn, me).await? < TEAMS_MAX as u64 {
        return Ok(());
    }
    Err(Error::Conflict(format!("You are in {TEAMS_MAX} teams already. Leave one first")))
}

/// Gives a team another name. Its slug stays: links lead there.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::NotAllowed`] for
/// who is neither owner nor admin; [`Error::Invalid`]; [`Error::Changed`].
#[tracing::instrument(name = "teams.rename", level = "debug", parent = ctx.span(), skip_all)]
pub async fn rename(ctx: &Ctx, slug: &str, name: String) -> Result<Team> {
    let me = access::with_scope(ctx, Scope::TeamsWrite)?;
    let mut tx = ctx.backend().catalogue_begin().await?;
    let team = lock(&mut tx, me, slug).await?;
    team.check_manages()?;
    let new = NewTeam { name: name.trim().to_owned(), slug: slug.to_owned() };
    new.check()?;
    seen::check(ctx, &team)?;
    store::teams::update_name(&mut tx, team.id, &new.name, ctx.backend().now()).await?;
    let (_, renamed) = find(&mut tx, me, slug).await?;
    note(ctx, &mut tx, me, Deed::TeamChanged, (team.id, &new.name)).await?;
    tx.commit().await?;
    tracing::info!(team.id = %team.id, "team renamed");
    Ok(renamed)
}

/// Deletes a team. The agents that were shared with it stay their owners'.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::NotAllowed`] for
/// anyone but its owner; [`Error::Changed`].
#[tracing::instrument(name = "teams.delete", level = "debug", parent = ctx.span(), skip_all)]
pub async fn delete(ctx: &Ctx, slug: &str) -> Result<()> {
    let me = access::with_scope(ctx, Scope::TeamsWrite)?;
    let mut tx = ctx.backend().catalogue_begin().await?;
    let team = lock(&mut tx, me, slug).await?;
    if team.role != TeamRole::Owner {
        return Err(FOR_OWNER);
    }
    seen::check(ctx, &team)?;
    let people = store::teams::list_members(&mut tx, team.id, None, i64::MAX).await?;
    store::teams::delete(&mut tx, team.id).await?;
    let people: Vec<_> = people.into_iter().map(|person| person.user_id).collect();
    let subject = Subject::new(SubjectKind::Team, team.id.as_uuid(), &team.name);
    audit::note_accounts(ctx, &mut tx, &people, Deed::TeamDeleted, subject).await?;
    tx.commit().await?;
    tracing::info!(team.id = %team.id, user.id = %me, "team deleted");
    Ok(())
}

/// Takes somebody who closes their account out of their teams: those that they are alone in go, too.
///
/// # Errors
/// [`Error::Conflict`] while they own a team that others are in.
pub(crate) async fn close(tx: &mut PgConnection, id: UserId) -> Result<()> {
    for team in check_closes(&mut *tx, id).await? {
        store::teams::delete(&mut *tx, team).await?;
    }
    Ok(store::teams::delete_memberships(tx, id).await?)
}

/// Lets somebody pass who may close their account, as far as teams are concerned. Answers those that they
/// are alone in, locked.
///
/// # Errors
/// [`Error::Conflict`] while they own a team that others are in.
pub(crate) async fn check_closes(tx: &mut PgConnection, id: UserId) -> Result<Vec<TeamId>> {
    let mut alone = Vec::new();
    for (team, name, _) in store::teams::list_owned(&mut *tx, id).await? {
        // Counted once it is locked: somebody may have come while this was waited for.
        if store::teams::list_members(&mut *tx, team, None, 2).await?.len() > 1 {
            return Err(Error::Conflict(format!(
                "You own the team “{name}”. Hand it over to somebody in it, or delete it, first"
            )));
        }
        alone.push(team);
    }
    Ok(alone)
}

#[cfg(test)]
mod tests;
