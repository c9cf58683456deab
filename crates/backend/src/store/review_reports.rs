//! The SQL of what people report about reviews. A report that is decided is deleted.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::listing::ListingState;
use resonant_domain::publication::{Report, ReportReason, Reported, ReportedReview};
use resonant_domain::{ListingId, ReportId, ReviewId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::known;

/// Keeps a report; somebody's open report of the same review says the new words from now on.
#[tracing::instrument(name = "db.review_report.upsert", skip_all, fields(review.id = %review), err(level = "debug"))]
pub(crate) async fn upsert(
    conn: &mut PgConnection,
    id: ReportId,
    (review, reporter): (ReviewId, UserId),
    reason: ReportReason,
    text: &str,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO review_reports (report_id, review_id, reporter_id, reason, body, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (review_id, reporter_id)
        DO UPDATE SET reason = EXCLUDED.reason, body = EXCLUDED.body
        "#,
        id.as_uuid(),
        review.as_uuid(),
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
#[tracing::instrument(name = "db.review_report.list_open", skip_all, err(level = "debug"))]
pub(crate) async fn list_open(
    conn: &mut PgConnection,
    after: Option<ReportId>,
    limit: i64,
) -> sqlx::Result<Vec<Report>> {
    let rows = sqlx::query!(
        r#"
        SELECT p.report_id, l.slug, l.name, l.state, u.display_name AS reporter, p.reason,
               p.body AS report, p.created_at, a.display_name AS author, r.stars, r.body
        FROM review_reports p
        JOIN reviews r ON r.review_id = p.review_id
        JOIN listings l ON l.listing_id = r.listing_id
        JOIN users u ON u.user_id = p.reporter_id
        JOIN users a ON a.user_id = r.author_id
        WHERE p.report_id > $1
        ORDER BY p.report_id
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
                about: Reported::Review(ReportedReview {
                    author: row.author,
                    stars: u8::try_from(row.stars).unwrap_or_default(),
                    text: row.body,
                }),
                reporter: row.reporter,
                reason: Some(known(ReportReason::parse(&row.reason), "reason")?),
                text: row.report,
                created_at: row.created_at.to_jiff(),
            })
        })
        .collect()
}

/// A review that is reported, with what is told about it.
pub(crate) struct ReportedSubject {
    pub(crate) review: ReviewId,
    pub(crate) author: UserId,
    pub(crate) listing: ListingId,
    pub(crate) slug: String,
    pub(crate) name: String,
}

/// What a report is about, and keeps others from changing the review until the transaction ends. It is locked before
/// the report, as where its author deletes it.
#[tracing::instrument(name = "db.review_report.lock_subject", skip_all, fields(report.id = %id), err(level = "debug"))]
pub(crate) async fn lock_subject(
    conn: &mut PgConnection,
    id: ReportId,
) -> sqlx::Result<Option<ReportedSubject>> {
    let row = sqlx::query!(
        r#"
        SELECT r.review_id, r.author_id, l.listing_id, l.slug, l.name
        FROM review_reports p
        JOIN reviews r ON r.review_id = p.review_id
        JOIN listings l ON l.listing_id = r.listing_id
        WHERE p.report_id = $1
        FOR UPDATE OF r
        "#,
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| ReportedSubject {
        review: ReviewId::from_uuid(row.review_id),
        author: UserId::from_uuid(row.author_id),
        listing: ListingId::from_uuid(row.listing_id),
        slug: row.slug,
        name: row.name,
    }))
}

/// Closes a report; answers who made it, or `None` when it is not open.
#[tracing::instrument(name = "db.review_report.delete", skip_all, fields(report.id = %id), err(level = "debug"))]
pub(crate) async fn delete(conn: &mut PgConnection, id: ReportId) -> sqlx::Result<Option<UserId>> {
    let reporter = sqlx::query_scalar!(
        "DELETE FROM review_reports WHERE report_id = $1 RETURNING reporter_id",
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(reporter.map(UserId::from_uuid))
}

/// Closes all that is open about a review; answers who reported it.
#[tracing::instrument(name = "db.review_report.delete_of", skip_all, fields(review.id = %review), err(level = "debug"))]
pub(crate) async fn delete_of(
    conn: &mut PgConnection,
    review: ReviewId,
) -> sqlx::Result<Vec<UserId>> {
    let reporters = sqlx::query_scalar!(
        "DELETE FROM review_reports WHERE review_id = $1 RETURNING reporter_id",
        review.as_uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(reporters.into_iter().map(UserId::from_uuid).collect())
}
