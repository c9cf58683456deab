//! The SQL of test sets.

mod runs;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::test_set::{TestCase, TestSet};
use resonant_domain::{AgentId, TestSetId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

pub(crate) use self::runs::{
    Newest, Outcomes, Run, TestResult, find_run, insert_run, list_newest_runs, list_open_runs,
    list_results, list_runs, lock_run, update_result, update_run_ended,
};

/// Which wide columns are read, of test sets or of runs. The others are left empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide {
    pub(crate) cases: bool,
    /// The agent that a run tests.
    pub(crate) spec: bool,
}

impl Wide {
    /// All that a set or a run is.
    pub(crate) const WHOLE: Self = Self { cases: true, spec: true };
    /// What is no text.
    pub(crate) const NARROW: Self = Self { cases: false, spec: false };
}

pub(super) struct SetRow {
    pub(super) test_set_id: Uuid,
    pub(super) agent_id: Uuid,
    pub(super) name: String,
    pub(super) cases: Json<Vec<TestCase>>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

impl From<SetRow> for TestSet {
    fn from(row: SetRow) -> Self {
        Self {
            id: TestSetId::from_uuid(row.test_set_id),
            agent_id: AgentId::from_uuid(row.agent_id),
            name: row.name,
            cases: row.cases.0,
            created_at: row.created_at.to_jiff(),
            updated_at: row.updated_at.to_jiff(),
            last_run: None,
        }
    }
}

/// Lists at most `limit` of an agent's test sets behind `after`, the oldest first.
#[tracing::instrument(name = "db.test_set.list", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    after: Option<TestSetId>,
    limit: i64,
    wide: Wide,
) -> sqlx::Result<Vec<TestSet>> {
    let rows = sqlx::query_as!(
        SetRow,
        r#"
        SELECT test_set_id, agent_id, name,
               CASE WHEN $5 THEN cases ELSE '[]' END AS "cases!: Json<Vec<TestCase>>", created_at,
               updated_at
        FROM test_sets
        WHERE owner_id = $1 AND agent_id = $2 AND test_set_id > $3 AND deleted_at IS NULL
        ORDER BY test_set_id
        LIMIT $4
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        after.map_or(Uuid::nil(), TestSetId::as_uuid),
        limit,
        wide.cases,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(TestSet::from).collect())
}

/// All test sets of an agent, the oldest first.
pub(crate) async fn list_all(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
) -> sqlx::Result<Vec<TestSet>> {
    list(conn, owner, agent, None, i64::MAX, Wide::WHOLE).await
}

#[tracing::instrument(name = "db.test_set.find", skip_all, fields(test_set.id = %id), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    id: TestSetId,
    wide: Wide,
) -> sqlx::Result<Option<TestSet>> {
    let row = sqlx::query_as!(
        SetRow,
        r#"
        SELECT test_set_id, agent_id, name,
               CASE WHEN $4 THEN cases ELSE '[]' END AS "cases!: Json<Vec<TestCase>>", created_at,
               updated_at
        FROM test_sets
        WHERE owner_id = $1 AND agent_id = $2 AND test_set_id = $3 AND deleted_at IS NULL
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        id.as_uuid(),
        wide.cases,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(TestSet::from))
}

/// Keeps a test set unless its agent has `max` of them already: then `false`.
#[tracing::instrument(name = "db.test_set.insert", skip_all, fields(test_set.id = %set.id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    set: &TestSet,
    max: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        INSERT INTO test_sets (owner_id, test_set_id, agent_id, name, cases, created_at, updated_at)
        SELECT $1, $2, $3, $4, $5, $6, $6
        WHERE (
            SELECT count(*) FROM test_sets
            WHERE owner_id = $1 AND agent_id = $3 AND deleted_at IS NULL
        ) < $7
        "#,
        owner.as_uuid(),
        set.id.as_uuid(),
        set.agent_id.as_uuid(),
        set.name,
        Json(&set.cases) as _,
        set.created_at.to_sqlx() as Timestamp,
        max,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Writes name and cases of a test set.
#[tracing::instrument(name = "db.test_set.update", skip_all, fields(test_set.id = %set.id), err(level = "debug"))]
pub(crate) async fn update(
    conn: &mut PgConnection,
    owner: UserId,
    set: &TestSet,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE test_sets SET name = $3, cases = $4, updated_at = $5
        WHERE owner_id = $1 AND test_set_id = $2
        "#,
        owner.as_uuid(),
        set.id.as_uuid(),
        set.name,
        Json(&set.cases) as _,
        set.updated_at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether versions of the agent are held back until its test sets pass.
#[tracing::instrument(name = "db.test_set.find_policy", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn find_policy(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
) -> sqlx::Result<bool> {
    let requires = sqlx::query_scalar!(
        "SELECT requires_tests FROM agents WHERE owner_id = $1 AND agent_id = $2",
        owner.as_uuid(),
        agent.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(requires.unwrap_or_default())
}

#[tracing::instrument(name = "db.test_set.update_policy", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn update_policy(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    requires_tests: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE agents SET requires_tests = $3 WHERE owner_id = $1 AND agent_id = $2",
        owner.as_uuid(),
        agent.as_uuid(),
        requires_tests,
    )
    .execute(conn)
    .await?;
    Ok(())
}
