//! The SQL of the marketplace's shelves. All that stands in one of them is read with the listings.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::CollectionId;
use resonant_domain::agent::Avatar;
use resonant_domain::collection::{Collection, NewCollection};
use resonant_domain::image::Picture;
use resonant_domain::price::Price;
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::listings::summary_of;

struct CollectionRow {
    collection_id: Uuid,
    slug: String,
    title: String,
    description: String,
    is_featured: bool,
    updated_at: Timestamp,
}

impl From<CollectionRow> for Collection {
    fn from(row: CollectionRow) -> Self {
        Self {
            id: CollectionId::from_uuid(row.collection_id),
            slug: row.slug,
            title: row.title,
            description: row.description,
            is_featured: row.is_featured,
            updated_at: row.updated_at.to_jiff(),
            listings: Vec::new(),
        }
    }
}

/// Finds a collection, without its listings.
#[tracing::instrument(name = "db.collection.find", skip_all, err(level = "debug"))]
pub(crate) async fn find(conn: &mut PgConnection, slug: &str) -> sqlx::Result<Option<Collection>> {
    let row = sqlx::query_as!(
        CollectionRow,
        r#"
        SELECT collection_id, slug, title, description, is_featured, updated_at
        FROM collections
        WHERE slug = $1
        "#,
        slug,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Collection::from))
}

/// Lists at most `limit` collections before `before` without their listings, the newest first.
#[tracing::instrument(name = "db.collection.list", skip_all, err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    before: Option<CollectionId>,
    limit: i64,
) -> sqlx::Result<Vec<Collection>> {
    let rows = sqlx::query_as!(
        CollectionRow,
        r#"
        SELECT collection_id, slug, title, description, is_featured, updated_at
        FROM collections
        WHERE collection_id < $1
        ORDER BY collection_id DESC
        LIMIT $2
        "#,
        before.map_or(Uuid::max(), CollectionId::as_uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Collection::from).collect())
}

/// Lists the newest `limit` featured collections before `before`, each with the first `listings` of its listings that
/// anyone may install. One without any is left out.
#[tracing::instrument(name = "db.collection.list_shelves", skip_all, err(level = "debug"))]
pub(crate) async fn list_shelves(
    conn: &mut PgConnection,
    before: Option<CollectionId>,
    limit: i64,
    listings: i64,
) -> sqlx::Result<Vec<Collection>> {
    let rows = sqlx::query!(
        r#"
        SELECT c.collection_id AS "collection_id!", c.slug AS "collection_slug!",
               c.title AS "title!", c.description AS "description!",
               c.is_featured AS "is_featured!", c.updated_at AS "updated_at!: Timestamp",
               l.listing_id AS "listing_id!", l.slug AS "slug!", l.name AS "name!",
               l.tagline AS "tagline!", l.category AS "category!",
               l.avatar AS "avatar!: Json<Avatar>", l.publisher AS "publisher!",
               l.picture AS "picture?: Json<Picture>",
               l.is_template AS "is_template!", l.installs AS "installs!",
               l.rating_count AS "rating_count!", l.rating_hundredths AS "rating_hundredths!",
               l.is_verified AS "is_verified!",
               l.median_cost_micro_usd AS "median_cost_micro_usd?",
               l.price AS "price!: Json<Price>",
               (SELECT handle FROM publishers p WHERE p.user_id = l.publisher_id)
                   AS "publisher_handle?"
        FROM (
            SELECT collection_id, slug, title, description, is_featured, updated_at
            FROM collections
            WHERE is_featured AND collection_id < $3
              AND EXISTS (
                  SELECT FROM collection_listings held
                  JOIN listings l ON l.listing_id = held.listing_id
                  WHERE held.collection_id = collections.collection_id
                    AND l.state = 'published' AND l.deprecated_at IS NULL
              )
            ORDER BY collection_id DESC
            LIMIT $1
        ) c
        CROSS JOIN LATERAL (
            SELECT held.place, l.listing_id, l.slug, l.name, l.tagline, l.category, l.avatar,
                   l.picture, l.publisher, l.publisher_id, l.is_template, l.installs,
                   l.rating_count, l.rating_hundredths, l.is_verified, l.median_cost_micro_usd,
                   l.price
            FROM collection_listings held JOIN listings l ON l.listing_id = held.listing_id
            WHERE held.collection_id = c.collection_id
              AND l.state = 'published' AND l.deprecated_at IS NULL
            ORDER BY held.place
            LIMIT $2
        ) l
        ORDER BY c.collection_id DESC, l.place
        "#,
        limit,
        listings,
        before.map_or(Uuid::max(), CollectionId::as_uuid),
    )
    .fetch_all(conn)
    .await?;
    let mut shelves = Vec::<Collection>::new();
    for row in rows {
        if shelves.last().is_none_or(|shelf| shelf.id.as_uuid() != row.collection_id) {
            shelves.push(Collection::from(CollectionRow {
                collection_id: row.collection_id,
                slug: row.collection_slug,
                title: row.title,
                description: row.description,
                is_featured: row.is_featured,
                updated_at: row.updated_at,
            }));
        }
        let listing = summary_of!(row);
        if let Some(shelf) = shelves.last_mut() {
            shelf.listings.push(listing);
        }
    }
    Ok(shelves)
}

/// Keeps a collection, new or as it is now; `false` when another one has the slug.
#[tracing::instrument(name = "db.collection.upsert", skip_all, fields(collection.id = %id), err(level = "debug"))]
pub(crate) async fn upsert(
    conn: &mut PgConnection,
    (id, slug): (CollectionId, &str),
    new: &NewCollection,
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        INSERT INTO collections (collection_id, slug, title, description, is_featured, created_at,
                                 updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $6)
        ON CONFLICT (slug) DO UPDATE
        SET title = EXCLUDED.title, description = EXCLUDED.description,
            is_featured = EXCLUDED.is_featured, updated_at = EXCLUDED.updated_at
        WHERE collections.collection_id = EXCLUDED.collection_id
        "#,
        id.as_uuid(),
        slug,
        new.title,
        new.description,
        new.is_featured,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Deletes a collection; answers whether there was one.
#[tracing::instrument(name = "db.collection.delete", skip_all, err(level = "debug"))]
pub(crate) async fn delete(conn: &mut PgConnection, slug: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!("DELETE FROM collections WHERE slug = $1", slug).execute(conn).await?;
    Ok(done.rows_affected() > 0)
}

/// Puts these listings into a collection, in this order, and takes all others out; answers the slugs
/// that are listings.
#[tracing::instrument(name = "db.collection.update_listings", skip_all, fields(collection.id = %id), err(level = "debug"))]
pub(crate) async fn update_listings(
    conn: &mut PgConnection,
    id: CollectionId,
    slugs: &[String],
) -> sqlx::Result<Vec<String>> {
    sqlx::query!("DELETE FROM collection_listings WHERE collection_id = $1", id.as_uuid())
        .execute(&mut *conn)
        .await?;
    sqlx::query_scalar!(
        r#"
        WITH placed AS (
            INSERT INTO collection_listings (collection_id, listing_id, place)
            SELECT $1, l.listing_id, wanted.place::INTEGER
            FROM unnest($2::TEXT[]) WITH ORDINALITY wanted (slug, place)
            JOIN listings l ON l.slug = wanted.slug
            RETURNING listing_id
        )
        SELECT l.slug FROM placed JOIN listings l ON l.listing_id = placed.listing_id
        "#,
        id.as_uuid(),
        slugs,
    )
    .fetch_all(conn)
    .await
}
