//! The SQL of reviews that moderators removed. Those stand apart from all others: nothing else that reads reviews
//! finds them.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::listing::ListingState;
use resonant_domain::publication::{Report, Reported, ReportedReview};
use resonant_domain::review::{Removal, Review};
use resonant_domain::{ListingId, ReportId, ReviewId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::store::known;

struct RemovedRow {
    review_id: Uuid,
    author: String,
    version: i32,
    stars: i16,
    body: String,
    reason: String,
    is_waiting: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<RemovedRow> for Review {
    fn from(row: RemovedRow) -> Self {
        Self {
            id: ReviewId::from_uuid(row.review_id),
            author: row.author,
            version: row.version,
            // A CHECK constraint keeps them between 1 and 5.
            stars: u8::try_from(row.stars).unwrap_or_default(),
            text: row.body,
            helpful: 0,
            answer: None,
            created_at: row.created_at.to_jiff(),
            updated_at: row.updated_at.to_jiff(),
            removal: Some(Removal { reason: row.reason, is_waiting: row.is_waiting }),
        }
    }
}

/// A removed review, with what is told about it.
pub(crate) struct RemovedReview {
    pub(crate) review: Review,
    pub(crate) author: UserId,
    pub(crate) listing: ListingId,
    pub(crate) slug: String,
    pub(crate) name: String,
}

/// The removed review that a person wrote of a listing.
#[tracing::instrument(name = "db.removed_review.find_of", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn find_removed_of(
    conn: &mut PgConnection,
    listing: ListingId,
    author: UserId,
) -> sqlx::Result<Option<Review>> {
    let row = sqlx::query_as!(
        RemovedRow,
        r#"
        SELECT r.review_id, u.display_name AS author, r.version, r.stars, r.body, r.reason,
               r.appeal_id IS NOT NULL AS "is_waiting!", r.created_at, r.updated_at
        FROM removed_reviews r JOIN users u ON u.user_id = r.author_id
        WHERE r.listing_id = $1 AND r.author_id = $2
        "#,
        listing.as_uuid(),
        author.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Review::from))
}

/// The same, and keeps others from changing it until the transaction ends.
#[tracing::instrument(name = "db.removed_review.lock_of", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn lock_removed_of(
    conn: &mut PgConnection,
    listing: ListingId,
    author: UserId,
) -> sqlx::Result<Option<Review>> {
    let row = sqlx::query_as!(
        RemovedRow,
        r#"
        SELECT r.review_id, u.display_name AS author, r.version, r.stars, r.body, r.reason,
               r.appeal_id IS NOT NULL AS "is_waiting!", r.created_at, r.updated_at
        FROM removed_reviews r JOIN users u ON u.user_id = r.author_id
        WHERE r.listing_id = $1 AND r.author_id = $2
        FOR UPDATE OF r
        "#,
        listing.as_uuid(),
        author.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Review::from))
}

/// The removed review that is in the queue under this id, and keeps others from changing it until the transaction
/// ends.
#[tracing::instrument(name = "db.removed_review.lock_appeal", skip_all, fields(report.id = %id), err(level = "debug"))]
pub(crate) async fn lock_appeal(
    conn: &mut PgConnection,
    id: ReportId,
) -> sqlx::Result<Option<RemovedReview>> {
    let row = sqlx::query!(
        r#"
        SELECT r.review_id, u.display_name AS author, r.version, r.stars, r.body, r.reason,
               r.created_at, r.updated_at, r.author_id, l.listing_id, l.slug, l.name
        FROM removed_reviews r
        JOIN listings l ON l.listing_id = r.listing_id
        JOIN users u ON u.user_id = r.author_id
        WHERE r.appeal_id = $1
        FOR UPDATE OF r
        "#,
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| RemovedReview {
        author: UserId::from_uuid(row.author_id),
        listing: ListingId::from_uuid(row.listing_id),
        slug: row.slug,
        name: row.name,
        review: Review::from(RemovedRow {
            review_id: row.review_id,
            author: row.author,
            version: row.version,
            stars: row.stars,
            body: row.body,
            reason: row.reason,
            is_waiting: true,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }),
    }))
}

/// Lists at most `limit` reviews that their authors ask for behind `after`, the oldest first.
#[tracing::instrument(name = "db.removed_review.list_appeals", skip_all, err(level = "debug"))]
pub(crate) async fn list_appeals(
    conn: &mut PgConnection,
    after: Option<ReportId>,
    limit: i64,
) -> sqlx::Result<Vec<Report>> {
    let rows = sqlx::query!(
        r#"
        SELECT r.appeal_id AS "appeal_id!", l.slug, l.name, l.state, u.display_name AS author,
               r.stars, r.body, r.reason, r.updated_at
        FROM removed_reviews r
        JOIN listings l ON l.listing_id = r.listing_id
        JOIN users u ON u.user_id = r.author_id
        WHERE r.appeal_id > $1
        ORDER BY r.appeal_id
        LIMIT $2
        "#,
        after.map_or(Uuid::nil(), ReportId::as_uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Report {
                id: ReportId::from_uuid(row.appeal_id),
                slug: row.slug,
                listing: row.name,
                state: known(ListingState::parse(&row.state), "state")?,
                about: Reported::ChangedReview(ReportedReview {
                    author: row.author.clone(),
                    stars: u8::try_from(row.stars).unwrap_or_default(),
                    text: row.body,
                }),
                reporter: row.author,
                reason: None,
                text: row.reason,
                created_at: row.updated_at.to_jiff(),
            })
        })
        .collect()
}

/// Keeps a review among those that are removed.
#[tracing::instrument(name = "db.removed_review.insert", skip_all, fields(review.id = %review.id), err(level = "debug"))]
pub(crate) async fn insert_removed(
    conn: &mut PgConnection,
    (listing, author): (ListingId, UserId),
    review: &Review,
    why: &str,
    moderator: UserId,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO removed_reviews (review_id, listing_id, author_id, version, stars, body, reason,
                                     decided_by, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        "#,
        review.id.as_uuid(),
        listing.as_uuid(),
        author.as_uuid(),
        review.version,
        i16::from(review.stars),
        review.text,
        why,
        moderator.as_uuid(),
        review.created_at.to_sqlx() as Timestamp,
        review.updated_at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what its author changed of a removed review, or why moderators leave it removed, and under which id it is
/// in their queue from now on, if it is.
#[tracing::instrument(name = "db.removed_review.update", skip_all, fields(review.id = %review.id), err(level = "debug"))]
pub(crate) async fn update_removed(
    conn: &mut PgConnection,
    review: &Review,
    why: &str,
    appeal: Option<ReportId>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE removed_reviews
        SET version = $2, stars = $3, body = $4, updated_at = $5, reason = $6, appeal_id = $7
        WHERE review_id = $1
        "#,
        review.id.as_uuid(),
        review.version,
        i16::from(review.stars),
        review.text,
        review.updated_at.to_sqlx() as Timestamp,
        why,
        appeal.map(ReportId::as_uuid),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a review from those that are removed.
#[tracing::instrument(name = "db.removed_review.delete", skip_all, fields(review.id = %id), err(level = "debug"))]
pub(crate) async fn delete_removed(conn: &mut PgConnection, id: ReviewId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM removed_reviews WHERE review_id = $1", id.as_uuid())
        .execute(conn)
        .await?;
    Ok(())
}
