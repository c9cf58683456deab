//! Who is in a team, and what each of them may do.

use resonant_domain::UserId;
use resonant_domain::api_key::Scope;
use resonant_domain::audit::Deed;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::team::{Team, TeamMember, TeamRole};
use serde_json::{Value, json};

use super::{FOR_ADMINS, FOR_OWNER, find, lock, note};
use crate::audit::{Log, Subject};
use crate::store::teams::MemberPosition;
use crate::{Changeable, Ctx, Error, Result, access, audit, seen, store};

const NO_MEMBER: Error = Error::NotFound("member");

/// Somebody whose role is about to change, and what it is: as whoever is in the team.
struct Standing(UserId, TeamRole);

impl Changeable for Standing {
    const NOUN: &'static str = TeamMember::NOUN;

    fn part(&self) -> Value {
        json!([self.0, self.1])
    }
}

/// Addresses are for who manages people, and each person's own for that person.
fn hide_address(member: &mut TeamMember, me: UserId, team: &Team) {
    if !team.role.may_manage() && member.user_id != me {
        member.email = None;
    }
}

/// Lists the people of one of the caller's teams, in the order in which they came. Who manages people
/// sees their addresses.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::Invalid`] for a
/// limit or cursor that cannot be used.
#[tracing::instrument(name = "teams.members", level = "debug", parent = ctx.span(), skip_all)]
pub async fn members(ctx: &Ctx, slug: &str, page: PageRequest) -> Result<Page<TeamMember>> {
    let me = access::with_scope(ctx, Scope::TeamsRead)?;
    let cursors = ctx.backend().cursors().await?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let (id, team) = find(&mut conn, me, slug).await?;
    let limit = page.checked_limit()?;
    let scope = ("team_members", me, id);
    let after: Option<MemberPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let wanted = i64::from(limit) + 1;
    let mut members = store::teams::list_members(&mut conn, id, after, wanted).await?;
    for member in &mut members {
        hide_address(member, me, &team);
    }
    let position =
        |last: &TeamMember| MemberPosition { joined_at: last.joined_at, id: last.user_id };
    cursors.page(&scope, limit, members, position)
}

/// Reads who somebody in one of the caller's teams is there. Their address is hidden as in
/// [`members`].
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for team or person.
#[tracing::instrument(name = "teams.member", level = "debug", parent = ctx.span(), skip_all)]
pub async fn member(ctx: &Ctx, slug: &str, user: UserId) -> Result<TeamMember> {
    let me = access::with_scope(ctx, Scope::TeamsRead)?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let (id, team) = find(&mut conn, me, slug).await?;
    let found = store::teams::find_member(&mut conn, id, user).await?;
    let mut member = found.ok_or(NO_MEMBER)?;
    hide_address(&mut member, me, &team);
    Ok(member)
}

/// Gives somebody in a team another role. The owner's role is handed over: whoever was it is an admin
/// then.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for team or person;
/// [`Error::NotAllowed`]; [`Error::Conflict`] for the owner's own role; [`Error::Changed`].
#[tracing::instrument(name = "teams.set_role", level = "debug", parent = ctx.span(), skip_all)]
pub async fn set_role(ctx: &Ctx, slug: &str, user: UserId, role: TeamRole) -> Result<()> {
    let me = access::with_scope(ctx, Scope::TeamsWrite)?;
    let mut tx = ctx.backend().catalogue_begin().await?;
    let team = lock(&mut tx, me, slug).await?;
    team.check_manages()?;
    let before = store::teams::find_role(&mut tx, user, team.id).await?.ok_or(NO_MEMBER)?;
    seen::check(ctx, &Standing(user, before))?;
    if before == role {
        return Ok(());
    }
    if before == TeamRole::Owner {
        return Err(if user == me { owner_stays() } else { FOR_OWNER });
    }
    if role == TeamRole::Owner {
        if team.role != TeamRole::Owner {
            return Err(FOR_OWNER);
        }
        store::teams::update_role(&mut tx, team.id, me, TeamRole::Admin).await?;
    }
    store::teams::update_role(&mut tx, team.id, user, role).await?;
    let person = store::members::find(&mut tx, user).await?.ok_or(NO_MEMBER)?;
    let subject = Subject::account(user, &person.display_name);
    for whose in concerned(me, user) {
        let log = Log::Account(whose);
        audit::note(ctx, &mut tx, log, Deed::TeamRoleChanged, Some(subject)).await?;
    }
    tx.commit().await?;
    tracing::info!(team.id = %team.id, user.id = %user, role = role.as_str(), "team role set");
    Ok(())
}

/// Takes somebody out of a team, or lets the caller leave it. What they share with it is shared no more;
/// sessions that they started stay with the agents' owners.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for team or person;
/// [`Error::NotAllowed`]; [`Error::Conflict`] for the owner; [`Error::Changed`].
#[tracing::instrument(name = "teams.remove", level = "debug", parent = ctx.span(), skip_all)]
pub async fn remove(ctx: &Ctx, slug: &str, user: UserId) -> Result<()> {
    let me = access::with_scope(ctx, Scope::TeamsWrite)?;
    let mut tx = ctx.backend().catalogue_begin().await?;
    let team = lock(&mut tx, me, slug).await?;
    if user != team.me && !team.role.may_manage() {
        return Err(FOR_ADMINS);
    }
    let role = store::teams::find_role(&mut tx, user, team.id).await?.ok_or(NO_MEMBER)?;
    seen::check(ctx, &Standing(user, role))?;
    match role {
        TeamRole::Owner if user == me => return Err(owner_stays()),
        TeamRole::Owner => return Err(FOR_OWNER),
        _ => {}
    }
    store::teams::delete_member(&mut tx, team.id, user).await?;
    let deed = if user == me { Deed::TeamLeft } else { Deed::TeamMemberRemoved };
    for whose in concerned(me, user) {
        note(ctx, &mut tx, whose, deed, (team.id, &team.name)).await?;
    }
    tx.commit().await?;
    tracing::info!(team.id = %team.id, user.id = %user, "no longer in the team");
    Ok(())
}

/// In whose logs it stands what one person does to another: each of them once.
fn concerned(me: UserId, user: UserId) -> impl Iterator<Item = UserId> {
    std::iter::once(me).chain((user != me).then_some(user))
}

fn owner_stays() -> Error {
    Error::Conflict("You own the team. Hand it over to somebody in it, or delete it".to_owned())
}
