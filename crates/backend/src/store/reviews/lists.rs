//! The SQL of pages of reviews. By their stars each number of stars is read for itself, by an index, so that a page at
//! any depth costs what the first one does.

use resonant_domain::review::{Review, StarCounts};
use resonant_domain::{ListingId, ReviewId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::ReviewRow;

/// Where a page of reviews ends: the last review on it.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct ReviewPosition {
    pub(crate) helpful: i64,
    pub(crate) id: ReviewId,
}

/// Where a page of reviews that are read by their stars ends: the last review on it.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct StarPosition {
    pub(crate) stars: u8,
    pub(crate) helpful: i64,
    pub(crate) id: ReviewId,
}

impl StarPosition {
    /// The position before all reviews of so many stars.
    pub(crate) const fn before(stars: u8) -> Self {
        Self { stars, helpful: i64::MAX, id: ReviewId::from_uuid(Uuid::max()) }
    }
}

/// The listing of a slug that anyone may see, and how many of its reviews have one star, two and so on.
#[tracing::instrument(name = "db.review.find_counted", skip_all, fields(listing.slug = slug), err(level = "debug"))]
pub(crate) async fn find_counted(
    conn: &mut PgConnection,
    slug: &str,
) -> sqlx::Result<Option<(ListingId, StarCounts)>> {
    let row = sqlx::query!(
        r#"
        SELECT listing_id, star_counts
        FROM listings
        WHERE slug = $1 AND state IN ('published', 'paused')
        "#,
        slug,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let mut counts = StarCounts::default();
        for (count, kept) in counts.iter_mut().zip(row.star_counts) {
            *count = kept;
        }
        (ListingId::from_uuid(row.listing_id), counts)
    }))
}

/// Lists at most `limit` reviews behind `after`: the most helpful first, of those the newest.
#[tracing::instrument(name = "db.review.list", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    listing: ListingId,
    after: Option<ReviewPosition>,
    limit: i64,
) -> sqlx::Result<Vec<Review>> {
    let rows = sqlx::query_as!(
        ReviewRow,
        r#"
        SELECT r.review_id, u.display_name AS author, r.version, r.stars, r.body, r.answer,
               r.answered_at, r.helpful, r.created_at, r.updated_at
        FROM reviews r JOIN users u ON u.user_id = r.author_id
        WHERE r.listing_id = $1 AND (r.helpful, r.review_id) < ($2, $3)
        ORDER BY r.helpful DESC, r.review_id DESC
        LIMIT $4
        "#,
        listing.as_uuid(),
        after.map_or(i64::MAX, |after| after.helpful),
        after.map_or(Uuid::max(), |after| after.id.as_uuid()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Review::from).collect())
}

/// Lists at most `limit` reviews, those of one number of stars after those of the other, each behind its place: the
/// most helpful first, of those the newest.
#[tracing::instrument(name = "db.review.list_by_stars", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn list_by_stars(
    conn: &mut PgConnection,
    listing: ListingId,
    places: &[StarPosition],
    limit: i64,
) -> sqlx::Result<Vec<Review>> {
    let stars: Vec<_> = places.iter().map(|place| i16::from(place.stars)).collect();
    let helpful: Vec<_> = places.iter().map(|place| place.helpful).collect();
    let ids: Vec<_> = places.iter().map(|place| place.id.as_uuid()).collect();
    let rows = sqlx::query_as!(
        ReviewRow,
        r#"
        SELECT r.review_id AS "review_id!",
               (SELECT display_name FROM users WHERE user_id = r.author_id) AS "author!",
               r.version AS "version!", r.stars AS "stars!", r.body AS "body!", r.answer, r.answered_at,
               r.helpful AS "helpful!", r.created_at AS "created_at!", r.updated_at AS "updated_at!"
        FROM unnest($2::SMALLINT[], $3::BIGINT[], $4::UUID[]) WITH ORDINALITY
                 AS s (stars, helpful, review_id, place)
        CROSS JOIN LATERAL (
            SELECT one.review_id, one.author_id, one.version, one.stars, one.body, one.answer,
                   one.answered_at, one.helpful, one.created_at, one.updated_at
            FROM reviews one
            WHERE one.listing_id = $1 AND one.stars = s.stars
              AND (one.helpful, one.review_id) < (s.helpful, s.review_id)
            ORDER BY one.helpful DESC, one.review_id DESC
            LIMIT $5
        ) r
        ORDER BY s.place, r.helpful DESC, r.review_id DESC
        LIMIT $5
        "#,
        listing.as_uuid(),
        &stars,
        &helpful,
        &ids,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Review::from).collect())
}

/// Lists at most `limit` reviews of these numbers of stars behind `after`, the newest first.
#[tracing::instrument(name = "db.review.list_newest", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn list_newest(
    conn: &mut PgConnection,
    listing: ListingId,
    stars: &[u8],
    after: ReviewId,
    limit: i64,
) -> sqlx::Result<Vec<Review>> {
    let stars: Vec<_> = stars.iter().copied().map(i16::from).collect();
    let rows = sqlx::query_as!(
        ReviewRow,
        r#"
        SELECT r.review_id AS "review_id!",
               (SELECT display_name FROM users WHERE user_id = r.author_id) AS "author!",
               r.version AS "version!", r.stars AS "stars!", r.body AS "body!", r.answer, r.answered_at,
               r.helpful AS "helpful!", r.created_at AS "created_at!", r.updated_at AS "updated_at!"
        FROM unnest($2::SMALLINT[]) AS s (stars)
        CROSS JOIN LATERAL (
            SELECT one.review_id, one.author_id, one.version, one.stars, one.body, one.answer,
                   one.answered_at, one.helpful, one.created_at, one.updated_at
            FROM reviews one
            WHERE one.listing_id = $1 AND one.stars = s.stars AND one.review_id < $3
            ORDER BY one.review_id DESC
            LIMIT $4
        ) r
        ORDER BY r.review_id DESC
        LIMIT $4
        "#,
        listing.as_uuid(),
        &stars,
        after.as_uuid(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Review::from).collect())
}
