//! The SQL of news that many are told of, piece by piece: those who follow a publisher, and those who
//! installed a listing.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::notice::NoticeKind;
use resonant_domain::{ListingId, NoticeId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::known;

/// Something to tell about a listing.
pub(crate) struct News<'a> {
    pub(crate) id: NoticeId,
    pub(crate) listing: ListingId,
    pub(crate) kind: NoticeKind,
    pub(crate) about: &'a str,
    pub(crate) slug: &'a str,
    pub(crate) text: &'a str,
}

/// News that not all have been told of.
pub(crate) struct Waiting {
    pub(crate) id: NoticeId,
    pub(crate) publisher: Option<UserId>,
    pub(crate) listing: ListingId,
    pub(crate) kind: NoticeKind,
    /// Those whose copy is of an earlier version are told; `None`: all who have one.
    pub(crate) version: Option<i32>,
    pub(crate) about: String,
    pub(crate) slug: String,
    pub(crate) text: String,
    /// Up to whom they were told of it.
    pub(crate) told_until: UserId,
    pub(crate) created_at: jiff::Timestamp,
}

struct WaitingRow {
    news_id: Uuid,
    publisher_id: Option<Uuid>,
    listing_id: Uuid,
    kind: String,
    version: Option<i32>,
    about: String,
    slug: String,
    body: String,
    told_until: Uuid,
    created_at: Timestamp,
}

impl TryFrom<WaitingRow> for Waiting {
    type Error = sqlx::Error;

    fn try_from(row: WaitingRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: NoticeId::from_uuid(row.news_id),
            publisher: row.publisher_id.map(UserId::from_uuid),
            listing: ListingId::from_uuid(row.listing_id),
            kind: known(NoticeKind::parse(&row.kind), "kind")?,
            version: row.version,
            about: row.about,
            slug: row.slug,
            text: row.body,
            told_until: UserId::from_uuid(row.told_until),
            created_at: row.created_at.to_jiff(),
        })
    }
}

/// Keeps news for those who follow the publisher. Nothing is kept for a publisher whom nobody follows.
#[tracing::instrument(name = "db.news.insert_for_followers", skip_all, fields(listing.id = %news.listing), err(level = "debug"))]
pub(crate) async fn insert_for_followers(
    conn: &mut PgConnection,
    publisher: UserId,
    news: &News<'_>,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO follower_news (news_id, publisher_id, listing_id, kind, about, slug, body,
                                   created_at)
        SELECT $1, user_id, $3, $4, $5, $6, $7, $8
        FROM publishers
        WHERE user_id = $2
          AND EXISTS (SELECT FROM publisher_follows f WHERE f.publisher_id = $2)
        "#,
        news.id.as_uuid(),
        publisher.as_uuid(),
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

/// The oldest news for followers that nobody else tells them of, locked.
#[tracing::instrument(name = "db.news.lock_for_followers", skip_all, err(level = "debug"))]
pub(crate) async fn lock_for_followers(conn: &mut PgConnection) -> sqlx::Result<Option<Waiting>> {
    let row = sqlx::query_as!(
        WaitingRow,
        r#"
        SELECT news_id, publisher_id AS "publisher_id?", listing_id, kind,
               NULL::INTEGER AS version, about, slug, body, told_until, created_at
        FROM follower_news
        ORDER BY news_id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
        "#
    )
    .fetch_optional(conn)
    .await?;
    row.map(Waiting::try_from).transpose()
}

/// Lists at most `limit` of those who follow a publisher behind `after`.
#[tracing::instrument(name = "db.news.list_followers", skip_all, err(level = "debug"))]
pub(crate) async fn list_followers(
    conn: &mut PgConnection,
    publisher: UserId,
    after: UserId,
    limit: i64,
) -> sqlx::Result<Vec<UserId>> {
    let followers = sqlx::query_scalar!(
        r#"
        SELECT follower_id
        FROM publisher_follows
        WHERE publisher_id = $1 AND follower_id > $2
        ORDER BY follower_id
        LIMIT $3
        "#,
        publisher.as_uuid(),
        after.as_uuid(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(followers.into_iter().map(UserId::from_uuid).collect())
}

/// Keeps up to whom followers were told; `None`: all were.
#[tracing::instrument(name = "db.news.update_for_followers", skip_all, err(level = "debug"))]
pub(crate) async fn update_for_followers(
    conn: &mut PgConnection,
    id: NoticeId,
    told_until: Option<UserId>,
) -> sqlx::Result<()> {
    match told_until {
        Some(last) => {
            sqlx::query!(
                "UPDATE follower_news SET told_until = $2 WHERE news_id = $1",
                id.as_uuid(),
                last.as_uuid(),
            )
            .execute(conn)
            .await?;
        }
        None => {
            sqlx::query!("DELETE FROM follower_news WHERE news_id = $1", id.as_uuid())
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

/// Keeps news for those who have a copy of a listing, in the place of what they are yet to be told of the
/// same kind.
#[tracing::instrument(name = "db.news.insert_for_holders", skip_all, fields(listing.id = %news.listing), err(level = "debug"))]
pub(crate) async fn insert_for_holders(
    conn: &mut PgConnection,
    news: &News<'_>,
    version: Option<i32>,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    delete_for_holders(&mut *conn, news.listing, news.kind).await?;
    sqlx::query!(
        r#"
        INSERT INTO listing_news (news_id, listing_id, kind, version, about, slug, body, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        news.id.as_uuid(),
        news.listing.as_uuid(),
        news.kind.as_str(),
        version,
        news.about,
        news.slug,
        news.text,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what those who have a copy of a listing are yet to be told of a kind: it is true no more.
#[tracing::instrument(name = "db.news.delete_for_holders", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn delete_for_holders(
    conn: &mut PgConnection,
    listing: ListingId,
    kind: NoticeKind,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM listing_news WHERE listing_id = $1 AND kind = $2",
        listing.as_uuid(),
        kind.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes news of a newer version that waited until now, and that nobody was told of yet, news of this instant.
#[tracing::instrument(name = "db.news.update_awaited", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn update_awaited(
    conn: &mut PgConnection,
    listing: ListingId,
    id: NoticeId,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE listing_news
        SET news_id = $2, created_at = $3
        WHERE listing_id = $1 AND kind = 'update_available' AND told_until = $4
        "#,
        listing.as_uuid(),
        id.as_uuid(),
        now.to_sqlx() as Timestamp,
        Uuid::nil(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The oldest news for those who have a copy that nobody else tells them of, locked. A newer version waits
/// while nobody can take it.
#[tracing::instrument(name = "db.news.lock_for_holders", skip_all, err(level = "debug"))]
pub(crate) async fn lock_for_holders(conn: &mut PgConnection) -> sqlx::Result<Option<Waiting>> {
    let row = sqlx::query_as!(
        WaitingRow,
        r#"
        SELECT news_id,
               (SELECT l.publisher_id FROM listings l WHERE l.listing_id = n.listing_id)
                   AS publisher_id,
               listing_id, kind, version, about, slug, body, told_until, created_at
        FROM listing_news n
        WHERE kind <> 'update_available'
           OR 'published' = (SELECT l.state FROM listings l WHERE l.listing_id = n.listing_id)
        ORDER BY news_id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
        "#
    )
    .fetch_optional(conn)
    .await?;
    row.map(Waiting::try_from).transpose()
}

/// Lists at most `limit` of those who installed a listing behind `after`.
#[tracing::instrument(name = "db.news.list_installed", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn list_installed(
    conn: &mut PgConnection,
    listing: ListingId,
    after: UserId,
    limit: i64,
) -> sqlx::Result<Vec<UserId>> {
    let owners = sqlx::query_scalar!(
        r#"
        SELECT owner_id
        FROM installs
        WHERE listing_id = $1 AND owner_id > $2
        ORDER BY owner_id
        LIMIT $3
        "#,
        listing.as_uuid(),
        after.as_uuid(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(owners.into_iter().map(UserId::from_uuid).collect())
}

/// Keeps up to whom those who installed a listing were told; `None`: all were.
#[tracing::instrument(name = "db.news.update_for_holders", skip_all, err(level = "debug"))]
pub(crate) async fn update_for_holders(
    conn: &mut PgConnection,
    id: NoticeId,
    told_until: Option<UserId>,
) -> sqlx::Result<()> {
    match told_until {
        Some(last) => {
            sqlx::query!(
                "UPDATE listing_news SET told_until = $2 WHERE news_id = $1",
                id.as_uuid(),
                last.as_uuid(),
            )
            .execute(conn)
            .await?;
        }
        None => {
            sqlx::query!("DELETE FROM listing_news WHERE news_id = $1", id.as_uuid())
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}
