//! The listing that an agent is published as.

use resonant_domain::agent::AgentSpec;
use resonant_domain::image::{Picture, Pictures, Screenshot};
use resonant_domain::listing::{Category, Example, ListingState};
use resonant_domain::price::Price;
use resonant_domain::publication::{ListingTexts, PublishedListing};
use resonant_domain::{AgentId, ListingId, UserId};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::pictures;
use crate::store::known;

/// Keeps others from changing the listing that an agent is published as until the transaction ends.
#[tracing::instrument(name = "db.listing.lock_of_agent", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn lock_listing(
    conn: &mut PgConnection,
    publisher: UserId,
    agent: AgentId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT listing_id FROM listings WHERE publisher_id = $1 AND agent_id = $2 FOR UPDATE",
        publisher.as_uuid(),
        agent.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// The listing that an agent is published as.
#[tracing::instrument(name = "db.listing.find_of_agent", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn find_listing(
    conn: &mut PgConnection,
    publisher: UserId,
    agent: AgentId,
) -> sqlx::Result<Option<(ListingId, PublishedListing)>> {
    let row = sqlx::query!(
        r#"
        SELECT l.listing_id, l.slug, l.state, l.version,
               l.deprecated_at IS NOT NULL AS "is_deprecated!", s.slug AS "successor?",
               ARRAY(SELECT v.version FROM listing_versions v
                     WHERE v.listing_id = l.listing_id AND v.deleted_at IS NULL
                     ORDER BY v.version DESC) AS "versions!"
        FROM listings l LEFT JOIN listings s ON s.listing_id = l.successor_id
        WHERE l.publisher_id = $1 AND l.agent_id = $2
        "#,
        publisher.as_uuid(),
        agent.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let state = known(ListingState::parse(&row.state), "state")?;
        let listing = PublishedListing {
            slug: row.slug,
            state,
            version: row.version,
            versions: row.versions,
            is_deprecated: row.is_deprecated,
            successor: row.successor,
        };
        Ok((ListingId::from_uuid(row.listing_id), listing))
    })
    .transpose()
}

/// The pictures of a listing.
#[tracing::instrument(name = "db.listing.find_pictures", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn find_pictures(
    conn: &mut PgConnection,
    id: ListingId,
) -> sqlx::Result<Option<Pictures>> {
    let row = sqlx::query!(
        r#"
        SELECT picture AS "picture: Json<Picture>",
               screenshots AS "screenshots: Json<Vec<Screenshot>>"
        FROM listings
        WHERE listing_id = $1
        "#,
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| pictures(row.picture, row.screenshots)))
}

/// The texts and the agent of a listing's newest version, for a comparison.
#[tracing::instrument(name = "db.listing.find_approved", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn find_approved(
    conn: &mut PgConnection,
    id: ListingId,
) -> sqlx::Result<Option<(ListingTexts, AgentSpec)>> {
    let row = sqlx::query!(
        r#"
        SELECT l.name, l.tagline, l.category, l.description, l.tags, v.change_log,
               l.price AS "price: Json<Price>", l.examples AS "examples: Json<Vec<Example>>",
               v.spec AS "spec: Json<AgentSpec>"
        FROM listings l
        JOIN listing_versions v ON v.listing_id = l.listing_id AND v.version = l.version
        WHERE l.listing_id = $1
        "#,
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let texts = ListingTexts {
            name: row.name,
            tagline: row.tagline,
            category: known(Category::parse(&row.category), "category")?,
            description: row.description,
            tags: row.tags,
            change_log: row.change_log,
            price: row.price.0,
            examples: row.examples.0,
        };
        Ok((texts, row.spec.0))
    })
    .transpose()
}
