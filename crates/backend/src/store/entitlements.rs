//! The SQL of what owners may do with listings that they paid for.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::purchase::Entitlement;
use resonant_domain::{AgentId, ListingId, PurchaseId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

struct EntitlementRow {
    listing_id: Uuid,
    is_lasting: bool,
    valid_until: Option<Timestamp>,
    executions_granted: i64,
    executions_used: i64,
}

impl EntitlementRow {
    fn read(self) -> (ListingId, Entitlement) {
        let entitlement = Entitlement {
            is_lasting: self.is_lasting,
            valid_until: self.valid_until.map(Timestamp::to_jiff),
            executions_granted: self.executions_granted,
            executions_used: self.executions_used,
        };
        (ListingId::from_uuid(self.listing_id), entitlement)
    }
}

/// Makes room for what follows from purchases, where there is none.
#[tracing::instrument(name = "db.entitlement.insert_missing", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn insert_missing(
    conn: &mut PgConnection,
    (owner, listing): (UserId, ListingId),
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO entitlements (owner_id, listing_id, revision, is_lasting, executions_granted,
                                  updated_at)
        VALUES ($1, $2, 0, FALSE, 0, $3)
        ON CONFLICT (owner_id, listing_id) DO NOTHING
        "#,
        owner.as_uuid(),
        listing.as_uuid(),
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How an entitlement is kept.
pub(crate) struct Kept {
    /// The look at the purchases that it follows from.
    pub(crate) revision: i64,
    pub(crate) executions_used: i64,
    /// The refunds that took along what was used of them.
    pub(crate) settled: Vec<PurchaseId>,
}

/// Reads how an entitlement is kept, and keeps sessions from starting by it meanwhile.
#[tracing::instrument(name = "db.entitlement.lock", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn lock(
    conn: &mut PgConnection,
    (owner, listing): (UserId, ListingId),
) -> sqlx::Result<Kept> {
    let row = sqlx::query!(
        r#"
        SELECT revision, executions_used, settled_refunds
        FROM entitlements
        WHERE owner_id = $1 AND listing_id = $2
        FOR UPDATE
        "#,
        owner.as_uuid(),
        listing.as_uuid(),
    )
    .fetch_one(conn)
    .await?;
    let settled = row.settled_refunds.into_iter().map(PurchaseId::from_uuid).collect();
    Ok(Kept { revision: row.revision, executions_used: row.executions_used, settled })
}

/// Keeps what follows from purchases.
#[tracing::instrument(name = "db.entitlement.update", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn update(
    conn: &mut PgConnection,
    (owner, listing): (UserId, ListingId),
    (entitlement, revision): (&Entitlement, i64),
    settled: &[PurchaseId],
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    let settled: Vec<_> = settled.iter().map(|id| id.as_uuid()).collect();
    sqlx::query!(
        r#"
        UPDATE entitlements
        SET revision = $3, is_lasting = $4, valid_until = $5, executions_granted = $6,
            executions_used = $7, settled_refunds = $8, updated_at = $9
        WHERE owner_id = $1 AND listing_id = $2
        "#,
        owner.as_uuid(),
        listing.as_uuid(),
        revision,
        entitlement.is_lasting,
        entitlement.valid_until.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<Timestamp>,
        entitlement.executions_granted,
        entitlement.executions_used,
        &settled,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What an owner may do with a listing.
#[tracing::instrument(name = "db.entitlement.find", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    listing: ListingId,
) -> sqlx::Result<Option<Entitlement>> {
    let row = sqlx::query_as!(
        EntitlementRow,
        r#"
        SELECT listing_id, is_lasting, valid_until, executions_granted, executions_used
        FROM entitlements
        WHERE owner_id = $1 AND listing_id = $2
        "#,
        owner.as_uuid(),
        listing.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| row.read().1))
}

/// What an owner may do with all that they paid for.
#[tracing::instrument(name = "db.entitlement.list", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
) -> sqlx::Result<Vec<(ListingId, Entitlement)>> {
    let rows = sqlx::query_as!(
        EntitlementRow,
        r#"
        SELECT listing_id, is_lasting, valid_until, executions_granted, executions_used
        FROM entitlements
        WHERE owner_id = $1
        "#,
        owner.as_uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(EntitlementRow::read).collect())
}

/// What an agent runs by: `None` when it needs nothing, or its listing and what its owner may do with it.
/// Of one that was erased: what its sessions go on by.
#[tracing::instrument(name = "db.entitlement.find_of_agent", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn find_of_agent(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
) -> sqlx::Result<Option<(ListingId, Entitlement)>> {
    let row = sqlx::query_as!(
        EntitlementRow,
        r#"
        SELECT a.listing_id AS "listing_id!", coalesce(e.is_lasting, FALSE) AS "is_lasting!",
               e.valid_until AS "valid_until?: Timestamp",
               coalesce(e.executions_granted, 0) AS "executions_granted!",
               coalesce(e.executions_used, 0) AS "executions_used!"
        FROM agents a
        LEFT JOIN entitlements e ON e.owner_id = $1 AND e.listing_id = a.listing_id
        WHERE a.owner_id = $1 AND a.agent_id = $2 AND a.needs_entitlement
          AND a.listing_id IS NOT NULL
        UNION ALL
        SELECT e.listing_id, e.is_lasting, e.valid_until, e.executions_granted, e.executions_used
        FROM entitlements e
        WHERE e.owner_id = $1 AND $2 = ANY (e.erased_copies)
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(EntitlementRow::read))
}

/// Uses one of the sessions that were paid for; `false` when none is left.
#[tracing::instrument(name = "db.entitlement.update_used", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn update_used(
    conn: &mut PgConnection,
    owner: UserId,
    listing: ListingId,
    count: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE entitlements
        SET executions_used = executions_used + $3
        WHERE owner_id = $1 AND listing_id = $2 AND executions_used + $3 <= executions_granted
        "#,
        owner.as_uuid(),
        listing.as_uuid(),
        count,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Keeps that an agent is a copy that was paid for.
#[tracing::instrument(name = "db.entitlement.update_needed", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn update_needed(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE agents SET needs_entitlement = TRUE WHERE owner_id = $1 AND agent_id = $2",
        owner.as_uuid(),
        agent.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
