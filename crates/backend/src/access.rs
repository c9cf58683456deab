//! Rights, decided once.
//!
//! | actor | owned things (agents, sessions, secrets, own profile) | marketplace | work queue | operation |
//! | --- | --- | --- | --- | --- |
//! | owner, guest or member | allowed | read and install | forbidden | hidden |
//! | another user | hidden: [`Error::NotFound`] | read and install | forbidden | hidden |
//! | admin | as any user | read and install | forbidden | allowed |
//! | a key of the owner | allowed within its scopes, else [`Error::MissingScope`] | read; install within its scopes | forbidden | of an admin, within `metrics:read`, `alerts:read`, `alerts:write` and `audit:read` |
//! | anonymous | [`Error::Unauthenticated`] | read | unauthenticated | unauthenticated |
//! | system | [`Error::Forbidden`] | read | allowed | allowed |
//!
//! Operation is what concerns the installation as a whole: metrics, alerts, service levels, and what
//! is published here (moderation, which no key does). It is asked for in the database each time, so that an admin who is none any more sees nothing more.
//!
//! What is shared with a team its people reach, too, as far as their roles let them: `shared` says how
//! far, and is where a use case asks that an agent of another may be meant for.
//!
//! A key never does what no scope names: change the profile, sign in or out.
//!
//! Owned things are looked up by owner and id at once, so a stranger's look-up finds nothing.

mod shared;

use resonant_domain::UserId;
use resonant_domain::api_key::Scope;
use resonant_domain::member::UserKind;

pub(crate) use shared::{
    Reached, SessionAct, agent, agent_to_change, agent_to_run, not_own, shared_agent,
    shared_session, shared_sessions_of,
};

use crate::{Actor, Ctx, Error, Result, store};

/// The person who asks, in person: a key does not stand for them here.
pub(crate) fn user(ctx: &Ctx) -> Result<UserId> {
    match ctx.actor() {
        Actor::User { id, .. } => Ok(id),
        Actor::Anonymous => Err(Error::Unauthenticated),
        Actor::System | Actor::Key { .. } => Err(Error::Forbidden),
    }
}

/// A member, in person: what they put up for others stands under a name that lasts.
pub(crate) fn member(ctx: &Ctx) -> Result<UserId> {
    match ctx.actor() {
        Actor::User { kind: UserKind::Guest, .. } => Err(Error::Conflict(
            "Create an account first: it keeps everything that you have here".to_owned(),
        )),
        _ => user(ctx),
    }
}

/// The user whose things are meant: the person who asks, or the owner of a key that has the scope.
pub(crate) fn with_scope(ctx: &Ctx, scope: Scope) -> Result<UserId> {
    match ctx.actor() {
        Actor::Key { owner, scopes, .. } if scopes.has(scope) => Ok(owner),
        Actor::Key { .. } => Err(Error::MissingScope(scope)),
        Actor::User { .. } | Actor::Anonymous | Actor::System => user(ctx),
    }
}

/// Lets the installation itself pass and no one else.
pub(crate) fn system(ctx: &Ctx) -> Result<()> {
    match ctx.actor() {
        Actor::System => Ok(()),
        Actor::Anonymous => Err(Error::Unauthenticated),
        Actor::User { .. } | Actor::Key { .. } => Err(Error::Forbidden),
    }
}

/// A person who judges what others publish, in person: an admin. From others the thing is hidden.
pub(crate) async fn moderator(ctx: &Ctx) -> Result<UserId> {
    let id = user(ctx)?;
    let mut conn = ctx.backend().catalogue_read().await?;
    let is_admin = store::members::is_admin(&mut conn, id).await?;
    if is_admin { Ok(id) } else { Err(Error::NotFound("page")) }
}

/// Lets pass who may read what concerns the installation: itself, admins, and keys of admins with the
/// scope `metrics:read`. From others the thing is hidden.
pub(crate) async fn operator(ctx: &Ctx) -> Result<()> {
    operator_with(ctx, Scope::MetricsRead).await
}

/// The same with a scope of the thing's own.
pub(crate) async fn operator_with(ctx: &Ctx, scope: Scope) -> Result<()> {
    let id = match ctx.actor() {
        Actor::System => return Ok(()),
        _ => with_scope(ctx, scope)?,
    };
    let mut conn = ctx.backend().catalogue_read().await?;
    let is_admin = store::members::is_admin(&mut conn, id).await?;
    if is_admin { Ok(()) } else { Err(Error::NotFound("page")) }
}

#[cfg(test)]
mod tests;
