//! Rights in agents that are shared with a team.
//!
//! | team role | the agent, its versions, tools, knowledge, test sets | its sessions | the draft, versions, tools, knowledge, test sets | its status, budget, schedules, triggers, listing, trash |
//! | --- | --- | --- | --- | --- |
//! | viewer | read | read those of teammates | [`Error::NotAllowed`] | [`Error::NotAllowed`] |
//! | runner | read | the same, start, and act on one's own | [`Error::NotAllowed`] | [`Error::NotAllowed`] |
//! | editor | read | the same, of any edition | change | [`Error::NotAllowed`] |
//! | admin, owner of the team | read | the same, and act on those of teammates | change | [`Error::NotAllowed`] |
//! | none | [`Error::NotFound`] | [`Error::NotFound`] | [`Error::NotFound`] | [`Error::NotFound`] |
//!
//! The agent stays its owner's: a session that a teammate starts stands under the owner, uses the
//! owner's budgets and secrets, and says who started it. Teammates read the sessions that people of
//! their teams start, and those that test the agent. What the owner, their schedules and triggers start
//! stays the owner's to share, by a link to the session: a team gets an agent, not what somebody told it
//! before or elsewhere. To publish a session by such a link is the owner's, too.
//!
//! What an agent remembers of a person is theirs: everyone who reaches the agent reads and forgets their
//! own, and nobody else's.
//!
//! An agent in its owner's trash is gone for teammates: what they did with it they still read, and
//! nothing of it goes on.
//!
//! Own things are looked up first, as if there were no teams; only what is not found is looked for
//! among the shared ones, in the database at each request: who was just taken out of a team sees
//! nothing more.

use resonant_domain::agent::Agent;
use resonant_domain::agent_version::Edition;
use resonant_domain::api_key::Scope;
use resonant_domain::team::{AgentRight, TeamRole};
use resonant_domain::{AgentId, SessionId, UserId};

use super::with_scope;
use crate::database::{Reading, Shard, Writing};
use crate::store::agents::{Counted, Running};
use crate::store::sessions::OfOthers;
use crate::{Backend, Ctx, Error, Result, store};

const NO_AGENT: Error = Error::NotFound("agent");
const NO_SESSION: Error = Error::NotFound("session");

/// Whose agent a caller has reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached {
    /// The caller.
    pub(crate) me: UserId,
    /// The agent's owner: all that hangs on the agent is kept under them.
    pub(crate) owner: UserId,
    /// The caller's widest role in the teams that give it to them; `None`: it is the caller's own.
    pub(crate) role: Option<TeamRole>,
}

impl Reached {
    /// One's own.
    pub(crate) const fn own(me: UserId) -> Self {
        Self { me, owner: me, role: None }
    }

    /// Whether it is the caller's own.
    pub(crate) const fn is_own(self) -> bool {
        self.role.is_none()
    }

    /// Who stands in a session as the one who started it: nobody beside the owner.
    pub(crate) const fn starter(self) -> Option<UserId> {
        match self.role {
            Some(_) => Some(self.me),
            None => None,
        }
    }

    /// Whether the caller may do it.
    pub(crate) fn may(self, right: AgentRight) -> bool {
        self.role.is_none_or(|role| role.may(right))
    }

    /// Lets pass who may do it.
    pub(crate) fn check(self, right: AgentRight) -> Result<()> {
        if self.may(right) { Ok(()) } else { Err(Error::NotAllowed(right.refusal())) }
    }
}

/// Whose agent it is, for somebody who needs a right in an agent that is not their own. `None`: it is
/// shared with no team of theirs.
pub(crate) async fn shared_agent(
    ctx: &Ctx,
    me: UserId,
    id: AgentId,
    right: AgentRight,
) -> Result<Option<Reached>> {
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let ways = store::team_agents::list_ways(&mut conn, me, id).await?;
    let Some(widest) = ways.iter().max_by_key(|way| way.role) else { return Ok(None) };
    let reached = Reached { me, owner: widest.owner, role: Some(widest.role) };
    reached.check(right)?;
    Ok(Some(reached))
}

/// Why an agent that is not the caller's own is refused for what only its owner does: teammates are
/// told so, to others there is none.
pub(crate) async fn not_own(ctx: &Ctx, me: UserId, id: AgentId) -> Error {
    match shared_agent(ctx, me, id, AgentRight::Own).await {
        Err(error) => error,
        Ok(_) => NO_AGENT,
    }
}

/// An agent that the caller may read, with a connection to where it lies.
pub(crate) async fn agent(
    ctx: &Ctx,
    scope: Scope,
    id: AgentId,
    right: AgentRight,
) -> Result<(Agent, Reached, Reading)> {
    let me = with_scope(ctx, scope)?;
    let mut conn = ctx.backend().read(me).await?;
    if let Some(agent) = store::agents::find(&mut conn, me, id).await? {
        return Ok((agent, Reached::own(me), conn));
    }
    drop(conn);
    let reached = shared_agent(ctx, me, id, right).await?.ok_or(NO_AGENT)?;
    let mut conn = ctx.backend().read(reached.owner).await?;
    let agent = store::agents::find(&mut conn, reached.owner, id).await?.ok_or(NO_AGENT)?;
    Ok((agent, reached, conn))
}

/// An agent that the caller may change, locked in a transaction where it lies.
pub(crate) async fn agent_to_change(
    ctx: &Ctx,
    scope: Scope,
    id: AgentId,
    right: AgentRight,
) -> Result<(Agent, Reached, Writing)> {
    let me = with_scope(ctx, scope)?;
    let mut tx = ctx.backend().begin(me).await?;
    if let Some(agent) = store::agents::lock(&mut tx, me, id).await? {
        return Ok((agent, Reached::own(me), tx));
    }
    drop(tx);
    let reached = shared_agent(ctx, me, id, right).await?.ok_or(NO_AGENT)?;
    let mut tx = ctx.backend().begin(reached.owner).await?;
    let agent = store::agents::lock(&mut tx, reached.owner, id).await?.ok_or(NO_AGENT)?;
    Ok((agent, reached, tx))
}

/// An agent of which the caller may start a session, locked in a transaction where it lies. An active one of the
/// caller's own has been counted to run by then: with the edition that runs where none is named.
pub(crate) async fn agent_to_run(
    ctx: &Ctx,
    id: AgentId,
    right: AgentRight,
) -> Result<(Agent, Reached, Writing, Option<(Edition, Counted)>)> {
    let me = with_scope(ctx, Scope::SessionsRun)?;
    // An earlier try may have counted it.
    if ctx.made_before().is_none() {
        let mut tx = ctx.backend().begin(me).await?;
        if let Some(Running { agent, published, counted }) =
            store::agents::lock_running(&mut tx, me, id).await?
        {
            let published = published.map_or(Edition::Draft, Edition::Version);
            return Ok((agent, Reached::own(me), tx, Some((published, counted))));
        }
    }
    let (agent, reached, tx) = agent_to_change(ctx, Scope::SessionsRun, id, right).await?;
    Ok((agent, reached, tx, None))
}

/// What somebody wants to do with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionAct {
    /// Read it.
    Read,
    /// Begin another one with its steps.
    Fork,
    /// The same with another prompt or model: what a change of the agent would do.
    ForkChanged,
    /// Stop it, decide, say something, try again.
    Steer,
    /// What only the owner does.
    Own,
}

/// Whose session it is, for somebody who wants to do something with one that is not their own.
pub(crate) async fn shared_session(
    ctx: &Ctx,
    me: UserId,
    id: SessionId,
    act: SessionAct,
) -> Result<UserId> {
    let session = find_among_shared(ctx, me, id).await?.ok_or(NO_SESSION)?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let ways = store::team_agents::list_ways(&mut conn, me, session.agent).await?;
    let ways = ways.iter().filter(|way| way.owner == session.owner);
    let role = ways.map(|way| way.role).max().ok_or(NO_SESSION)?;
    let is_mine = session.started_by == Some(me);
    if !(session.is_test || is_mine) {
        let peers = store::team_agents::list_peers(&mut conn, me, session.agent).await?;
        if session.started_by.is_none_or(|starter| !peers.contains(&starter)) {
            return Err(NO_SESSION);
        }
    }
    let right = match act {
        SessionAct::Read => AgentRight::Read,
        SessionAct::Fork | SessionAct::Steer => AgentRight::Run,
        SessionAct::ForkChanged => AgentRight::Edit,
        SessionAct::Own => AgentRight::Own,
    };
    if !role.may(right) {
        return Err(Error::NotAllowed(right.refusal()));
    }
    if act == SessionAct::Steer && !is_mine && !role.may_manage() {
        return Err(Error::NotAllowed(
            "Only who started the session, an admin of the team, or the agent's owner may do this",
        ));
    }
    if act != SessionAct::Read {
        drop(conn);
        // What its owner has put into the trash, or erased, goes on for nobody else.
        let mut conn = ctx.backend().read_latest(session.owner).await?;
        let agent = store::agents::find(&mut conn, session.owner, session.agent).await?;
        agent.ok_or(NO_AGENT)?;
    }
    Ok(session.owner)
}

/// A session of one of the people whose agents the caller reaches, however many they are. Who is in no team
/// with an agent of others costs one look-up. Databases that are away are passed by: only where none of the
/// others has it, nobody knows whether it is there.
async fn find_among_shared(ctx: &Ctx, me: UserId, id: SessionId) -> Result<Option<OfOthers>> {
    let backend = ctx.backend();
    let mut conn = backend.catalogue_read_latest().await?;
    let people = store::team_agents::list_owners(&mut conn, me).await?;
    drop(conn);
    if people.is_empty() {
        return Ok(None);
    }
    backend.first_of(|shard| find_on(backend, shard, &people, id)).await
}

/// The same in one of the databases: in the one that takes the writes, since it is any of their owners' whose
/// writes the caller may have seen.
async fn find_on(
    backend: &Backend,
    shard: Shard,
    people: &[UserId],
    id: SessionId,
) -> Result<Option<OfOthers>> {
    let mut tx = backend.begin_on(shard).await?;
    Ok(store::sessions::find_of_others(&mut tx, people, id, backend.owners()).await?)
}

/// Whose agent it is and whose sessions of it the caller reads, where the agent is another's.
pub(crate) async fn shared_sessions_of(
    ctx: &Ctx,
    me: UserId,
    agent: AgentId,
) -> Result<Option<(UserId, Vec<UserId>)>> {
    let Some(reached) = shared_agent(ctx, me, agent, AgentRight::Read).await? else {
        return Ok(None);
    };
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let peers = store::team_agents::list_peers(&mut conn, me, agent).await?;
    Ok(Some((reached.owner, peers)))
}

#[cfg(test)]
mod tests;
