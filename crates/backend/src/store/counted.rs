//! The lock under which is counted how many of something somebody has. Who makes one more at the same time
//! waits until the other one is there, or is not: a statement alone does not see what is yet to be committed,
//! and two would take the last place.

use resonant_domain::UserId;
use sqlx::PgConnection;

/// What is counted, as the first half of the lock. Whose they are is the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Counted {
    /// Alerts, which are nobody's.
    Alerts = 1_668_248_942,
    Follows,
    Images,
    Keys,
    Schedules,
    Secrets,
    Teams,
    Triggers,
    Webhooks,
}

/// Keeps others from making one more of somebody's until the transaction ends. What is counted is counted by
/// a statement of its own behind it: one that began before would not see what the others made.
#[tracing::instrument(name = "db.counted.lock", skip_all, fields(?counted), err(level = "debug"))]
pub(crate) async fn lock(
    conn: &mut PgConnection,
    counted: Counted,
    whose: UserId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock($1, hashtext($2::UUID::TEXT))",
        counted as i32,
        whose.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
