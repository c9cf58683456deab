//! The first page of a person's agents, which programs and pages ask for over and over.
//!
//! Key: owner, status and size. Value: the page, in the usual order. Lifetime: 5 min, and 1 min more
//! while it is read anew; forgotten with every write of any of the owner's agents. Empty: one statement
//! in PostgreSQL.

use std::fmt;
use std::time::Duration;

use resonant_domain::UserId;
use resonant_domain::agent::AgentStatus;

use super::{Entry, Kind};
use crate::agents::{self, AgentPage};
use crate::{Backend, Result};

pub(crate) struct AgentPageEntry;

/// Whose agents, of which status, and how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AgentPageKey {
    pub(crate) owner: UserId,
    pub(crate) status: Option<AgentStatus>,
    pub(crate) limit: u32,
}

impl fmt::Display for AgentPageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map_or("any", AgentStatus::as_str);
        write!(f, "{}/{status}/{}", self.owner, self.limit)
    }
}

/// The group of all pages that show agents of the owner.
pub(super) fn group_of(owner: UserId) -> String {
    format!("agents/{owner}")
}

impl Entry for AgentPageEntry {
    type Key = AgentPageKey;
    type Value = AgentPage;
    const KIND: Kind = Kind::AgentPage;
    const SCHEMA: u16 = 2;
    const LIFETIME: Duration = Duration::from_mins(5);
    const STALE: Duration = Duration::from_mins(1);
    const ABSENT: Duration = Duration::ZERO;

    async fn load(backend: &Backend, key: &AgentPageKey) -> Result<Option<AgentPage>> {
        let mut conn = backend.read_latest(key.owner).await?;
        agents::page(backend, &mut conn, key, None).await.map(Some)
    }

    fn group(key: &AgentPageKey) -> Option<String> {
        Some(group_of(key.owner))
    }
}
