//! What goes out of the log: what is too old, and whoever closed their account.

use resonant_domain::UserId;
use resonant_domain::audit::Deed;
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::{Log, note};
use crate::database::Shard;
use crate::store::partitions::first_id_at;
use crate::{Backend, Ctx, Result, access, store};

/// How many entries one statement deletes.
const BATCH: i64 = 5_000;

/// Deletes the entries that are older than the installation keeps them. Answers how many those were. May
/// be repeated at any time.
///
/// # Errors
/// [`crate::Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "audit.forget_old", level = "debug", parent = ctx.span(), skip_all)]
pub async fn forget_old(ctx: &Ctx) -> Result<u64> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let Some(oldest) = backend.oldest_audit_kept() else { return Ok(0) };
    let before = first_id_at(oldest);
    let (owned, done) = backend.on_each(|shard| forget_owned_on(backend, shard, before)).await;
    let mut gone: u64 = owned.into_iter().sum();
    loop {
        let mut conn = backend.catalogue_write().await?;
        let count = store::audit::delete_before(&mut conn, before, BATCH).await?;
        conn.commit().await?;
        gone += count;
        if count < BATCH.unsigned_abs() {
            break;
        }
    }
    if gone > 0 {
        tracing::info!(entries = gone, "old entries of the audit log deleted");
    }
    done.map(|()| gone)
}

async fn forget_owned_on(backend: &Backend, shard: Shard, before: Uuid) -> Result<u64> {
    let mut gone = 0;
    loop {
        let mut tx = backend.begin_on(shard).await?;
        let owners = backend.owners();
        let count = store::audit::delete_owned_before(&mut tx, before, BATCH, owners).await?;
        tx.commit().await?;
        gone += count;
        if count < BATCH.unsigned_abs() {
            return Ok(gone);
        }
    }
}

/// Makes people whose accounts are going nobody in what they did to the things of others.
pub(crate) async fn forget_among_owners(backend: &Backend, people: &[UserId]) -> Result<()> {
    backend.on_each(|shard| forget_on(backend, shard, people)).await.1
}

async fn forget_on(backend: &Backend, shard: Shard, people: &[UserId]) -> Result<()> {
    for person in people {
        let mut tx = backend.begin_on(shard).await?;
        store::audit::update_owned_nobody(&mut tx, *person, backend.owners()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The same in what concerns other accounts and the installation, in the transaction that deletes the
/// account. That an account was deleted stays known, and not whose it was.
pub(crate) async fn forget_person(ctx: &Ctx, tx: &mut PgConnection, person: UserId) -> Result<()> {
    store::audit::update_nobody(tx, person).await?;
    note(ctx, tx, Log::Installation, Deed::AccountDeleted, None).await
}
