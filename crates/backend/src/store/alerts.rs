//! The SQL of alerts. Their history and the messages that tell of it are in `alert_events`.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::alert::course::Standing;
use resonant_domain::alert::{Alert, AlertState, NewAlert};
use resonant_domain::{AlertId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::counted::{self, Counted};
use super::known;

/// An alert with what the store alone knows of it.
pub(crate) struct Stored {
    pub(crate) alert: Alert,
    pub(crate) revision: i64,
    pub(crate) is_told: bool,
}

struct Row {
    alert_id: Uuid,
    spec: Json<NewAlert>,
    revision: i64,
    state: String,
    since: Timestamp,
    measured: Vec<Option<f64>>,
    evaluated_at: Option<Timestamp>,
    acknowledged_at: Option<Timestamp>,
    silenced_until: Option<Timestamp>,
    is_told: bool,
    created_at: Timestamp,
}

impl TryFrom<Row> for Stored {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        let Json(spec) = row.spec;
        Ok(Self {
            alert: Alert {
                id: AlertId::from_uuid(row.alert_id),
                name: spec.name,
                kind: spec.kind,
                metric: spec.metric,
                condition: spec.condition,
                severity: spec.severity,
                for_duration: spec.for_duration,
                channels: spec.channels,
                state: known(AlertState::parse(&row.state), "state")?,
                since: row.since.to_jiff(),
                values: row.measured,
                evaluated_at: row.evaluated_at.map(Timestamp::to_jiff),
                acknowledged_at: row.acknowledged_at.map(Timestamp::to_jiff),
                silenced_until: row.silenced_until.map(Timestamp::to_jiff),
                created_at: row.created_at.to_jiff(),
            },
            revision: row.revision,
            is_told: row.is_told,
        })
    }
}

/// Lists at most `limit` alerts before `before`, the newest first.
#[tracing::instrument(name = "db.alert.list", skip_all, err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    before: Option<AlertId>,
    limit: i64,
) -> sqlx::Result<Vec<Stored>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT alert_id, spec AS "spec: Json<NewAlert>", revision, state,
               since AS "since: Timestamp", measured AS "measured: Vec<Option<f64>>",
               evaluated_at AS "evaluated_at: Timestamp",
               acknowledged_at AS "acknowledged_at: Timestamp",
               silenced_until AS "silenced_until: Timestamp", is_told,
               created_at AS "created_at: Timestamp"
        FROM alerts
        WHERE alert_id < $1
        ORDER BY alert_id DESC
        LIMIT $2
        "#,
        before.map_or(Uuid::max(), AlertId::as_uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Stored::try_from).collect()
}

#[tracing::instrument(name = "db.alert.find", skip_all, fields(alert.id = %id), err(level = "debug"))]
pub(crate) async fn find(conn: &mut PgConnection, id: AlertId) -> sqlx::Result<Option<Stored>> {
    let row = sqlx::query_as!(
        Row,
        r#"
        SELECT alert_id, spec AS "spec: Json<NewAlert>", revision, state,
               since AS "since: Timestamp", measured AS "measured: Vec<Option<f64>>",
               evaluated_at AS "evaluated_at: Timestamp",
               acknowledged_at AS "acknowledged_at: Timestamp",
               silenced_until AS "silenced_until: Timestamp", is_told,
               created_at AS "created_at: Timestamp"
        FROM alerts
        WHERE alert_id = $1
        "#,
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(Stored::try_from).transpose()
}

/// Reads all alerts, or the one that is named, and nobody else changes them until the transaction is over.
#[tracing::instrument(name = "db.alert.lock", skip_all, err(level = "debug"))]
pub(crate) async fn lock(
    conn: &mut PgConnection,
    id: Option<AlertId>,
) -> sqlx::Result<Vec<Stored>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT alert_id, spec AS "spec: Json<NewAlert>", revision, state,
               since AS "since: Timestamp", measured AS "measured: Vec<Option<f64>>",
               evaluated_at AS "evaluated_at: Timestamp",
               acknowledged_at AS "acknowledged_at: Timestamp",
               silenced_until AS "silenced_until: Timestamp", is_told,
               created_at AS "created_at: Timestamp"
        FROM alerts
        WHERE $1::UUID IS NULL OR alert_id = $1
        ORDER BY alert_id
        FOR UPDATE
        "#,
        id.map(AlertId::as_uuid) as Option<Uuid>,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Stored::try_from).collect()
}

/// Keeps an alert unless there are `max` of them already: then `false`.
#[tracing::instrument(name = "db.alert.insert", skip_all, fields(alert.id = %id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    id: AlertId,
    spec: &NewAlert,
    now: jiff::Timestamp,
    max: i64,
) -> sqlx::Result<bool> {
    counted::lock(&mut *conn, Counted::Alerts, UserId::from_uuid(Uuid::nil())).await?;
    let done = sqlx::query!(
        r#"
        INSERT INTO alerts (alert_id, spec, since, created_at)
        SELECT $1, $2, $3, $3
        WHERE (SELECT count(*) FROM alerts) < $4
        "#,
        id.as_uuid(),
        Json(spec) as _,
        now.to_sqlx() as Timestamp,
        max,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Writes what is watched over what was; the alert begins anew.
#[tracing::instrument(name = "db.alert.update_spec", skip_all, fields(alert.id = %id), err(level = "debug"))]
pub(crate) async fn update_spec(
    conn: &mut PgConnection,
    id: AlertId,
    spec: &NewAlert,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE alerts
        SET spec = $2, revision = revision + 1, state = 'quiet', since = $3, measured = '{}',
            evaluated_at = NULL, acknowledged_at = NULL, is_told = FALSE
        WHERE alert_id = $1
        "#,
        id.as_uuid(),
        Json(spec) as _,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a look at the metrics changes.
pub(crate) struct Looked<'a> {
    pub(crate) standing: Standing,
    pub(crate) is_told: bool,
    pub(crate) values: &'a [Option<f64>],
    pub(crate) at: jiff::Timestamp,
}

/// Writes where an alert stands after a look. What does not fire is not acknowledged either.
#[tracing::instrument(name = "db.alert.update_looked", skip_all, fields(alert.id = %id), err(level = "debug"))]
pub(crate) async fn update_looked(
    conn: &mut PgConnection,
    id: AlertId,
    looked: &Looked<'_>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE alerts
        SET state = $2, since = $3, is_told = $4, measured = $5, evaluated_at = $6,
            acknowledged_at = CASE WHEN $2 = 'firing' THEN acknowledged_at END
        WHERE alert_id = $1
        "#,
        id.as_uuid(),
        looked.standing.state.as_str(),
        looked.standing.since.to_sqlx() as Timestamp,
        looked.is_told,
        looked.values as &[Option<f64>],
        looked.at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what a person decided about an alert.
#[tracing::instrument(name = "db.alert.update_decided", skip_all, fields(alert.id = %alert.id), err(level = "debug"))]
pub(crate) async fn update_decided(
    conn: &mut PgConnection,
    alert: &Alert,
    is_told: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE alerts
        SET state = $2, since = $3, acknowledged_at = $4, silenced_until = $5, is_told = $6
        WHERE alert_id = $1
        "#,
        alert.id.as_uuid(),
        alert.state.as_str(),
        alert.since.to_sqlx() as Timestamp,
        alert.acknowledged_at.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<Timestamp>,
        alert.silenced_until.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<Timestamp>,
        is_told,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes an alert with its history; `false` when there was none.
#[tracing::instrument(name = "db.alert.delete", skip_all, fields(alert.id = %id), err(level = "debug"))]
pub(crate) async fn delete(conn: &mut PgConnection, id: AlertId) -> sqlx::Result<bool> {
    let done =
        sqlx::query!("DELETE FROM alerts WHERE alert_id = $1", id.as_uuid()).execute(conn).await?;
    Ok(done.rows_affected() > 0)
}
