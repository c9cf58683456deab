//! Agents as programs want them: many at once, in an order of their own, some fields, or with their
//! sessions. Each is one statement, however many agents and sessions it answers with.

use std::collections::HashMap;
use std::sync::Arc;

use resonant_domain::agent::{Agent, AgentStatus};
use resonant_domain::agent_list::TEXT_MAX;
use resonant_domain::agent_record::{AgentBatch, AgentRecord};
use resonant_domain::api_key::Scope;
use resonant_domain::fields::Fields;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::session::SessionSummary;
use resonant_domain::text::check_text;
use resonant_domain::{AgentId, FieldFault, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::NOT_FOUND;
use crate::cache::agent::{AgentEntry, AgentKey};
use crate::store::agent_lists::{ListKey, ListPosition};
use crate::store::agent_records::{self, Selection, Wide};
use crate::store::agents::AgentPosition;
use crate::{Ctx, Document, Error, Result, access, store};

/// The most agents that are asked for by their ids at once.
pub const BATCH_MAX: usize = 100;
/// How far a page may begin behind the first agent when it is named by an offset.
pub const OFFSET_MAX: u32 = 10_000;
/// The most sessions that come with one agent, the newest ones.
pub const SESSIONS_MAX: u32 = 10;

/// What is wanted of each agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// These fields.
    pub fields: Fields<Agent>,
    /// Its newest sessions too.
    pub sessions: bool,
}

/// Which agents are wanted, in which order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordQuery {
    /// Of this status alone.
    pub status: Option<AgentStatus>,
    /// Whose name holds this text, letter case aside; at most [`TEXT_MAX`] characters.
    pub name: Option<String>,
    /// In this order.
    pub order: AgentOrder,
    /// Which page.
    pub page: PageRequest,
    /// How many agents to pass over, in place of a cursor: at most [`OFFSET_MAX`].
    pub offset: Option<u32>,
    /// What of each.
    pub wanted: Wanted,
}

/// The order of a list of agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AgentOrder {
    /// By this.
    pub by: OrderBy,
    /// The newest, the last in the alphabet, or the one with the most first.
    pub is_descending: bool,
}

/// What orders agents. Those that are alike in it are ordered by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrderBy {
    /// When it was made.
    CreatedAt,
    /// When it last changed.
    UpdatedAt,
    /// Its name, letter case aside.
    Name,
    /// How many sessions of it were ever started.
    Runs,
    /// How its sessions were liked: thumbs up less thumbs down.
    Rating,
}

impl OrderBy {
    /// Every one, by the word for it in requests.
    const WORDS: [(&'static str, Self); 5] = [
        ("created_at", Self::CreatedAt),
        ("updated_at", Self::UpdatedAt),
        ("name", Self::Name),
        ("runs", Self::Runs),
        ("rating", Self::Rating),
    ];

    fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(own, _)| *own == word).map(|(_, by)| *by)
    }
}

impl Default for AgentOrder {
    /// The one that changed last first.
    fn default() -> Self {
        Self { by: OrderBy::UpdatedAt, is_descending: true }
    }
}

impl AgentOrder {
    /// Reads an order such as `created_at DESC`; without a direction it goes upwards.
    pub fn parse(text: &str) -> Result<Self, FieldFault> {
        let mut words = text.split_ascii_whitespace().map(str::to_ascii_lowercase);
        let by = words.next().as_deref().and_then(OrderBy::parse);
        let is_descending = match words.next().as_deref() {
            None | Some("asc") => Some(false),
            Some("desc") => Some(true),
            Some(_) => None,
        };
        match (by, is_descending, words.next()) {
            (Some(by), Some(is_descending), None) => Ok(Self { by, is_descending }),
            _ => Err(FieldFault::new(
                "order_by",
                "must be created_at, updated_at, name, runs or rating, followed by ASC or DESC",
            )),
        }
    }
}

/// A place in a list as its cursor holds it: the usual list goes on where [`super::page_after`] does.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Mark {
    At(AgentPosition),
    By(ListPosition),
}

impl From<ListPosition> for Mark {
    fn from(position: ListPosition) -> Self {
        match position.key {
            ListKey::Updated(updated_at) => Self::At(AgentPosition { updated_at, id: position.id }),
            ListKey::Name(_) | ListKey::Runs(_) | ListKey::Liking(_) => Self::By(position),
        }
    }
}

impl From<Mark> for ListPosition {
    fn from(mark: Mark) -> Self {
        match mark {
            Mark::At(AgentPosition { updated_at, id }) => {
                Self { key: ListKey::Updated(updated_at), id }
            }
            Mark::By(position) => position,
        }
    }
}

/// Lists the caller's agents.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::Invalid`] for a name, limit, cursor or
/// offset that cannot be used.
#[tracing::instrument(name = "agents.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, query: RecordQuery) -> Result<Page<AgentRecord>> {
    let owner = may_read(ctx, &query.wanted)?;
    let limit = query.page.checked_limit()?;
    let offset = checked_offset(&query)?;
    let (status, order, name) = (query.status, query.order, checked_name(&query)?);
    let cursors = ctx.backend().cursors().await?;
    // The usual list has the usual cursors.
    let scope = match name {
        None if order == AgentOrder::default() => json!(["agents", owner, status]),
        None => json!(["agents", owner, status, order]),
        Some(name) => json!(["agents", owner, status, order, name]),
    };
    let after: Option<Mark> = cursors.open(&scope, query.page.cursor.as_deref())?;

    let selection = Selection {
        status,
        name: name.map(str::to_owned),
        order,
        after: after.map(ListPosition::from),
        offset: i64::from(offset),
        limit: i64::from(limit) + 1,
    };
    let mut conn = ctx.backend().read(owner).await?;
    let found = agent_records::list(&mut conn, owner, &selection, wide(&query.wanted)).await?;
    drop(conn);
    let Page { items, next_cursor } =
        cursors.page(&scope, limit, found, |(_, place)| Mark::from(place.clone()))?;
    let items = items.into_iter().map(|(found, _)| record(&query.wanted, found)).collect();
    Ok(Page { items, next_cursor })
}

/// Reads the agents of these ids, at most [`BATCH_MAX`]: the caller's, and those that others share with them.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::Invalid`] for too many ids.
#[tracing::instrument(name = "agents.find", level = "debug", parent = ctx.span(), skip_all)]
pub async fn find(ctx: &Ctx, ids: &[AgentId], wanted: &Wanted) -> Result<AgentBatch> {
    let owner = may_read(ctx, wanted)?;
    check_count(ids)?;
    let mut conn = ctx.backend().read(owner).await?;
    let found = agent_records::find(&mut conn, owner, ids, wide(wanted)).await?;
    drop(conn);
    let mut by_id: HashMap<AgentId, _> =
        found.into_iter().map(|found| (found.0.id, found)).collect();
    let absent: Vec<_> = ids.iter().filter(|id| !by_id.contains_key(*id)).copied().collect();
    let shared = Box::pin(shared(ctx, owner, &absent)).await?;
    let mut started = if wanted.sessions && !shared.is_empty() {
        Box::pin(started(ctx, owner, &absent)).await?
    } else {
        HashMap::new()
    };
    for agent in shared {
        let agent = agent.value().clone();
        let sessions = started.remove(&agent.id).unwrap_or_default();
        by_id.insert(agent.id, (agent, sessions));
    }
    let (mut agents, mut missing) = (Vec::with_capacity(ids.len()), Vec::new());
    for id in ids {
        match by_id.remove(id) {
            Some(found) => agents.push(record(wanted, found)),
            None => missing.push(*id),
        }
    }
    Ok(AgentBatch { agents, missing })
}

/// Those of these agents that others share with the caller.
async fn shared(ctx: &Ctx, me: UserId, ids: &[AgentId]) -> Result<Vec<Arc<Document<Agent>>>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let backend = ctx.backend();
    let mut conn = backend.catalogue_read_latest().await?;
    let reached = store::team_agents::list_owners_of(&mut conn, me, ids).await?;
    drop(conn);
    let keys: Vec<_> = reached.into_iter().map(|(owner, id)| AgentKey(owner, id)).collect();
    let found = backend.cache().get_many::<AgentEntry>(backend, &keys).await?;
    Ok(found.into_iter().flatten().collect())
}

/// The newest sessions of those of these agents that others share with the caller: of each those that people of
/// its teams started, who are other ones for each agent. Whoever they are is told by one statement, and their
/// sessions by one for each owner.
async fn started(
    ctx: &Ctx,
    me: UserId,
    ids: &[AgentId],
) -> Result<HashMap<AgentId, Vec<SessionSummary>>> {
    let backend = ctx.backend();
    let mut conn = backend.catalogue_read_latest().await?;
    let reached = store::team_agents::list_peers_of(&mut conn, me, ids).await?;
    drop(conn);
    let mut by_owner: HashMap<UserId, Vec<_>> = HashMap::new();
    for (owner, agent, people) in reached {
        by_owner.entry(owner).or_default().push((agent, people));
    }
    let mut found = HashMap::new();
    for (owner, shared) in by_owner {
        let mut conn = backend.read(owner).await?;
        found.extend(agent_records::list_started(&mut conn, owner, &shared, SESSIONS_MAX).await?);
    }
    Ok(found)
}

/// Reads one agent of the caller, or one that is shared with them.
///
/// # Errors
/// Those of [`find`]; [`Error::NotFound`].
#[tracing::instrument(name = "agents.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, id: AgentId, wanted: &Wanted) -> Result<AgentRecord> {
    if wanted.sessions {
        return find(ctx, &[id], wanted).await?.agents.pop().ok_or(NOT_FOUND);
    }
    // Who asks for a part of an agent asks again: what is kept answers, whole or not.
    let agent = super::get(ctx, id).await?;
    Ok(record(wanted, (agent, Vec::new())))
}

/// Whole agents that were asked for by their ids.
#[derive(Debug)]
pub struct AgentDocuments {
    agents: Vec<Arc<Document<Agent>>>,
    missing: Vec<AgentId>,
}

impl AgentDocuments {
    /// The JSON of an [`AgentBatch`] of them, put together from the JSON of each.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        let jsons: Vec<_> = self.agents.iter().map(|agent| agent.json()).collect();
        let size = jsons.iter().map(|json| json.len() + 1).sum::<usize>();
        let mut text = Vec::with_capacity(size + 40 * self.missing.len() + 32);
        text.extend_from_slice(b"{\"agents\":[");
        text.extend_from_slice(&jsons.join(&b','));
        text.extend_from_slice(b"],\"missing\":[");
        let missing: Vec<_> = self.missing.iter().map(|id| format!("\"{id}\"")).collect();
        text.extend_from_slice(missing.join(",").as_bytes());
        text.extend_from_slice(b"]}");
        text
    }
}

/// Reads the agents of these ids whole, at most [`BATCH_MAX`]: the caller's, and those that others share with
/// them.
///
/// # Errors
/// Those of [`find`].
#[tracing::instrument(name = "agents.documents", level = "debug", parent = ctx.span(), skip_all)]
pub async fn documents(ctx: &Ctx, ids: &[AgentId]) -> Result<AgentDocuments> {
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    check_count(ids)?;
    let keys: Vec<_> = ids.iter().map(|id| AgentKey(owner, *id)).collect();
    let backend = ctx.backend();
    let mut found = backend.cache().get_many::<AgentEntry>(backend, &keys).await?;
    let absent = |found: &[Option<Arc<_>>]| -> Vec<_> {
        let named = ids.iter().zip(found);
        named.filter(|(_, agent)| agent.is_none()).map(|(id, _)| *id).collect()
    };
    for shared in Box::pin(shared(ctx, owner, &absent(&found))).await? {
        if let Some(at) = ids.iter().position(|id| *id == shared.value().id) {
            found[at] = Some(shared);
        }
    }
    let missing = absent(&found);
    Ok(AgentDocuments { agents: found.into_iter().flatten().collect(), missing })
}

fn check_count(ids: &[AgentId]) -> Result<()> {
    if ids.is_empty() || ids.len() > BATCH_MAX {
        return Err(Error::field("ids", format!("must be 1 to {BATCH_MAX} ids")));
    }
    Ok(())
}

fn may_read(ctx: &Ctx, wanted: &Wanted) -> Result<UserId> {
    if wanted.sessions {
        access::with_scope(ctx, Scope::SessionsRead)?;
    }
    access::with_scope(ctx, Scope::AgentsRead)
}

/// What names are to hold; nothing where it is blank.
fn checked_name(query: &RecordQuery) -> Result<Option<&str>> {
    let name = query.name.as_deref().unwrap_or_default();
    let mut faults = Vec::new();
    check_text(&mut faults, "name", name, 0, TEXT_MAX);
    if faults.is_empty() {
        Ok(Some(name.trim()).filter(|name| !name.is_empty()))
    } else {
        Err(faults.into())
    }
}

fn checked_offset(query: &RecordQuery) -> Result<u32> {
    match query.offset {
        None => Ok(0),
        Some(_) if query.page.cursor.is_some() => {
            Err(Error::field("offset", "must not stand beside a cursor"))
        }
        Some(offset) if offset <= OFFSET_MAX => Ok(offset),
        Some(_) => {
            let reason = format!("must be at most {OFFSET_MAX}; go on by next_cursor from there");
            Err(Error::field("offset", reason))
        }
    }
}

/// What must be fetched for it.
fn wide(wanted: &Wanted) -> Wide {
    let has = |name| wanted.fields.has(name);
    Wide {
        system_prompt: has("system_prompt"),
        settings: has("model_policy") || has("tools") || has("limits") || has("variables"),
        sessions: if wanted.sessions { SESSIONS_MAX } else { 0 },
    }
}

fn record(wanted: &Wanted, (agent, sessions): (Agent, Vec<SessionSummary>)) -> AgentRecord {
    AgentRecord { agent: wanted.fields.of(agent), sessions: wanted.sessions.then_some(sessions) }
}

#[cfg(test)]
mod tests;
