//! The SQL of who follows which publishers.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::UserId;
use resonant_domain::publisher::FollowedPublisher;
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::counted::{self, Counted};

/// The publisher of a handle.
#[tracing::instrument(name = "db.publisher.find_user", skip_all, err(level = "debug"))]
pub(crate) async fn find_publisher(
    conn: &mut PgConnection,
    handle: &str,
) -> sqlx::Result<Option<UserId>> {
    let user = sqlx::query_scalar!("SELECT user_id FROM publishers WHERE handle = $1", handle)
        .fetch_optional(conn)
        .await?;
    Ok(user.map(UserId::from_uuid))
}

/// Lets somebody follow a publisher, unless they follow `most` already, and counts them where they are counted;
/// answers whether they follow from now on.
#[tracing::instrument(name = "db.follow.insert", skip_all, fields(user.id = %follower), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    publisher: UserId,
    follower: UserId,
    most: i64,
    is_counted: bool,
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    counted::lock(&mut *conn, Counted::Follows, follower).await?;
    // The row itself says that it was inserted: a cluster counts what was to be.
    let inserted = sqlx::query_scalar!(
        r#"
        INSERT INTO publisher_follows (publisher_id, follower_id, created_at, is_counted)
        SELECT $1, $2, $3, $5
        WHERE (SELECT count(*) FROM publisher_follows WHERE follower_id = $2) < $4
        ON CONFLICT (publisher_id, follower_id) DO NOTHING
        RETURNING publisher_id
        "#,
        publisher.as_uuid(),
        follower.as_uuid(),
        now.to_sqlx() as Timestamp,
        most,
        is_counted,
    )
    .fetch_optional(conn)
    .await?;
    Ok(inserted.is_some())
}

/// Counts somebody among the followers of those whom they followed while they did not count yet; answers the
/// handles of these.
#[tracing::instrument(name = "db.follow.update_counted", skip_all, fields(user.id = %follower), err(level = "debug"))]
pub(crate) async fn update_counted(
    conn: &mut PgConnection,
    follower: UserId,
) -> sqlx::Result<Vec<String>> {
    // The publishers are locked in one order before a trigger counts, so that two who do so at once wait for each
    // other and do not both wait.
    sqlx::query_scalar!(
        r#"
        WITH followed AS (
            SELECT user_id, handle
            FROM publishers
            WHERE user_id IN (
                SELECT publisher_id FROM publisher_follows
                WHERE follower_id = $1 AND NOT is_counted
            )
            ORDER BY user_id
            FOR NO KEY UPDATE
        )
        UPDATE publisher_follows f
        SET is_counted = TRUE
        FROM followed
        WHERE f.follower_id = $1 AND f.publisher_id = followed.user_id AND NOT f.is_counted
        RETURNING followed.handle AS "handle!"
        "#,
        follower.as_uuid(),
    )
    .fetch_all(conn)
    .await
}

/// Lets somebody follow a publisher no more; answers whether they did before.
#[tracing::instrument(name = "db.follow.delete", skip_all, fields(user.id = %follower), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    publisher: UserId,
    follower: UserId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM publisher_follows WHERE publisher_id = $1 AND follower_id = $2",
        publisher.as_uuid(),
        follower.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether somebody follows a publisher.
#[tracing::instrument(name = "db.follow.exists", skip_all, fields(user.id = %follower), err(level = "debug"))]
pub(crate) async fn exists(
    conn: &mut PgConnection,
    publisher: UserId,
    follower: UserId,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT FROM publisher_follows WHERE publisher_id = $1 AND follower_id = $2
        ) AS "exists!"
        "#,
        publisher.as_uuid(),
        follower.as_uuid(),
    )
    .fetch_one(conn)
    .await
}

/// Where a page of followed publishers ends: the last of them on it.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct FollowPosition {
    pub(crate) followed_at: jiff::Timestamp,
    pub(crate) publisher: UserId,
}

/// Lists at most `limit` of those whom somebody follows behind `after`, the one followed last first, each
/// with their place in the order.
#[tracing::instrument(name = "db.follow.list", skip_all, fields(user.id = %follower), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    follower: UserId,
    after: Option<FollowPosition>,
    limit: i64,
) -> sqlx::Result<Vec<(FollowedPublisher, FollowPosition)>> {
    let rows = sqlx::query!(
        r#"
        SELECT f.publisher_id, p.handle, p.name, p.is_verified,
               f.created_at AS "created_at: Timestamp"
        FROM publisher_follows f JOIN publishers p ON p.user_id = f.publisher_id
        WHERE f.follower_id = $1
          AND (f.created_at, f.publisher_id) < (coalesce($2::TIMESTAMPTZ, 'infinity'), $3)
        ORDER BY f.created_at DESC, f.publisher_id DESC
        LIMIT $4
        "#,
        follower.as_uuid(),
        after.map(|after| after.followed_at.to_sqlx()) as Option<Timestamp>,
        after.map_or(Uuid::max(), |after| after.publisher.as_uuid()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let followed_at = row.created_at.to_jiff();
            let publisher = FollowedPublisher {
                handle: row.handle,
                name: row.name,
                is_verified: row.is_verified,
                followed_at,
            };
            let position =
                FollowPosition { followed_at, publisher: UserId::from_uuid(row.publisher_id) };
            (publisher, position)
        })
        .collect())
}
