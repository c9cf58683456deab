//! The SQL of the session log.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::session::{SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::text::has_nul;
use resonant_domain::waiting::WaitReason;
use resonant_domain::{SessionId, UserId};
use serde::Deserialize as _;
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{signed, unsigned};

/// What the entries of one append change in their session's row.
#[derive(Debug, Default, PartialEq)]
struct Fold<'a> {
    model: Option<&'a str>,
    is_started: bool,
    steps: u32,
    /// Whether a step has come to its end.
    has_progressed: bool,
    waiting: Option<&'a WaitReason>,
    end: Option<(SessionState, Option<&'a str>)>,
}

impl<'a> Fold<'a> {
    fn of(entries: &'a [EventBody]) -> Self {
        let mut fold = Self::default();
        for entry in entries {
            match entry {
                EventBody::SessionStart { model, .. } => {
                    fold.model = Some(model);
                    fold.is_started = true;
                }
                EventBody::ModelChoice { choice, .. } => fold.model = Some(&choice.model),
                EventBody::StepStart { step, .. } => {
                    fold.steps = fold.steps.max(*step);
                    fold.is_started = true;
                }
                // The steps before it were begun in another session.
                EventBody::Fork { .. } => fold.is_started = false,
                EventBody::StepComplete { .. } => fold.has_progressed = true,
                EventBody::Waiting { reason } => fold.waiting = Some(reason),
                EventBody::Done { state, reason, .. } => {
                    fold.end = Some((*state, reason.as_deref()));
                }
                _ => {}
            }
        }
        fold
    }
}

/// Replaces NUL, which PostgreSQL's text and JSON cannot hold, by the character for what cannot be
/// shown.
fn without_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(without_nul),
        Value::Object(fields) => {
            if fields.keys().any(|key| key.contains('\0')) {
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(key, value)| (key.replace('\0', "\u{fffd}"), value))
                    .collect();
            }
            fields.values_mut().for_each(without_nul);
        }
        _ => {}
    }
}

/// An entry as the log can hold it, and its JSON.
pub(super) fn storable(entry: EventBody) -> serde_json::Result<(EventBody, Value)> {
    let mut body = serde_json::to_value(&entry)?;
    // Written for somebody, an event is without it.
    match &entry {
        EventBody::ToolCall { provider_data: Some(data), .. } => {
            body["provider_data"] = data.clone();
        }
        EventBody::Waiting { reason: WaitReason::Question { by: Some(by), .. } } => {
            body["reason"]["by"]["resume"] = by.resume.clone();
        }
        _ => {}
    }
    if has_nul(&body) {
        without_nul(&mut body);
        return Ok((EventBody::deserialize(&body)?, body));
    }
    Ok((entry, body))
}

/// What an append has written.
pub(crate) struct Appended {
    pub(crate) events: Vec<SessionEvent>,
    /// Whether the owner has set any budget: without one nothing need be set aside for what comes next.
    pub(crate) has_budgets: bool,
}

/// Appends entries as [`append_told`] does.
pub(crate) async fn append(
    conn: &mut PgConnection,
    key: (UserId, SessionId, i64),
    after: Option<i64>,
    entries: Vec<EventBody>,
    used: Usage,
    at: jiff::Timestamp,
) -> sqlx::Result<Option<Vec<SessionEvent>>> {
    let appended = append_told(conn, key, after, entries, used, at).await?;
    Ok(appended.map(|appended| appended.events))
}

/// Appends entries to the log of a session and folds them into its row, when the session is held
/// under `fence` and `after` is the number of its newest entry, where the caller names one. `None`:
/// it is not so, nothing was written.
///
/// What was used is counted against the budgets of the month in the same statement, and what was set
/// aside for it is free again. An end takes the session out of the queue, a pause takes it from its worker.
/// Webhooks are told of an end here, whoever ends it, so that none goes untold; what ran of a listing, as the
/// session itself says since it was asked for, is recorded, and one that goes on and ends again counts as it
/// ended last, with the work of all its rounds.
///
/// One statement, so that an append costs one round trip and is whole or not at all. The lock on the
/// queue's row comes first: whoever claims the session or ends it needs the same lock.
#[tracing::instrument(
    name = "db.session_event.append",
    skip_all,
    fields(session.id = %id, entries = entries.len()),
    err
)]
#[expect(clippy::too_many_lines, reason = "it is one statement, which reads best in one piece")]
pub(crate) async fn append_told(
    conn: &mut PgConnection,
    (owner, id, fence): (UserId, SessionId, i64),
    after: Option<i64>,
    entries: Vec<EventBody>,
    used: Usage,
    at: jiff::Timestamp,
) -> sqlx::Result<Option<Appended>> {
    let mut kinds = Vec::with_capacity(entries.len());
    let mut bodies = Vec::with_capacity(entries.len());
    let mut written = Vec::with_capacity(entries.len());
    for entry in entries {
        let (entry, body) = storable(entry).map_err(|source| sqlx::Error::Encode(source.into()))?;
        kinds.push(entry.name());
        bodies.push(body);
        written.push(entry);
    }
    let fold = Fold::of(&written);
    let count = signed(written.len() as u64);
    let state = match (fold.end, fold.waiting) {
        (Some((state, _)), _) => Some(state),
        (None, Some(_)) => Some(SessionState::Waiting),
        (None, None) => None,
    };
    let state = state.map(SessionState::as_str);
    let row = sqlx::query!(
        r#"
        WITH held AS (
            -- The fence of a pause is drawn here: a cluster draws none where what was found is handed on to
            -- a change.
            SELECT owner_id, session_id,
                   CASE WHEN $17::JSONB IS NOT NULL THEN nextval('session_fence_seq') END AS next_fence
            FROM session_queue
            WHERE owner_id = $1 AND session_id = $2 AND fence = $3
            FOR UPDATE
        ), session AS (
            UPDATE sessions s
            SET last_sequence = s.last_sequence + $4,
                model = coalesce($5, s.model),
                started_at = CASE WHEN $6 THEN coalesce(s.started_at, $7) ELSE s.started_at END,
                steps = greatest(s.steps, $8),
                input_tokens = s.input_tokens + $9,
                output_tokens = s.output_tokens + $10,
                cost_micro_usd = s.cost_micro_usd + $11,
                state = coalesce($12, s.state),
                reason = coalesce($13, s.reason),
                ended_at = CASE WHEN $16 THEN $7::TIMESTAMPTZ END,
                -- A session that is not over has it until a step begins, where it went on after an end: no work
                -- was done in between.
                told_end_at = CASE
                    WHEN $16 THEN $7::TIMESTAMPTZ
                    WHEN $6 THEN NULL
                    ELSE s.told_end_at
                END,
                waiting = CASE WHEN $16 THEN NULL ELSE coalesce($17, s.waiting) END,
                waiting_sequence = CASE
                    WHEN $16 THEN NULL
                    WHEN $17::JSONB IS NULL THEN s.waiting_sequence
                    ELSE s.last_sequence + $4
                END,
                waiting_since = CASE
                    WHEN $16 THEN NULL
                    WHEN $17::JSONB IS NULL THEN s.waiting_since
                    ELSE $7::TIMESTAMPTZ
                END,
                waited_ms = s.waited_ms + CASE WHEN $16 AND s.waiting_since IS NOT NULL
                    THEN greatest(extract(epoch FROM $7 - s.waiting_since) * 1000, 0)::BIGINT
                    ELSE 0
                END + CASE WHEN ($6 OR $16) AND s.told_end_at IS NOT NULL
                    THEN greatest(floor(extract(epoch FROM $7 - s.told_end_at) * 1000), 0)::BIGINT
                    ELSE 0
                END
            FROM held
            WHERE s.owner_id = $1 AND s.session_id = $2 AND s.session_id = held.session_id
              AND s.ended_at IS NULL AND ($18::BIGINT IS NULL OR s.last_sequence = $18)
            RETURNING s.owner_id, s.session_id, s.agent_id, s.caller_agent_ids, s.last_sequence,
                      s.is_test, s.started_at, s.cost_micro_usd, s.listing_id, s.listing_version,
                      s.is_pristine, s.state, s.reason, s.steps, s.input_tokens, s.output_tokens,
                      s.model, s.waited_ms, s.ended_at, s.thumb, s.pins, held.next_fence
        ), written AS (
            INSERT INTO session_events (owner_id, session_id, sequence, at, kind, body)
            SELECT session.owner_id, session.session_id,
                   session.last_sequence - $4 + entry.number, $7, entry.kind, entry.body
            FROM session,
                 unnest($14::TEXT[], $15::JSONB[]) WITH ORDINALITY AS entry (kind, body, number)
        ), ended AS (
            DELETE FROM session_queue q
            USING session
            WHERE q.owner_id = $1 AND q.session_id = session.session_id
              AND $16
        ), settled AS (
            DELETE FROM budget_reservations r
            USING session
            WHERE r.owner_id = $1 AND r.session_id = session.session_id
              AND ($9 + $10 > 0 OR $16 OR $17::JSONB IS NOT NULL)
        ), counted AS (
            INSERT INTO budget_use (owner_id, agent_id, month, tokens, micro_usd)
            SELECT DISTINCT session.owner_id, place.agent_id,
                   date_trunc('month', $7 AT TIME ZONE 'UTC')::DATE, $9 + $10, $11
            FROM session,
                 unnest(ARRAY[$19, session.agent_id] || session.caller_agent_ids) AS place (agent_id)
            WHERE $9 + $10 > 0
            ORDER BY place.agent_id
            ON CONFLICT (owner_id, agent_id, month) DO UPDATE
            SET tokens = budget_use.tokens + excluded.tokens,
                micro_usd = budget_use.micro_usd + excluded.micro_usd
        ), parked AS (
            UPDATE session_queue q
            SET is_parked = TRUE, lease_until = NULL, worker = NULL, attempts = 0,
                budget_waits = 0, last_error = NULL,
                owner_slot = NULL, agent_slot = NULL, fence = session.next_fence
            FROM session
            WHERE q.owner_id = $1 AND q.session_id = session.session_id
              AND $17::JSONB IS NOT NULL
        ), progressed AS (
            -- What went well since wipes out earlier losses of its worker.
            UPDATE session_queue q
            SET attempts = 1, budget_waits = 0, last_error = NULL
            FROM session
            WHERE q.owner_id = $1 AND q.session_id = session.session_id
              AND $20 AND (q.attempts > 1 OR q.budget_waits > 0 OR q.last_error IS NOT NULL)
              AND NOT $16 AND $17::JSONB IS NULL
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
            WHERE $16 AND NOT session.is_test
        ), recorded AS (
            INSERT INTO listing_runs (owner_id, session_id, listing_id, version, is_changed,
                                      is_completed, took_ms, cost_micro_usd, ended_at)
            SELECT session.owner_id, session.session_id, session.listing_id,
                   coalesce(session.listing_version, 1), session.is_pristine IS NOT TRUE,
                   $12 = 'completed',
                   greatest(0, extract(epoch FROM $7 - coalesce(session.started_at, $7)) * 1000
                                   - session.waited_ms)::BIGINT,
                   session.cost_micro_usd, $7
            FROM session
            WHERE $16 AND NOT session.is_test AND session.listing_id IS NOT NULL
              AND $12 IN ('completed', 'failed', 'timeout')
            ON CONFLICT (owner_id, session_id) DO UPDATE
            SET is_changed = excluded.is_changed, is_completed = excluded.is_completed,
                took_ms = excluded.took_ms, cost_micro_usd = excluded.cost_micro_usd,
                ended_at = excluded.ended_at
        )
        SELECT session.last_sequence,
               EXISTS (SELECT FROM budgets b WHERE b.owner_id = $1) AS "has_budgets!"
        FROM session
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        fence,
        count,
        fold.model,
        fold.is_started,
        at.to_sqlx() as Timestamp,
        i32::try_from(fold.steps).unwrap_or(i32::MAX),
        signed(used.input_tokens),
        signed(used.output_tokens),
        used.cost.0,
        state,
        fold.end.and_then(|(_, reason)| reason),
        &kinds as &[&str],
        &bodies as &[Value],
        fold.end.is_some(),
        fold.waiting.map(Json) as _,
        after,
        super::budgets::ALL_AGENTS,
        fold.has_progressed,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let events = (row.last_sequence - count + 1..)
            .zip(written)
            .map(|(sequence, body)| SessionEvent { sequence, at, body })
            .collect();
        Appended { events, has_budgets: row.has_budgets }
    }))
}

/// Lists at most `limit` entries after the one numbered `after`, in order.
#[tracing::instrument(name = "db.session_event.list", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<SessionEvent>> {
    let rows = sqlx::query!(
        r#"
        SELECT sequence, at, body AS "body: Json<EventBody>"
        FROM session_events
        WHERE owner_id = $1 AND session_id = $2 AND sequence > $3
        ORDER BY sequence
        LIMIT $4
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        after,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| SessionEvent { sequence: row.sequence, at: row.at.to_jiff(), body: row.body.0 })
        .collect())
}

/// How much people have said to a session, in bytes, with the material.
#[tracing::instrument(name = "db.session_event.count_said", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn count_said(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
) -> sqlx::Result<u64> {
    let bytes = sqlx::query_scalar!(
        r#"
        SELECT coalesce(
                   sum(octet_length(body ->> 'text') + coalesce(octet_length(body ->> 'context'), 0)),
                   0
               )::BIGINT AS "bytes!"
        FROM session_events
        WHERE owner_id = $1 AND session_id = $2 AND kind = 'message'
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok(unsigned(bytes))
}

/// Which of these entries say what a step came to: its end, and the results of its calls.
#[tracing::instrument(name = "db.session_event.list_outcomes", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn list_outcomes(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
    step: u32,
    among: &[i64],
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"
        SELECT sequence
        FROM session_events
        WHERE owner_id = $1 AND session_id = $2 AND sequence = ANY($3)
          AND kind IN ('step_complete', 'tool_result') AND (body ->> 'step')::BIGINT = $4
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        among,
        i64::from(step),
    )
    .fetch_all(conn)
    .await
}
