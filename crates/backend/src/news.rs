//! Those who have a copy of a listing are told of what becomes of it.
//!
//! News is written in the transaction of what it is about, as one row. A job tells people of it, so many at a
//! time, and keeps how far it came: an approval takes no longer however many have a copy. Who has deleted
//! theirs is told nothing, and of a version that nobody can install just now nobody is told.

use resonant_domain::notice::{NoticeKind, TEXT_MAX};
use resonant_domain::text::shorten;
use resonant_domain::{AgentId, ListingId, NoticeId, UserId};
use sqlx::PgConnection;

use crate::store::news::News;
use crate::{Backend, Ctx, Result, access, inbox, store};

/// So many people are told in one transaction.
pub(crate) const TOLD_AT_ONCE: i64 = 1_000;
/// So many transactions in one go of a job.
pub(crate) const TURNS: usize = 20;

/// What becomes of a listing.
pub(crate) struct Happened<'a> {
    pub(crate) listing: ListingId,
    pub(crate) kind: NoticeKind,
    /// Those whose copy is of an earlier version are told; `None`: all who have one.
    pub(crate) version: Option<i32>,
    /// What the listing is called.
    pub(crate) about: &'a str,
    pub(crate) slug: &'a str,
    pub(crate) text: &'a str,
}

/// Has those who have a copy told of what becomes of a listing, within its transaction.
pub(crate) async fn tell_later(
    ctx: &Ctx,
    tx: &mut PgConnection,
    happened: Happened<'_>,
) -> Result<()> {
    let Happened { listing, kind, version, about, slug, text } = happened;
    let (id, text) = (NoticeId::from_uuid(ctx.backend().new_id()?), shorten(text, TEXT_MAX));
    let news = News { id, listing, kind, about, slug, text: &text };
    Ok(store::news::insert_for_holders(tx, &news, version, ctx.backend().now()).await?)
}

/// Tells people of news of what they have a copy of, as many as one go takes. Answers how many were passed.
/// May be repeated, and done by two processes at once.
///
/// # Errors
/// [`crate::Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "news.tell_holders", level = "debug", parent = ctx.span(), skip_all)]
pub async fn tell_holders(ctx: &Ctx) -> Result<i64> {
    access::system(ctx)?;
    let mut passed = 0;
    for _ in 0..TURNS {
        let mut tx = ctx.backend().catalogue_begin().await?;
        let Some(count) = tell_next(ctx.backend(), &mut tx, TOLD_AT_ONCE).await? else { break };
        tx.commit().await?;
        passed += count;
    }
    if passed > 0 {
        tracing::info!(passed, "those who have copies told");
    }
    Ok(passed)
}

/// Tells the next of those who installed a listing, at most `count`, of the oldest news that nobody else tells
/// of. Answers how many were passed; `None`: there is no news.
async fn tell_next(backend: &Backend, tx: &mut PgConnection, count: i64) -> Result<Option<i64>> {
    let Some(news) = store::news::lock_for_holders(&mut *tx).await? else { return Ok(None) };
    let (listing, until) = (news.listing, news.told_until);
    let mut people = store::news::list_installed(&mut *tx, listing, until, count).await?;
    let (passed, last) = passed(&people, count);
    people.retain(|person| Some(*person) != news.publisher);
    let before = news.version.unwrap_or(i32::MAX);
    let told = holders(backend, &people, listing, before).await?;
    let (readers, copies): (Vec<_>, Vec<_>) = told.into_iter().unzip();
    inbox::tell_all(&mut *tx, &news, &readers, &copies).await?;
    store::news::update_for_holders(tx, news.id, last).await?;
    Ok(Some(passed))
}

/// How many were passed, and up to whom; nobody where those were all.
pub(crate) fn passed(people: &[UserId], count: i64) -> (i64, Option<UserId>) {
    let passed = i64::try_from(people.len()).unwrap_or(i64::MAX);
    (passed, people.last().copied().filter(|_| passed >= count))
}

/// Which of these people have a copy of a listing that is of an earlier version than this, wherever it is
/// kept, each with one of theirs.
pub(crate) async fn holders(
    backend: &Backend,
    people: &[UserId],
    listing: ListingId,
    before: i32,
) -> Result<Vec<(UserId, AgentId)>> {
    let mut found = Vec::new();
    if people.is_empty() {
        return Ok(found);
    }
    let owners = backend.owners();
    for shard in backend.shards() {
        let mut conn = backend.begin_on(shard).await?;
        found.extend(
            store::listing_runs::list_holders(&mut conn, people, listing, before, owners).await?,
        );
    }
    Ok(found)
}
