//! The SQL of the marketplace.

mod sorted;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::agent::{AgentSpec, Avatar};
use resonant_domain::listing::{
    Category, CategoryCount, Example, Listing, ListingSort, ListingState, ListingSummary,
    ListingVersion, VERSIONS_SHOWN,
};
use resonant_domain::{ListingId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::known;

pub(crate) use sorted::list_sorted;

/// How like a misspelt word must be to one of a listing to find it (`pg_trgm`'s word similarity).
const LIKENESS: f32 = 0.5;

/// What is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    /// As a person wrote it, trimmed; empty for all.
    pub(crate) text: String,
    /// As a text search query; empty when nothing can be looked up.
    pub(crate) tsquery: String,
    pub(crate) templates_only: bool,
}

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
}

impl TryFrom<ListingRow> for Listing {
    type Error = sqlx::Error;

    fn try_from(row: ListingRow) -> sqlx::Result<Self> {
        Ok(Self {
            summary: ListingSummary {
                id: ListingId::from_uuid(row.listing_id),
                slug: row.slug,
                name: row.name,
                tagline: row.tagline,
                category: known(Category::parse(&row.category), "category")?,
                avatar: row.avatar.0,
                publisher: row.publisher,
                installs: row.installs,
                rating_count: row.rating_count,
                rating_hundredths: row.rating_hundredths,
                is_template: row.is_template,
            },
            description: row.description,
            tags: row.tags,
            state: known(ListingState::parse(&row.state), "state")?,
            examples: row.examples.0,
            agent: row.spec.0,
            version: row.version,
            created_at: row.created_at.to_jiff(),
            updated_at: row.updated_at.to_jiff(),
            versions: row.versions.0,
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
    publisher: String,
    is_template: bool,
    installs: i64,
    rating_count: i64,
    rating_hundredths: i32,
    sort_name: String,
    rank: i64,
}

impl ListingSummaryRow {
    /// The listing and its place in the order.
    fn placed(self) -> sqlx::Result<(ListingSummary, ListingPosition)> {
        let id = ListingId::from_uuid(self.listing_id);
        let summary = ListingSummary {
            id,
            slug: self.slug,
            name: self.name,
            tagline: self.tagline,
            category: known(Category::parse(&self.category), "category")?,
            avatar: self.avatar.0,
            publisher: self.publisher,
            installs: self.installs,
            rating_count: self.rating_count,
            rating_hundredths: self.rating_hundredths,
            is_template: self.is_template,
        };
        Ok((summary, ListingPosition { rank: self.rank, name: self.sort_name, id }))
    }
}

/// The listings of a condition, each with its present agent and its newest versions.
macro_rules! listings {
    ($condition:literal $(, $argument:expr)?) => {
        sqlx::query_as!(
            ListingRow,
            r#"
            SELECT l.listing_id, l.slug, l.name, l.tagline, l.category,
                   l.avatar AS "avatar: Json<Avatar>", l.publisher, l.description,
                   l.examples AS "examples: Json<Vec<Example>>", l.is_template, l.version,
                   l.installs, l.rating_count, l.rating_hundredths, l.created_at, l.updated_at,
                   v.spec AS "spec: Json<AgentSpec>", l.tags, l.state,
                   ARRAY_TO_JSON(ARRAY(
                       SELECT JSON_BUILD_OBJECT('version', w.version, 'change_log', w.change_log,
                                                'created_at', w.created_at)
                       FROM listing_versions w
                       WHERE w.listing_id = l.listing_id
                       ORDER BY w.version DESC
                       LIMIT $1
                   )) AS "versions!: Json<Vec<ListingVersion>>"
            FROM listings l
            JOIN listing_versions v ON v.listing_id = l.listing_id AND v.version = l.version
            WHERE "#
                + $condition,
            VERSIONS_SHOWN
            $(, $argument)?
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
        WHERE listing_id = $1 AND version = $2
        "#,
        id.as_uuid(),
        version,
    )
    .fetch_optional(conn)
    .await?;
    Ok(spec.map(|spec| spec.0))
}

/// Lists every template, oldest first.
#[tracing::instrument(name = "db.listing.list_templates", skip_all, err(level = "debug"))]
pub(crate) async fn list_templates(conn: &mut PgConnection) -> sqlx::Result<Vec<Listing>> {
    let rows =
        listings!("l.is_template AND l.state = 'published' ORDER BY l.created_at, l.listing_id")
            .fetch_all(conn)
            .await?;
    rows.into_iter().map(Listing::try_from).collect()
}

/// Finds at most `limit` listings behind `after`, each with its place in the order.
#[tracing::instrument(name = "db.listing.list", skip_all, err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    search: &Search,
    category: Option<Category>,
    sort: ListingSort,
    after: Option<&ListingPosition>,
    limit: i64,
) -> sqlx::Result<Vec<(ListingSummary, ListingPosition)>> {
    let rows = sqlx::query_as!(
        ListingSummaryRow,
        r#"
        WITH found AS (
            SELECT listing_id, slug, name, tagline, category, avatar, publisher, is_template,
                   installs, rating_count, rating_hundredths,
                   lower(name) AS sort_name,
                   CASE $4::TEXT
                       WHEN 'installs' THEN installs
                       WHEN 'rating' THEN rating_hundredths * 1000000000 + least(rating_count, 999999999)
                       WHEN 'newest' THEN (extract(EPOCH FROM created_at) * 1000000)::BIGINT
                       WHEN 'name' THEN 0
                       ELSE ((ts_rank(search, to_tsquery('english', $2::TEXT)) * 10
                              + word_likeness($1::TEXT, name) * 5
                              + word_likeness($1, tagline)) * 1000000)::BIGINT
                   END AS rank
            FROM listings
            WHERE (search @@ to_tsquery('english', $2)
                   OR word_likeness($1, name || ' ' || tagline) >= $3)
              AND ($5::TEXT IS NULL OR category = $5)
              AND (NOT $6::BOOLEAN OR is_template)
              AND state = 'published'
        )
        SELECT listing_id, slug, name, tagline, category, avatar AS "avatar: Json<Avatar>",
               publisher, is_template, installs, rating_count, rating_hundredths,
               sort_name AS "sort_name!", rank AS "rank!"
        FROM found
        WHERE $7::BIGINT IS NULL
           OR rank < $7
           OR (rank = $7 AND (sort_name, listing_id) > ($8::TEXT, $9::UUID))
        ORDER BY rank DESC, sort_name, listing_id
        LIMIT $10
        "#,
        search.text,
        search.tsquery,
        LIKENESS,
        sort.as_str(),
        category.map(Category::as_str),
        search.templates_only,
        after.map(|position| position.rank),
        after.map(|position| position.name.as_str()),
        after.map(|position| position.id.as_uuid()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(ListingSummaryRow::placed).collect()
}

/// Counts what is found in each category, in no order.
#[tracing::instrument(name = "db.listing.count_by_category", skip_all, err(level = "debug"))]
pub(crate) async fn count_by_category(
    conn: &mut PgConnection,
    search: &Search,
) -> sqlx::Result<Vec<CategoryCount>> {
    let rows = sqlx::query!(
        r#"
        SELECT category, count(*) AS "count!"
        FROM listings
        WHERE ($1 = ''
               OR search @@ to_tsquery('english', $2)
               OR word_likeness($1, name || ' ' || tagline) >= $3)
          AND (NOT $4::BOOLEAN OR is_template)
          AND state = 'published'
        GROUP BY category
        "#,
        search.text,
        search.tsquery,
        LIKENESS,
        search.templates_only,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let category = known(Category::parse(&row.category), "category")?;
            Ok(CategoryCount { category, count: row.count })
        })
        .collect()
}

/// Whether there is any listing.
#[tracing::instrument(name = "db.listing.exists", skip_all, err(level = "debug"))]
pub(crate) async fn exists(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT 1 FROM listings) AS "exists!""#)
        .fetch_one(conn)
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
                                  updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
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
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Keeps that a person installed a listing and counts it, the first time.
#[tracing::instrument(name = "db.install.insert", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn insert_install(
    conn: &mut PgConnection,
    owner: UserId,
    listing: ListingId,
    version: i32,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        WITH installed AS (
            INSERT INTO installs (owner_id, listing_id, version, created_at)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (owner_id, listing_id) DO NOTHING
            RETURNING listing_id
        )
        UPDATE listings l
        SET installs = l.installs + 1
        FROM installed
        WHERE l.listing_id = installed.listing_id
        "#,
        owner.as_uuid(),
        listing.as_uuid(),
        version,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}
