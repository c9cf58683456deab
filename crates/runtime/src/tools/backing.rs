//! What tools need of the installation, behind words of ours: whoever keeps it supplies it.

use futures::future::BoxFuture;
use resonant_domain::UserId;

use super::secrets::BoundSecret;

/// The installation does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the installation does not answer right now")]
pub struct BackingError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// An answer to come.
pub type BackingFuture<'a, T> = BoxFuture<'a, Result<T, BackingError>>;

/// What an installation keeps for the tools of a person's agents.
pub trait Backing: Send + Sync {
    /// Those of the owner's secrets that are named. One that there is not is left out.
    fn secrets(&self, owner: UserId, names: Vec<String>) -> BackingFuture<'_, Vec<BoundSecret>>;
}

/// An installation that keeps nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoBacking;

impl Backing for NoBacking {
    fn secrets(&self, _owner: UserId, _names: Vec<String>) -> BackingFuture<'_, Vec<BoundSecret>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
