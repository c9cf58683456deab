//! The agents that an agent may call.

use resonant_domain::agent::{AgentSpec, AgentStatus, AgentSummary, ToolGrant};
use resonant_domain::agent_tool::grant_of;
use resonant_domain::api_key::Scope;
use resonant_domain::{AgentId, FieldFault, UserId};
use sqlx::PgConnection;

use crate::{Ctx, Error, Result, access, store};

/// So many agents are offered.
const OFFERED: i64 = 50;

/// The caller's agents that another may call, the one that changed last first. At most fifty, and those
/// that are `chosen` already.
///
/// # Errors
/// [`Error::Unauthenticated`].
#[tracing::instrument(name = "agents.callable", level = "debug", parent = ctx.span(), skip_all)]
pub async fn callable(ctx: &Ctx, chosen: &[AgentId]) -> Result<Vec<AgentSummary>> {
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    let mut conn = ctx.backend().read(owner).await?;
    let active = Some(AgentStatus::Active);
    let mut agents = store::agents::list(&mut conn, owner, active, None, OFFERED).await?;
    for id in chosen {
        if agents.iter().any(|agent| agent.id == *id) {
            continue;
        }
        if let Some(agent) = store::agents::find(&mut conn, owner, *id).await? {
            agents.push(AgentSummary {
                id: agent.id,
                name: agent.spec.name,
                description: agent.spec.description,
                avatar: agent.spec.avatar,
                status: agent.status,
                created_at: agent.created_at,
                updated_at: agent.updated_at,
            });
        }
    }
    Ok(agents)
}

/// The tools with these agents among them and no others: those that were there keep their grant.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for an agent that is not the caller's.
#[tracing::instrument(name = "agents.tools_for", level = "debug", parent = ctx.span(), skip_all)]
pub async fn tools_for(
    ctx: &Ctx,
    ids: &[AgentId],
    mut tools: Vec<ToolGrant>,
) -> Result<Vec<ToolGrant>> {
    let owner = access::with_scope(ctx, Scope::AgentsWrite)?;
    tools.retain(|grant| grant.agent_id().is_none_or(|id| ids.contains(&id)));
    let mut conn = ctx.backend().read(owner).await?;
    for id in ids {
        if tools.iter().any(|grant| grant.agent_id() == Some(*id)) {
            continue;
        }
        let agent = store::agents::find(&mut conn, owner, *id).await?;
        let agent = agent.ok_or_else(|| Error::field("tools", NOT_YOURS))?;
        tools.push(grant_of(&agent, &tools));
    }
    Ok(tools)
}

const NOT_YOURS: &str = "must call agents of yours alone";

/// Refuses calls of agents that are not called already: a teammate who changes an agent gives it no other
/// agents of its owner, of which they need not know.
pub(super) fn check_unchanged(spec: &AgentSpec, before: &AgentSpec) -> Result<()> {
    let old: Vec<_> = before.tools.iter().filter_map(ToolGrant::agent_id).collect();
    let mut faults = Vec::new();
    for (at, grant) in spec.tools.iter().enumerate() {
        if grant.agent_id().is_some_and(|id| !old.contains(&id)) {
            faults.push(FieldFault::new(
                format!("tools[{at}].settings.agent_id"),
                "must be an agent that it calls already: only its owner lets it call others",
            ));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.into()) }
}

/// Refuses calls of agents that are not the owner's. Those that stand in `before` stay: an agent may
/// outlive one that it calls.
pub(super) async fn check(
    conn: &mut PgConnection,
    owner: UserId,
    spec: &AgentSpec,
    before: Option<&AgentSpec>,
) -> Result<()> {
    let is_new = |id: AgentId| {
        let mut old = before.into_iter().flat_map(|spec| &spec.tools);
        !old.any(|grant| grant.agent_id() == Some(id))
    };
    let calls = || {
        let ids = spec.tools.iter().enumerate();
        ids.filter_map(|(at, grant)| Some((at, grant.agent_id()?))).filter(|(_, id)| is_new(*id))
    };
    let ids: Vec<_> = calls().map(|(_, id)| id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let known = store::agents::list_known(conn, owner, &ids).await?;
    let unknown = calls().filter(|(_, id)| !known.contains(id));
    let faults: Vec<_> = unknown
        .map(|(at, _)| {
            FieldFault::new(format!("tools[{at}].settings.agent_id"), "must be an agent of yours")
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.into()) }
}
