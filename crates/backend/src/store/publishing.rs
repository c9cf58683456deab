//! The SQL that makes a listing out of what was approved, and that takes it off.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::listing::{ListingState, Showcase};
use resonant_domain::publication::Submission;
use resonant_domain::{ListingId, SessionId, UserId};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::agent_versions::{number, stored};
use super::listing_runs::Origin;

/// Makes a listing of a first submission; `false` when the slug is taken.
#[tracing::instrument(name = "db.listing.insert_published", skip_all, fields(listing.slug = slug), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    (id, slug): (ListingId, &str),
    (publisher, publisher_name): (UserId, &str),
    (submission, forked_from): (&Submission, Option<Origin>),
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    let texts = &submission.texts;
    let done = sqlx::query!(
        r#"
        WITH published AS (
            INSERT INTO listings (listing_id, slug, name, tagline, category, avatar, publisher,
                                  description, examples, is_template, version, created_at,
                                  updated_at, publisher_id, agent_id, tags, picture, screenshots,
                                  price, forked_from, forked_version, is_verified)
            SELECT $1, $2, $3, $4, $5, $6, $7, $8, $19, FALSE, 1, $9, $9, $10, $11, $12, $16, $17, $18,
                   $20, $21,
                   EXISTS (SELECT FROM publishers p WHERE p.user_id = $10 AND p.is_verified)
            ON CONFLICT (slug) DO NOTHING
            RETURNING listing_id
        )
        INSERT INTO listing_versions (listing_id, version, spec, created_at, change_log,
                                      agent_version)
        SELECT listing_id, 1, $13, $9, $14, $15 FROM published
        "#,
        id.as_uuid(),
        slug,
        texts.name,
        texts.tagline,
        texts.category.as_str(),
        Json(&submission.spec.avatar) as _,
        publisher_name,
        texts.description,
        now.to_sqlx() as Timestamp,
        publisher.as_uuid(),
        submission.agent_id.as_uuid(),
        &texts.tags,
        Json(&submission.spec) as _,
        texts.change_log,
        stored(submission.agent_version),
        submission.pictures.avatar.as_ref().map(Json) as _,
        Json(&submission.pictures.screenshots) as _,
        Json(texts.price) as _,
        Json(&texts.examples) as _,
        forked_from.map(|origin| origin.listing.as_uuid()),
        forked_from.map(|origin| origin.version),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The number that the next version of a listing gets: above all that there ever were.
#[tracing::instrument(name = "db.listing.find_next_version", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn find_next_version(conn: &mut PgConnection, id: ListingId) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        r#"
        SELECT greatest(version, last_version) + 1 AS "version!"
        FROM listings
        WHERE listing_id = $1
        "#,
        id.as_uuid()
    )
    .fetch_one(conn)
    .await
}

/// Makes the next version of a listing and answers its number. One that moderators had removed is
/// published again.
#[tracing::instrument(name = "db.listing.insert_version", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn insert_version(
    conn: &mut PgConnection,
    id: ListingId,
    publisher_name: &str,
    (submission, forked_from): (&Submission, Option<Origin>),
    now: jiff::Timestamp,
) -> sqlx::Result<i32> {
    let texts = &submission.texts;
    sqlx::query_scalar!(
        r#"
        WITH published AS (
            UPDATE listings
            SET name = $2, tagline = $3, category = $4, avatar = $5, publisher = $6,
                description = $7, tags = $8, version = greatest(version, last_version) + 1,
                updated_at = $9, median_cost_micro_usd = NULL, picture = $13, screenshots = $14,
                price = $15, examples = $16, forked_from = $17, forked_version = $18,
                state = CASE WHEN state = 'removed' THEN 'published' ELSE state END
            WHERE listing_id = $1
            RETURNING listing_id, version
        ), kept AS (
            INSERT INTO listing_versions (listing_id, version, spec, created_at, change_log,
                                          agent_version)
            SELECT listing_id, version, $10, $9, $11, $12 FROM published
        )
        SELECT version AS "version!" FROM published
        "#,
        id.as_uuid(),
        texts.name,
        texts.tagline,
        texts.category.as_str(),
        Json(&submission.spec.avatar) as _,
        publisher_name,
        texts.description,
        &texts.tags,
        now.to_sqlx() as Timestamp,
        Json(&submission.spec) as _,
        texts.change_log,
        stored(submission.agent_version),
        submission.pictures.avatar.as_ref().map(Json) as _,
        Json(&submission.pictures.screenshots) as _,
        Json(texts.price) as _,
        Json(&texts.examples) as _,
        forked_from.map(|origin| origin.listing.as_uuid()),
        forked_from.map(|origin| origin.version),
    )
    .fetch_one(conn)
    .await
}

/// Changes how a listing stands.
#[tracing::instrument(name = "db.listing.update_state", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn update_state(
    conn: &mut PgConnection,
    id: ListingId,
    state: ListingState,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE listings SET state = $2 WHERE listing_id = $1",
        id.as_uuid(),
        state.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The listing of a slug that can take another one's place.
#[tracing::instrument(name = "db.listing.find_successor", skip_all, fields(listing.slug = slug), err(level = "debug"))]
pub(crate) async fn find_successor(
    conn: &mut PgConnection,
    slug: &str,
) -> sqlx::Result<Option<(ListingId, String)>> {
    let row = sqlx::query!(
        r#"
        SELECT listing_id, name
        FROM listings
        WHERE slug = $1 AND state = 'published' AND deprecated_at IS NULL
        "#,
        slug,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (ListingId::from_uuid(row.listing_id), row.name)))
}

/// Keeps that a listing is kept up no more and what takes its place, or that it is once more.
#[tracing::instrument(name = "db.listing.update_deprecated", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn update_deprecated(
    conn: &mut PgConnection,
    id: ListingId,
    at: Option<jiff::Timestamp>,
    successor: Option<ListingId>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE listings SET deprecated_at = $2, successor_id = $3 WHERE listing_id = $1",
        id.as_uuid(),
        at.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<Timestamp>,
        successor.map(ListingId::as_uuid),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Which version of a listing is a version of its agent.
#[tracing::instrument(name = "db.listing.find_version_of", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn find_version_of(
    conn: &mut PgConnection,
    id: ListingId,
    agent_version: u32,
) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        r#"
        SELECT version
        FROM listing_versions
        WHERE listing_id = $1 AND agent_version = $2 AND deleted_at IS NULL
        ORDER BY version DESC
        LIMIT 1
        "#,
        id.as_uuid(),
        stored(agent_version),
    )
    .fetch_optional(conn)
    .await
}

/// Which version of its agent the version of a listing is.
#[tracing::instrument(name = "db.listing.find_agent_version", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn find_agent_version(
    conn: &mut PgConnection,
    id: ListingId,
    version: i32,
) -> sqlx::Result<Option<u32>> {
    let found = sqlx::query_scalar!(
        "SELECT agent_version FROM listing_versions WHERE listing_id = $1 AND version = $2",
        id.as_uuid(),
        version,
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.flatten().map(number))
}

/// The session that a listing shows, or did in an earlier version.
#[tracing::instrument(name = "db.listing.find_showcase", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn find_showcase(
    conn: &mut PgConnection,
    id: ListingId,
) -> sqlx::Result<Option<(SessionId, Showcase)>> {
    let row = sqlx::query!(
        r#"
        SELECT showcase_session_id AS "session_id!", showcase AS "showcase!: Json<Showcase>"
        FROM listings
        WHERE listing_id = $1 AND showcase_session_id IS NOT NULL AND showcase IS NOT NULL
        "#,
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (SessionId::from_uuid(row.session_id), row.showcase.0)))
}

/// Keeps the session that is shown, or that none is.
#[tracing::instrument(name = "db.listing.update_showcase", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn update_showcase(
    conn: &mut PgConnection,
    id: ListingId,
    shown: Option<(SessionId, &Showcase)>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE listings SET showcase_session_id = $2, showcase = $3 WHERE listing_id = $1",
        id.as_uuid(),
        shown.map(|(session, _)| session.as_uuid()),
        shown.map(|(_, showcase)| Json(showcase)) as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Shows a session nowhere any more; answers the slug of the listing that did.
#[tracing::instrument(name = "db.listing.update_hidden", skip_all, fields(session.id = %session), err(level = "debug"))]
pub(crate) async fn update_hidden(
    conn: &mut PgConnection,
    publisher: UserId,
    session: SessionId,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        r#"
        UPDATE listings
        SET showcase_session_id = NULL, showcase = NULL
        WHERE publisher_id = $1 AND showcase_session_id = $2
        RETURNING slug
        "#,
        publisher.as_uuid(),
        session.as_uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Deletes a version of a listing that has others; answers whether it did. What it is made of is kept for
/// those who have a copy of it.
#[tracing::instrument(name = "db.listing.delete_version", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn delete_version(
    conn: &mut PgConnection,
    id: ListingId,
    version: i32,
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    // Two deletions wait for each other here, so that one version is always left.
    sqlx::query_scalar!(
        "SELECT version FROM listings WHERE listing_id = $1 FOR UPDATE",
        id.as_uuid()
    )
    .fetch_one(&mut *conn)
    .await?;
    let done = sqlx::query!(
        r#"
        UPDATE listing_versions
        SET deleted_at = $3
        WHERE listing_id = $1 AND version = $2 AND deleted_at IS NULL
          AND EXISTS (
              SELECT FROM listing_versions v
              WHERE v.listing_id = $1 AND v.version <> $2 AND v.deleted_at IS NULL
          )
        "#,
        id.as_uuid(),
        version,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Makes the newest version that is left the listing's present one, with all that was said and shown when it
/// was approved; pictures that are gone meanwhile are not shown. The numbers of those before are given to no
/// other. Answers whether that changed anything.
#[tracing::instrument(name = "db.listing.update_to_newest", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn update_to_newest(
    conn: &mut PgConnection,
    id: ListingId,
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE listings l
        SET version = next.version, last_version = greatest(l.last_version, l.version),
            tools = listing_tools(next.spec), avatar = coalesce(next.spec -> 'avatar', l.avatar),
            name = coalesce(next.name, l.name), tagline = coalesce(next.tagline, l.tagline),
            category = coalesce(next.category, l.category),
            description = coalesce(next.description, l.description),
            tags = coalesce(next.tags, l.tags), examples = coalesce(next.examples, l.examples),
            price = coalesce(next.price, l.price),
            picture = CASE WHEN next.submission_id IS NULL THEN l.picture ELSE next.picture END,
            screenshots = coalesce(next.screenshots, l.screenshots),
            forked_from = CASE WHEN next.submission_id IS NULL THEN l.forked_from
                               ELSE next.forked_from END,
            forked_version = CASE WHEN next.submission_id IS NULL THEN l.forked_version
                                  ELSE next.forked_version END,
            median_cost_micro_usd = NULL, updated_at = $2
        FROM (
            SELECT v.version, v.spec, s.submission_id, s.name, s.tagline, s.category, s.description,
                   s.tags, s.examples, s.price, s.forked_from, s.forked_version,
                   CASE WHEN EXISTS (
                       SELECT FROM images i WHERE i.image_id = (s.picture ->> 'id')::UUID
                   ) THEN s.picture END AS picture,
                   CASE WHEN s.submission_id IS NOT NULL THEN (
                       SELECT coalesce(jsonb_agg(shot.shown ORDER BY shot.place), '[]')
                       FROM jsonb_array_elements(s.screenshots) WITH ORDINALITY AS shot (shown, place)
                       JOIN images i ON i.image_id = (shot.shown ->> 'id')::UUID
                   ) END AS screenshots
            FROM listings p
            JOIN listing_versions v ON v.listing_id = p.listing_id AND v.version = (
                SELECT max(w.version) FROM listing_versions w
                WHERE w.listing_id = $1 AND w.deleted_at IS NULL
            )
            LEFT JOIN listing_submissions s
                ON s.publisher_id = p.publisher_id AND s.agent_id = p.agent_id
               AND s.state = 'approved' AND s.listing_version = v.version
            WHERE p.listing_id = $1
        ) next
        WHERE l.listing_id = $1 AND l.version <> next.version
        "#,
        id.as_uuid(),
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
