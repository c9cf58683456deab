//! The SQL of what is worked out about listings now and then.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::money::MicroUsd;
use resonant_domain::{ListingId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::reviews::Subject;

fn uuids(ids: &[ListingId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.as_uuid()).collect()
}

/// How each listing was installed after `since`: an install of today counts `days`, one of yesterday
/// one less, and so on. Publishers' own count for nothing, and so do those of guests.
#[tracing::instrument(name = "db.ranking.list_trends", skip_all, err(level = "debug"))]
pub(crate) async fn list_trends(
    conn: &mut PgConnection,
    since: jiff::Timestamp,
    now: jiff::Timestamp,
    days: i64,
) -> sqlx::Result<Vec<(ListingId, i64)>> {
    let rows = sqlx::query!(
        r#"
        SELECT i.listing_id,
               sum(greatest(1, $3::BIGINT
                   - floor(extract(EPOCH FROM $2::TIMESTAMPTZ - i.created_at) / 86400)::BIGINT))::BIGINT
                   AS "trend!"
        FROM installs i
        WHERE i.created_at > $1 AND i.is_counted
          AND i.owner_id IS DISTINCT FROM (
              SELECT l.publisher_id FROM listings l WHERE l.listing_id = i.listing_id
          )
        GROUP BY i.listing_id
        "#,
        since.to_sqlx() as Timestamp,
        now.to_sqlx() as Timestamp,
        days,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (ListingId::from_uuid(row.listing_id), row.trend)).collect())
}

/// The listings that have a trend at present.
#[tracing::instrument(name = "db.ranking.list_trending", skip_all, err(level = "debug"))]
pub(crate) async fn list_trending(conn: &mut PgConnection) -> sqlx::Result<Vec<ListingId>> {
    let rows = sqlx::query_scalar!("SELECT listing_id FROM listings WHERE -trend < 0")
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(ListingId::from_uuid).collect())
}

/// Writes the trends that have changed; answers how many.
#[tracing::instrument(name = "db.ranking.update_trends", skip_all, err(level = "debug"))]
pub(crate) async fn update_trends(
    conn: &mut PgConnection,
    ids: &[ListingId],
    trends: &[i64],
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r#"
        UPDATE listings l
        SET trend = next.trend
        FROM unnest($1::UUID[], $2::BIGINT[]) next (listing_id, trend)
        WHERE l.listing_id = next.listing_id AND l.trend <> next.trend
        "#,
        &uuids(ids),
        trends,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// The listings with a session of this database that ended after `since`. The end of time keeps PostgreSQL from
/// expecting a third of all runs, which it would read from end to end.
#[tracing::instrument(name = "db.ranking.list_run_since", skip_all, err(level = "debug"))]
pub(crate) async fn list_run_since(
    conn: &mut PgConnection,
    since: jiff::Timestamp,
) -> sqlx::Result<Vec<ListingId>> {
    let rows = sqlx::query_scalar!(
        "SELECT DISTINCT listing_id FROM listing_runs WHERE ended_at > $1 AND ended_at < 'infinity'",
        since.to_sqlx() as Timestamp,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(ListingId::from_uuid).collect())
}

/// Those of the listings that are there, each at its present version.
#[tracing::instrument(name = "db.ranking.list_subjects", skip_all, err(level = "debug"))]
pub(crate) async fn list_subjects(
    conn: &mut PgConnection,
    ids: &[ListingId],
) -> sqlx::Result<Vec<Subject>> {
    let rows = sqlx::query!(
        "SELECT listing_id, name, version, publisher_id FROM listings WHERE listing_id = ANY ($1)",
        &uuids(ids),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Subject {
            id: ListingId::from_uuid(row.listing_id),
            name: row.name,
            version: row.version,
            publisher: row.publisher_id.map(UserId::from_uuid),
        })
        .collect())
}

/// Writes how many sessions there were; answers of how many listings that is new.
#[tracing::instrument(name = "db.ranking.update_sessions", skip_all, err(level = "debug"))]
pub(crate) async fn update_sessions(
    conn: &mut PgConnection,
    ids: &[ListingId],
    counts: &[i64],
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r#"
        UPDATE listings l
        SET sessions = next.sessions
        FROM unnest($1::UUID[], $2::BIGINT[]) next (listing_id, sessions)
        WHERE l.listing_id = next.listing_id AND l.sessions <> next.sessions
        "#,
        &uuids(ids),
        counts,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Writes the costs that have changed; answers how many.
#[tracing::instrument(name = "db.ranking.update_costs", skip_all, err(level = "debug"))]
pub(crate) async fn update_costs(
    conn: &mut PgConnection,
    ids: &[ListingId],
    costs: &[MicroUsd],
) -> sqlx::Result<u64> {
    let costs: Vec<_> = costs.iter().map(|cost| cost.0).collect();
    let done = sqlx::query!(
        r#"
        UPDATE listings l
        SET median_cost_micro_usd = next.cost
        FROM unnest($1::UUID[], $2::BIGINT[]) next (listing_id, cost)
        WHERE l.listing_id = next.listing_id AND l.median_cost_micro_usd IS DISTINCT FROM next.cost
        "#,
        &uuids(ids),
        &costs,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
