//! Which process does what one process does for all: rolling up, looking at the queue, alerts.

use std::time::Duration;

use sqlx::PgConnection;

use crate::{Ctx, Result, access, store};

/// For how long a process leads without a sign of life.
const LASTS: Duration = Duration::from_secs(45);
const NAME: &str = "operations";

/// Tries to lead, or to go on leading; answers whether this process does.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden) for anyone but the system;
/// [`Error::Unavailable`](crate::Error::Unavailable).
#[tracing::instrument(name = "leadership.claim", level = "debug", parent = ctx.span(), skip_all)]
pub async fn claim(ctx: &Ctx) -> Result<bool> {
    access::system(ctx)?;
    let me = ctx.backend().metrics().process();
    let mut conn = ctx.backend().catalogue_write().await?;
    let leads = store::leases::claim(&mut conn, NAME, me, LASTS).await?;
    conn.commit().await?;
    Ok(leads)
}

/// Makes sure, within a transaction, that this process leads until the transaction is over: another
/// one's claim waits for its end. What is written in it is so written by the leader or not at all.
pub(crate) async fn hold(ctx: &Ctx, conn: &mut PgConnection) -> Result<bool> {
    access::system(ctx)?;
    let me = ctx.backend().metrics().process();
    Ok(store::leases::claim(conn, NAME, me, LASTS).await?)
}

/// Lets another process lead at once. Nothing happens when this one does not lead.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden) for anyone but the system;
/// [`Error::Unavailable`](crate::Error::Unavailable).
#[tracing::instrument(name = "leadership.give_up", level = "debug", parent = ctx.span(), skip_all)]
pub async fn give_up(ctx: &Ctx) -> Result<()> {
    access::system(ctx)?;
    let me = ctx.backend().metrics().process();
    let mut conn = ctx.backend().catalogue_write().await?;
    store::leases::delete(&mut conn, NAME, me).await?;
    conn.commit().await
}
