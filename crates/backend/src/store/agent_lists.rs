//! The SQL of lists of agents: any window of a list in any of its orders, by the index alone until
//! the window is found, so that a jump into the middle of a million reads no agent before it.
//!
//! The statements are put together, because order, direction and filters multiply; values are bound.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::agent::{AgentStatus, AgentSummary, Avatar};
use resonant_domain::agent_list::{AgentLine, AgentQuery, AgentSort};
use resonant_domain::{AgentId, UserId};
use sqlx::types::{Json, Uuid};
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};

use super::{known, unsigned};

/// Where an agent stands in a list: the value that the list is sorted by, and its id.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct ListPosition {
    pub(crate) key: ListKey,
    pub(crate) id: AgentId,
}

/// The value that a list is sorted by.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum ListKey {
    /// Whichever instant the list goes by.
    Updated(jiff::Timestamp),
    Name(String),
    Runs(i64),
    Liking(i64),
}

/// The positions of the first and the last agent of a window.
type Ends = (ListPosition, ListPosition);

/// Which way a window is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Forwards,
    Backwards,
}

/// A window: so many agents beyond `from`, then at most `limit`.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    pub(crate) way: Way,
    pub(crate) from: Option<ListPosition>,
    pub(crate) skip: i64,
    pub(crate) limit: i64,
}

/// The columns of an order and whether it goes downwards.
const fn order(sort: AgentSort) -> (&'static str, bool) {
    match sort {
        AgentSort::Updated => ("updated_at", true),
        AgentSort::Name => ("name_key", false),
        AgentSort::Runs => ("run_count", true),
        AgentSort::Rating => ("liking", true),
    }
}

/// Escapes what LIKE gives a meaning to.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.trim().to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

pub(super) fn push_filter(sql: &mut QueryBuilder<Postgres>, owner: UserId, query: &AgentQuery) {
    sql.push(" FROM agents WHERE owner_id = ").push_bind(owner.as_uuid());
    sql.push(" AND deleted_at IS NULL");
    if let Some(status) = query.status {
        sql.push(" AND status = ").push_bind(status.as_str());
    }
    if let Some(text) = query.text.as_deref().filter(|text| !text.trim().is_empty()) {
        sql.push(" AND name_key LIKE ").push_bind(pattern(text));
    }
}

/// Restricts to what stands beyond a position; `is_greater` in the sense of the index's values.
pub(super) fn push_beyond(
    sql: &mut QueryBuilder<Postgres>,
    column: &str,
    is_greater: bool,
    from: ListPosition,
) {
    let sign = if is_greater { ") > (" } else { ") < (" };
    sql.push(" AND (").push(column).push(", agent_id").push(sign);
    match from.key {
        ListKey::Updated(at) => sql.push_bind(at.to_sqlx()),
        ListKey::Name(name) => sql.push_bind(name),
        ListKey::Runs(number) | ListKey::Liking(number) => sql.push_bind(number),
    };
    sql.push(", ").push_bind(from.id.as_uuid()).push(")");
}

pub(super) fn push_order(
    sql: &mut QueryBuilder<Postgres>,
    table: &str,
    column: &str,
    is_downwards: bool,
) {
    let way = if is_downwards { " DESC" } else { " ASC" };
    sql.push(" ORDER BY ").push(table).push(column).push(way);
    sql.push(", ").push(table).push("agent_id").push(way);
}

/// What lists are sorted by.
#[derive(FromRow)]
struct PlaceRow {
    agent_id: Uuid,
    name_key: String,
    updated_at: Timestamp,
    run_count: i64,
    liking: i64,
}

impl PlaceRow {
    fn position(&self, sort: AgentSort) -> ListPosition {
        let key = match sort {
            AgentSort::Updated => ListKey::Updated(self.updated_at.to_jiff()),
            AgentSort::Name => ListKey::Name(self.name_key.clone()),
            AgentSort::Runs => ListKey::Runs(self.run_count),
            AgentSort::Rating => ListKey::Liking(self.liking),
        };
        ListPosition { key, id: AgentId::from_uuid(self.agent_id) }
    }
}

#[derive(FromRow)]
struct LineRow {
    #[sqlx(flatten)]
    place: PlaceRow,
    name: String,
    description: String,
    avatar: Json<Avatar>,
    status: String,
    open_count: i64,
    created_at: Timestamp,
}

impl TryFrom<LineRow> for AgentLine {
    type Error = sqlx::Error;

    fn try_from(row: LineRow) -> sqlx::Result<Self> {
        Ok(Self {
            runs: unsigned(row.place.run_count),
            open: u32::try_from(row.open_count).unwrap_or(u32::MAX),
            summary: AgentSummary {
                id: AgentId::from_uuid(row.place.agent_id),
                name: row.name,
                description: row.description,
                avatar: row.avatar.0,
                status: known(AgentStatus::parse(&row.status), "status")?,
                created_at: row.created_at.to_jiff(),
                updated_at: row.place.updated_at.to_jiff(),
            },
        })
    }
}

const LINE: &str = "SELECT a.agent_id, a.name, a.name_key, a.description, a.avatar, a.status, \
    a.run_count, a.liking, a.created_at, a.updated_at, coalesce(open.count, 0) AS open_count";

/// The sessions of each agent that are not over: few, because the queue holds them alone.
fn push_open(sql: &mut QueryBuilder<Postgres>, owner: UserId) {
    sql.push(
        " LEFT JOIN (SELECT agent_id, count(*) AS count FROM sessions \
         WHERE session_id = ANY (ARRAY(SELECT session_id FROM session_queue WHERE owner_id = ",
    );
    sql.push_bind(owner.as_uuid());
    // Partitions from before the first of them stay closed.
    sql.push(")) AND session_id >= (SELECT session_id FROM session_queue WHERE owner_id = ");
    sql.push_bind(owner.as_uuid());
    sql.push(" ORDER BY session_id LIMIT 1) AND owner_id = ").push_bind(owner.as_uuid());
    sql.push(" GROUP BY agent_id) open ON open.agent_id = a.agent_id");
}

/// A window of a list with the positions of its first and its last agent.
#[tracing::instrument(name = "db.agent_list.window", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn window(
    conn: &mut PgConnection,
    owner: UserId,
    query: &AgentQuery,
    reach: Reach,
) -> sqlx::Result<(Vec<AgentLine>, Option<Ends>)> {
    let (column, is_downwards) = order(query.sort);
    let reads_downwards = is_downwards == (reach.way == Way::Forwards);
    let mut sql = QueryBuilder::new("WITH place AS MATERIALIZED (SELECT agent_id");
    push_filter(&mut sql, owner, query);
    if let Some(from) = reach.from {
        push_beyond(&mut sql, column, !reads_downwards, from);
    }
    push_order(&mut sql, "", column, reads_downwards);
    sql.push(" OFFSET ").push_bind(reach.skip).push(" LIMIT ").push_bind(reach.limit);
    sql.push(") ").push(LINE);
    sql.push(" FROM place JOIN agents a ON a.owner_id = ").push_bind(owner.as_uuid());
    sql.push(" AND a.agent_id = place.agent_id");
    push_open(&mut sql, owner);
    push_order(&mut sql, "a.", column, is_downwards);
    let rows: Vec<LineRow> = sql.build_query_as().fetch_all(conn).await?;
    let ends: Option<Ends> = rows
        .first()
        .zip(rows.last())
        .map(|(first, last)| (first.place.position(query.sort), last.place.position(query.sort)));
    let lines = rows.into_iter().map(AgentLine::try_from).collect::<sqlx::Result<_>>()?;
    Ok((lines, ends))
}

/// How many agents a list holds.
#[tracing::instrument(name = "db.agent_list.count", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn count(
    conn: &mut PgConnection,
    owner: UserId,
    query: &AgentQuery,
) -> sqlx::Result<u64> {
    let mut sql = QueryBuilder::new("SELECT count(*)");
    push_filter(&mut sql, owner, query);
    let count: i64 = sql.build_query_scalar().fetch_one(conn).await?;
    Ok(unsigned(count))
}

/// The position of the first agent of a list, in its order, whose name begins with `prefix`.
#[tracing::instrument(name = "db.agent_list.find_prefix", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn find_prefix(
    conn: &mut PgConnection,
    owner: UserId,
    query: &AgentQuery,
    prefix: &str,
) -> sqlx::Result<Option<ListPosition>> {
    let (column, is_downwards) = order(query.sort);
    let mut sql = QueryBuilder::new("SELECT agent_id, name_key, updated_at, run_count, liking");
    push_filter(&mut sql, owner, query);
    sql.push(" AND name_key LIKE ").push_bind(pattern(prefix).trim_start_matches('%').to_owned());
    push_order(&mut sql, "", column, is_downwards);
    sql.push(" LIMIT 1");
    let found: Option<PlaceRow> = sql.build_query_as().fetch_optional(conn).await?;
    Ok(found.map(|found| found.position(query.sort)))
}

/// How many agents of a list stand before a position.
#[tracing::instrument(name = "db.agent_list.count_before", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn count_before(
    conn: &mut PgConnection,
    owner: UserId,
    query: &AgentQuery,
    position: ListPosition,
) -> sqlx::Result<u64> {
    let (column, is_downwards) = order(query.sort);
    let mut sql = QueryBuilder::new("SELECT count(*)");
    push_filter(&mut sql, owner, query);
    push_beyond(&mut sql, column, is_downwards, position);
    let count: i64 = sql.build_query_scalar().fetch_one(conn).await?;
    Ok(unsigned(count))
}

/// The lines of the named agents, in no order; those that are not the owner's are left out.
#[tracing::instrument(name = "db.agent_list.list_named", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_named(
    conn: &mut PgConnection,
    owner: UserId,
    ids: &[AgentId],
) -> sqlx::Result<Vec<AgentLine>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let mut sql = QueryBuilder::new(LINE);
    sql.push(" FROM agents a");
    push_open(&mut sql, owner);
    sql.push(" WHERE a.owner_id = ").push_bind(owner.as_uuid());
    sql.push(" AND a.agent_id = ANY(").push_bind(ids).push(") AND a.deleted_at IS NULL");
    let rows: Vec<LineRow> = sql.build_query_as().fetch_all(conn).await?;
    rows.into_iter().map(AgentLine::try_from).collect()
}

/// Gives agents a status; answers those that had another one.
#[tracing::instrument(name = "db.agent_list.update_status", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn update_status(
    conn: &mut PgConnection,
    owner: UserId,
    ids: &[AgentId],
    status: AgentStatus,
    at: jiff::Timestamp,
) -> sqlx::Result<Vec<AgentId>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let changed = sqlx::query_scalar!(
        r#"
        UPDATE agents
        SET status = $3, revision = revision + 1, updated_at = $4
        WHERE owner_id = $1 AND agent_id = ANY($2) AND deleted_at IS NULL AND status <> $3
        RETURNING agent_id
        "#,
        owner.as_uuid(),
        &ids,
        status.as_str(),
        at.to_sqlx() as Timestamp,
    )
    .fetch_all(conn)
    .await?;
    Ok(changed.into_iter().map(AgentId::from_uuid).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_searched_for_as_it_stands() {
        assert_eq!(pattern(" 50%_\\ Off"), "%50\\%\\_\\\\ off%");
    }
}
