//! The SQL of reviews. The counts on the listing and on the review follow by triggers.

mod lists;
mod removed;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::review::{Review, ReviewAnswer};
use resonant_domain::{ListingId, ReviewId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

pub(crate) use self::lists::{
    ReviewPosition, StarPosition, find_counted, list, list_by_stars, list_newest,
};
pub(crate) use self::removed::{
    delete_removed, find_removed_of, insert_removed, list_appeals, lock_appeal, lock_removed_of,
    update_removed,
};

/// The listing that is judged.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) id: ListingId,
    pub(crate) name: String,
    pub(crate) version: i32,
    pub(crate) publisher: Option<UserId>,
}

struct ReviewRow {
    review_id: Uuid,
    author: String,
    version: i32,
    stars: i16,
    body: String,
    answer: Option<String>,
    answered_at: Option<Timestamp>,
    helpful: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<ReviewRow> for Review {
    fn from(row: ReviewRow) -> Self {
        let answer = row.answer.zip(row.answered_at);
        Self {
            id: ReviewId::from_uuid(row.review_id),
            author: row.author,
            version: row.version,
            // A CHECK constraint keeps them between 1 and 5.
            stars: u8::try_from(row.stars).unwrap_or_default(),
            text: row.body,
            helpful: row.helpful,
            answer: answer.map(|(text, at)| ReviewAnswer { text, at: at.to_jiff() }),
            created_at: row.created_at.to_jiff(),
            updated_at: row.updated_at.to_jiff(),
            removal: None,
        }
    }
}

/// The listing of a slug that anyone may see, as far as its reviews need it.
#[tracing::instrument(name = "db.review.find_subject", skip_all, fields(listing.slug = slug), err(level = "debug"))]
pub(crate) async fn find_subject(
    conn: &mut PgConnection,
    slug: &str,
) -> sqlx::Result<Option<Subject>> {
    let row = sqlx::query!(
        r#"
        SELECT listing_id, name, version, publisher_id
        FROM listings
        WHERE slug = $1 AND state IN ('published', 'paused')
        "#,
        slug,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Subject {
        name: row.name,
        id: ListingId::from_uuid(row.listing_id),
        version: row.version,
        publisher: row.publisher_id.map(UserId::from_uuid),
    }))
}

/// The listing of a slug, whether anyone may see it or not.
#[tracing::instrument(name = "db.review.find_listing", skip_all, fields(listing.slug = slug), err(level = "debug"))]
pub(crate) async fn find_listing(
    conn: &mut PgConnection,
    slug: &str,
) -> sqlx::Result<Option<ListingId>> {
    let id = sqlx::query_scalar!("SELECT listing_id FROM listings WHERE slug = $1", slug)
        .fetch_optional(conn)
        .await?;
    Ok(id.map(ListingId::from_uuid))
}

/// The review that a person wrote of a listing.
#[tracing::instrument(name = "db.review.find_of", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn find_of(
    conn: &mut PgConnection,
    listing: ListingId,
    author: UserId,
) -> sqlx::Result<Option<Review>> {
    let row = sqlx::query_as!(
        ReviewRow,
        r#"
        SELECT r.review_id, u.display_name AS author, r.version, r.stars, r.body, r.answer,
               r.answered_at, r.helpful, r.created_at, r.updated_at
        FROM reviews r JOIN users u ON u.user_id = r.author_id
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
#[tracing::instrument(name = "db.review.lock_of", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn lock_of(
    conn: &mut PgConnection,
    listing: ListingId,
    author: UserId,
) -> sqlx::Result<Option<Review>> {
    let row = sqlx::query_as!(
        ReviewRow,
        r#"
        SELECT r.review_id, u.display_name AS author, r.version, r.stars, r.body, r.answer,
               r.answered_at, r.helpful, r.created_at, r.updated_at
        FROM reviews r JOIN users u ON u.user_id = r.author_id
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

/// A review of a listing, whoever wrote it.
#[tracing::instrument(name = "db.review.find", skip_all, fields(review.id = %id), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    listing: ListingId,
    id: ReviewId,
) -> sqlx::Result<Option<Review>> {
    let row = sqlx::query_as!(
        ReviewRow,
        r#"
        SELECT r.review_id, u.display_name AS author, r.version, r.stars, r.body, r.answer,
               r.answered_at, r.helpful, r.created_at, r.updated_at
        FROM reviews r JOIN users u ON u.user_id = r.author_id
        WHERE r.listing_id = $1 AND r.review_id = $2
        "#,
        listing.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Review::from))
}

/// Who wrote a review of the listing.
#[tracing::instrument(name = "db.review.find_author", skip_all, fields(review.id = %id), err(level = "debug"))]
pub(crate) async fn find_author(
    conn: &mut PgConnection,
    listing: ListingId,
    id: ReviewId,
) -> sqlx::Result<Option<UserId>> {
    let author = sqlx::query_scalar!(
        "SELECT author_id FROM reviews WHERE review_id = $1 AND listing_id = $2",
        id.as_uuid(),
        listing.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(author.map(UserId::from_uuid))
}

#[tracing::instrument(name = "db.review.insert", skip_all, fields(review.id = %review.id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    listing: ListingId,
    author: UserId,
    review: &Review,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO reviews (review_id, listing_id, author_id, version, stars, body, created_at,
                             updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        review.id.as_uuid(),
        listing.as_uuid(),
        author.as_uuid(),
        review.version,
        i16::from(review.stars),
        review.text,
        review.created_at.to_sqlx() as Timestamp,
        review.updated_at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what its author may change of a review.
#[tracing::instrument(name = "db.review.update", skip_all, fields(review.id = %review.id), err(level = "debug"))]
pub(crate) async fn update(conn: &mut PgConnection, review: &Review) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE reviews
        SET version = $2, stars = $3, body = $4, updated_at = $5
        WHERE review_id = $1
        "#,
        review.id.as_uuid(),
        review.version,
        i16::from(review.stars),
        review.text,
        review.updated_at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a review of its author; `false` when there was none.
#[tracing::instrument(name = "db.review.delete", skip_all, fields(review.id = %id), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    listing: ListingId,
    id: ReviewId,
    author: UserId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM reviews WHERE review_id = $1 AND listing_id = $2 AND author_id = $3",
        id.as_uuid(),
        listing.as_uuid(),
        author.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Writes what the publisher answers; `None` takes an answer back. `false` when there is no such
/// review.
#[tracing::instrument(name = "db.review.update_answer", skip_all, fields(review.id = %id), err(level = "debug"))]
pub(crate) async fn update_answer(
    conn: &mut PgConnection,
    listing: ListingId,
    id: ReviewId,
    answer: Option<&str>,
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE reviews
        SET answer = $3, answered_at = CASE WHEN $3::TEXT IS NULL THEN NULL ELSE $4::TIMESTAMPTZ END
        WHERE review_id = $1 AND listing_id = $2
        "#,
        id.as_uuid(),
        listing.as_uuid(),
        answer,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether somebody publishes a listing. They do so until the transaction ends.
#[tracing::instrument(name = "db.listing.lock_is_published_by", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn lock_is_published_by(
    conn: &mut PgConnection,
    listing: ListingId,
    publisher: UserId,
) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(
        "SELECT listing_id FROM listings WHERE listing_id = $1 AND publisher_id = $2 FOR SHARE",
        listing.as_uuid(),
        publisher.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Deletes all answers to reviews of somebody's listings, and of these.
#[tracing::instrument(name = "db.review.delete_answers", skip_all, fields(user.id = %publisher), err(level = "debug"))]
pub(crate) async fn delete_answers(
    conn: &mut PgConnection,
    publisher: UserId,
    slugs: &[String],
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE reviews
        SET answer = NULL, answered_at = NULL
        WHERE listing_id IN (
                  SELECT listing_id FROM listings WHERE publisher_id = $1 OR slug = ANY ($2)
              )
          AND answer IS NOT NULL
        "#,
        publisher.as_uuid(),
        slugs,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps that a person found a review helpful; again is the same.
#[tracing::instrument(name = "db.review.insert_vote", skip_all, fields(review.id = %id), err(level = "debug"))]
pub(crate) async fn insert_vote(
    conn: &mut PgConnection,
    id: ReviewId,
    voter: UserId,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO review_votes (review_id, voter_id, created_at)
        VALUES ($1, $2, $3)
        ON CONFLICT (review_id, voter_id) DO NOTHING
        "#,
        id.as_uuid(),
        voter.as_uuid(),
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[tracing::instrument(name = "db.review.delete_vote", skip_all, fields(review.id = %id), err(level = "debug"))]
pub(crate) async fn delete_vote(
    conn: &mut PgConnection,
    id: ReviewId,
    voter: UserId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM review_votes WHERE review_id = $1 AND voter_id = $2",
        id.as_uuid(),
        voter.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists which of these reviews a person found helpful.
#[tracing::instrument(name = "db.review.list_votes", skip_all, err(level = "debug"))]
pub(crate) async fn list_votes(
    conn: &mut PgConnection,
    voter: UserId,
    ids: &[ReviewId],
) -> sqlx::Result<Vec<ReviewId>> {
    let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
    let found = sqlx::query_scalar!(
        "SELECT review_id FROM review_votes WHERE voter_id = $1 AND review_id = ANY ($2)",
        voter.as_uuid(),
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(ReviewId::from_uuid).collect())
}
