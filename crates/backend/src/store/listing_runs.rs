//! The SQL of what people ran of listings. The database writes the rows itself when a session ends.

use resonant_domain::money::MicroUsd;
use resonant_domain::review::ListingRun;
use resonant_domain::{AgentId, ListingId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::unsigned;

/// Keeps of which version of its listing an agent is a copy, and in which revision it is nothing but
/// that.
#[tracing::instrument(name = "db.listing_run.update_copied", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn update_copied(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    version: i32,
    pristine_revision: Option<i64>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE agents
        SET listing_version = $3, listing_revision = $4
        WHERE owner_id = $1 AND agent_id = $2
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        version,
        pristine_revision,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The version of its listing that an agent is a copy of.
#[tracing::instrument(name = "db.listing_run.find_copied", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn find_copied(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
) -> sqlx::Result<Option<i32>> {
    let version = sqlx::query_scalar!(
        "SELECT listing_version FROM agents WHERE owner_id = $1 AND agent_id = $2",
        owner.as_uuid(),
        agent.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(version.flatten())
}

/// The version of the listing that a person ran last.
#[tracing::instrument(name = "db.listing_run.find_last_version", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn find_last_version(
    conn: &mut PgConnection,
    owner: UserId,
    listing: ListingId,
) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        r#"
        SELECT version
        FROM listing_runs
        WHERE owner_id = $1 AND listing_id = $2
        ORDER BY session_id DESC
        LIMIT 1
        "#,
        owner.as_uuid(),
        listing.as_uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Lists the newest runs of a version as it was published, but those of its publisher.
#[tracing::instrument(name = "db.listing_run.list", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    listing: ListingId,
    version: i32,
    publisher: Option<UserId>,
    limit: i64,
) -> sqlx::Result<Vec<ListingRun>> {
    let rows = sqlx::query!(
        r#"
        SELECT is_completed, took_ms, cost_micro_usd
        FROM listing_runs
        WHERE listing_id = $1 AND version = $2 AND NOT is_changed AND owner_id <> $3
        ORDER BY session_id DESC
        LIMIT $4
        "#,
        listing.as_uuid(),
        version,
        publisher.map_or(Uuid::nil(), UserId::as_uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ListingRun {
            is_completed: row.is_completed,
            took_ms: unsigned(row.took_ms),
            cost: MicroUsd(row.cost_micro_usd),
        })
        .collect())
}
