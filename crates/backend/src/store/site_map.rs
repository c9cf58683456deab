//! The SQL of what search engines are told of: what addresses are made of, and no more.

use jiff_sqlx::Timestamp;
use sqlx::PgConnection;

use crate::site_map::{Listed, Shelf};

/// Lists the newest collections and the publishers who have a listing in the marketplace, at most `limit` of
/// each.
#[tracing::instrument(name = "db.site_map.list_shelves", skip_all, err(level = "debug"))]
pub(crate) async fn list_shelves(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Shelf>> {
    let rows = sqlx::query!(
        r#"
        (
            SELECT slug AS "name!", updated_at AS "updated_at?: Timestamp"
            FROM collections
            ORDER BY collection_id DESC
            LIMIT $1
        )
        UNION ALL
        (
            SELECT handle, NULL
            FROM publishers p
            WHERE (
                SELECT TRUE
                FROM listings l
                WHERE l.publisher_id = p.user_id AND l.state = 'published'
                LIMIT 1
            )
            ORDER BY handle
            LIMIT $1
        )
        "#,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let shelf = |name, updated_at: Option<Timestamp>| match updated_at {
        Some(at) => Shelf::Collection { slug: name, updated_at: at.to_jiff() },
        None => Shelf::Publisher { handle: name },
    };
    Ok(rows.into_iter().map(|row| shelf(row.name, row.updated_at)).collect())
}

/// Lists at most `limit` listings from a slug on, by slug.
#[tracing::instrument(name = "db.site_map.list_listings", skip_all, err(level = "debug"))]
pub(crate) async fn list_listings(
    conn: &mut PgConnection,
    from: &str,
    limit: i64,
) -> sqlx::Result<Vec<Listed>> {
    let rows = sqlx::query!(
        r#"
        SELECT slug, updated_at AS "updated_at: Timestamp"
        FROM listings
        WHERE slug >= $1 AND state = 'published' AND deprecated_at IS NULL
        ORDER BY slug
        LIMIT $2
        "#,
        from,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let rows = rows.into_iter();
    Ok(rows.map(|row| Listed { slug: row.slug, updated_at: row.updated_at.to_jiff() }).collect())
}

/// Lists the slugs at which parts begin of `size` listings each, by slug: `from`, and so on.
#[tracing::instrument(name = "db.site_map.list_parts", skip_all, err(level = "debug"))]
pub(crate) async fn list_parts(
    conn: &mut PgConnection,
    from: &str,
    size: i64,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"
        WITH RECURSIVE parts AS (
            SELECT $1::TEXT AS slug
            UNION ALL
            SELECT (
                SELECT l.slug
                FROM listings l
                WHERE l.slug >= p.slug AND l.state = 'published' AND l.deprecated_at IS NULL
                ORDER BY l.slug
                OFFSET $2
                LIMIT 1
            )
            FROM parts p
            WHERE p.slug IS NOT NULL
        )
        SELECT slug AS "slug!" FROM parts WHERE slug IS NOT NULL
        "#,
        from,
        size,
    )
    .fetch_all(conn)
    .await
}
