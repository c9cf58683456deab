//! Invitations to a team: for an account, by its address, or a link that whoever comes first takes.
//!
//! An invitation can be taken once, for [`INVITATION_DAYS`] days, until it is taken back. Of a link only
//! the hash is kept.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use resonant_domain::TeamInvitationId;
use resonant_domain::api_key::Scope;
use resonant_domain::audit::Deed;
use resonant_domain::member::Email;
use resonant_domain::notice::NoticeKind;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::team::{
    INVITATION_DAYS, InvitationOffer, MadeInvitation, NewInvitation, PEOPLE_MAX, Team,
    TeamInvitation, TeamRole,
};
use sha2::{Digest as _, Sha256};

use super::{FOR_ADMINS, check_room, checked, find, lock, needs_account, note};
use crate::backend::random;
use crate::inbox::{self, Told};
use crate::store::team_invitations::{Invitation, InvitationHash, InvitationPosition, Invitee};
use crate::{Ctx, Error, Result, access, effects, store};

/// The random bytes of a link's token.
const TOKEN_BYTES: usize = 32;
const NOT_FOUND: Error = Error::NotFound("invitation");

/// Which invitation somebody has at hand.
#[derive(Clone, Copy, Debug)]
pub enum Invited<'a> {
    /// The one of this link's token.
    ByLink(&'a str),
    /// The one to the team of this slug that is for the caller's account.
    To(&'a str),
}

fn hash(token: &str) -> InvitationHash {
    Sha256::digest(token.as_bytes()).into()
}

/// Lists the invitations to a team that nobody has taken yet, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::NotAllowed`] for
/// who is neither owner nor admin; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "teams.invitations", level = "debug", parent = ctx.span(), skip_all)]
pub async fn invitations(ctx: &Ctx, slug: &str, page: PageRequest) -> Result<Page<TeamInvitation>> {
    let me = access::with_scope(ctx, Scope::TeamsRead)?;
    let now = ctx.backend().now();
    let cursors = ctx.backend().cursors().await?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let (id, team) = find(&mut conn, me, slug).await?;
    if !team.role.may_manage() {
        return Err(FOR_ADMINS);
    }
    let limit = page.checked_limit()?;
    let scope = ("team_invitations", me, id);
    let after: Option<InvitationPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let wanted = i64::from(limit) + 1;
    let found = store::team_invitations::list(&mut conn, id, after, wanted, now).await?;
    let position =
        |last: &TeamInvitation| InvitationPosition { created_at: last.created_at, id: last.id };
    cursors.page(&scope, limit, found, position)
}

/// Invites somebody: an account, which gets a notice, or whoever takes the link first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::NotAllowed`] for
/// who is neither owner nor admin; [`Error::Invalid`], also for an address that no account has;
/// [`Error::Conflict`] when there are too many people.
#[tracing::instrument(name = "teams.invite", level = "debug", parent = ctx.span(), skip_all)]
pub async fn invite(ctx: &Ctx, slug: &str, new: NewInvitation) -> Result<MadeInvitation> {
    let me = access::with_scope(ctx, Scope::TeamsWrite)?;
    let backend = ctx.backend();
    let now = backend.now();
    let mut tx = backend.catalogue_begin().await?;
    let team = lock(&mut tx, me, slug).await?;
    team.check_manages()?;
    // It may have been declined, or taken back, since.
    let before: Option<TeamInvitation> = effects::find_in_catalogue(ctx)?;
    if let Some(invitation) = before.filter(|invitation| invitation.email.is_some()) {
        return Ok(MadeInvitation { invitation, token: None });
    }
    if new.role == TeamRole::Owner {
        return Err(Error::field("role", "must not be owner: a team is handed over to its people"));
    }
    let email = new.email.filter(|email| !email.trim().is_empty());
    let email = email.map(|email| Email::parse(&email)).transpose()?;
    let mut invitation = TeamInvitation {
        id: TeamInvitationId::from_uuid(ctx.resource_id()?),
        role: new.role,
        email: None,
        created_at: now,
        expires_at: now + SignedDuration::from_hours(24 * INVITATION_DAYS),
    };
    // The token of a link went down with whoever made it: it is made anew, and told of no more.
    let is_again = ctx.made_before().is_some()
        && store::team_invitations::delete(&mut tx, team.id, invitation.id).await?;
    let open = store::team_invitations::delete_expired(&mut tx, team.id, now).await?;
    let people = store::teams::list_members(&mut tx, team.id, None, i64::MAX).await?;
    if open + people.len() as u64 >= PEOPLE_MAX as u64 {
        return Err(Error::Conflict(format!(
            "A team has at most {PEOPLE_MAX} people, invitations among them"
        )));
    }
    let (invitee, token) = if let Some(email) = &email {
        let account = store::members::find_by_email(&mut tx, email).await?;
        let account = account.ok_or_else(|| {
            Error::field("email", "has no account here; make a link for them instead")
        })?;
        let id = account.viewer.id;
        if people.iter().any(|member| member.user_id == id) {
            return Err(Error::field("email", "is in the team already"));
        }
        invitation.email = Some(email.as_str().to_owned());
        let text = format!("As {}", invitation.role.as_str());
        let told = Told {
            kind: NoticeKind::TeamInvited,
            listing: &team.name,
            slug: Some(slug),
            agent: None,
            person: None,
            text: &text,
        };
        inbox::tell(ctx, &mut tx, id, told).await?;
        (Invitee::Account(id), None)
    } else {
        let token = BASE64_URL_SAFE_NO_PAD.encode(random::<TOKEN_BYTES>()?);
        (Invitee::Anyone(hash(&token)), Some(token))
    };
    store::team_invitations::insert(&mut tx, (team.id, me), &invitation, invitee).await?;
    if !is_again {
        note(ctx, &mut tx, me, Deed::TeamInvited, (team.id, &team.name)).await?;
    }
    effects::note_in_catalogue(ctx, &mut tx, &invitation).await?;
    tx.commit().await?;
    tracing::info!(team.id = %team.id, invitation.id = %invitation.id, "invited to the team");
    Ok(MadeInvitation { invitation, token })
}

/// Takes an invitation back.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for team or invitation;
/// [`Error::NotAllowed`] for who is neither owner nor admin.
#[tracing::instrument(name = "teams.revoke", level = "debug", parent = ctx.span(), skip_all)]
pub async fn revoke(ctx: &Ctx, slug: &str, id: TeamInvitationId) -> Result<()> {
    let me = access::with_scope(ctx, Scope::TeamsWrite)?;
    let mut tx = ctx.backend().catalogue_begin().await?;
    let team = lock(&mut tx, me, slug).await?;
    team.check_manages()?;
    if !store::team_invitations::delete(&mut tx, team.id, id).await? {
        return Err(NOT_FOUND);
    }
    note(ctx, &mut tx, me, Deed::TeamInvitationRevoked, (team.id, &team.name)).await?;
    tx.commit().await?;
    tracing::info!(team.id = %team.id, invitation.id = %id, "invitation taken back");
    Ok(())
}

/// Lists what the caller is invited to, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "teams.offers", level = "debug", parent = ctx.span(), skip_all)]
pub async fn offers(ctx: &Ctx, page: PageRequest) -> Result<Page<InvitationOffer>> {
    let me = access::user(ctx)?;
    let limit = page.checked_limit()?;
    let scope = ("team_offers", me);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<InvitationPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let now = ctx.backend().now();
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let wanted = i64::from(limit) + 1;
    let found = store::team_invitations::list_for(&mut conn, me, after, wanted, now).await?;
    let page = cursors.page(&scope, limit, found, |(_, position)| *position)?;
    Ok(page.map(|(offer, _)| offer))
}

/// Reads an invitation. Whoever has the token of a link may, signed in or not.
///
/// # Errors
/// [`Error::Unauthenticated`] for one without a link; [`Error::NotFound`] for one that never was, was
/// taken, or has expired.
#[tracing::instrument(name = "teams.offer", level = "debug", parent = ctx.span(), skip_all)]
pub async fn offer(ctx: &Ctx, which: Invited<'_>) -> Result<InvitationOffer> {
    let now = ctx.backend().now();
    let token;
    let which = match which {
        Invited::ByLink(text) => {
            token = hash(text);
            Invitation::ByToken(&token)
        }
        Invited::To(slug) => Invitation::For(access::user(ctx)?, checked(slug, NOT_FOUND)?),
    };
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::team_invitations::find(&mut conn, which, now).await?;
    Ok(found.ok_or(NOT_FOUND)?.1)
}

/// Takes an invitation: the caller is in the team from then on.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Forbidden`] for keys; [`Error::NotFound`] for one that never was,
/// was taken, or has expired; [`Error::Conflict`] for a guest, for who is in the team already, and for
/// who is in too many.
#[tracing::instrument(name = "teams.accept", level = "debug", parent = ctx.span(), skip_all)]
pub async fn accept(ctx: &Ctx, which: Invited<'_>) -> Result<Team> {
    let me = access::member(ctx)?;
    // An invitation that was taken is there no more.
    if let Some(team) = effects::find_in_catalogue(ctx)? {
        return Ok(team);
    }
    let now = ctx.backend().now();
    let token;
    let which = match which {
        Invited::ByLink(text) => {
            token = hash(text);
            Invitation::ByToken(&token)
        }
        Invited::To(slug) => Invitation::For(me, checked(slug, NOT_FOUND)?),
    };
    let mut tx = ctx.backend().catalogue_begin().await?;
    let found = store::team_invitations::find(&mut tx, which, now).await?;
    let (id, offer) = found.ok_or(NOT_FOUND)?;
    store::teams::lock_by_id(&mut tx, id).await?.ok_or(NOT_FOUND)?;
    if store::teams::find_role(&mut tx, me, id).await?.is_some() {
        return Err(Error::Conflict("You are in this team already".to_owned()));
    }
    check_room(&mut tx, me).await?;
    let role = store::team_invitations::take(&mut tx, id, which, now).await?.ok_or(NOT_FOUND)?;
    if !store::teams::insert_member(&mut tx, id, me, role, now).await? {
        return Err(needs_account());
    }
    store::team_invitations::delete_for(&mut tx, id, me).await?;
    let (_, team) = find(&mut tx, me, &offer.team_slug).await?;
    note(ctx, &mut tx, me, Deed::TeamJoined, (id, &team.name)).await?;
    effects::note_in_catalogue(ctx, &mut tx, &team).await?;
    tx.commit().await?;
    tracing::info!(team.id = %id, user.id = %me, role = role.as_str(), "invitation taken");
    Ok(team)
}

/// Says no to an invitation that is for the caller's account.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "teams.decline", level = "debug", parent = ctx.span(), skip_all)]
pub async fn decline(ctx: &Ctx, slug: &str) -> Result<()> {
    let me = access::user(ctx)?;
    let now = ctx.backend().now();
    let which = Invitation::For(me, checked(slug, NOT_FOUND)?);
    let mut tx = ctx.backend().catalogue_begin().await?;
    let (id, _) = store::team_invitations::find(&mut tx, which, now).await?.ok_or(NOT_FOUND)?;
    store::team_invitations::delete_for(&mut tx, id, me).await?;
    tx.commit().await?;
    tracing::info!(team.id = %id, user.id = %me, "invitation declined");
    Ok(())
}
