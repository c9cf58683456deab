//! What tools need of the installation, behind words of ours: whoever keeps it supplies it.

use std::sync::Arc;

use futures::future::BoxFuture;
use resonant_domain::knowledge::FoundPassage;
use resonant_domain::memory::{Memory, NewMemory};
use resonant_domain::{AgentId, SessionId, UserId};

use super::secrets::BoundSecret;

/// The installation does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the installation does not answer right now")]
pub struct BackingError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// An answer to come.
pub type BackingFuture<'a, T> = BoxFuture<'a, Result<T, BackingError>>;

/// An agent, its owner, and who its session is for: whose documents and facts are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whose {
    /// The owner. The agent's documents are theirs.
    pub owner: UserId,
    /// The agent.
    pub agent: AgentId,
    /// Who its session is for: the agent keeps facts for each person apart.
    pub user: UserId,
    /// How the session is held, where somebody else may come to hold it.
    pub held: Option<Hold>,
}

/// A session as a worker holds it: what is kept for it is kept under this fence or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The session.
    pub session: SessionId,
    /// The fence.
    pub fence: i64,
}

impl Whose {
    /// Those of a session that the owner started, or what runs for them.
    #[must_use]
    pub const fn own(owner: UserId, agent: AgentId) -> Self {
        Self { owner, agent, user: owner, held: None }
    }
}

/// What an installation keeps for the tools of a person's agents. What it does not keep, it has none
/// of.
pub trait Backing: Send + Sync {
    /// Those of the owner's secrets that are named. One that there is not is left out.
    fn secrets(&self, _owner: UserId, _names: Vec<String>) -> BackingFuture<'_, Vec<BoundSecret>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// The passages of the agent's documents that tell most about a question, at most so many.
    fn look_up(
        &self,
        _whose: Whose,
        _query: String,
        _most: u32,
    ) -> BackingFuture<'_, Vec<FoundPassage>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Keeps a fact for a person, in the place of one of its key; none for a session that is not held as it
    /// says.
    fn remember(&self, _whose: Whose, _fact: NewMemory) -> BackingFuture<'_, ()> {
        Box::pin(async { Err(BackingError("nothing is kept here".into())) })
    }

    /// The facts that the agent keeps for a person, the newest first.
    fn recall(&self, _whose: Whose) -> BackingFuture<'_, Vec<Memory>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// An installation that keeps nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoBacking;

impl Backing for NoBacking {}

/// The installation as the tools of one agent reach it.
#[derive(Clone)]
pub(super) struct Shelf {
    pub(super) backing: Arc<dyn Backing>,
    pub(super) whose: Whose,
}
