//! Listings with all that their pages show: the present agent, the newest versions, what follows them and what
//! they were copied from.

use jiff_sqlx::Timestamp;
use resonant_domain::agent::{AgentSpec, Avatar};
use resonant_domain::image::{Picture, Screenshot};
use resonant_domain::listing::{
    Deprecation, Example, ForkedFrom, Listing, ListingState, ListingVersion, Showcase,
    VERSIONS_SHOWN,
};
use resonant_domain::price::Price;
use resonant_domain::{ListingId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::summary_of;
use crate::store::known;

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

/// Lists every template, oldest first.
#[tracing::instrument(name = "db.listing.list_templates", skip_all, err(level = "debug"))]
pub(crate) async fn list_templates(conn: &mut PgConnection) -> sqlx::Result<Vec<Listing>> {
    let rows =
        listings!("l.is_template AND l.state = 'published' AND l.deprecated_at IS NULL ORDER BY l.created_at, l.listing_id")
            .fetch_all(conn)
            .await?;
    rows.into_iter().map(Listing::try_from).collect()
}
