//! What owners do with their agents.

use resonant_domain::AgentId;
use resonant_domain::agent::{Agent, AgentChanges, AgentSpec, AgentStatus, AgentSummary};
use resonant_domain::page::{Page, PageRequest};

use crate::{Ctx, Result};

/// Which agents are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFilter {
    /// Of this status alone.
    pub status: Option<AgentStatus>,
    /// Which page.
    pub page: PageRequest,
}

/// Lists the caller's agents, the one that changed last first.
pub async fn list(ctx: &Ctx, filter: AgentFilter) -> Result<Page<AgentSummary>> {
    let _ = (ctx, filter);
    todo!()
}

/// Reads one agent of the caller.
pub async fn get(ctx: &Ctx, id: AgentId) -> Result<Agent> {
    let _ = (ctx, id);
    todo!()
}

/// Makes an agent.
pub async fn create(ctx: &Ctx, spec: AgentSpec) -> Result<Agent> {
    let _ = (ctx, spec);
    todo!()
}

/// Changes an agent.
pub async fn update(
    ctx: &Ctx,
    id: AgentId,
    changes: AgentChanges,
    expected_revision: Option<i64>,
) -> Result<Agent> {
    let _ = (ctx, id, changes, expected_revision);
    todo!()
}

/// Deletes an agent.
pub async fn delete(ctx: &Ctx, id: AgentId) -> Result<()> {
    let _ = (ctx, id);
    todo!()
}
