//! The SQL of schedules.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::agent::AgentSpec;
use resonant_domain::schedule::Schedule;
use resonant_domain::variable::Values;
use resonant_domain::{AgentId, ScheduleId, SessionId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::counted::{self, Counted};
use super::shards::Owners;

/// Which wide columns are read. The others are left empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide {
    pub(crate) goal: bool,
    /// The context and the variables.
    pub(crate) context: bool,
}

impl Wide {
    /// All that a schedule is, without the agent that it runs.
    pub(crate) const WHOLE: Self = Self { goal: true, context: true };
}

/// A schedule with the agent that it runs.
pub(crate) struct Fixed {
    pub(crate) owner_id: UserId,
    pub(crate) schedule: Schedule,
    pub(crate) spec: AgentSpec,
}

/// A schedule of which the agent's name alone is read.
struct NamedRow {
    schedule_id: Uuid,
    agent_id: Uuid,
    agent_name: String,
    agent_version: Option<i32>,
    agent_revision: i64,
    cron: String,
    time_zone: String,
    goal: String,
    context: Option<String>,
    variables: Json<Values>,
    next_run_at: Option<Timestamp>,
    last_run_at: Option<Timestamp>,
    last_session_id: Option<Uuid>,
    last_error: Option<String>,
    created_at: Timestamp,
}

impl From<NamedRow> for Schedule {
    fn from(row: NamedRow) -> Self {
        Self {
            id: ScheduleId::from_uuid(row.schedule_id),
            agent_id: AgentId::from_uuid(row.agent_id),
            agent_name: row.agent_name,
            agent_version: row.agent_version.and_then(|number| u32::try_from(number).ok()),
            agent_revision: row.agent_revision,
            cron: row.cron,
            time_zone: row.time_zone,
            goal: row.goal,
            context: row.context,
            variables: row.variables.0,
            is_enabled: row.next_run_at.is_some(),
            next_run_at: row.next_run_at.map(Timestamp::to_jiff),
            last_run_at: row.last_run_at.map(Timestamp::to_jiff),
            last_session_id: row.last_session_id.map(SessionId::from_uuid),
            last_error: row.last_error,
            created_at: row.created_at.to_jiff(),
        }
    }
}

struct ScheduleRow {
    owner_id: Uuid,
    schedule_id: Uuid,
    agent_id: Uuid,
    agent_version: Option<i32>,
    agent_revision: i64,
    spec: Json<AgentSpec>,
    cron: String,
    time_zone: String,
    goal: String,
    context: Option<String>,
    variables: Json<Values>,
    next_run_at: Option<Timestamp>,
    last_run_at: Option<Timestamp>,
    last_session_id: Option<Uuid>,
    last_error: Option<String>,
    created_at: Timestamp,
}

impl From<ScheduleRow> for Fixed {
    fn from(row: ScheduleRow) -> Self {
        Self {
            owner_id: UserId::from_uuid(row.owner_id),
            schedule: Schedule::from(NamedRow {
                schedule_id: row.schedule_id,
                agent_id: row.agent_id,
                agent_name: row.spec.0.name.clone(),
                agent_version: row.agent_version,
                agent_revision: row.agent_revision,
                cron: row.cron,
                time_zone: row.time_zone,
                goal: row.goal,
                context: row.context,
                variables: row.variables,
                next_run_at: row.next_run_at,
                last_run_at: row.last_run_at,
                last_session_id: row.last_session_id,
                last_error: row.last_error,
                created_at: row.created_at,
            }),
            spec: row.spec.0,
        }
    }
}

/// Lists at most `limit` of an owner's schedules before `before`, the newest first.
#[tracing::instrument(name = "db.schedule.list", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    before: Option<ScheduleId>,
    limit: i64,
    wide: Wide,
) -> sqlx::Result<Vec<Schedule>> {
    let rows = sqlx::query_as!(
        NamedRow,
        r#"
        SELECT schedule_id, agent_id, spec ->> 'name' AS "agent_name!", agent_version, agent_revision,
               cron, time_zone, CASE WHEN $4 THEN goal ELSE '' END AS "goal!",
               CASE WHEN $5 THEN context END AS "context?",
               CASE WHEN $5 THEN variables ELSE '{}' END AS "variables!: Json<Values>", next_run_at,
               last_run_at, last_session_id, last_error, created_at
        FROM schedules
        WHERE owner_id = $1 AND schedule_id < $2
        ORDER BY schedule_id DESC
        LIMIT $3
        "#,
        owner.as_uuid(),
        before.map_or(Uuid::max(), ScheduleId::as_uuid),
        limit,
        wide.goal,
        wide.context,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Schedule::from).collect())
}

/// Reads a schedule.
#[tracing::instrument(name = "db.schedule.find", skip_all, fields(schedule.id = %id), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    id: ScheduleId,
    wide: Wide,
) -> sqlx::Result<Option<Schedule>> {
    let row = sqlx::query_as!(
        NamedRow,
        r#"
        SELECT schedule_id, agent_id, spec ->> 'name' AS "agent_name!", agent_version, agent_revision,
               cron, time_zone, CASE WHEN $3 THEN goal ELSE '' END AS "goal!",
               CASE WHEN $4 THEN context END AS "context?",
               CASE WHEN $4 THEN variables ELSE '{}' END AS "variables!: Json<Values>", next_run_at,
               last_run_at, last_session_id, last_error, created_at
        FROM schedules
        WHERE owner_id = $1 AND schedule_id = $2
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        wide.goal,
        wide.context,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Schedule::from))
}

/// Reads a schedule and keeps others from changing it until the transaction ends.
#[tracing::instrument(name = "db.schedule.lock", skip_all, fields(schedule.id = %id), err(level = "debug"))]
pub(crate) async fn lock(
    conn: &mut PgConnection,
    owner: UserId,
    id: ScheduleId,
) -> sqlx::Result<Option<Fixed>> {
    let row = sqlx::query_as!(
        ScheduleRow,
        r#"
        SELECT owner_id, schedule_id, agent_id, agent_version, agent_revision, spec AS "spec: Json<AgentSpec>",
               cron, time_zone, goal, context, variables AS "variables: Json<Values>", next_run_at, last_run_at, last_session_id,
               last_error, created_at
        FROM schedules
        WHERE owner_id = $1 AND schedule_id = $2
        FOR UPDATE
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Fixed::from))
}

/// Takes the schedule that has been due longest, past those that another process has taken.
#[tracing::instrument(name = "db.schedule.claim_due", skip_all, err(level = "debug"))]
pub(crate) async fn claim_due(
    conn: &mut PgConnection,
    now: jiff::Timestamp,
    owners: Owners,
) -> sqlx::Result<Option<Fixed>> {
    for (owner, id) in list_due(&mut *conn, now, owners).await? {
        let taken = lock_due(&mut *conn, owner, id, now).await?;
        if taken.is_some() {
            return Ok(taken);
        }
    }
    Ok(None)
}

/// The schedules that have been due longest. Rows of one owner alone can be locked in a cluster, so that
/// they are found first.
async fn list_due(
    conn: &mut PgConnection,
    now: jiff::Timestamp,
    owners: Owners,
) -> sqlx::Result<Vec<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        r#"
        SELECT owner_id, schedule_id
        FROM schedules
        WHERE next_run_at <= $1 AND (NOT $2::BOOLEAN OR is_owner_held(owner_id))
        ORDER BY next_run_at
        LIMIT 32
        "#,
        now.to_sqlx() as Timestamp,
        owners.are_held(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.owner_id, row.schedule_id)).collect())
}

/// Locks a schedule that is still due and that no other process has taken.
async fn lock_due(
    conn: &mut PgConnection,
    owner: Uuid,
    id: Uuid,
    now: jiff::Timestamp,
) -> sqlx::Result<Option<Fixed>> {
    let row = sqlx::query_as!(
        ScheduleRow,
        r#"
        SELECT owner_id, schedule_id, agent_id, agent_version, agent_revision, spec AS "spec: Json<AgentSpec>",
               cron, time_zone, goal, context, variables AS "variables: Json<Values>", next_run_at, last_run_at, last_session_id,
               last_error, created_at
        FROM schedules
        WHERE owner_id = $1 AND schedule_id = $2 AND next_run_at <= $3
        FOR UPDATE SKIP LOCKED
        "#,
        owner,
        id,
        now.to_sqlx() as Timestamp,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Fixed::from))
}

/// Keeps a schedule unless its owner has `max` of them already: then `false`.
#[tracing::instrument(name = "db.schedule.insert", skip_all, fields(schedule.id = %fixed.schedule.id), err(level = "debug"))]
pub(crate) async fn insert(conn: &mut PgConnection, fixed: &Fixed, max: i64) -> sqlx::Result<bool> {
    let schedule = &fixed.schedule;
    counted::lock(&mut *conn, Counted::Schedules, fixed.owner_id).await?;
    let done = sqlx::query!(
        r#"
        INSERT INTO schedules (owner_id, schedule_id, agent_id, agent_revision, spec, cron,
                               time_zone, goal, context, next_run_at, created_at, agent_version,
                               variables)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $13, $14
        WHERE (SELECT count(*) FROM schedules WHERE owner_id = $1) < $12
        "#,
        fixed.owner_id.as_uuid(),
        schedule.id.as_uuid(),
        schedule.agent_id.as_uuid(),
        schedule.agent_revision,
        Json(&fixed.spec) as _,
        schedule.cron,
        schedule.time_zone,
        schedule.goal,
        schedule.context,
        schedule.next_run_at.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<Timestamp>,
        schedule.created_at.to_sqlx() as Timestamp,
        max,
        schedule.agent_version.and_then(|number| i32::try_from(number).ok()),
        Json(&schedule.variables) as _,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Writes all that may change of a schedule that is locked.
#[tracing::instrument(name = "db.schedule.update", skip_all, fields(schedule.id = %fixed.schedule.id), err(level = "debug"))]
pub(crate) async fn update(conn: &mut PgConnection, fixed: &Fixed) -> sqlx::Result<()> {
    let schedule = &fixed.schedule;
    sqlx::query!(
        r#"
        UPDATE schedules
        SET agent_revision = $3, spec = $4, cron = $5, time_zone = $6, goal = $7,
            next_run_at = $8, last_run_at = $9, last_session_id = $10, last_error = $11,
            agent_version = $12, variables = $13, context = $14
        WHERE owner_id = $1 AND schedule_id = $2
        "#,
        fixed.owner_id.as_uuid(),
        schedule.id.as_uuid(),
        schedule.agent_revision,
        Json(&fixed.spec) as _,
        schedule.cron,
        schedule.time_zone,
        schedule.goal,
        schedule.next_run_at.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<Timestamp>,
        schedule.last_run_at.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<Timestamp>,
        schedule.last_session_id.map(SessionId::as_uuid),
        schedule.last_error,
        schedule.agent_version.and_then(|number| i32::try_from(number).ok()),
        Json(&schedule.variables) as _,
        schedule.context,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a schedule.
#[tracing::instrument(name = "db.schedule.delete", skip_all, fields(schedule.id = %id), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    owner: UserId,
    id: ScheduleId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM schedules WHERE owner_id = $1 AND schedule_id = $2",
        owner.as_uuid(),
        id.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
