//! The SQL of what is measured.

use std::collections::BTreeMap;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::distribution::Distribution;
use resonant_domain::metric::Family;
use sqlx::PgConnection;
use uuid::Uuid;

use super::queue::Slots;
use super::shards::Owners;
use super::{known, signed, unsigned};
use crate::metrics::Step;

/// What was measured of one label in one step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) at: jiff::Timestamp,
    pub(crate) family: Family,
    pub(crate) label: String,
    pub(crate) process: Uuid,
    pub(crate) distribution: Distribution,
}

impl Row {
    pub(crate) const fn new(
        at: jiff::Timestamp,
        family: Family,
        label: String,
        process: Uuid,
        distribution: Distribution,
    ) -> Self {
        Self { at, family, label, process, distribution }
    }
}

/// A stretch of time that is read from the rows of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) step: Step,
    pub(crate) from: jiff::Timestamp,
    pub(crate) to: jiff::Timestamp,
}

struct RawRow {
    at: Timestamp,
    family: String,
    label: String,
    process_id: Uuid,
    count: i64,
    sum: i64,
    max: i64,
    buckets: Vec<u8>,
}

impl TryFrom<RawRow> for Row {
    type Error = sqlx::Error;

    fn try_from(raw: RawRow) -> sqlx::Result<Self> {
        let family = Family::ALL.iter().copied().find(|family| family.as_str() == raw.family);
        Ok(Self {
            at: raw.at.to_jiff(),
            family: known(family, "family")?,
            label: raw.label,
            process: raw.process_id,
            distribution: Distribution {
                count: unsigned(raw.count),
                sum: unsigned(raw.sum),
                max: unsigned(raw.max),
                buckets: known(Distribution::decode_buckets(&raw.buckets), "buckets")?,
            },
        })
    }
}

/// Families that this release knows; a newer one may have written others.
fn known_families() -> Vec<String> {
    Family::ALL.iter().map(|family| family.as_str().to_owned()).collect()
}

/// Writes rows of minutes, as [`upsert_step`] does.
pub(crate) async fn upsert(conn: &mut PgConnection, rows: &[Row]) -> sqlx::Result<()> {
    upsert_step(conn, Step::Minute, rows).await
}

/// Writes rows over those that were there, unless those count more; the highest is the highest of both.
#[tracing::instrument(name = "db.metric.upsert", skip_all, fields(rows = rows.len()), err(level = "debug"))]
pub(crate) async fn upsert_step(
    conn: &mut PgConnection,
    step: Step,
    rows: &[Row],
) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let all =
        |value: fn(&Row) -> u64| rows.iter().map(|row| signed(value(row))).collect::<Vec<_>>();
    sqlx::query!(
        r#"
        INSERT INTO metric_rollups (step, at, family, label, process_id, count, sum, max, buckets)
        SELECT $1, to_timestamp(row.at), row.family, row.label, row.process_id, row.count, row.sum,
               row.max, row.buckets
        FROM unnest($2::BIGINT[], $3::TEXT[], $4::TEXT[], $5::UUID[], $6::BIGINT[], $7::BIGINT[],
                    $8::BIGINT[], $9::BYTEA[])
             AS row (at, family, label, process_id, count, sum, max, buckets)
        ORDER BY 3, 4, 2
        ON CONFLICT (step, family, label, at, process_id) DO UPDATE
        SET count = excluded.count, sum = excluded.sum,
            max = greatest(metric_rollups.max, excluded.max), buckets = excluded.buckets
        WHERE excluded.count >= metric_rollups.count
        "#,
        step.as_str(),
        &rows.iter().map(|row| row.at.as_second()).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.family.as_str().to_owned()).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.label.clone()).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.process).collect::<Vec<_>>(),
        &all(|row| row.distribution.count),
        &all(|row| row.distribution.sum),
        &all(|row| row.distribution.max),
        &rows.iter().map(|row| row.distribution.encode_buckets()).collect::<Vec<_>>(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists all rows of a stretch of time.
#[tracing::instrument(name = "db.metric.list_step", skip_all, err(level = "debug"))]
pub(crate) async fn list_step(
    conn: &mut PgConnection,
    step: Step,
    from: jiff::Timestamp,
    to: jiff::Timestamp,
) -> sqlx::Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        RawRow,
        r#"
        SELECT at AS "at: Timestamp", family, label, process_id, count, sum, max, buckets
        FROM metric_rollups
        WHERE step = $1 AND at >= $2 AND at < $3 AND family = ANY($4)
        "#,
        step.as_str(),
        from.to_sqlx() as Timestamp,
        to.to_sqlx() as Timestamp,
        &known_families(),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::try_from).collect()
}

/// Lists the rows of families as a whole.
#[tracing::instrument(name = "db.metric.list_wholes", skip_all, err(level = "debug"))]
pub(crate) async fn list_wholes(
    conn: &mut PgConnection,
    families: &[Family],
    segments: &[Segment],
) -> sqlx::Result<Vec<Row>> {
    let families: Vec<_> = families.iter().map(|family| family.as_str().to_owned()).collect();
    let (steps, from, to) = columns(segments);
    let rows = sqlx::query_as!(
        RawRow,
        r#"
        SELECT m.at AS "at: Timestamp", m.family, m.label, m.process_id, m.count, m.sum, m.max,
               m.buckets
        FROM unnest($1::TEXT[], $2::BIGINT[], $3::BIGINT[]) AS segment (step, begins, ends)
        CROSS JOIN LATERAL (
            -- Planned for one segment, of which two bounds are known: of a join they are not.
            SELECT r.at, r.family, r.label, r.process_id, r.count, r.sum, r.max, r.buckets
            FROM metric_rollups r
            WHERE r.step = segment.step AND r.at >= to_timestamp(segment.begins)
              AND r.at < to_timestamp(segment.ends) AND r.family = ANY($4) AND r.label = ''
            OFFSET 0
        ) AS m
        "#,
        &steps,
        &from,
        &to,
        &families,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::try_from).collect()
}

/// Lists the rows of families by label.
#[tracing::instrument(name = "db.metric.list_labels", skip_all, err(level = "debug"))]
pub(crate) async fn list_labels(
    conn: &mut PgConnection,
    families: &[Family],
    segments: &[Segment],
) -> sqlx::Result<Vec<Row>> {
    let families: Vec<_> = families.iter().map(|family| family.as_str().to_owned()).collect();
    let (steps, from, to) = columns(segments);
    let rows = sqlx::query_as!(
        RawRow,
        r#"
        SELECT m.at AS "at: Timestamp", m.family, m.label, m.process_id, m.count, m.sum, m.max,
               m.buckets
        FROM unnest($1::TEXT[], $2::BIGINT[], $3::BIGINT[]) AS segment (step, begins, ends)
        CROSS JOIN LATERAL (
            -- Planned for one segment, of which two bounds are known: of a join they are not.
            SELECT r.at, r.family, r.label, r.process_id, r.count, r.sum, r.max, r.buckets
            FROM metric_rollups r
            WHERE r.step = segment.step AND r.at >= to_timestamp(segment.begins)
              AND r.at < to_timestamp(segment.ends) AND r.family = ANY($4) AND r.label <> ''
            OFFSET 0
        ) AS m
        "#,
        &steps,
        &from,
        &to,
        &families,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::try_from).collect()
}

/// The segments as the arrays that a statement takes. A segment's ends are whole seconds or now,
/// which counts as the second after it.
fn columns(segments: &[Segment]) -> (Vec<String>, Vec<i64>, Vec<i64>) {
    (
        segments.iter().map(|segment| segment.step.as_str().to_owned()).collect(),
        segments.iter().map(|segment| segment.from.as_second()).collect(),
        segments
            .iter()
            .map(|segment| segment.to.as_second() + i64::from(segment.to.subsec_nanosecond() > 0))
            .collect(),
    )
}

/// What the database's clock shows.
#[tracing::instrument(name = "db.metric.find_now", skip_all, err(level = "debug"))]
pub(crate) async fn find_now(conn: &mut PgConnection) -> sqlx::Result<jiff::Timestamp> {
    let now = sqlx::query_scalar!(r#"SELECT now() AS "now!: Timestamp""#).fetch_one(conn).await?;
    Ok(now.to_jiff())
}

/// Where the first row of a step at or after an instant lies.
#[tracing::instrument(name = "db.metric.find_first", skip_all, err(level = "debug"))]
pub(crate) async fn find_first(
    conn: &mut PgConnection,
    step: Step,
    from: jiff::Timestamp,
) -> sqlx::Result<Option<jiff::Timestamp>> {
    let at = sqlx::query_scalar!(
        r#"SELECT min(at) AS "at: Timestamp" FROM metric_rollups WHERE step = $1 AND at >= $2"#,
        step.as_str(),
        from.to_sqlx() as Timestamp,
    )
    .fetch_one(conn)
    .await?;
    Ok(at.map(Timestamp::to_jiff))
}

/// Until when the rows of a step are made.
#[tracing::instrument(name = "db.metric.find_done", skip_all, err(level = "debug"))]
pub(crate) async fn find_done(
    conn: &mut PgConnection,
    step: Step,
) -> sqlx::Result<Option<jiff::Timestamp>> {
    let until = sqlx::query_scalar!(
        r#"SELECT done_until AS "done_until: Timestamp" FROM metric_progress WHERE step = $1"#,
        step.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(until.map(Timestamp::to_jiff))
}

/// Until when the rows of each step are made, of those that are made of others.
#[tracing::instrument(name = "db.metric.list_done", skip_all, err(level = "debug"))]
pub(crate) async fn list_done(
    conn: &mut PgConnection,
) -> sqlx::Result<BTreeMap<Step, jiff::Timestamp>> {
    let rows =
        sqlx::query!(r#"SELECT step, done_until AS "done_until: Timestamp" FROM metric_progress"#)
            .fetch_all(conn)
            .await?;
    let step = |text: &str| [Step::Hour, Step::Day].into_iter().find(|step| step.as_str() == text);
    let done = rows.into_iter();
    let done = done.filter_map(|row| Some((step(&row.step)?, row.done_until.to_jiff())));
    Ok(done.collect())
}

#[tracing::instrument(name = "db.metric.update_done", skip_all, err(level = "debug"))]
pub(crate) async fn update_done(
    conn: &mut PgConnection,
    step: Step,
    until: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO metric_progress (step, done_until) VALUES ($1, $2)
        ON CONFLICT (step) DO UPDATE SET done_until = excluded.done_until
        "#,
        step.as_str(),
        until.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the rows of a step that are older. They are told to have a beginning: without one PostgreSQL expects a
/// third of the table where the end is an argument, and reads it all.
#[tracing::instrument(name = "db.metric.delete_before", skip_all, err(level = "debug"))]
pub(crate) async fn delete_before(
    conn: &mut PgConnection,
    step: Step,
    before: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM metric_rollups WHERE step = $1 AND at >= '-infinity' AND at < $2",
        step.as_str(),
        before.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How the queue stands: what waits, what runs, and how long the first has waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueLevels {
    waiting: i64,
    running: i64,
    age_ms: i64,
}

impl QueueLevels {
    /// The levels under the names that they are measured by.
    pub(crate) fn levels(self) -> impl Iterator<Item = (Family, u64)> {
        [
            (Family::QueueDepth, unsigned(self.waiting)),
            (Family::SessionsActive, unsigned(self.running)),
            (Family::QueueAge, unsigned(self.age_ms)),
        ]
        .into_iter()
    }
}

/// How the queue stands: what no worker may take is not in it, such as a session that waits for a person, for an
/// agent that it called, or for a place of its owner or its agent, whose number is limited: there more workers
/// would change nothing.
#[tracing::instrument(name = "db.metric.find_queue_levels", skip_all, err(level = "debug"))]
pub(crate) async fn find_queue_levels(
    conn: &mut PgConnection,
    slots: Slots,
    owners: Owners,
) -> sqlx::Result<QueueLevels> {
    sqlx::query_as!(
        QueueLevels,
        r#"
        WITH full_owners AS MATERIALIZED (
            SELECT owner_id
            FROM session_queue
            WHERE lease_until IS NOT NULL
            GROUP BY owner_id
            HAVING $1::INTEGER > 0 AND count(owner_slot) >= $1
        ), full_agents AS MATERIALIZED (
            SELECT owner_id, agent_id
            FROM session_queue
            WHERE lease_until IS NOT NULL
            GROUP BY owner_id, agent_id
            HAVING $2::INTEGER > 0 AND count(agent_slot) >= $2
        ), queued AS (
            -- The places of one that has lost its worker are its own.
            SELECT q.lease_until, coalesce(q.lease_until, q.run_at) AS due_at,
                   (q.owner_slot IS NOT NULL
                    OR q.owner_id NOT IN (SELECT f.owner_id FROM full_owners f))
                   AND (q.agent_slot IS NOT NULL
                        OR (q.owner_id, q.agent_id)
                           NOT IN (SELECT f.owner_id, f.agent_id FROM full_agents f))
                   AS has_place
            FROM session_queue q
            WHERE NOT q.is_parked AND (NOT $3::BOOLEAN OR is_owner_held(q.owner_id))
        )
        SELECT count(*) FILTER (WHERE due_at <= now() AND has_place) AS "waiting!",
               count(*) FILTER (WHERE lease_until > now()) AS "running!",
               coalesce(
                   (extract(epoch FROM now() - min(due_at) FILTER (WHERE has_place)) * 1000)::BIGINT,
                   0
               ) AS "age_ms!"
        FROM queued
        "#,
        i32::try_from(slots.per_owner).unwrap_or(i32::MAX),
        i32::try_from(slots.per_agent).unwrap_or(i32::MAX),
        owners.are_held(),
    )
    .fetch_one(conn)
    .await
}
