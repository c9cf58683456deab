//! The SQL of the runs of test sets, and of what came of each case.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::agent::AgentSpec;
use resonant_domain::money::MicroUsd;
use resonant_domain::test_set::{CaseOutcome, RunSummary, TestCase};
use resonant_domain::{AgentId, SessionId, TestRunId, TestSetId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::Wide;
use crate::store::agent_versions::{number, stored};
use crate::store::shards::Owners;

/// The newest of which runs is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Newest {
    /// Of all.
    OfAll,
    /// Of those of the draft.
    OfDraft,
}

/// A run with what it was made of.
pub(crate) struct Run {
    pub(crate) id: TestRunId,
    pub(crate) test_set_id: TestSetId,
    pub(crate) agent_id: AgentId,
    pub(crate) agent_version: Option<u32>,
    pub(crate) spec: AgentSpec,
    pub(crate) cases: Vec<TestCase>,
    pub(crate) started_at: jiff::Timestamp,
    pub(crate) ended_at: Option<jiff::Timestamp>,
}

impl Run {
    /// What it came to, before its outcomes are counted.
    pub(crate) fn summary(&self) -> RunSummary {
        RunSummary {
            id: self.id,
            agent_version: self.agent_version,
            started_at: self.started_at,
            ended_at: self.ended_at,
            cases: 0,
            passed: 0,
            failed: 0,
            cost: MicroUsd(0),
            duration_ms: 0,
        }
    }
}

/// What is known of a case of a run.
pub(crate) struct TestResult {
    pub(crate) run_id: TestRunId,
    pub(crate) position: i32,
    pub(crate) session_id: SessionId,
    pub(crate) judge_ids: Vec<SessionId>,
    pub(crate) outcome: Option<CaseOutcome>,
}

#[tracing::instrument(name = "db.test_run.insert", skip_all, fields(test_run.id = %run.id), err(level = "debug"))]
pub(crate) async fn insert_run(
    conn: &mut PgConnection,
    owner: UserId,
    run: &Run,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO test_runs (owner_id, test_run_id, test_set_id, agent_version, spec, cases,
                               started_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        "#,
        owner.as_uuid(),
        run.id.as_uuid(),
        run.test_set_id.as_uuid(),
        run.agent_version.map(stored),
        Json(&run.spec) as _,
        Json(&run.cases) as _,
        run.started_at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct RunRow {
    test_run_id: Uuid,
    test_set_id: Uuid,
    agent_id: Uuid,
    agent_version: Option<i32>,
    spec: Option<Json<AgentSpec>>,
    cases: Json<Vec<TestCase>>,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
}

impl From<RunRow> for Run {
    fn from(row: RunRow) -> Self {
        Self {
            id: TestRunId::from_uuid(row.test_run_id),
            test_set_id: TestSetId::from_uuid(row.test_set_id),
            agent_id: AgentId::from_uuid(row.agent_id),
            agent_version: row.agent_version.map(number),
            spec: row.spec.map(|spec| spec.0).unwrap_or_default(),
            cases: row.cases.0,
            started_at: row.started_at.to_jiff(),
            ended_at: row.ended_at.map(Timestamp::to_jiff),
        }
    }
}

#[tracing::instrument(name = "db.test_run.find", skip_all, fields(test_run.id = %id), err(level = "debug"))]
pub(crate) async fn find_run(
    conn: &mut PgConnection,
    owner: UserId,
    id: TestRunId,
    wide: Wide,
) -> sqlx::Result<Option<Run>> {
    let row = sqlx::query_as!(
        RunRow,
        r#"
        SELECT r.test_run_id, r.test_set_id, s.agent_id, r.agent_version,
               CASE WHEN $3 THEN r.spec END AS "spec?: Json<AgentSpec>",
               CASE WHEN $4 THEN r.cases ELSE '[]' END AS "cases!: Json<Vec<TestCase>>",
               r.started_at, r.ended_at
        FROM test_runs r
        JOIN test_sets s ON s.owner_id = r.owner_id AND s.test_set_id = r.test_set_id
        WHERE r.owner_id = $1 AND r.test_run_id = $2 AND s.owner_id = $1
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        wide.spec,
        wide.cases,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Run::from))
}

/// Reads a run and keeps others from deciding its cases until the transaction ends.
#[tracing::instrument(name = "db.test_run.lock", skip_all, fields(test_run.id = %id), err(level = "debug"))]
pub(crate) async fn lock_run(
    conn: &mut PgConnection,
    owner: UserId,
    id: TestRunId,
) -> sqlx::Result<Option<Run>> {
    let row = sqlx::query_as!(
        RunRow,
        r#"
        SELECT r.test_run_id, r.test_set_id, s.agent_id, r.agent_version,
               r.spec AS "spec?: Json<AgentSpec>", r.cases AS "cases: Json<Vec<TestCase>>",
               r.started_at, r.ended_at
        FROM test_runs r
        JOIN test_sets s ON s.owner_id = r.owner_id AND s.test_set_id = r.test_set_id
        WHERE r.owner_id = $1 AND r.test_run_id = $2 AND s.owner_id = $1
        FOR UPDATE OF r
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Run::from))
}

/// The runs of a set, the newest first.
#[tracing::instrument(name = "db.test_run.list", skip_all, fields(test_set.id = %set), err(level = "debug"))]
pub(crate) async fn list_runs(
    conn: &mut PgConnection,
    owner: UserId,
    set: TestSetId,
    before: Option<TestRunId>,
    limit: i64,
    wide: Wide,
) -> sqlx::Result<Vec<Run>> {
    let before = before.map_or(Uuid::max(), TestRunId::as_uuid);
    let rows = sqlx::query_as!(
        RunRow,
        r#"
        SELECT r.test_run_id, r.test_set_id, s.agent_id, r.agent_version,
               CASE WHEN $5 THEN r.spec END AS "spec?: Json<AgentSpec>",
               CASE WHEN $6 THEN r.cases ELSE '[]' END AS "cases!: Json<Vec<TestCase>>",
               r.started_at, r.ended_at
        FROM test_runs r
        JOIN test_sets s ON s.owner_id = r.owner_id AND s.test_set_id = r.test_set_id
        WHERE r.owner_id = $1 AND r.test_set_id = $2 AND r.test_run_id < $3 AND s.owner_id = $1
        ORDER BY r.test_run_id DESC
        LIMIT $4
        "#,
        owner.as_uuid(),
        set.as_uuid(),
        before,
        limit,
        wide.spec,
        wide.cases,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Run::from).collect())
}

/// The newest run of each set of an agent.
#[tracing::instrument(name = "db.test_run.list_newest", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn list_newest_runs(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    which: Newest,
    wide: Wide,
) -> sqlx::Result<Vec<Run>> {
    let rows = sqlx::query_as!(
        RunRow,
        r#"
        SELECT DISTINCT ON (r.test_set_id)
               r.test_run_id, r.test_set_id, s.agent_id, r.agent_version,
               CASE WHEN $3 THEN r.spec END AS "spec?: Json<AgentSpec>",
               CASE WHEN $4 THEN r.cases ELSE '[]' END AS "cases!: Json<Vec<TestCase>>",
               r.started_at, r.ended_at
        FROM test_runs r
        JOIN test_sets s ON s.owner_id = r.owner_id AND s.test_set_id = r.test_set_id
        WHERE r.owner_id = $1 AND s.owner_id = $1 AND s.agent_id = $2
          AND (NOT $5::BOOLEAN OR r.agent_version IS NULL)
        ORDER BY r.test_set_id, r.test_run_id DESC
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        wide.spec,
        wide.cases,
        which == Newest::OfDraft,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Run::from).collect())
}

/// Runs that are under way, over all owners, the one that began first first.
#[tracing::instrument(name = "db.test_run.list_open", skip_all, err(level = "debug"))]
pub(crate) async fn list_open_runs(
    conn: &mut PgConnection,
    owners: Owners,
    limit: i64,
) -> sqlx::Result<Vec<(UserId, TestRunId)>> {
    let rows = sqlx::query!(
        r#"
        SELECT owner_id, test_run_id
        FROM test_runs
        WHERE ended_at IS NULL AND (NOT $1::BOOLEAN OR is_owner_held(owner_id))
        ORDER BY started_at
        LIMIT $2
        "#,
        owners.are_held(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (UserId::from_uuid(row.owner_id), TestRunId::from_uuid(row.test_run_id)))
        .collect())
}

#[tracing::instrument(name = "db.test_run.update_ended", skip_all, fields(test_run.id = %id), err(level = "debug"))]
pub(crate) async fn update_run_ended(
    conn: &mut PgConnection,
    owner: UserId,
    id: TestRunId,
    at: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE test_runs SET ended_at = $3 WHERE owner_id = $1 AND test_run_id = $2",
        owner.as_uuid(),
        id.as_uuid(),
        at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How much is read of what came of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcomes {
    /// All of it.
    Whole,
    /// Without the answer and what each check found: enough to count.
    Counted,
}

/// What is known of the cases of these runs, in their order.
#[tracing::instrument(name = "db.test_result.list", skip_all, err(level = "debug"))]
pub(crate) async fn list_results(
    conn: &mut PgConnection,
    owner: UserId,
    runs: &[TestRunId],
    outcomes: Outcomes,
) -> sqlx::Result<Vec<TestResult>> {
    let runs: Vec<_> = runs.iter().map(|run| run.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"
        SELECT test_run_id, position, session_id, judge_ids,
               CASE WHEN $3 THEN outcome ELSE outcome || '{"answer": "", "checks": []}' END
                   AS "outcome?: Json<CaseOutcome>"
        FROM test_results
        WHERE owner_id = $1 AND test_run_id = ANY ($2)
        ORDER BY test_run_id, position
        "#,
        owner.as_uuid(),
        &runs,
        outcomes == Outcomes::Whole,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| TestResult {
            run_id: TestRunId::from_uuid(row.test_run_id),
            position: row.position,
            session_id: SessionId::from_uuid(row.session_id),
            judge_ids: row.judge_ids.into_iter().map(SessionId::from_uuid).collect(),
            outcome: row.outcome.map(|outcome| outcome.0),
        })
        .collect())
}

/// Writes who judges a case, or how it was decided.
#[tracing::instrument(name = "db.test_result.update", skip_all, fields(test_run.id = %result.run_id), err(level = "debug"))]
pub(crate) async fn update_result(
    conn: &mut PgConnection,
    owner: UserId,
    result: &TestResult,
) -> sqlx::Result<()> {
    let judges: Vec<_> = result.judge_ids.iter().map(|judge| judge.as_uuid()).collect();
    sqlx::query!(
        r#"
        UPDATE test_results SET judge_ids = $4, outcome = $5
        WHERE owner_id = $1 AND test_run_id = $2 AND position = $3
        "#,
        owner.as_uuid(),
        result.run_id.as_uuid(),
        result.position,
        &judges,
        result.outcome.as_ref().map(Json) as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
