//! The SQL of the marketplace.

mod found;
mod sorted;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::agent::{AgentSpec, Avatar};
use resonant_domain::image::{Picture, Screenshot};
use resonant_domain::listing::{
    Deprecation, Example, ForkedFrom, Listing, ListingState, ListingSummary, ListingVersion,
    Showcase, VERSIONS_SHOWN,
};
use resonant_domain::price::Price;
use resonant_domain::{ListingId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::known;

pub(crate) use found::{TraitCount, Words, count_traits, list_found, list_with};
pub(crate) use sorted::{list_of_collection, list_of_followed, list_of_publisher, list_sorted};

/// Where a page of listings ends: the last listing on it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct ListingPosition {
    pub(crate) rank: i64,
    pub(crate) name: String,
    pub(crate) id: ListingId,
}

struct ListingRow {
    listing_id: Uuid,
    slug: String,
    name: String,
    tagline: String,
    category: String,
    avatar: Json<Avatar>,
    publisher: String,
    description: String,
    examples: Json<Vec<Example>>,
    is_template: bool,
    version: i32,
    installs: i64,
    rating_count: i64,
    rating_hundredths: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
    spec: Json<AgentSpec>,
    tags: Vec<String>,
    state: String,
    versions: Json<Vec<ListingVersion>>,
    publisher_handle: Option<String>,
    is_verified: bool,
    median_cost_micro_usd: Option<i64>,
    price: Json<Price>,
    is_deprecated: bool,
    successor: Option<String>,
    successor_name: Option<String>,
    showcase: Option<Json<Showcase>>,
    picture: Option<Json<Picture>>,
    screenshots: Json<Vec<Screenshot>>,
    forked_slug: Option<String>,
    forked_name: Option<String>,
    forked_publisher: Option<String>,
    forked_version: Option<i32>,
}

/// What is told of the listing that an agent was copied from, if it is there.
fn forked_from(
    slug: Option<String>,
    name: Option<String>,
    publisher: Option<String>,
    version: Option<i32>,
) -> Option<ForkedFrom> {
    Some(ForkedFrom { slug, name: name?, publisher: publisher?, version: version? })
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

impl TryFrom<ListingRow> for Listing {
    type Error = sqlx::Error;

    fn try_from(row: ListingRow) -> sqlx::Result<Self> {
        Ok(Self {
            summary: summary_of!(row),
            description: row.description,
            tags: row.tags,
            state: known(ListingState::parse(&row.state), "state")?,
            examples: row.examples.0,
            agent: row.spec.0,
            version: row.version,
            created_at: row.created_at.to_jiff(),
            updated_at: row.updated_at.to_jiff(),
            versions: row.versions.0,
            deprecation: row.is_deprecated.then_some(Deprecation {
                successor: row.successor,
                successor_name: row.successor_name,
            }),
            // It was a session of the version that is installed now, or it is shown no more.
            showcase: row
                .showcase
                .map(|showcase| showcase.0)
                .filter(|showcase| showcase.version == row.version),
            screenshots: row.screenshots.0,
            forked_from: forked_from(
                row.forked_slug,
                row.forked_name,
                row.forked_publisher,
                row.forked_version,
            ),
        })
    }
}

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

/// The listings of a condition, each with its present agent and its newest versions. What follows a listing
/// and what it was copied from are looked up by themselves: for the few that have any PostgreSQL would
/// rather read the whole table.
macro_rules! listings {
    ($condition:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            ListingRow,
            r#"
            SELECT l.listing_id, l.slug, l.name, l.tagline, l.category,
                   l.avatar AS "avatar: Json<Avatar>", l.publisher, l.description,
                   l.examples AS "examples: Json<Vec<Example>>", l.is_template, l.version,
                   l.installs, l.rating_count, l.rating_hundredths, l.created_at, l.updated_at,
                   v.spec AS "spec: Json<AgentSpec>", l.tags, l.state, l.is_verified,
                   l.showcase AS "showcase: Json<Showcase>",
                   l.picture AS "picture: Json<Picture>",
                   l.screenshots AS "screenshots: Json<Vec<Screenshot>>",
                   l.price AS "price: Json<Price>",
                   l.median_cost_micro_usd, l.deprecated_at IS NOT NULL AS "is_deprecated!",
                   s.slug AS "successor?", s.name AS "successor_name?",
                   CASE WHEN f.state IN ('published', 'paused') THEN f.slug END AS forked_slug,
                   f.name AS "forked_name?", f.publisher AS "forked_publisher?", l.forked_version,
                   (SELECT handle FROM publishers p WHERE p.user_id = l.publisher_id)
                       AS publisher_handle,
                   ARRAY_TO_JSON(ARRAY(
                       SELECT JSON_BUILD_OBJECT('version', w.version, 'change_log', w.change_log,
                                                'created_at', w.created_at)
                       FROM listing_versions w
                       WHERE w.listing_id = l.listing_id AND w.deleted_at IS NULL
                       ORDER BY w.version DESC
                       LIMIT $1
                   )) AS "versions!: Json<Vec<ListingVersion>>"
            FROM listings l
            JOIN listing_versions v ON v.listing_id = l.listing_id AND v.version = l.version
            LEFT JOIN LATERAL (
                SELECT slug, name
                FROM listings
                WHERE listing_id = l.successor_id AND state IN ('published', 'paused')
                LIMIT 1
            ) AS s ON TRUE
            LEFT JOIN LATERAL (
                SELECT slug, name, publisher, state
                FROM listings
                WHERE listing_id = l.forked_from AND state <> 'removed'
                LIMIT 1
            ) AS f ON TRUE
            WHERE "#
                + $condition,
            VERSIONS_SHOWN
            $(, $argument)*
        )
    };
}

#[tracing::instrument(name = "db.listing.find_by_slug", skip_all, fields(listing.slug = slug), err(level = "debug"))]
pub(crate) async fn find_by_slug(
    conn: &mut PgConnection,
    slug: &str,
) -> sqlx::Result<Option<Listing>> {
    let row = listings!("l.slug = $2 AND l.state IN ('published', 'paused')", slug)
        .fetch_optional(conn)
        .await?;
    row.map(Listing::try_from).transpose()
}

/// A listing that anyone may install.
#[tracing::instrument(name = "db.listing.find_published", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn find_published(
    conn: &mut PgConnection,
    id: ListingId,
) -> sqlx::Result<Option<Listing>> {
    let row = listings!("l.listing_id = $2 AND l.state = 'published'", id.as_uuid())
        .fetch_optional(conn)
        .await?;
    row.map(Listing::try_from).transpose()
}

/// A publisher's own listing that nobody else sees.
#[tracing::instrument(name = "db.listing.find_hidden", skip_all, fields(listing.slug = slug), err(level = "debug"))]
pub(crate) async fn find_hidden(
    conn: &mut PgConnection,
    publisher: UserId,
    slug: &str,
) -> sqlx::Result<Option<Listing>> {
    let row = listings!(
        "l.slug = $2 AND l.publisher_id = $3 AND l.state IN ('unlisted', 'removed')",
        slug,
        publisher.as_uuid()
    )
    .fetch_optional(conn)
    .await?;
    row.map(Listing::try_from).transpose()
}

/// A listing that was taken off, whoever's it is: for those who have paid for it.
#[tracing::instrument(name = "db.listing.find_unlisted", skip_all, fields(listing.slug = slug), err(level = "debug"))]
pub(crate) async fn find_unlisted(
    conn: &mut PgConnection,
    slug: &str,
) -> sqlx::Result<Option<Listing>> {
    let row = listings!("l.slug = $2 AND l.state = 'unlisted'", slug).fetch_optional(conn).await?;
    row.map(Listing::try_from).transpose()
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

/// Lists every template, oldest first.
#[tracing::instrument(name = "db.listing.list_templates", skip_all, err(level = "debug"))]
pub(crate) async fn list_templates(conn: &mut PgConnection) -> sqlx::Result<Vec<Listing>> {
    let rows =
        listings!("l.is_template AND l.state = 'published' AND l.deprecated_at IS NULL ORDER BY l.created_at, l.listing_id")
            .fetch_all(conn)
            .await?;
    rows.into_iter().map(Listing::try_from).collect()
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
