//! The marketplace without a search: each order has an index, and a page begins in it where the page
//! before ended.

use resonant_domain::listing::{ListingSort, ListingSummary};
use resonant_domain::{CollectionId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::{Avatar, ListingPosition, ListingSummaryRow, Picture, Price};

/// One statement an order: `$rank` is what comes first with the highest value, as its index has it.
///
/// Before the first page lies the least key that there can be.
macro_rules! list {
    ($conn:ident, $rank:literal, $after:ident, $limit:ident) => {
        sqlx::query_as!(
            ListingSummaryRow,
            r#"
            SELECT listing_id, slug, name, tagline, category, avatar AS "avatar: Json<Avatar>",
                   picture AS "picture: Json<Picture>", publisher, is_template, installs,
                   rating_count, rating_hundredths, is_verified,
                   median_cost_micro_usd, price AS "price: Json<Price>",
                   (SELECT handle FROM publishers p WHERE p.user_id = publisher_id)
                       AS publisher_handle,
                   lower(name) AS "sort_name!", "#
                + $rank
                + r#" AS "rank!"
            FROM listings
            WHERE (-"#
                + $rank
                + r#", lower(name), listing_id)
                  > (coalesce(-$1::BIGINT, '-9223372036854775808'), coalesce($2::TEXT, ''), $3::UUID)
              AND state = 'published' AND deprecated_at IS NULL
            ORDER BY -"#
                + $rank
                + r#", lower(name), listing_id
            LIMIT $4
            "#,
            $after.map(|after| after.rank),
            $after.map(|after| after.name.as_str()),
            $after.map_or(Uuid::nil(), |after| after.id.as_uuid()),
            $limit,
        )
        .fetch_all($conn)
        .await?
    };
}

/// Lists at most `limit` listings behind `after`, each with its place in the order. Relevance without
/// a search is the number of installs; the best rated are those that would be with ten more ratings of three
/// and a half stars.
#[tracing::instrument(name = "db.listing.list_sorted", skip_all, err(level = "debug"))]
pub(crate) async fn list_sorted(
    conn: &mut PgConnection,
    sort: ListingSort,
    after: Option<&ListingPosition>,
    limit: i64,
) -> sqlx::Result<Vec<(ListingSummary, ListingPosition)>> {
    let rows = match sort {
        ListingSort::Relevance | ListingSort::Installs => list!(conn, "installs", after, limit),
        ListingSort::Trending => list!(conn, "trend", after, limit),
        ListingSort::Rating => list!(
            conn,
            "(CASE WHEN rating_count = 0 THEN 0 ELSE (rating_sum + 35) * 1000000 / (rating_count + 10) END
              * 1000000000::BIGINT + least(rating_count, 999999999))",
            after,
            limit
        ),
        ListingSort::Newest => list!(
            conn,
            "(extract(EPOCH FROM created_at AT TIME ZONE 'UTC') * 1000000)::BIGINT",
            after,
            limit
        ),
        ListingSort::Name => {
            sqlx::query_as!(
                ListingSummaryRow,
                r#"
                SELECT listing_id, slug, name, tagline, category, avatar AS "avatar: Json<Avatar>",
                       picture AS "picture: Json<Picture>", publisher, is_template, installs,
                       rating_count, rating_hundredths,
                       is_verified, median_cost_micro_usd, price AS "price: Json<Price>",
                       (SELECT handle FROM publishers p WHERE p.user_id = publisher_id)
                           AS publisher_handle,
                       lower(name) AS "sort_name!", 0::BIGINT AS "rank!"
                FROM listings
                WHERE (lower(name), listing_id) > (coalesce($1::TEXT, ''), $2::UUID)
                  AND state = 'published' AND deprecated_at IS NULL
                ORDER BY lower(name), listing_id
                LIMIT $3
                "#,
                after.map(|after| after.name.as_str()),
                after.map_or(Uuid::nil(), |after| after.id.as_uuid()),
                limit,
            )
            .fetch_all(conn)
            .await?
        }
    };
    rows.into_iter().map(ListingSummaryRow::placed).collect()
}

/// Lists at most `limit` of the listings that somebody publishes behind `after`, the most installed first,
/// each with its place in the order.
#[tracing::instrument(name = "db.listing.list_of_publisher", skip_all, err(level = "debug"))]
pub(crate) async fn list_of_publisher(
    conn: &mut PgConnection,
    publisher: UserId,
    after: Option<&ListingPosition>,
    limit: i64,
) -> sqlx::Result<Vec<(ListingSummary, ListingPosition)>> {
    let rows = sqlx::query_as!(
        ListingSummaryRow,
        r#"
        SELECT listing_id, slug, name, tagline, category, avatar AS "avatar: Json<Avatar>",
               picture AS "picture: Json<Picture>", publisher, is_template, installs,
               rating_count, rating_hundredths, is_verified,
               median_cost_micro_usd, price AS "price: Json<Price>",
               (SELECT handle FROM publishers p WHERE p.user_id = publisher_id)
                   AS publisher_handle,
               lower(name) AS "sort_name!", installs AS "rank!"
        FROM listings
        WHERE publisher_id = $1 AND state IN ('published', 'paused')
          AND (-installs, lower(name), listing_id)
              > (coalesce(-$2::BIGINT, '-9223372036854775808'), coalesce($3::TEXT, ''), $4::UUID)
        ORDER BY -installs, lower(name), listing_id
        LIMIT $5
        "#,
        publisher.as_uuid(),
        after.map(|after| after.rank),
        after.map(|after| after.name.as_str()),
        after.map_or(Uuid::nil(), |after| after.id.as_uuid()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(ListingSummaryRow::placed).collect()
}

/// Lists what those publish whom somebody follows, at most `limit`, the newest versions first.
#[tracing::instrument(name = "db.listing.list_of_followed", skip_all, err(level = "debug"))]
pub(crate) async fn list_of_followed(
    conn: &mut PgConnection,
    follower: UserId,
    limit: i64,
) -> sqlx::Result<Vec<ListingSummary>> {
    let rows = sqlx::query_as!(
        ListingSummaryRow,
        r#"
        SELECT listing_id, slug, name, tagline, category, avatar AS "avatar: Json<Avatar>",
               picture AS "picture: Json<Picture>", publisher, is_template, installs,
               rating_count, rating_hundredths, is_verified,
               median_cost_micro_usd, price AS "price: Json<Price>",
               (SELECT handle FROM publishers p WHERE p.user_id = publisher_id)
                   AS publisher_handle,
               lower(name) AS "sort_name!", installs AS "rank!"
        FROM listings
        WHERE publisher_id = ANY (ARRAY(
                  SELECT publisher_id FROM publisher_follows WHERE follower_id = $1
              ))
          AND state = 'published' AND deprecated_at IS NULL
        ORDER BY updated_at DESC, listing_id
        LIMIT $2
        "#,
        follower.as_uuid(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok(row.placed()?.0)).collect()
}

/// Lists what stands in a collection, in its order.
#[tracing::instrument(name = "db.listing.list_of_collection", skip_all, err(level = "debug"))]
pub(crate) async fn list_of_collection(
    conn: &mut PgConnection,
    collection: CollectionId,
) -> sqlx::Result<Vec<ListingSummary>> {
    let rows = sqlx::query_as!(
        ListingSummaryRow,
        r#"
        SELECT l.listing_id, slug, name, tagline, category, avatar AS "avatar: Json<Avatar>",
               picture AS "picture: Json<Picture>", publisher, is_template, installs,
               rating_count, rating_hundredths, is_verified,
               median_cost_micro_usd, price AS "price: Json<Price>",
               (SELECT handle FROM publishers p WHERE p.user_id = publisher_id)
                   AS publisher_handle,
               lower(name) AS "sort_name!", installs AS "rank!"
        FROM collection_listings c JOIN listings l ON l.listing_id = c.listing_id
        WHERE c.collection_id = $1 AND l.state = 'published' AND l.deprecated_at IS NULL
        ORDER BY c.place
        "#,
        collection.as_uuid(),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok(row.placed()?.0)).collect()
}
