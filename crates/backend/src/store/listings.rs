//! The SQL of the marketplace.

mod found;
mod sorted;
mod whole;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::ListingId;
use resonant_domain::agent::{AgentSpec, Avatar};
use resonant_domain::image::Picture;
use resonant_domain::listing::{ForkedFrom, Listing, ListingSummary};
use resonant_domain::price::Price;
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

pub(crate) use found::{TraitCount, Words, count_traits, list_found, list_with};
pub(crate) use sorted::{list_of_collection, list_of_followed, list_of_publisher, list_sorted};
pub(crate) use whole::{find_by_slug, find_hidden, find_published, find_unlisted, list_templates};

/// Where a page of listings ends: the last listing on it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct ListingPosition {
    pub(crate) rank: i64,
    pub(crate) name: String,
    pub(crate) id: ListingId,
}

/// A listing in a list. The rows of several statements have these columns beside others of their own.
macro_rules! summary_of {
    ($row:ident) => {
        resonant_domain::listing::ListingSummary {
            id: resonant_domain::ListingId::from_uuid($row.listing_id),
            slug: $row.slug,
            name: $row.name,
            tagline: $row.tagline,
            category: $crate::store::known(
                resonant_domain::listing::Category::parse(&$row.category),
                "category",
            )?,
            avatar: $row.avatar.0,
            picture: $row.picture.map(|picture| picture.0),
            publisher: $row.publisher,
            installs: $row.installs,
            rating_count: $row.rating_count,
            rating_hundredths: $row.rating_hundredths,
            is_template: $row.is_template,
            publisher_handle: $row.publisher_handle,
            is_verified: $row.is_verified,
            median_cost: $row.median_cost_micro_usd.map(resonant_domain::money::MicroUsd),
            price: $row.price.0,
            highlights: None,
        }
    };
}
pub(super) use summary_of;

struct ListingSummaryRow {
    listing_id: Uuid,
    slug: String,
    name: String,
    tagline: String,
    category: String,
    avatar: Json<Avatar>,
    picture: Option<Json<Picture>>,
    publisher: String,
    is_template: bool,
    installs: i64,
    rating_count: i64,
    rating_hundredths: i32,
    publisher_handle: Option<String>,
    is_verified: bool,
    median_cost_micro_usd: Option<i64>,
    price: Json<Price>,
    sort_name: String,
    rank: i64,
}

impl ListingSummaryRow {
    /// The listing and its place in the order.
    fn placed(self) -> sqlx::Result<(ListingSummary, ListingPosition)> {
        let row = self;
        let summary = summary_of!(row);
        let position = ListingPosition { rank: row.rank, name: row.sort_name, id: summary.id };
        Ok((summary, position))
    }
}

/// What is told of a listing as one that another was copied from; `None` when it is gone.
#[tracing::instrument(name = "db.listing.find_forked", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn find_forked(
    conn: &mut PgConnection,
    id: ListingId,
    version: i32,
) -> sqlx::Result<Option<ForkedFrom>> {
    let row = sqlx::query!(
        r#"
        SELECT CASE WHEN state IN ('published', 'paused') THEN slug END AS slug, name, publisher
        FROM listings
        WHERE listing_id = $1 AND state <> 'removed'
        "#,
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| ForkedFrom {
        slug: row.slug,
        name: row.name,
        publisher: row.publisher,
        version,
    }))
}

/// The agent of a version, also of one that was deleted: what people changed since they copied it is told
/// by it.
#[tracing::instrument(name = "db.listing.find_base", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn find_base(
    conn: &mut PgConnection,
    id: ListingId,
    version: i32,
) -> sqlx::Result<Option<AgentSpec>> {
    // What was deleted before such versions were kept stands in what was handed in.
    let spec = sqlx::query_scalar!(
        r#"
        SELECT spec AS "spec!: Json<AgentSpec>"
        FROM listing_versions
        WHERE listing_id = $1 AND version = $2
        UNION ALL
        SELECT s.spec
        FROM listings l
        JOIN listing_submissions s ON s.publisher_id = l.publisher_id AND s.agent_id = l.agent_id
        WHERE l.listing_id = $1 AND s.listing_version = $2
        LIMIT 1
        "#,
        id.as_uuid(),
        version,
    )
    .fetch_optional(conn)
    .await?;
    Ok(spec.map(|spec| spec.0))
}

/// The agent of a version.
#[tracing::instrument(name = "db.listing.find_version", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn find_version(
    conn: &mut PgConnection,
    id: ListingId,
    version: i32,
) -> sqlx::Result<Option<AgentSpec>> {
    let spec = sqlx::query_scalar!(
        r#"
        SELECT spec AS "spec: Json<AgentSpec>"
        FROM listing_versions
        WHERE listing_id = $1 AND version = $2 AND deleted_at IS NULL
        "#,
        id.as_uuid(),
        version,
    )
    .fetch_optional(conn)
    .await?;
    Ok(spec.map(|spec| spec.0))
}

/// Which of these versions of a listing there are.
#[tracing::instrument(name = "db.listing.list_versions", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn list_versions(
    conn: &mut PgConnection,
    id: ListingId,
    among: &[i32],
) -> sqlx::Result<Vec<i32>> {
    sqlx::query_scalar!(
        r#"
        SELECT version
        FROM listing_versions
        WHERE listing_id = $1 AND version = ANY ($2) AND deleted_at IS NULL
        "#,
        id.as_uuid(),
        among,
    )
    .fetch_all(conn)
    .await
}

/// Whether there is any listing.
#[tracing::instrument(name = "db.listing.exists", skip_all, err(level = "debug"))]
pub(crate) async fn exists(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT 1 FROM listings) AS "exists!""#)
        .fetch_one(conn)
        .await
}

/// The slugs of these listings.
#[tracing::instrument(name = "db.listing.list_slugs", skip_all, err(level = "debug"))]
pub(crate) async fn list_slugs(
    conn: &mut PgConnection,
    ids: &[ListingId],
) -> sqlx::Result<Vec<String>> {
    let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
    sqlx::query_scalar!("SELECT slug FROM listings WHERE listing_id = ANY ($1)", &ids)
        .fetch_all(conn)
        .await
}

/// Publishes a listing with its first version; `false` when its slug is taken.
#[tracing::instrument(name = "db.listing.insert", skip_all, fields(listing.slug = %listing.summary.slug), err(level = "debug"))]
pub(crate) async fn insert(conn: &mut PgConnection, listing: &Listing) -> sqlx::Result<bool> {
    let summary = &listing.summary;
    let done = sqlx::query!(
        r#"
        WITH published AS (
            INSERT INTO listings (listing_id, slug, name, tagline, category, avatar, publisher,
                                  description, examples, is_template, version, created_at,
                                  updated_at, tags, is_verified)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $15, $16)
            ON CONFLICT (slug) DO NOTHING
            RETURNING listing_id, version, updated_at
        )
        INSERT INTO listing_versions (listing_id, version, spec, created_at)
        SELECT listing_id, version, $14, updated_at FROM published
        "#,
        summary.id.as_uuid(),
        summary.slug,
        summary.name,
        summary.tagline,
        summary.category.as_str(),
        Json(&summary.avatar) as _,
        summary.publisher,
        listing.description,
        Json(&listing.examples) as _,
        summary.is_template,
        listing.version,
        listing.created_at.to_sqlx() as Timestamp,
        listing.updated_at.to_sqlx() as Timestamp,
        Json(&listing.agent) as _,
        &listing.tags,
        summary.is_verified,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
