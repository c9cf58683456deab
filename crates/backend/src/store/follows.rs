//! The SQL of who follows which publishers, and of the news that followers are told of.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::notice::NoticeKind;
use resonant_domain::publisher::FollowedPublisher;
use resonant_domain::{ListingId, NoticeId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::known;

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

/// Lets somebody follow a publisher, unless they follow `most` already; answers whether they do so
/// from now on.
#[tracing::instrument(name = "db.follow.insert", skip_all, fields(user.id = %follower), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    publisher: UserId,
    follower: UserId,
    most: i64,
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        INSERT INTO publisher_follows (publisher_id, follower_id, created_at)
        SELECT $1, $2, $3
        WHERE (SELECT count(*) FROM publisher_follows WHERE follower_id = $2) < $4
        ON CONFLICT (publisher_id, follower_id) DO NOTHING
        "#,
        publisher.as_uuid(),
        follower.as_uuid(),
        now.to_sqlx() as Timestamp,
        most,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
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

/// News of a publisher.
pub(crate) struct News<'a> {
    pub(crate) id: NoticeId,
    pub(crate) publisher: UserId,
    pub(crate) listing: ListingId,
    pub(crate) kind: NoticeKind,
    pub(crate) about: &'a str,
    pub(crate) slug: &'a str,
    pub(crate) text: &'a str,
}

/// Keeps news for those who follow the publisher. Nothing is kept for a publisher without a page.
#[tracing::instrument(name = "db.follow.insert_news", skip_all, fields(listing.id = %news.listing), err(level = "debug"))]
pub(crate) async fn insert_news(
    conn: &mut PgConnection,
    news: &News<'_>,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO follower_news (news_id, publisher_id, listing_id, kind, about, slug, body,
                                   created_at)
        SELECT $1, user_id, $3, $4, $5, $6, $7, $8
        FROM publishers
        WHERE user_id = $2 AND followers > 0
        "#,
        news.id.as_uuid(),
        news.publisher.as_uuid(),
        news.listing.as_uuid(),
        news.kind.as_str(),
        news.about,
        news.slug,
        news.text,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Tells the next followers, at most `count`, of the oldest news that nobody else tells of. Who
/// installed the listing is told of its versions already. Answers how many followers were passed;
/// `None`: there is no news.
#[tracing::instrument(name = "db.follow.tell_next", skip_all, err(level = "debug"))]
pub(crate) async fn tell_next(conn: &mut PgConnection, count: i64) -> sqlx::Result<Option<i64>> {
    let news = sqlx::query!(
        r#"
        SELECT news_id, publisher_id, listing_id, kind, about, slug, body, told_until,
               created_at AS "created_at: Timestamp"
        FROM follower_news
        ORDER BY news_id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
        "#
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(news) = news else { return Ok(None) };
    let kind: NoticeKind = known(NoticeKind::parse(&news.kind), "kind")?;
    let told = sqlx::query!(
        r#"
        WITH next AS (
            SELECT follower_id
            FROM publisher_follows
            WHERE publisher_id = $2 AND follower_id > $9
            ORDER BY follower_id
            LIMIT $10
        ), told AS (
            INSERT INTO account_notices (reader_id, notice_id, kind, about, slug, body, created_at)
            SELECT follower_id, $1, $4, $5, $6, $7, $8
            FROM next
            WHERE $4 <> 'followed_version' OR NOT EXISTS (
                SELECT FROM installs i WHERE i.owner_id = follower_id AND i.listing_id = $3
            )
            ON CONFLICT (reader_id, notice_id) DO NOTHING
        )
        SELECT count(*) AS "count!",
               (SELECT follower_id FROM next ORDER BY follower_id DESC LIMIT 1) AS last
        FROM next
        "#,
        news.news_id,
        news.publisher_id,
        news.listing_id,
        kind.as_str(),
        news.about,
        news.slug,
        news.body,
        news.created_at as Timestamp,
        news.told_until,
        count,
    )
    .fetch_one(&mut *conn)
    .await?;
    match told.last.filter(|_| told.count == count) {
        Some(last) => {
            sqlx::query!(
                "UPDATE follower_news SET told_until = $2 WHERE news_id = $1",
                news.news_id,
                last,
            )
            .execute(conn)
            .await?;
        }
        None => {
            sqlx::query!("DELETE FROM follower_news WHERE news_id = $1", news.news_id)
                .execute(conn)
                .await?;
        }
    }
    Ok(Some(told.count))
}
