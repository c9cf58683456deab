//! What admins and moderators look after.

use resonant_domain::{AlertId, SubmissionId};

use super::with_query;

/// How the installation stands, for admins.
pub const ADMIN: &str = "/admin";
/// The service targets beside what was measured, for admins.
pub const SERVICE_LEVELS: &str = "/admin/service-levels";
/// That something was measured, as Server-Sent Events.
pub const LEVEL_STREAM: &str = "/api/v1/service-levels/stream";
/// The alerts, for admins.
pub const ALERTS: &str = "/admin/alerts";
/// That alerts may have changed, as Server-Sent Events.
pub const ALERT_STREAM: &str = "/api/v1/alerts/stream";
/// What was done in the installation, for admins.
pub const ALL_AUDIT: &str = "/admin/audit";
/// The same as a file.
pub const ALL_AUDIT_FILE: &str = "/admin/audit/file";

/// A page of the administration over a period.
pub fn with_period(path: &str, period: &str) -> String {
    with_query(path, &[("period", Some(period))])
}

/// One alert.
pub fn alert(id: AlertId) -> String {
    format!("{ALERTS}/{id}")
}

/// What happened to an alert, from a cursor on.
pub fn alert_events_page(id: AlertId, cursor: &str) -> String {
    format!("{}#alert-history", with_query(&alert(id), &[("events", Some(cursor))]))
}

/// The messages of an alert, from a cursor on.
pub fn alert_messages_page(id: AlertId, cursor: &str) -> String {
    format!("{}#alert-messages", with_query(&alert(id), &[("messages", Some(cursor))]))
}

/// What waits for a moderator.
pub const MODERATION: &str = "/admin/reviews";
/// The shelves of the marketplace, for moderators.
pub const COLLECTIONS: &str = "/admin/collections";

/// What waits for a moderator, from a cursor on.
pub fn cases_page(cursor: &str) -> String {
    with_query(MODERATION, &[("cases", Some(cursor))])
}

/// What people report, from a cursor on.
pub fn reports_page(cursor: &str) -> String {
    format!("{}#reports-title", with_query(MODERATION, &[("reports", Some(cursor))]))
}

/// One submission as a moderator judges it.
pub fn case(id: SubmissionId) -> String {
    format!("{MODERATION}/{id}")
}

/// One shelf as a moderator changes it.
pub fn edit_collection(slug: &str) -> String {
    with_query(COLLECTIONS, &[("edit", Some(slug))])
}

/// The shelves of the marketplace, for moderators, from a cursor on.
pub fn collections_page(cursor: &str) -> String {
    with_query(COLLECTIONS, &[("cursor", Some(cursor))])
}
