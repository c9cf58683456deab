//! The SQL of sessions.

mod lists;
mod of_others;
mod open;
mod pins;
mod thumbs;

use std::collections::HashMap;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::agent::{AgentSpec, Avatar, Limits};
use resonant_domain::money::MicroUsd;
use resonant_domain::origin::{Origin, OriginKind};
use resonant_domain::session::{CalledBy, Lineage, Priority, Session, SessionState, Usage};
use resonant_domain::thumb::Thumb;
use resonant_domain::variable::Values;
use resonant_domain::waiting::{Wait, WaitReason};
use resonant_domain::{AgentId, SessionId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

pub(super) use self::lists::GOAL_IN_LIST;
pub(crate) use self::lists::{SessionPosition, list, list_started};
pub(crate) use self::of_others::{OfOthers, find_of_others};
pub(crate) use self::open::{
    Open, find_open, is_cancel_asked, list_open, list_waiting, update_cancel_asked,
    update_cancel_asked_of_owner, update_reopened,
};
pub(crate) use self::pins::{find_pins, update_pins};
pub(crate) use self::thumbs::{lock_thumb, update_thumb};
use super::agent_versions::{number, stored};
use super::listing_runs::Ran;
use super::partitions::bounds;
use super::{known, unsigned};

/// A session with all that a worker needs to run it.
#[derive(Clone, Debug)]
pub(crate) struct Runnable {
    pub(crate) session: Session,
    pub(crate) spec: AgentSpec,
    pub(crate) is_cancel_asked: bool,
}

#[derive(sqlx::FromRow)]
pub(super) struct SessionRow {
    pub(super) owner_id: Uuid,
    pub(super) session_id: Uuid,
    pub(super) agent_id: Uuid,
    pub(super) agent_version: Option<i32>,
    pub(super) agent_name: String,
    pub(super) agent_avatar: Json<Avatar>,
    pub(super) goal: String,
    pub(super) context: Option<String>,
    pub(super) variables: Json<Values>,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) limits: Json<Limits>,
    pub(super) priority: i16,
    pub(super) run_at: Option<Timestamp>,
    pub(super) steps: i32,
    pub(super) input_tokens: i64,
    pub(super) output_tokens: i64,
    pub(super) cost_micro_usd: i64,
    pub(super) model: Option<String>,
    pub(super) waiting: Option<Json<WaitReason>>,
    pub(super) waiting_sequence: Option<i64>,
    pub(super) waiting_since: Option<Timestamp>,
    pub(super) waited_ms: i64,
    pub(super) is_test: bool,
    pub(super) parent_session_id: Option<Uuid>,
    pub(super) parent_step: Option<i32>,
    pub(super) caller_session_id: Option<Uuid>,
    pub(super) caller_call_id: Option<String>,
    pub(super) depth: i16,
    pub(super) started_by: Option<Uuid>,
    pub(super) origin: Option<String>,
    pub(super) origin_id: Option<Uuid>,
    pub(super) thumb: Option<i16>,
    pub(super) pins: Vec<i64>,
    pub(super) last_sequence: i64,
    pub(super) created_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) ended_at: Option<Timestamp>,
}

fn usage(input_tokens: i64, output_tokens: i64, cost_micro_usd: i64) -> Usage {
    Usage {
        input_tokens: unsigned(input_tokens),
        output_tokens: unsigned(output_tokens),
        cost: MicroUsd(cost_micro_usd),
    }
}

/// What began a session. A kind that only a later release knows says nothing here.
fn origin(kind: Option<&str>, id: Option<Uuid>) -> Option<Origin> {
    Some(Origin { kind: OriginKind::parse(kind?)?, id })
}

fn state(text: &str) -> sqlx::Result<SessionState> {
    known(SessionState::parse(text), "state")
}

impl TryFrom<SessionRow> for Session {
    type Error = sqlx::Error;

    fn try_from(row: SessionRow) -> sqlx::Result<Self> {
        let waiting = match (row.waiting, row.waiting_sequence, row.waiting_since) {
            (Some(Json(reason)), Some(sequence), Some(since)) => {
                Some(Wait { sequence, since: since.to_jiff(), reason })
            }
            _ => None,
        };
        Ok(Self {
            id: SessionId::from_uuid(row.session_id),
            owner_id: UserId::from_uuid(row.owner_id),
            agent_id: AgentId::from_uuid(row.agent_id),
            agent_version: row.agent_version.map(number),
            agent_name: row.agent_name,
            agent_avatar: row.agent_avatar.0,
            goal: row.goal,
            context: row.context,
            variables: row.variables.0,
            state: state(&row.state)?,
            reason: row.reason,
            limits: row.limits.0,
            priority: Priority::from_rank(row.priority),
            run_at: row.run_at.map(Timestamp::to_jiff),
            usage: usage(row.input_tokens, row.output_tokens, row.cost_micro_usd),
            steps: u32::try_from(row.steps).unwrap_or(0),
            model: row.model,
            waiting,
            waited_ms: unsigned(row.waited_ms),
            is_test: row.is_test,
            parent: row.parent_session_id.map(|id| Lineage {
                session_id: SessionId::from_uuid(id),
                step: row.parent_step.and_then(|step| u32::try_from(step).ok()).unwrap_or(0),
            }),
            called_by: row.caller_session_id.map(|id| CalledBy {
                session_id: SessionId::from_uuid(id),
                call_id: row.caller_call_id.unwrap_or_default(),
                depth: u32::try_from(row.depth).unwrap_or(0),
            }),
            started_by: row.started_by.map(UserId::from_uuid),
            origin: origin(row.origin.as_deref(), row.origin_id),
            thumb: row.thumb.and_then(Thumb::from_weight),
            pins: row.pins,
            last_sequence: row.last_sequence,
            created_at: row.created_at.to_jiff(),
            started_at: row.started_at.map(Timestamp::to_jiff),
            ended_at: row.ended_at.map(Timestamp::to_jiff),
        })
    }
}

#[tracing::instrument(name = "db.session.find", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
) -> sqlx::Result<Option<Session>> {
    sqlx::query_as!(
        SessionRow,
        r#"
        SELECT owner_id, session_id, agent_id, agent_version, agent_name,
               agent_avatar AS "agent_avatar: Json<Avatar>", goal, context,
               variables AS "variables: Json<Values>", state, reason,
               spec -> 'limits' AS "limits!: Json<Limits>", steps, input_tokens, output_tokens,
               cost_micro_usd, model, waiting AS "waiting: Json<WaitReason>", waiting_sequence,
               waiting_since, waited_ms, is_test, parent_session_id, parent_step, caller_session_id,
               caller_call_id, depth, started_by, thumb, pins, last_sequence, created_at, started_at,
               ended_at, priority, run_at, origin, origin_id
        FROM sessions
        WHERE owner_id = $1 AND session_id = $2
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?
    .map(Session::try_from)
    .transpose()
}

/// A session and its agent out of a row of either statement below.
macro_rules! runnable_of {
    ($row:ident) => {{
        let (spec, is_cancel_asked) = ($row.spec.0, $row.is_cancel_asked);
        let session = SessionRow {
            owner_id: $row.owner_id,
            session_id: $row.session_id,
            agent_id: $row.agent_id,
            agent_version: $row.agent_version,
            agent_name: $row.agent_name,
            agent_avatar: $row.agent_avatar,
            goal: $row.goal,
            context: $row.context,
            variables: $row.variables,
            state: $row.state,
            reason: $row.reason,
            limits: $row.limits,
            priority: $row.priority,
            run_at: $row.run_at,
            steps: $row.steps,
            input_tokens: $row.input_tokens,
            output_tokens: $row.output_tokens,
            cost_micro_usd: $row.cost_micro_usd,
            model: $row.model,
            waiting: $row.waiting,
            waiting_sequence: $row.waiting_sequence,
            waiting_since: $row.waiting_since,
            waited_ms: $row.waited_ms,
            is_test: $row.is_test,
            parent_session_id: $row.parent_session_id,
            parent_step: $row.parent_step,
            caller_session_id: $row.caller_session_id,
            caller_call_id: $row.caller_call_id,
            depth: $row.depth,
            started_by: $row.started_by,
            origin: $row.origin,
            origin_id: $row.origin_id,
            thumb: $row.thumb,
            pins: $row.pins,
            last_sequence: $row.last_sequence,
            created_at: $row.created_at,
            started_at: $row.started_at,
            ended_at: $row.ended_at,
        };
        Ok::<_, sqlx::Error>(Runnable { session: session.try_into()?, spec, is_cancel_asked })
    }};
}

/// Reads a session with the agent as it was when the session was asked for.
#[tracing::instrument(name = "db.session.find_runnable", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn find_runnable(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
) -> sqlx::Result<Option<Runnable>> {
    let row = sqlx::query!(
        r#"
        SELECT owner_id, session_id, agent_id, agent_version, agent_name,
               agent_avatar AS "agent_avatar: Json<Avatar>", goal, context,
               variables AS "variables: Json<Values>", state, reason,
               spec AS "spec: Json<AgentSpec>", spec -> 'limits' AS "limits!: Json<Limits>", steps,
               input_tokens, output_tokens, cost_micro_usd, model,
               waiting AS "waiting: Json<WaitReason>", waiting_sequence,
               waiting_since AS "waiting_since: Timestamp", is_test, waited_ms, parent_session_id,
               parent_step, caller_session_id, caller_call_id, depth, started_by, thumb, pins,
               last_sequence, created_at AS "created_at: Timestamp", started_at AS "started_at: Timestamp",
               ended_at AS "ended_at: Timestamp", is_cancel_asked, priority,
               run_at AS "run_at: Timestamp", origin, origin_id
        FROM sessions
        WHERE owner_id = $1 AND session_id = $2
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| runnable_of!(row)).transpose()
}

/// Reads several, of any owners. A cluster reads them one by one.
#[tracing::instrument(name = "db.session.list_runnable", skip_all, err(level = "debug"))]
pub(crate) async fn list_runnable(
    conn: &mut PgConnection,
    keys: &[(UserId, SessionId)],
) -> sqlx::Result<HashMap<SessionId, Runnable>> {
    let found = match keys {
        [] => Vec::new(),
        [(owner, id)] => find_runnable(conn, *owner, *id).await?.into_iter().collect(),
        [_, _, ..] => list_several(conn, keys).await?,
    };
    Ok(found.into_iter().map(|runnable| (runnable.session.id, runnable)).collect())
}

async fn list_several(
    conn: &mut PgConnection,
    keys: &[(UserId, SessionId)],
) -> sqlx::Result<Vec<Runnable>> {
    let owners: Vec<_> = keys.iter().map(|(owner, _)| owner.as_uuid()).collect();
    let ids: Vec<_> = keys.iter().map(|(_, id)| id.as_uuid()).collect();
    let (first, last) = bounds(&ids);
    let rows = sqlx::query!(
        r#"
        SELECT owner_id, session_id, agent_id, agent_version, agent_name,
               agent_avatar AS "agent_avatar: Json<Avatar>", goal, context,
               variables AS "variables: Json<Values>", state, reason,
               spec AS "spec: Json<AgentSpec>", spec -> 'limits' AS "limits!: Json<Limits>", steps,
               input_tokens, output_tokens, cost_micro_usd, model,
               waiting AS "waiting: Json<WaitReason>", waiting_sequence,
               waiting_since AS "waiting_since: Timestamp", is_test, waited_ms, parent_session_id,
               parent_step, caller_session_id, caller_call_id, depth, started_by, thumb, pins,
               last_sequence, created_at AS "created_at: Timestamp", started_at AS "started_at: Timestamp",
               ended_at AS "ended_at: Timestamp", is_cancel_asked, priority,
               run_at AS "run_at: Timestamp", origin, origin_id
        FROM sessions
        WHERE owner_id = ANY ($1) AND session_id = ANY ($2)
          AND session_id BETWEEN $3::UUID AND $4::UUID
        "#,
        &owners,
        &ids,
        first,
        last,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| runnable_of!(row)).collect()
}

/// Marks a session as running that a worker has taken after so long in the queue; `false` when it is over or
/// gone.
#[tracing::instrument(name = "db.session.update_running", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn update_running(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
    queued_ms: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE sessions
        SET state = 'running',
            waited_ms = waited_ms
                + CASE WHEN started_at IS NOT NULL AND told_end_at IS NULL THEN $3::BIGINT ELSE 0 END
        WHERE owner_id = $1 AND session_id = $2 AND ended_at IS NULL
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        queued_ms,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Reads a session, and keeps others from changing it or appending to its log.
#[tracing::instrument(name = "db.session.lock", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn lock(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
) -> sqlx::Result<Option<Session>> {
    // The columns of `find`, in another order: the plans of queries are told apart by how they begin.
    sqlx::query_as!(
        SessionRow,
        r#"
        SELECT owner_id, session_id, agent_id, agent_version, agent_name,
               agent_avatar AS "agent_avatar: Json<Avatar>", goal, context,
               variables AS "variables: Json<Values>", state, reason,
               spec -> 'limits' AS "limits!: Json<Limits>", steps, input_tokens, output_tokens,
               cost_micro_usd, model, waiting AS "waiting: Json<WaitReason>", waiting_sequence,
               waiting_since, is_test, waited_ms, parent_session_id, parent_step, caller_session_id,
               caller_call_id, depth, started_by, thumb, pins, last_sequence, created_at, started_at,
               ended_at, priority, run_at, origin, origin_id
        FROM sessions
        WHERE owner_id = $1 AND session_id = $2
        FOR UPDATE
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?
    .map(Session::try_from)
    .transpose()
}

/// Writes down a session that was asked for, with the agent as it is now and what that is of a listing.
#[tracing::instrument(name = "db.session.insert", skip_all, fields(session.id = %session.id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    session: &Session,
    spec: &AgentSpec,
    ran: Option<Ran>,
) -> sqlx::Result<()> {
    let callers = match &session.called_by {
        Some(by) => list_callers(&mut *conn, session.owner_id, by.session_id).await?,
        None => Vec::new(),
    };
    sqlx::query!(
        r#"
        INSERT INTO sessions (owner_id, session_id, agent_id, agent_name, agent_avatar, spec, goal,
                              context, state, created_at, agent_version, parent_session_id,
                              parent_step, caller_session_id, caller_call_id, depth, variables,
                              is_test, caller_agent_ids, started_by, listing_id,
                              listing_version, is_pristine, priority, run_at, origin, origin_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                $19, $20, $21, $22, $23, $24, $25, $26, $27)
        "#,
        session.owner_id.as_uuid(),
        session.id.as_uuid(),
        session.agent_id.as_uuid(),
        session.agent_name,
        Json(&session.agent_avatar) as _,
        Json(spec) as _,
        session.goal,
        session.context,
        session.state.as_str(),
        session.created_at.to_sqlx() as Timestamp,
        session.agent_version.map(stored),
        session.parent.map(|parent| parent.session_id.as_uuid()),
        session.parent.map(|parent| i32::try_from(parent.step).unwrap_or(i32::MAX)),
        session.called_by.as_ref().map(|by| by.session_id.as_uuid()),
        session.called_by.as_ref().map(|by| by.call_id.as_str()),
        session.called_by.as_ref().map_or(0, |by| i16::try_from(by.depth).unwrap_or(i16::MAX)),
        Json(&session.variables) as _,
        session.is_test,
        &callers,
        session.started_by.map(UserId::as_uuid),
        ran.map(|ran| ran.origin.listing.as_uuid()),
        ran.map(|ran| ran.origin.version),
        ran.map(|ran| ran.is_pristine),
        session.priority.rank(),
        session.run_at.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<Timestamp>,
        session.origin.map(|origin| origin.kind.as_str()),
        session.origin.and_then(|origin| origin.id),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The agents of a session that calls another one, and of those that called it.
#[tracing::instrument(name = "db.session.list_callers", skip_all, fields(session.id = %caller), err(level = "debug"))]
async fn list_callers(
    conn: &mut PgConnection,
    owner: UserId,
    caller: SessionId,
) -> sqlx::Result<Vec<Uuid>> {
    let row = sqlx::query!(
        "SELECT agent_id, caller_agent_ids FROM sessions WHERE owner_id = $1 AND session_id = $2",
        owner.as_uuid(),
        caller.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(Vec::new()) };
    let mut agents = row.caller_agent_ids;
    if !agents.contains(&row.agent_id) {
        agents.push(row.agent_id);
    }
    Ok(agents)
}
