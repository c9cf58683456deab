//! Rights, decided once.
//!
//! | actor | owned things (agents, sessions, secrets, own profile) | marketplace | work queue |
//! | --- | --- | --- | --- |
//! | owner, guest or member | allowed | read and install | forbidden |
//! | another user | hidden: [`Error::NotFound`] | read and install | forbidden |
//! | a key of the owner | allowed within its scopes, else [`Error::MissingScope`] | read; install within its scopes | forbidden |
//! | anonymous | [`Error::Unauthenticated`] | read | unauthenticated |
//! | system | [`Error::Forbidden`] | read | allowed |
//!
//! A key never does what no scope names: change the profile, sign in or out.
//!
//! Owned things are looked up by owner and id at once, so a stranger's look-up finds nothing.

use resonant_domain::UserId;
use resonant_domain::api_key::Scope;

use crate::{Actor, Ctx, Error, Result};

/// The person who asks, in person: a key does not stand for them here.
pub(crate) fn user(ctx: &Ctx) -> Result<UserId> {
    match ctx.actor() {
        Actor::User { id, .. } => Ok(id),
        Actor::Anonymous => Err(Error::Unauthenticated),
        Actor::System | Actor::Key { .. } => Err(Error::Forbidden),
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

#[cfg(test)]
mod tests;
