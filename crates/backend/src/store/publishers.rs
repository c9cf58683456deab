//! The SQL of publishers. Name and mark stand on their listings too, which follow in the same
//! transaction.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::UserId;
use resonant_domain::publisher::{Profile, Publisher};
use sqlx::PgConnection;

/// Finds a publisher with the sums of their listings, which are read beside it.
#[tracing::instrument(name = "db.publisher.find", skip_all, err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    handle: &str,
) -> sqlx::Result<Option<(UserId, Publisher)>> {
    let row = sqlx::query!(
        r#"
        SELECT p.user_id, p.handle, p.name, p.bio, p.is_verified, p.followers,
               p.created_at AS "created_at: Timestamp",
               sums.installs AS "installs!", sums.sessions AS "sessions!", sums.rating_count AS "rating_count!",
               sums.rating_hundredths AS "rating_hundredths!", sums.listings AS "listings!"
        FROM publishers p
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(l.installs), 0)::BIGINT AS installs,
                   coalesce(sum(l.sessions), 0)::BIGINT AS sessions,
                   coalesce(sum(l.rating_count), 0)::BIGINT AS rating_count,
                   coalesce(round(sum(l.rating_sum) * 100 / nullif(sum(l.rating_count), 0)), 0)::INTEGER
                       AS rating_hundredths,
                   count(*) AS listings
            FROM listings l
            WHERE l.publisher_id = p.user_id AND l.state IN ('published', 'paused')
        ) sums
        WHERE p.handle = $1
        "#,
        handle,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let publisher = Publisher {
            handle: row.handle,
            name: row.name,
            bio: row.bio,
            is_verified: row.is_verified,
            created_at: row.created_at.to_jiff(),
            followers: row.followers,
            installs: row.installs,
            sessions: row.sessions,
            rating_count: row.rating_count,
            rating_hundredths: row.rating_hundredths,
            listing_count: row.listings,
            listings: Vec::new(),
            has_more: false,
            next_cursor: None,
        };
        (UserId::from_uuid(row.user_id), publisher)
    }))
}

/// What somebody wrote about themselves.
#[tracing::instrument(name = "db.publisher.find_profile", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn find_profile(
    conn: &mut PgConnection,
    user: UserId,
) -> sqlx::Result<Option<Profile>> {
    sqlx::query_as!(
        Profile,
        "SELECT handle, name, bio FROM publishers WHERE user_id = $1",
        user.as_uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// The same, kept from change by others until the transaction ends.
#[tracing::instrument(name = "db.publisher.lock_profile", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn lock_profile(
    conn: &mut PgConnection,
    user: UserId,
) -> sqlx::Result<Option<Profile>> {
    sqlx::query_as!(
        Profile,
        "SELECT handle, name, bio FROM publishers WHERE user_id = $1 FOR UPDATE",
        user.as_uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Keeps what somebody writes about themselves for the first time. Answers whether it did: neither where they
/// have written something already, nor where the handle is another's.
#[tracing::instrument(name = "db.publisher.insert", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    user: UserId,
    profile: &Profile,
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    // Of two that come at once the second waits here for the first.
    let done = sqlx::query!(
        r#"
        INSERT INTO publishers (user_id, handle, name, bio, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $5)
        ON CONFLICT DO NOTHING
        "#,
        user.as_uuid(),
        profile.handle,
        profile.name,
        profile.bio,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps what somebody writes about themselves in the place of what they wrote before. Moderators vouched for
/// whom they knew: the mark goes with another handle or name.
#[tracing::instrument(name = "db.publisher.update", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn update(
    conn: &mut PgConnection,
    user: UserId,
    profile: &Profile,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE publishers
        SET handle = $2, name = $3, bio = $4,
            is_verified = is_verified AND handle = $2 AND name = $3,
            updated_at = $5
        WHERE user_id = $1
        "#,
        user.as_uuid(),
        profile.handle,
        profile.name,
        profile.bio,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets moderators vouch for somebody, or no more; `None` when there is no such publisher.
#[tracing::instrument(name = "db.publisher.update_verified", skip_all, err(level = "debug"))]
pub(crate) async fn update_verified(
    conn: &mut PgConnection,
    handle: &str,
    is_verified: bool,
) -> sqlx::Result<Option<UserId>> {
    let user = sqlx::query_scalar!(
        "UPDATE publishers SET is_verified = $2 WHERE handle = $1 RETURNING user_id",
        handle,
        is_verified,
    )
    .fetch_optional(conn)
    .await?;
    Ok(user.map(UserId::from_uuid))
}

/// Writes name and mark of somebody onto their listings; answers the slugs.
#[tracing::instrument(name = "db.publisher.update_listings", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn update_listings(
    conn: &mut PgConnection,
    user: UserId,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"
        UPDATE listings l
        SET publisher = p.name, is_verified = p.is_verified
        FROM publishers p
        WHERE l.publisher_id = $1 AND p.user_id = $1
        RETURNING l.slug
        "#,
        user.as_uuid(),
    )
    .fetch_all(conn)
    .await
}

/// Writes the name of somebody who has no page as a publisher onto their listings; answers the slugs.
#[tracing::instrument(name = "db.publisher.update_unnamed", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn update_unnamed(
    conn: &mut PgConnection,
    user: UserId,
    display_name: &str,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"
        UPDATE listings
        SET publisher = $2
        WHERE publisher_id = $1 AND publisher <> $2
          AND NOT EXISTS (SELECT FROM publishers p WHERE p.user_id = $1)
        RETURNING slug
        "#,
        user.as_uuid(),
        display_name,
    )
    .fetch_all(conn)
    .await
}
