//! What owners may do with listings that they paid for.
//!
//! An entitlement follows from purchases and from nothing else, but for how many sessions were used; with
//! money that is given back, those are forgotten that were paid with it. It stands in the owner's database,
//! so that a session is admitted, and counted where each is paid for, in the transaction that starts it:
//! either both are there or neither is. Purchases are everybody's and may be in another database; an
//! entitlement is written after them, and again by whoever finds it missing.
//!
//! A copy that was paid for stays one: it cannot be published, nor taken along as a file, teammates run it
//! by its owner's entitlement, and what was begun with it goes on by that when it is erased, too.

use resonant_domain::purchase::{Admission, Entitlement, PurchaseState, given_back};
use resonant_domain::{AgentId, ListingId, UserId};
use sqlx::PgConnection;

use crate::{Backend, Error, Result, store};

/// Brings an entitlement up to the purchases that it follows from. May be done at any time.
pub(crate) async fn follow_purchases(
    backend: &Backend,
    owner: UserId,
    listing: ListingId,
) -> Result<()> {
    let mut conn = backend.catalogue_read_latest().await?;
    let (held, revision) = store::purchases::list_held(&mut conn, owner, listing).await?;
    drop(conn);
    if revision == 0 {
        // Nothing was ever paid.
        return Ok(());
    }
    let (key, now) = ((owner, listing), backend.now());
    let mut tx = backend.begin(owner).await?;
    store::entitlements::insert_missing(&mut tx, key, now).await?;
    let kept = store::entitlements::lock(&mut tx, key).await?;
    if kept.revision >= revision {
        // It follows from this look at them already, or from a newer one.
        return Ok(());
    }
    let forgotten = given_back(&held, &kept.settled, kept.executions_used);
    let executions_used = kept.executions_used - forgotten;
    let entitlement = Entitlement { executions_used, ..Entitlement::of(&held) };
    let refunded = held.iter().filter(|held| held.state == PurchaseState::Refunded);
    let settled: Vec<_> = refunded.map(|held| held.id).collect();
    let next = (&entitlement, revision);
    store::entitlements::update(&mut tx, key, next, &settled, now).await?;
    tx.commit().await
}

/// What an owner may do with a listing.
pub(crate) async fn of(
    backend: &Backend,
    owner: UserId,
    listing: ListingId,
) -> Result<Entitlement> {
    let find = async || {
        let mut conn = backend.read_latest(owner).await?;
        let found = store::entitlements::find(&mut conn, owner, listing).await?;
        Ok::<_, Error>(found.unwrap_or_default())
    };
    let found = find().await?;
    if found.admits(backend.now()).is_ok() {
        return Ok(found);
    }
    // It may have been paid just before the process was lost that would have written it here.
    follow_purchases(backend, owner, listing).await?;
    find().await
}

/// Why an agent that comes from the marketplace does not run, as a sentence.
fn refused(why: &str) -> Error {
    Error::Conflict(format!(
        "The agent comes from the marketplace and {why}. Your purchases tell where to pay for it"
    ))
}

/// Why a session of an agent could not start now, as the rest of a sentence about the agent; `None`: it
/// could. For those who have more to start than this one, and ask before they write anything.
pub(crate) async fn refusal(
    backend: &Backend,
    tx: &mut PgConnection,
    (owner, agent): (UserId, AgentId),
) -> Result<Option<&'static str>> {
    let held = store::entitlements::find_of_agent(tx, owner, agent).await?;
    Ok(held.and_then(|(_, held)| held.admits(backend.now()).err()))
}

/// Lets a session of an agent start: of one that needs nothing for it, or whose owner has paid. Counts
/// what is paid for one by one. Within the transaction that starts the session.
pub(crate) async fn admit(
    backend: &Backend,
    tx: &mut PgConnection,
    of: (UserId, AgentId),
) -> Result<()> {
    admit_many(backend, tx, of, 1).await
}

/// The same of so many sessions: all of them or none.
pub(crate) async fn admit_many(
    backend: &Backend,
    tx: &mut PgConnection,
    (owner, agent): (UserId, AgentId),
    count: usize,
) -> Result<()> {
    let Some((listing, held)) = store::entitlements::find_of_agent(&mut *tx, owner, agent).await?
    else {
        return Ok(());
    };
    let admission = held.admits(backend.now()).map_err(refused)?;
    // Another session may have taken the last one meanwhile.
    let count = i64::try_from(count).map_err(Error::internal)?;
    if admission == Admission::Counted
        && !store::entitlements::update_used(tx, owner, listing, count).await?
    {
        return Err(refused("has used all the sessions that were paid for"));
    }
    Ok(())
}

/// Lets a session go on that was started before. Whoever used the last of what was paid for may see to
/// the end what it was used for.
pub(crate) async fn may_go_on(
    backend: &Backend,
    tx: &mut PgConnection,
    (owner, agent): (UserId, AgentId),
) -> Result<()> {
    match store::entitlements::find_of_agent(tx, owner, agent).await? {
        Some((_, held)) if held.executions_granted == 0 => {
            held.admits(backend.now()).map(drop).map_err(refused)
        }
        _ => Ok(()),
    }
}
