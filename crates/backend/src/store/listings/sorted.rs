//! The marketplace without a search: each order has an index, and a page begins in it where the page
//! before ended.

use resonant_domain::listing::{Category, ListingSort, ListingSummary};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::{Avatar, ListingPosition, ListingSummaryRow};

/// One statement an order: `$rank` is what comes first with the highest value, as its index has it.
///
/// Before the first page lies the least key that there can be.
macro_rules! list {
    ($conn:ident, $rank:literal, $category:ident, $templates_only:ident, $after:ident, $limit:ident) => {
        sqlx::query_as!(
            ListingSummaryRow,
            r#"
            SELECT listing_id, slug, name, tagline, category, avatar AS "avatar: Json<Avatar>",
                   publisher, is_template, installs, rating_count, rating_hundredths,
                   lower(name) AS "sort_name!", "#
                + $rank
                + r#" AS "rank!"
            FROM listings
            WHERE (-"#
                + $rank
                + r#", lower(name), listing_id)
                  > (coalesce(-$1::BIGINT, '-9223372036854775808'), coalesce($2::TEXT, ''), $3::UUID)
              AND ($4::TEXT IS NULL OR category = $4)
              AND (NOT $5::BOOLEAN OR is_template)
              AND state = 'published'
            ORDER BY -"#
                + $rank
                + r#", lower(name), listing_id
            LIMIT $6
            "#,
            $after.map(|after| after.rank),
            $after.map(|after| after.name.as_str()),
            $after.map_or(Uuid::nil(), |after| after.id.as_uuid()),
            $category.map(Category::as_str),
            $templates_only,
            $limit,
        )
        .fetch_all($conn)
        .await?
    };
}

/// Lists at most `limit` listings behind `after`, each with its place in the order. Relevance without
/// a search is the number of installs.
#[tracing::instrument(name = "db.listing.list_sorted", skip_all, err(level = "debug"))]
pub(crate) async fn list_sorted(
    conn: &mut PgConnection,
    (category, templates_only): (Option<Category>, bool),
    sort: ListingSort,
    after: Option<&ListingPosition>,
    limit: i64,
) -> sqlx::Result<Vec<(ListingSummary, ListingPosition)>> {
    let rows = match sort {
        ListingSort::Relevance | ListingSort::Installs => {
            list!(conn, "installs", category, templates_only, after, limit)
        }
        ListingSort::Rating => list!(
            conn,
            "(rating_hundredths * 1000000000::BIGINT + least(rating_count, 999999999))",
            category,
            templates_only,
            after,
            limit
        ),
        ListingSort::Newest => list!(
            conn,
            "(extract(EPOCH FROM created_at AT TIME ZONE 'UTC') * 1000000)::BIGINT",
            category,
            templates_only,
            after,
            limit
        ),
        ListingSort::Name => {
            sqlx::query_as!(
                ListingSummaryRow,
                r#"
                SELECT listing_id, slug, name, tagline, category, avatar AS "avatar: Json<Avatar>",
                       publisher, is_template, installs, rating_count, rating_hundredths,
                       lower(name) AS "sort_name!", 0::BIGINT AS "rank!"
                FROM listings
                WHERE (lower(name), listing_id) > (coalesce($1::TEXT, ''), $2::UUID)
                  AND ($3::TEXT IS NULL OR category = $3)
                  AND (NOT $4::BOOLEAN OR is_template)
                  AND state = 'published'
                ORDER BY lower(name), listing_id
                LIMIT $5
                "#,
                after.map(|after| after.name.as_str()),
                after.map_or(Uuid::nil(), |after| after.id.as_uuid()),
                category.map(Category::as_str),
                templates_only,
                limit,
            )
            .fetch_all(conn)
            .await?
        }
    };
    rows.into_iter().map(ListingSummaryRow::placed).collect()
}
