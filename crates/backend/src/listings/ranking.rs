//! What the installation works out about its listings now and then: which are installed most of late,
//! and what their sessions cost. Every piece may be done twice without harm.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use resonant_domain::ListingId;
use resonant_domain::review::{ListingFacts, ListingRun};

use super::measured::{self, Measured};
use crate::cache::Stale;
use crate::cache::listing::ListingEntry;
use crate::cache::listing_page::MARKETPLACE;
use crate::database::Shard;
use crate::store::reviews::Subject;
use crate::{Backend, Ctx, Result, access, store};

/// Older installs are no trend any more.
const TREND_DAYS: i64 = 14;
/// What is made up for by whoever begins.
const FIRST_LOOK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many listings are looked at together.
const AT_ONCE: usize = 100;
/// Runs are looked for from so long before the last look on: their transactions may have lasted.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// Orders the listings by how they were installed of late.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden) for anyone but the system.
#[tracing::instrument(name = "listings.follow_trends", level = "debug", parent = ctx.span(), skip_all)]
pub async fn follow_trends(ctx: &Ctx) -> Result<()> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let now = backend.now();
    let since = now - SignedDuration::from_hours(TREND_DAYS * 24);
    let mut tx = backend.catalogue_begin().await?;
    let trends = store::ranking::list_trends(&mut tx, since, now, TREND_DAYS).await?;
    let mut next: BTreeMap<_, i64> = trends.into_iter().collect();
    for past in store::ranking::list_trending(&mut tx).await? {
        next.entry(past).or_default();
    }
    let (ids, trends): (Vec<_>, Vec<_>) = next.into_iter().unzip();
    let count = store::ranking::update_trends(&mut tx, &ids, &trends).await?;
    let stale = Stale::nothing();
    backend.commit(tx, if count > 0 { stale.and_group(MARKETPLACE) } else { stale }).await?;
    tracing::debug!(count, "trends followed");
    Ok(())
}

/// Takes over into the listings how many sessions there were, and what those cost that ended after
/// `since`, or in the last days; answers where the next call begins.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden) for anyone but the system;
/// [`Error::Unavailable`](crate::Error::Unavailable) when a database is away: costs are taken over from the
/// others, and all of it when the next call begins where this one did.
#[tracing::instrument(name = "listings.measure_costs", level = "debug", parent = ctx.span(), skip_all)]
pub async fn measure_costs(ctx: &Ctx, since: Option<Timestamp>) -> Result<Timestamp> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let now = backend.now();
    let since = since.unwrap_or(now - FIRST_LOOK);
    let (changed, listed) = backend.on_each(|shard| list_run_on(backend, shard, since)).await;
    let mut changed: Vec<_> = changed.into_iter().flatten().collect();
    changed.sort_unstable();
    changed.dedup();
    let mut conn = backend.catalogue_read_latest().await?;
    let subjects = store::ranking::list_subjects(&mut conn, &changed).await?;
    drop(conn);
    let run: Vec<_> = subjects.iter().map(|subject| subject.id).collect();
    let (mut sessions, mut ids, mut costs) = (Vec::new(), Vec::new(), Vec::new());
    let mut known = listed;
    for part in subjects.chunks(AT_ONCE) {
        let (looks, looked) = backend.on_each(|shard| look_on(backend, shard, part)).await;
        known = known.and(looked);
        let mut together = vec![Look::default(); part.len()];
        for looks in looks {
            for (sum, look) in together.iter_mut().zip(looks) {
                sum.sessions += look.sessions;
                sum.newest.extend(look.newest);
            }
        }
        for (subject, look) in part.iter().zip(together) {
            sessions.push(look.sessions);
            if let Some(cost) = ListingFacts::of(&look.newest).median_cost {
                ids.push(subject.id);
                costs.push(cost);
            }
        }
    }
    let mut tx = backend.catalogue_begin().await?;
    // What some of the databases have is a sum of nothing.
    let ran = match known {
        Ok(()) => store::ranking::update_sessions(&mut tx, &run, &sessions).await?,
        Err(_) => 0,
    };
    let count = store::ranking::update_costs(&mut tx, &ids, &costs).await?;
    let stale = if count > 0 {
        // A listing's own page tells its cost too, and belongs to no group.
        let slugs = store::listings::list_slugs(&mut tx, &ids).await?;
        let stale = Stale::nothing().and_group(MARKETPLACE);
        slugs.iter().fold(stale, Stale::and::<ListingEntry>)
    } else if ran > 0 {
        Stale::nothing().and_group(MARKETPLACE)
    } else {
        Stale::nothing()
    };
    backend.commit(tx, stale).await?;
    tracing::debug!(count, "costs measured");
    known.map(|()| now - OVERLAP)
}

async fn list_run_on(backend: &Backend, shard: Shard, since: Timestamp) -> Result<Vec<ListingId>> {
    let mut conn = backend.begin_on(shard).await?;
    Ok(store::ranking::list_run_since(&mut conn, since).await?)
}

/// What one database knows of a listing, or all that answer.
#[derive(Clone, Default)]
struct Look {
    sessions: i64,
    /// The newest runs of the version that buyers get.
    newest: Vec<ListingRun>,
}

async fn look_on(backend: &Backend, shard: Shard, listings: &[Subject]) -> Result<Vec<Look>> {
    let version = |listing: &Subject| {
        let &Subject { id, version, publisher, .. } = listing;
        Measured { listing: id, version, publisher }
    };
    let versions: Vec<_> = listings.iter().map(version).collect();
    let sessions = measured::sessions_on(backend, shard, listings).await?;
    let newest = measured::runs_on(backend, shard, &versions).await?;
    let looks = sessions.into_iter().zip(newest);
    Ok(looks.map(|(sessions, newest)| Look { sessions, newest }).collect())
}
