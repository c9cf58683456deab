//! The SQL of copies of listings and of what people ran of them. The statement that ends a session writes
//! the rows itself.

use resonant_domain::money::MicroUsd;
use resonant_domain::review::ListingRun;
use resonant_domain::{AgentId, ListingId, SessionId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::agent_versions::stored;
use super::shards::Owners;
use super::unsigned;

/// A version of a listing from which something came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) listing: ListingId,
    pub(crate) version: i32,
}

/// What a session runs of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) origin: Origin,
    /// Whether it is nothing but that.
    pub(crate) is_pristine: bool,
}

/// To what a copy was brought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copied<'a> {
    pub(crate) version: i32,
    /// Names what that version is made of.
    pub(crate) digest: &'a str,
    /// The revision in which the copy is nothing but that.
    pub(crate) pristine_revision: Option<i64>,
}

/// Keeps of which version of its listing an agent is a copy.
#[tracing::instrument(name = "db.listing_run.update_copied", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn update_copied(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    copied: Copied<'_>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE agents
        SET listing_version = $3, listing_revision = $4, listing_digest = $5
        WHERE owner_id = $1 AND agent_id = $2
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        copied.version,
        copied.pristine_revision,
        copied.digest,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps with a version that a copy's owner has just published of which version of the listing the draft is.
#[tracing::instrument(name = "db.listing_run.update_published", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn update_published(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    version: u32,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE agent_versions v
        SET listing_version = coalesce(a.listing_version, 1), listing_digest = a.listing_digest
        FROM agents a
        WHERE v.owner_id = $1 AND v.agent_id = $2 AND v.version = $3
          AND a.owner_id = $1 AND a.agent_id = $2
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        stored(version),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The draft of a copy is what a version was: of which version of the listing, that one says. Nothing
/// changes where it does not.
#[tracing::instrument(name = "db.listing_run.update_restored", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn update_restored(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    version: u32,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE agents a
        SET listing_version = v.listing_version, listing_digest = v.listing_digest,
            listing_revision = NULL
        FROM agent_versions v
        WHERE a.owner_id = $1 AND a.agent_id = $2
          AND v.owner_id = $1 AND v.agent_id = $2 AND v.version = $3
          AND v.listing_version IS NOT NULL
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        stored(version),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// From which version of its listing an edition of a copy came.
#[derive(Debug)]
pub(crate) struct Edited {
    pub(crate) origin: Origin,
    /// Names what that version is made of; `None` for copies that were made before it was kept.
    pub(crate) digest: Option<String>,
    /// Whether it is the draft, in the revision in which it was nothing but that.
    pub(crate) is_untouched: bool,
}

/// The same of one of the agent's published versions, or of its draft; `None` for what is no copy.
#[tracing::instrument(name = "db.listing_run.find_edited", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn find_edited(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    version: Option<u32>,
) -> sqlx::Result<Option<Edited>> {
    let row = sqlx::query!(
        r#"
        SELECT a.listing_id AS "listing_id!",
               coalesce(v.listing_version, a.listing_version, 1) AS "version!",
               CASE WHEN v.listing_version IS NULL THEN a.listing_digest ELSE v.listing_digest END
                   AS digest,
               ($3::INTEGER IS NULL AND a.revision IS NOT DISTINCT FROM a.listing_revision)
                   AS "is_untouched!"
        FROM agents a
        LEFT JOIN agent_versions v
            ON v.owner_id = $1 AND v.agent_id = a.agent_id AND v.version = $3
        WHERE a.owner_id = $1 AND a.agent_id = $2 AND a.listing_id IS NOT NULL
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        version.map(stored),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Edited {
        origin: Origin { listing: ListingId::from_uuid(row.listing_id), version: row.version },
        digest: row.digest,
        is_untouched: row.is_untouched,
    }))
}

/// What a session runs of a listing.
#[tracing::instrument(name = "db.listing_run.find_ran", skip_all, fields(session.id = %session), err(level = "debug"))]
pub(crate) async fn find_ran(
    conn: &mut PgConnection,
    owner: UserId,
    session: SessionId,
) -> sqlx::Result<Option<Ran>> {
    let row = sqlx::query!(
        r#"
        SELECT listing_id AS "listing_id!", coalesce(listing_version, 1) AS "version!",
               coalesce(is_pristine, FALSE) AS "is_pristine!"
        FROM sessions
        WHERE owner_id = $1 AND session_id = $2 AND listing_id IS NOT NULL
        "#,
        owner.as_uuid(),
        session.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Ran {
        origin: Origin { listing: ListingId::from_uuid(row.listing_id), version: row.version },
        is_pristine: row.is_pristine,
    }))
}

/// Which of these people have a copy of a listing that is of an earlier version than this, each with the one
/// that changed last. Copies that were put away count for nothing.
#[tracing::instrument(name = "db.listing_run.list_holders", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn list_holders(
    conn: &mut PgConnection,
    people: &[UserId],
    listing: ListingId,
    before: i32,
    owners: Owners,
) -> sqlx::Result<Vec<(UserId, AgentId)>> {
    let people: Vec<_> = people.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"
        SELECT DISTINCT ON (owner_id) owner_id, agent_id
        FROM agents
        WHERE owner_id = ANY($1) AND listing_id = $2 AND deleted_at IS NULL
          AND status <> 'archived' AND coalesce(listing_version, 1) < $3
          AND (NOT $4::BOOLEAN OR is_owner_held(owner_id))
        ORDER BY owner_id, updated_at DESC
        "#,
        &people,
        listing.as_uuid(),
        before,
        owners.are_held(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (UserId::from_uuid(row.owner_id), AgentId::from_uuid(row.agent_id)))
        .collect())
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

/// A run, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnedRun {
    pub(crate) owner: UserId,
    pub(crate) session: SessionId,
    pub(crate) run: ListingRun,
}

/// Lists at most `limit` runs of a version as it was published before a session, the newest first, without those
/// of some people.
#[tracing::instrument(name = "db.listing_run.list", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    (listing, version): (ListingId, i32),
    before: Option<SessionId>,
    passed_by: &[UserId],
    limit: i64,
) -> sqlx::Result<Vec<OwnedRun>> {
    let passed_by: Vec<_> = passed_by.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"
        SELECT owner_id, session_id, is_completed, took_ms, cost_micro_usd
        FROM listing_runs
        WHERE listing_id = $1 AND version = $2 AND NOT is_changed AND session_id < $3
          AND owner_id <> ALL ($4::UUID[])
        ORDER BY session_id DESC
        LIMIT $5
        "#,
        listing.as_uuid(),
        version,
        before.map_or(Uuid::max(), SessionId::as_uuid),
        &passed_by,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| OwnedRun {
            owner: UserId::from_uuid(row.owner_id),
            session: SessionId::from_uuid(row.session_id),
            run: ListingRun {
                is_completed: row.is_completed,
                took_ms: unsigned(row.took_ms),
                cost: MicroUsd(row.cost_micro_usd),
            },
        })
        .collect())
}

/// How many sessions of this database ran a listing's agent, of each of the next `limit` people behind `after`.
#[tracing::instrument(name = "db.listing_run.list_sessions", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn list_sessions(
    conn: &mut PgConnection,
    listing: ListingId,
    after: UserId,
    limit: i64,
) -> sqlx::Result<Vec<(UserId, i64)>> {
    let rows = sqlx::query!(
        r#"
        SELECT owner_id, count(*) AS "sessions!"
        FROM listing_runs
        WHERE listing_id = $1 AND owner_id > $2
        GROUP BY owner_id
        ORDER BY owner_id
        LIMIT $3
        "#,
        listing.as_uuid(),
        after.as_uuid(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (UserId::from_uuid(row.owner_id), row.sessions)).collect())
}
