//! The SQL that starts the sessions of a test run: however many cases it has, one statement for each table.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::agent::AgentSpec;
use resonant_domain::variable::Values;
use resonant_domain::{SessionId, UserId};
use resonant_runtime::trace::{TraceParent, kept_request};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::agent_versions::stored;
use super::test_sets::Run;

/// The session of a case.
pub(crate) struct NewTestSession {
    pub(crate) id: SessionId,
    /// The agent as it runs there, with the prompt that the case's values fill.
    pub(crate) spec: AgentSpec,
    pub(crate) goal: String,
    pub(crate) context: Option<String>,
    pub(crate) variables: Values,
}

/// Writes the sessions of a run down, in the order of its cases, queues them and wakes a worker when the
/// transaction commits.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    (owner, started_by): (UserId, Option<UserId>),
    run: &Run,
    priority: i16,
    sessions: &[NewTestSession],
) -> sqlx::Result<()> {
    let ids: Vec<_> = sessions.iter().map(|session| session.id.as_uuid()).collect();
    insert_sessions(&mut *conn, (owner, started_by), run, priority, sessions, &ids).await?;
    insert_entries(&mut *conn, owner, run, priority, &ids).await?;
    insert_results(conn, owner, run, &ids).await
}

#[tracing::instrument(name = "db.test_start.insert_sessions", skip_all, fields(test_run.id = %run.id), err(level = "debug"))]
async fn insert_sessions(
    conn: &mut PgConnection,
    (owner, started_by): (UserId, Option<UserId>),
    run: &Run,
    priority: i16,
    sessions: &[NewTestSession],
    ids: &[Uuid],
) -> sqlx::Result<()> {
    let specs: Vec<_> = sessions.iter().map(|session| Json(&session.spec)).collect();
    let goals: Vec<_> = sessions.iter().map(|session| session.goal.clone()).collect();
    let contexts: Vec<_> = sessions.iter().map(|session| session.context.clone()).collect();
    let variables: Vec<_> = sessions.iter().map(|session| Json(&session.variables)).collect();
    sqlx::query!(
        r#"
        INSERT INTO sessions (owner_id, session_id, agent_id, agent_name, agent_avatar, spec, goal,
                              context, state, created_at, agent_version, variables, is_test,
                              started_by, priority, origin)
        SELECT $1, new.session_id, $2, $3, $4, new.spec, new.goal, new.context, 'queued', $5, $6,
               new.variables, TRUE, $7, $8, 'test'
        FROM unnest($9::UUID[], $10::JSONB[], $11::TEXT[], $12::TEXT[], $13::JSONB[])
             AS new (session_id, spec, goal, context, variables)
        "#,
        owner.as_uuid(),
        run.agent_id.as_uuid(),
        run.spec.name,
        Json(&run.spec.avatar) as _,
        run.started_at.to_sqlx() as Timestamp,
        run.agent_version.map(stored),
        started_by.map(UserId::as_uuid),
        priority,
        ids,
        &specs as &[Json<&AgentSpec>],
        &goals,
        &contexts as &[Option<String>],
        &variables as &[Json<&Values>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[tracing::instrument(name = "db.test_start.insert_entries", skip_all, fields(test_run.id = %run.id), err(level = "debug"))]
async fn insert_entries(
    conn: &mut PgConnection,
    owner: UserId,
    run: &Run,
    priority: i16,
    ids: &[Uuid],
) -> sqlx::Result<()> {
    sqlx::query_scalar!(
        r#"
        WITH queued AS (
            INSERT INTO session_queue (owner_id, session_id, agent_id, priority, run_at, fence,
                                       traceparent, request_id)
            SELECT $1, new.session_id, $2, $3, now(), nextval('session_fence_seq'), $4, $6
            FROM unnest($5::UUID[]) AS new (session_id)
            RETURNING fence
        )
        SELECT count(*) AS "count!" FROM queued, pg_notify('resonant_queue', '')
        "#,
        owner.as_uuid(),
        run.agent_id.as_uuid(),
        priority,
        TraceParent::kept().map(|place| place.to_string()),
        ids,
        kept_request(),
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

#[tracing::instrument(name = "db.test_start.insert_results", skip_all, fields(test_run.id = %run.id), err(level = "debug"))]
async fn insert_results(
    conn: &mut PgConnection,
    owner: UserId,
    run: &Run,
    ids: &[Uuid],
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO test_results (owner_id, test_run_id, position, session_id)
        SELECT $1, $2, (new.number - 1)::INTEGER, new.session_id
        FROM unnest($3::UUID[]) WITH ORDINALITY AS new (session_id, number)
        "#,
        owner.as_uuid(),
        run.id.as_uuid(),
        ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}
