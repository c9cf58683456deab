//! The SQL of what people report about listings.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::listing::ListingState;
use resonant_domain::publication::{Report, ReportReason, Reported};
use resonant_domain::{AgentId, ListingId, ReportId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::known;

/// Keeps a report; somebody's open report of the same listing says the new words from now on.
#[tracing::instrument(name = "db.report.upsert", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn upsert(
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
pub(crate) async fn list_open(
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
                about: Reported::Listing,
                reporter: row.reporter,
                reason: Some(known(ReportReason::parse(&row.reason), "reason")?),
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
pub(crate) async fn update_decided(
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

/// Closes what else is open about a listing that is removed; answers who reported it.
#[tracing::instrument(name = "db.report.update_others", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn update_others(
    conn: &mut PgConnection,
    listing: ListingId,
    moderator: UserId,
    now: jiff::Timestamp,
) -> sqlx::Result<Vec<UserId>> {
    let reporters = sqlx::query_scalar!(
        r#"
        UPDATE listing_reports
        SET outcome = 'removed', decided_by = $2, decided_at = $3
        WHERE listing_id = $1 AND outcome IS NULL
        RETURNING reporter_id
        "#,
        listing.as_uuid(),
        moderator.as_uuid(),
        now.to_sqlx() as Timestamp,
    )
    .fetch_all(conn)
    .await?;
    Ok(reporters.into_iter().map(UserId::from_uuid).collect())
}
