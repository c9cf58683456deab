//! The SQL that makes a listing out of what was approved, and that takes it off.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::listing::{ListingState, Showcase};
use resonant_domain::publication::{Report, ReportReason, Submission};
use resonant_domain::{AgentId, ListingId, ReportId, SessionId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::agent_versions::stored;
use super::known;

/// Makes a listing of a first submission; `false` when the slug is taken.
#[tracing::instrument(name = "db.listing.insert_published", skip_all, fields(listing.slug = slug), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    (id, slug): (ListingId, &str),
    (publisher, publisher_name): (UserId, &str),
    submission: &Submission,
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    let texts = &submission.texts;
    let done = sqlx::query!(
        r#"
        WITH published AS (
            INSERT INTO listings (listing_id, slug, name, tagline, category, avatar, publisher,
                                  description, examples, is_template, version, created_at,
                                  updated_at, publisher_id, agent_id, tags, picture, screenshots,
                                  price, is_verified)
            SELECT $1, $2, $3, $4, $5, $6, $7, $8, '[]', FALSE, 1, $9, $9, $10, $11, $12, $16, $17, $18,
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

/// Makes the next version of a listing. One that moderators had removed is published again.
#[tracing::instrument(name = "db.listing.insert_version", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn insert_version(
    conn: &mut PgConnection,
    id: ListingId,
    publisher_name: &str,
    submission: &Submission,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    let texts = &submission.texts;
    sqlx::query!(
        r#"
        WITH published AS (
            UPDATE listings
            SET name = $2, tagline = $3, category = $4, avatar = $5, publisher = $6,
                description = $7, tags = $8, version = greatest(version, last_version) + 1,
                updated_at = $9, median_cost_micro_usd = NULL, picture = $13, screenshots = $14,
                price = $15,
                state = CASE WHEN state = 'removed' THEN 'published' ELSE state END
            WHERE listing_id = $1
            RETURNING listing_id, version
        )
        INSERT INTO listing_versions (listing_id, version, spec, created_at, change_log,
                                      agent_version)
        SELECT listing_id, version, $10, $9, $11, $12 FROM published
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
    )
    .execute(conn)
    .await?;
    Ok(())
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
        WHERE listing_id = $1 AND agent_version = $2
        ORDER BY version DESC
        LIMIT 1
        "#,
        id.as_uuid(),
        stored(agent_version),
    )
    .fetch_optional(conn)
    .await
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

/// Deletes a version of a listing that has others; answers whether it did.
#[tracing::instrument(name = "db.listing.delete_version", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn delete_version(
    conn: &mut PgConnection,
    id: ListingId,
    version: i32,
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
        DELETE FROM listing_versions
        WHERE listing_id = $1 AND version = $2
          AND EXISTS (
              SELECT FROM listing_versions v WHERE v.listing_id = $1 AND v.version <> $2
          )
        "#,
        id.as_uuid(),
        version,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Makes the newest version that is left the listing's present one. The numbers of those before are
/// given to no other.
#[tracing::instrument(name = "db.listing.update_to_newest", skip_all, fields(listing.id = %id), err(level = "debug"))]
pub(crate) async fn update_to_newest(
    conn: &mut PgConnection,
    id: ListingId,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE listings l
        SET version = v.version, last_version = greatest(l.last_version, l.version),
            tools = listing_tools(v.spec), avatar = coalesce(v.spec -> 'avatar', l.avatar),
            median_cost_micro_usd = NULL, updated_at = $2
        FROM (
            SELECT version, spec
            FROM listing_versions
            WHERE listing_id = $1
            ORDER BY version DESC
            LIMIT 1
        ) v
        WHERE l.listing_id = $1 AND l.version <> v.version
        "#,
        id.as_uuid(),
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps a report; somebody's open report of the same listing says the new words from now on.
#[tracing::instrument(name = "db.report.upsert", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn upsert_report(
    conn: &mut PgConnection,
    id: ReportId,
    (listing, reporter): (ListingId, UserId),
    reason: ReportReason,
    text: &str,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO listing_reports (report_id, listing_id, reporter_id, reason, body, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (listing_id, reporter_id) WHERE outcome IS NULL
        DO UPDATE SET reason = EXCLUDED.reason, body = EXCLUDED.body
        "#,
        id.as_uuid(),
        listing.as_uuid(),
        reporter.as_uuid(),
        reason.as_str(),
        text,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists at most `limit` open reports behind `after`, the oldest first.
#[tracing::instrument(name = "db.report.list_open", skip_all, err(level = "debug"))]
pub(crate) async fn list_open_reports(
    conn: &mut PgConnection,
    after: Option<ReportId>,
    limit: i64,
) -> sqlx::Result<Vec<Report>> {
    let rows = sqlx::query!(
        r#"
        SELECT r.report_id, l.slug, l.name, l.state, u.display_name AS reporter, r.reason, r.body,
               r.created_at
        FROM listing_reports r
        JOIN listings l ON l.listing_id = r.listing_id
        JOIN users u ON u.user_id = r.reporter_id
        WHERE r.outcome IS NULL AND r.report_id > $1
        ORDER BY r.report_id
        LIMIT $2
        "#,
        after.map_or(Uuid::nil(), ReportId::as_uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Report {
                id: ReportId::from_uuid(row.report_id),
                slug: row.slug,
                listing: row.name,
                state: known(ListingState::parse(&row.state), "state")?,
                reporter: row.reporter,
                reason: known(ReportReason::parse(&row.reason), "reason")?,
                text: row.body,
                created_at: row.created_at.to_jiff(),
            })
        })
        .collect()
}

/// A report that was closed.
pub(crate) struct ClosedReport {
    pub(crate) listing: ListingId,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) publisher: Option<UserId>,
    pub(crate) agent: Option<AgentId>,
    pub(crate) reporter: UserId,
}

/// Closes a report; answers what it was about, or `None` when it is not open.
#[tracing::instrument(name = "db.report.update_decided", skip_all, fields(report.id = %id), err(level = "debug"))]
pub(crate) async fn update_report(
    conn: &mut PgConnection,
    id: ReportId,
    is_removed: bool,
    moderator: UserId,
    now: jiff::Timestamp,
) -> sqlx::Result<Option<ClosedReport>> {
    let row = sqlx::query!(
        r#"
        UPDATE listing_reports r
        SET outcome = CASE WHEN $2::BOOLEAN THEN 'removed' ELSE 'dismissed' END,
            decided_by = $3, decided_at = $4
        FROM listings l
        WHERE r.report_id = $1 AND r.outcome IS NULL AND l.listing_id = r.listing_id
        RETURNING l.listing_id, l.slug, l.name, l.publisher_id, l.agent_id, r.reporter_id
        "#,
        id.as_uuid(),
        is_removed,
        moderator.as_uuid(),
        now.to_sqlx() as Timestamp,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| ClosedReport {
        listing: ListingId::from_uuid(row.listing_id),
        slug: row.slug,
        name: row.name,
        publisher: row.publisher_id.map(UserId::from_uuid),
        agent: row.agent_id.map(AgentId::from_uuid),
        reporter: UserId::from_uuid(row.reporter_id),
    }))
}
