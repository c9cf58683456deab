//! Rights, decided once.
//!
//! | actor | owned things (agents, sessions, own profile) | marketplace | work queue |
//! | --- | --- | --- | --- |
//! | owner, guest or member | allowed | read and install | forbidden |
//! | another user | hidden: [`Error::NotFound`] | read and install | forbidden |
//! | anonymous | [`Error::Unauthenticated`] | read | unauthenticated |
//! | system | [`Error::Forbidden`] | read | allowed |
//!
//! Owned things are looked up by owner and id at once, so a stranger's look-up finds nothing.

use resonant_domain::UserId;

use crate::{Actor, Ctx, Error, Result};

/// The user who asks and whose things are meant.
pub(crate) fn user(ctx: &Ctx) -> Result<UserId> {
    match ctx.actor() {
        Actor::User { id, .. } => Ok(id),
        Actor::Anonymous => Err(Error::Unauthenticated),
        Actor::System => Err(Error::Forbidden),
    }
}

/// Lets the installation itself pass and no one else.
pub(crate) fn system(ctx: &Ctx) -> Result<()> {
    match ctx.actor() {
        Actor::System => Ok(()),
        Actor::Anonymous => Err(Error::Unauthenticated),
        Actor::User { .. } => Err(Error::Forbidden),
    }
}

#[cfg(test)]
mod tests;
