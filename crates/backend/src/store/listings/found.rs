//! The marketplace with a search text or filters: what matches is found by an index, ranked, and counted
//! by what else it could be narrowed down to.

use resonant_domain::listing::{ListingSort, ListingSummary};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{Avatar, ListingPosition, ListingSummaryRow, Picture, Price};

/// What is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    /// As a person wrote it, trimmed.
    pub(crate) text: String,
    /// As a text search query; empty when nothing can be looked up.
    pub(crate) tsquery: String,
}

/// The best matches of a condition, ranked by `$rank` where no order of its own is asked for.
macro_rules! ranked {
    ($rank:literal, $condition:literal, $wanted:ident, $sort:ident, $after:ident, $limit:ident
     $(, $argument:expr)*) => {
        sqlx::query_as!(
            ListingSummaryRow,
            r#"
            WITH found AS (
                SELECT listing_id, slug, name, tagline, category, avatar, picture, publisher,
                       publisher_id, is_template, installs, rating_count, rating_hundredths,
                       is_verified,
                       median_cost_micro_usd, price, lower(name) AS sort_name,
                       CASE $1::TEXT
                           WHEN 'installs' THEN installs
                           WHEN 'rating' THEN
                               CASE WHEN rating_count = 0 THEN 0
                                    ELSE (rating_sum + 35) * 1000000 / (rating_count + 10) END
                               * 1000000000::BIGINT + least(rating_count, 999999999)
                           WHEN 'newest' THEN (extract(EPOCH FROM created_at) * 1000000)::BIGINT
                           WHEN 'trending' THEN trend
                           WHEN 'name' THEN 0
                           ELSE "#
                + $rank
                + r#"
                       END AS rank
                FROM listings
                WHERE "#
                + $condition
                + r#" AND state = 'published' AND deprecated_at IS NULL
            )
            SELECT listing_id, slug, name, tagline, category, avatar AS "avatar: Json<Avatar>",
                   picture AS "picture: Json<Picture>", publisher, is_template, installs,
                   rating_count, rating_hundredths, is_verified,
                   median_cost_micro_usd, price AS "price: Json<Price>",
                   (SELECT handle FROM publishers p WHERE p.user_id = publisher_id)
                       AS publisher_handle,
                   sort_name AS "sort_name!", rank AS "rank!"
            FROM found
            WHERE $3::BIGINT IS NULL
               OR rank < $3
               OR (rank = $3 AND (sort_name, listing_id) > ($4::TEXT, $5::UUID))
            ORDER BY rank DESC, sort_name, listing_id
            LIMIT $6
            "#,
            $sort.as_str(),
            $wanted,
            $after.map(|position| position.rank),
            $after.map(|position| position.name.as_str()),
            $after.map(|position| position.id.as_uuid()),
            $limit,
            $($argument),*
        )
    };
}

/// Finds at most `limit` listings of a search text behind `after`, each with its place in the order.
#[tracing::instrument(name = "db.listing.list_found", skip_all, err(level = "debug"))]
pub(crate) async fn list_found(
    conn: &mut PgConnection,
    words: &Words,
    wanted: &[String],
    sort: ListingSort,
    after: Option<&ListingPosition>,
    limit: i64,
) -> sqlx::Result<Vec<(ListingSummary, ListingPosition)>> {
    // The words are looked up, the traits looked at: an index of both would be read in vain where
    // no trait is wanted.
    let rows = ranked!(
        "((ts_rank(search, to_tsquery('english', $8::TEXT)) * 10
           + word_likeness($7::TEXT, name) * 5 + word_likeness($7, tagline)) * 1000000)::BIGINT",
        "search @@ to_tsquery('english', $8) AND (traits @> $2::TEXT[]) IS TRUE",
        wanted,
        sort,
        after,
        limit,
        words.text,
        words.tsquery
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(ListingSummaryRow::placed).collect()
}

/// Finds at most `limit` listings with all of these traits behind `after`. Relevance is the number of
/// installs.
#[tracing::instrument(name = "db.listing.list_with", skip_all, err(level = "debug"))]
pub(crate) async fn list_with(
    conn: &mut PgConnection,
    wanted: &[String],
    sort: ListingSort,
    after: Option<&ListingPosition>,
    limit: i64,
) -> sqlx::Result<Vec<(ListingSummary, ListingPosition)>> {
    let rows = ranked!("installs", "traits @> $2::TEXT[]", wanted, sort, after, limit)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(ListingSummaryRow::placed).collect()
}

/// How many of the matches have a trait.
pub(crate) struct TraitCount {
    /// `kind:value`.
    pub(crate) name: String,
    pub(crate) count: i64,
    /// How many matches were looked at.
    pub(crate) looked_at: i64,
}

/// The most frequent traits of each kind among the first matches of a condition. What matches is found
/// by itself: for a few rows of it PostgreSQL would rather look at the whole table.
macro_rules! counted {
    ($condition:literal, $single:ident, $most:ident $(, $argument:expr)*) => {
        sqlx::query_as!(
            TraitCount,
            r#"
            WITH hits AS MATERIALIZED (
                SELECT traits
                FROM listings
                WHERE state = 'published' AND deprecated_at IS NULL AND "#
                + $condition
                + r#"
            ), matched AS MATERIALIZED (
                SELECT traits,
                       ARRAY(SELECT wanted FROM unnest($1::TEXT[]) wanted
                             WHERE NOT wanted = ANY (traits)) AS missing
                FROM hits
                LIMIT $2
            ), held AS (
                SELECT name, count(*) AS count,
                       row_number() OVER (PARTITION BY split_part(name, ':', 1)
                                          ORDER BY count(*) DESC, name) AS place
                FROM matched, unnest(traits) name
                WHERE cardinality(missing) = 0
                   OR (cardinality(missing) = 1
                       AND split_part(name, ':', 1) = split_part(missing[1], ':', 1))
                GROUP BY name
            )
            SELECT name AS "name!", count AS "count!",
                   (SELECT count(*) FROM matched) AS "looked_at!"
            FROM held
            WHERE place <= $3
            "#,
            $single,
            $most.0,
            $most.1,
            $($argument),*
        )
    };
}

/// Counts the traits of what matches: with all traits of `together`, and those of `single` but for the
/// trait's own kind. At most `most.0` matches are looked at, and `most.1` traits of a kind told.
#[tracing::instrument(name = "db.listing.count_traits", skip_all, err(level = "debug"))]
pub(crate) async fn count_traits(
    conn: &mut PgConnection,
    words: Option<&Words>,
    together: &[String],
    single: &[String],
    most: (i64, i64),
) -> sqlx::Result<Vec<TraitCount>> {
    match words {
        Some(words) => {
            counted!(
                "search @@ to_tsquery('english', $4::TEXT) AND (traits @> $5::TEXT[]) IS TRUE",
                single,
                most,
                words.tsquery,
                together
            )
            .fetch_all(conn)
            .await
        }
        None if together.is_empty() => {
            // The newest, where there are more than are looked at.
            counted!("TRUE ORDER BY listing_id DESC LIMIT $2", single, most).fetch_all(conn).await
        }
        None => counted!("traits @> $4::TEXT[]", single, most, together).fetch_all(conn).await,
    }
}
