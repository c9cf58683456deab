//! The SQL of who has taken which listing, and of how many a listing counts.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::{ListingId, UserId};
use sqlx::PgConnection;

/// Keeps that a person installed a listing and counts it, the first time, where it is counted. Its publisher
/// counts for nothing.
#[tracing::instrument(name = "db.install.insert", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    listing: ListingId,
    version: i32,
    is_counted: bool,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        WITH installed AS (
            INSERT INTO installs (owner_id, listing_id, version, created_at, is_counted)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (owner_id, listing_id) DO NOTHING
            RETURNING listing_id, is_counted
        )
        UPDATE listings l
        SET installs = l.installs + 1
        FROM installed
        WHERE l.listing_id = installed.listing_id AND installed.is_counted
          AND l.publisher_id IS DISTINCT FROM $1
        "#,
        owner.as_uuid(),
        listing.as_uuid(),
        version,
        now.to_sqlx() as Timestamp,
        is_counted,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts what somebody installed while it did not count yet; answers the slugs of the listings.
#[tracing::instrument(name = "db.install.update_counted", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn update_counted(
    conn: &mut PgConnection,
    owner: UserId,
) -> sqlx::Result<Vec<String>> {
    // The listings are locked in one order, so that two who do so at once wait for each other and do not both
    // wait.
    sqlx::query_scalar!(
        r#"
        WITH counted AS (
            UPDATE installs
            SET is_counted = TRUE
            WHERE owner_id = $1 AND NOT is_counted
            RETURNING listing_id
        ), installed AS (
            SELECT listing_id
            FROM listings
            WHERE listing_id IN (SELECT listing_id FROM counted)
              AND publisher_id IS DISTINCT FROM $1
            ORDER BY listing_id
            FOR NO KEY UPDATE
        )
        UPDATE listings l
        SET installs = l.installs + 1
        FROM installed
        WHERE l.listing_id = installed.listing_id
        RETURNING l.slug
        "#,
        owner.as_uuid(),
    )
    .fetch_all(conn)
    .await
}
