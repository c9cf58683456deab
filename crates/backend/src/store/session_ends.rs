//! The SQL of ends that no worker writes: of any number of an owner's sessions by the same statements.

use std::collections::HashMap;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::money::MicroUsd;
use resonant_domain::session::{SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::{AgentId, SessionId, UserId};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::partitions::bounds;
use super::session_events::storable;
use super::{signed, unsigned};

/// What must be known of a session to end it.
#[derive(Debug)]
pub(crate) struct Idle {
    pub(crate) id: SessionId,
    pub(crate) agent_id: AgentId,
    /// The session that wants its answer.
    pub(crate) caller: Option<SessionId>,
    /// The sessions that it has called and waits for.
    pub(crate) called: Vec<SessionId>,
    pub(crate) usage: Usage,
    pub(crate) started_at: Option<jiff::Timestamp>,
    /// Since when it waits for somebody.
    pub(crate) waiting_since: Option<jiff::Timestamp>,
    /// For how long it did so before, in all its rounds and between them.
    pub(crate) waited_ms: u64,
}

/// Reads what must be known of these sessions to end them, without what is wide in them.
#[tracing::instrument(name = "db.session_end.list_idle", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_idle(
    conn: &mut PgConnection,
    owner: UserId,
    ids: &[SessionId],
) -> sqlx::Result<Vec<Idle>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let (first, last) = bounds(&ids);
    let rows = sqlx::query!(
        r#"
        SELECT session_id, agent_id, caller_session_id, input_tokens, output_tokens, cost_micro_usd,
               started_at, waiting_since, waited_ms,
               CASE WHEN waiting ->> 'for' = 'agents' THEN ARRAY(
                   SELECT (call ->> 'session_id')::UUID
                   FROM jsonb_array_elements(waiting -> 'calls') AS call
               ) END AS "called: Vec<Uuid>"
        FROM sessions
        WHERE owner_id = $1 AND session_id = ANY ($2) AND session_id BETWEEN $3 AND $4
        "#,
        owner.as_uuid(),
        &ids,
        first,
        last,
    )
    .fetch_all(conn)
    .await?;
    let idle = rows.into_iter().map(|row| Idle {
        id: SessionId::from_uuid(row.session_id),
        agent_id: AgentId::from_uuid(row.agent_id),
        caller: row.caller_session_id.map(SessionId::from_uuid),
        called: row.called.into_iter().flatten().map(SessionId::from_uuid).collect(),
        usage: Usage {
            input_tokens: unsigned(row.input_tokens),
            output_tokens: unsigned(row.output_tokens),
            cost: MicroUsd(row.cost_micro_usd),
        },
        started_at: row.started_at.map(Timestamp::to_jiff),
        waiting_since: row.waiting_since.map(Timestamp::to_jiff),
        waited_ms: unsigned(row.waited_ms),
    });
    Ok(idle.collect())
}

/// What became of a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallStage {
    /// A model has asked for it.
    Asked,
    /// It must not be made twice, and begins.
    Begun,
    /// It asks a person for more first, and has done nothing.
    Asks,
    /// It has its result.
    Answered,
}

/// What an entry of a log tells of whoever ends the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Something of a tool call.
    Call(CallEntry),
    /// A step begins.
    Step(jiff::Timestamp),
    /// What stands before it happened in another session.
    Fork,
    /// A round is over.
    Done {
        /// For how long it worked in this round.
        worked_ms: u64,
    },
}

/// What an entry of a log tells of a tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallEntry {
    pub(crate) stage: CallStage,
    pub(crate) step: u32,
    pub(crate) call_id: String,
    /// The tool's name, where it tells one.
    pub(crate) tool: String,
}

/// Lists what the logs of these sessions tell of tool calls and rounds, each in its order. Neither what the
/// calls were made with is read nor what came of them; an entry that cannot be read is left out.
#[tracing::instrument(name = "db.session_end.list_entries", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_entries(
    conn: &mut PgConnection,
    owner: UserId,
    ids: &[SessionId],
) -> sqlx::Result<Vec<(SessionId, Entry)>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let (first, last) = bounds(&ids);
    let rows = sqlx::query!(
        r#"
        SELECT session_id, kind, at,
               coalesce(body ->> 'step', body #>> '{reason,step}') AS step,
               coalesce(body ->> 'call_id', body #>> '{reason,call_id}') AS call_id,
               body ->> 'tool' AS tool, body ->> 'duration_ms' AS duration_ms
        FROM session_events
        WHERE owner_id = $1 AND session_id = ANY ($2) AND session_id BETWEEN $3 AND $4
          AND (kind IN ('tool_call', 'tool_start', 'tool_result', 'step_start', 'fork', 'done')
               OR (kind = 'waiting' AND body #> '{reason,by}' IS NOT NULL))
        ORDER BY session_id, sequence
        "#,
        owner.as_uuid(),
        &ids,
        first,
        last,
    )
    .fetch_all(conn)
    .await?;
    let entries = rows.into_iter().filter_map(|row| {
        let stage = match row.kind.as_str() {
            "tool_call" => Some(CallStage::Asked),
            "tool_start" => Some(CallStage::Begun),
            "tool_result" => Some(CallStage::Answered),
            "waiting" => Some(CallStage::Asks),
            _ => None,
        };
        let entry = match (stage, row.kind.as_str()) {
            (Some(stage), _) => Entry::Call(CallEntry {
                stage,
                step: row.step?.parse().ok()?,
                call_id: row.call_id?,
                tool: row.tool.unwrap_or_default(),
            }),
            (None, "step_start") => Entry::Step(row.at.to_jiff()),
            (None, "fork") => Entry::Fork,
            (None, _) => Entry::Done { worked_ms: row.duration_ms?.parse().ok()? },
        };
        Some((SessionId::from_uuid(row.session_id), entry))
    });
    Ok(entries.collect())
}

/// The end of a session that is held under a fence.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) id: SessionId,
    pub(crate) fence: i64,
    /// What its log ends with.
    pub(crate) entries: Vec<EventBody>,
}

/// Ends sessions: appends to their logs and does all that [`append`](super::session_events::append) does
/// at an end, to all of them by one statement. Answers what was written of those that were held under their
/// fences and were not over; to the others nothing was done.
#[tracing::instrument(
    name = "db.session_end.append",
    skip_all,
    fields(owner.id = %owner, sessions = ends.len()),
    err
)]
#[expect(clippy::too_many_lines, reason = "it is one statement, which reads best in one piece")]
pub(crate) async fn append(
    conn: &mut PgConnection,
    owner: UserId,
    ends: Vec<End>,
    (state, reason): (SessionState, Option<&str>),
    at: jiff::Timestamp,
) -> sqlx::Result<Vec<(SessionId, Vec<SessionEvent>)>> {
    let (mut ids, mut fences, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    // Each entry with its session, and how many of the same come after it.
    let (mut of, mut later, mut kinds, mut bodies) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut written = HashMap::with_capacity(ends.len());
    for End { id, fence, entries } in ends {
        let count = entries.len();
        let mut stored = Vec::with_capacity(count);
        for (number, entry) in entries.into_iter().enumerate() {
            let (entry, body) =
                storable(entry).map_err(|source| sqlx::Error::Encode(source.into()))?;
            of.push(id.as_uuid());
            later.push(signed((count - number - 1) as u64));
            kinds.push(entry.name());
            bodies.push(body);
            stored.push(entry);
        }
        ids.push(id.as_uuid());
        fences.push(fence);
        counts.push(signed(count as u64));
        written.insert(id.as_uuid(), stored);
    }
    let (first, last) = bounds(&ids);
    let rows = sqlx::query!(
        r#"
        WITH held AS (
            SELECT q.owner_id, q.session_id, given.entries
            FROM session_queue q
            JOIN unnest($2::UUID[], $3::BIGINT[], $4::BIGINT[])
                AS given (session_id, fence, entries)
                ON given.session_id = q.session_id AND given.fence = q.fence
            WHERE q.owner_id = $1 AND q.session_id = ANY ($2)
            FOR UPDATE OF q
        ), session AS (
            UPDATE sessions s
            SET last_sequence = s.last_sequence + held.entries,
                state = $5,
                reason = coalesce($6, s.reason),
                ended_at = $7::TIMESTAMPTZ,
                told_end_at = $7::TIMESTAMPTZ,
                waiting = NULL,
                waiting_sequence = NULL,
                waiting_since = NULL,
                waited_ms = s.waited_ms + CASE WHEN s.waiting_since IS NOT NULL
                    THEN greatest(extract(epoch FROM $7 - s.waiting_since) * 1000, 0)::BIGINT
                    ELSE 0
                END + CASE WHEN s.told_end_at IS NOT NULL
                    THEN greatest(floor(extract(epoch FROM $7 - s.told_end_at) * 1000), 0)::BIGINT
                    ELSE 0
                END
            FROM held
            WHERE s.owner_id = $1 AND s.session_id = ANY ($2) AND s.session_id = held.session_id
              AND s.session_id BETWEEN $12 AND $13 AND s.ended_at IS NULL
            RETURNING s.owner_id, s.session_id, s.agent_id, s.last_sequence, s.is_test, s.started_at,
                      s.cost_micro_usd, s.listing_id, s.listing_version, s.is_pristine, s.state,
                      s.reason, s.steps, s.input_tokens, s.output_tokens, s.model, s.waited_ms,
                      s.ended_at, s.thumb, s.pins
        ), written AS (
            INSERT INTO session_events (owner_id, session_id, sequence, at, kind, body)
            SELECT session.owner_id, session.session_id, session.last_sequence - entry.later, $7,
                   entry.kind, entry.body
            FROM session
            JOIN unnest($8::UUID[], $9::BIGINT[], $10::TEXT[], $11::JSONB[])
                AS entry (session_id, later, kind, body)
                ON entry.session_id = session.session_id
        ), ended AS (
            DELETE FROM session_queue q
            USING session
            WHERE q.owner_id = $1 AND q.session_id = session.session_id
        ), settled AS (
            DELETE FROM budget_reservations r
            USING session
            WHERE r.owner_id = $1 AND r.session_id = session.session_id
        ), told AS (
            -- As it ended: what becomes of it later is not told of this end.
            INSERT INTO webhook_deliveries (owner_id, delivery_id, webhook_id, session_id,
                                            next_attempt_at, created_at, ended)
            SELECT session.owner_id, gen_random_uuid(), w.webhook_id, session.session_id, $7, $7,
                   jsonb_build_object(
                       'state', session.state, 'reason', session.reason, 'steps', session.steps,
                       'input_tokens', session.input_tokens,
                       'output_tokens', session.output_tokens,
                       'cost_micro_usd', session.cost_micro_usd, 'model', session.model,
                       'waited_ms', session.waited_ms, 'last_sequence', session.last_sequence,
                       'started_at', session.started_at, 'ended_at', session.ended_at,
                       'thumb', session.thumb, 'pins', session.pins
                   )
            FROM session
            JOIN webhooks w ON w.owner_id = $1
                AND (w.agent_id IS NULL OR w.agent_id = session.agent_id)
            WHERE NOT session.is_test
        ), recorded AS (
            INSERT INTO listing_runs (owner_id, session_id, listing_id, version, is_changed,
                                      is_completed, took_ms, cost_micro_usd, ended_at)
            SELECT session.owner_id, session.session_id, session.listing_id,
                   coalesce(session.listing_version, 1), session.is_pristine IS NOT TRUE,
                   $5 = 'completed',
                   greatest(0, extract(epoch FROM $7 - coalesce(session.started_at, $7)) * 1000
                                   - session.waited_ms)::BIGINT,
                   session.cost_micro_usd, $7
            FROM session
            WHERE NOT session.is_test AND session.listing_id IS NOT NULL
              AND $5 IN ('completed', 'failed', 'timeout')
            ON CONFLICT (owner_id, session_id) DO UPDATE
            SET is_changed = excluded.is_changed, is_completed = excluded.is_completed,
                took_ms = excluded.took_ms, cost_micro_usd = excluded.cost_micro_usd,
                ended_at = excluded.ended_at
        )
        SELECT session_id AS "session_id!", last_sequence AS "last_sequence!" FROM session
        "#,
        owner.as_uuid(),
        &ids,
        &fences,
        &counts,
        state.as_str(),
        reason,
        at.to_sqlx() as Timestamp,
        &of,
        &later,
        &kinds as &[&str],
        &bodies as &[Value],
        first,
        last,
    )
    .fetch_all(conn)
    .await?;
    let done = rows.into_iter().map(|row| {
        let entries = written.remove(&row.session_id).unwrap_or_default();
        let first = row.last_sequence - signed(entries.len() as u64) + 1;
        let events = (first..).zip(entries);
        let events = events.map(|(sequence, body)| SessionEvent { sequence, at, body });
        (SessionId::from_uuid(row.session_id), events.collect())
    });
    Ok(done.collect())
}
