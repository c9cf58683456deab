//! The SQL of work that one process does for all. The database's clock alone tells when a lease is
//! over.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use super::interval;

/// Takes or renews a lease; `false` when another process holds it.
#[tracing::instrument(name = "db.lease.claim", skip_all, fields(lease.name = name), err(level = "debug"))]
pub(crate) async fn claim(
    conn: &mut PgConnection,
    name: &str,
    holder: Uuid,
    lasts: Duration,
) -> sqlx::Result<bool> {
    let held = sqlx::query_scalar!(
        r#"
        INSERT INTO leases (name, holder, lease_until) VALUES ($1, $2, now() + $3)
        ON CONFLICT (name) DO UPDATE
        SET holder = excluded.holder, lease_until = excluded.lease_until
        WHERE leases.holder = excluded.holder OR leases.lease_until <= now()
           -- No lease lasts so long: the clock was turned back since.
           OR leases.lease_until > now() + $3 * 2
        RETURNING TRUE AS "held!"
        "#,
        name,
        holder,
        interval(lasts),
    )
    .fetch_optional(conn)
    .await?;
    Ok(held.is_some())
}

/// Gives a lease up, so that another process need not wait for its end.
#[tracing::instrument(name = "db.lease.delete", skip_all, fields(lease.name = name), err(level = "debug"))]
pub(crate) async fn delete(conn: &mut PgConnection, name: &str, holder: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM leases WHERE name = $1 AND holder = $2", name, holder)
        .execute(conn)
        .await?;
    Ok(())
}
