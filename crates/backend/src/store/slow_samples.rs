//! The SQL of slow requests and statements.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use sqlx::PgConnection;

use super::known;
use crate::metrics::{SlowKind, SlowSample};

#[tracing::instrument(name = "db.slow_sample.insert", skip_all, err(level = "debug"))]
pub(crate) async fn insert(conn: &mut PgConnection, samples: &[SlowSample]) -> sqlx::Result<()> {
    for sample in samples {
        sqlx::query!(
            r#"
            INSERT INTO slow_samples (at, kind, name, duration_us, request_id, trace_id)
            VALUES ($1, $2, $3, $4, $5, $6)
            "#,
            sample.at.to_sqlx() as Timestamp,
            sample.kind.as_str(),
            sample.name,
            sample.duration_us,
            sample.request_id,
            sample.trace_id,
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Lists the slowest of each kind since an instant.
#[tracing::instrument(name = "db.slow_sample.list", skip_all, err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    since: jiff::Timestamp,
) -> sqlx::Result<Vec<SlowSample>> {
    let rows = sqlx::query!(
        r#"
        SELECT s.at AS "at: Timestamp", s.kind, s.name, s.duration_us, s.request_id, s.trace_id
        FROM unnest(ARRAY['request', 'statement']) AS kinds (kind)
        CROSS JOIN LATERAL (
            SELECT at, kind, name, duration_us, request_id, trace_id
            FROM slow_samples
            WHERE slow_samples.kind = kinds.kind AND at >= $1
            ORDER BY duration_us DESC
            LIMIT 20
        ) s
        "#,
        since.to_sqlx() as Timestamp,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let kinds = [SlowKind::Request, SlowKind::Statement];
            let kind = kinds.into_iter().find(|kind| kind.as_str() == row.kind);
            Ok(SlowSample {
                at: row.at.to_jiff(),
                kind: known(kind, "kind")?,
                name: row.name,
                duration_us: row.duration_us,
                request_id: row.request_id,
                trace_id: row.trace_id,
            })
        })
        .collect()
}

#[tracing::instrument(name = "db.slow_sample.delete_before", skip_all, err(level = "debug"))]
pub(crate) async fn delete_before(
    conn: &mut PgConnection,
    before: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM slow_samples WHERE at < $1", before.to_sqlx() as Timestamp)
        .execute(conn)
        .await?;
    Ok(())
}
