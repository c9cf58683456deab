//! An agent as its owner sees it.
//!
//! Key: owner and id. Value: the agent. Lifetime: 5 min, and 1 min more while it is read anew; forgotten
//! with every write of the agent. Empty: one look-up in PostgreSQL.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use resonant_domain::agent::Agent;
use resonant_domain::{AgentId, UserId};

use super::{Entry, Kind, Many, agent_page};
use crate::store::agent_records::Wide;
use crate::{Backend, Result, store};

pub(crate) struct AgentEntry;

/// Whose agent, and which.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AgentKey(pub(crate) UserId, pub(crate) AgentId);

impl fmt::Display for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

impl Entry for AgentEntry {
    type Key = AgentKey;
    type Value = Agent;
    const KIND: Kind = Kind::Agent;
    const SCHEMA: u16 = 3;
    const LIFETIME: Duration = Duration::from_mins(5);
    const STALE: Duration = Duration::from_mins(1);
    const ABSENT: Duration = Duration::from_secs(10);

    async fn load(backend: &Backend, &AgentKey(owner, id): &AgentKey) -> Result<Option<Agent>> {
        let mut conn = backend.read_latest(owner).await?;
        Ok(store::agents::find(&mut conn, owner, id).await?)
    }

    /// The row's own version.
    fn version(agent: &Agent, _: &[u8]) -> String {
        agent.revision.to_string()
    }

    fn shown_in(&AgentKey(owner, _): &AgentKey) -> Option<String> {
        Some(agent_page::group_of(owner))
    }
}

impl Many for AgentEntry {
    /// One statement for each owner.
    async fn load_many(backend: &Backend, keys: &[AgentKey]) -> Result<Vec<Option<Agent>>> {
        let mut by_owner = HashMap::<UserId, Vec<AgentId>>::new();
        for AgentKey(owner, id) in keys {
            by_owner.entry(*owner).or_default().push(*id);
        }
        let mut found = HashMap::new();
        for (owner, ids) in by_owner {
            let mut conn = backend.read_latest(owner).await?;
            let agents = store::agent_records::find(&mut conn, owner, &ids, Wide::WHOLE).await?;
            found.extend(agents.into_iter().map(|(agent, _)| (agent.id, agent)));
        }
        Ok(keys.iter().map(|AgentKey(_, id)| found.remove(id)).collect())
    }
}
