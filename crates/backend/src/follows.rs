//! People follow publishers and are told of what these publish.
//!
//! News is written in the transaction of the approval, as one row. A job tells the followers of it, so many
//! at a time, and keeps how far it came: an approval takes no longer however many follow. Guests are told as
//! members are, and count among the followers from when they become one.

use std::collections::HashSet;

use resonant_domain::listing::ListingSummary;
use resonant_domain::notice::{NoticeKind, TEXT_MAX};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::publisher::{FOLLOWED_MAX, FollowedPublisher, is_handle};
use resonant_domain::text::shorten;
use resonant_domain::{ListingId, NoticeId, UserId};
use sqlx::PgConnection;

use crate::cache::Stale;
use crate::cache::shelves::PublisherEntry;
use crate::news::{self, TOLD_AT_ONCE, TURNS};
use crate::store::follows::FollowPosition;
use crate::store::news::News;
use crate::{Actor, Backend, Ctx, Error, Result, access, inbox, store};

const NOT_FOUND: Error = Error::NotFound("publisher");
/// So many listings of publishers whom somebody follows are shown.
const NEWEST_SHOWN: i64 = 6;

/// Follows a publisher. Following once more changes nothing.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Conflict`] for oneself, and for whoever
/// follows too many.
#[tracing::instrument(name = "follows.follow", level = "debug", parent = ctx.span(), skip_all)]
pub async fn follow(ctx: &Ctx, handle: &str) -> Result<()> {
    let follower = access::user(ctx)?;
    let backend = ctx.backend();
    let mut tx = backend.catalogue_begin().await?;
    let publisher = find(&mut tx, handle).await?;
    if publisher == follower {
        return Err(Error::Conflict("You publish there yourself".to_owned()));
    }
    let now = backend.now();
    // Anyone is as many guests as they like. Whoever becomes a member meanwhile waits until it is kept.
    let is_counted = store::members::lock_is_member(&mut tx, follower).await?;
    let most = FOLLOWED_MAX;
    if !store::follows::insert(&mut tx, publisher, follower, most, is_counted, now).await? {
        if store::follows::exists(&mut tx, publisher, follower).await? {
            return Ok(());
        }
        return Err(Error::Conflict(format!("You follow {FOLLOWED_MAX} publishers already")));
    }
    backend.commit(tx, Stale::one::<PublisherEntry>(&handle.to_owned())).await?;
    tracing::info!(user.id = %follower, publisher.handle = handle, "publisher followed");
    Ok(())
}

/// Follows a publisher no more.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "follows.unfollow", level = "debug", parent = ctx.span(), skip_all)]
pub async fn unfollow(ctx: &Ctx, handle: &str) -> Result<()> {
    let follower = access::user(ctx)?;
    let backend = ctx.backend();
    let mut tx = backend.catalogue_begin().await?;
    let publisher = find(&mut tx, handle).await?;
    if store::follows::delete(&mut tx, publisher, follower).await? {
        backend.commit(tx, Stale::one::<PublisherEntry>(&handle.to_owned())).await?;
        tracing::info!(user.id = %follower, publisher.handle = handle, "publisher unfollowed");
    }
    Ok(())
}

async fn find(conn: &mut PgConnection, handle: &str) -> Result<UserId> {
    if !is_handle(handle) {
        return Err(NOT_FOUND);
    }
    store::follows::find_publisher(conn, handle).await?.ok_or(NOT_FOUND)
}

/// How somebody stands to a publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Following {
    /// They do not follow.
    No,
    /// They follow.
    Yes,
    /// They are the publisher.
    Oneself,
}

/// Whether the caller follows a publisher. Anyone may ask; nobody known does not.
///
/// # Errors
/// [`Error::NotFound`].
#[tracing::instrument(name = "follows.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, handle: &str) -> Result<Following> {
    let Actor::User { id, .. } = ctx.actor() else { return Ok(Following::No) };
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let publisher = find(&mut conn, handle).await?;
    if publisher == id {
        return Ok(Following::Oneself);
    }
    let follows = store::follows::exists(&mut conn, publisher, id).await?;
    Ok(if follows { Following::Yes } else { Following::No })
}

/// Lists whom the caller follows, the one followed last first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "follows.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, page: PageRequest) -> Result<Page<FollowedPublisher>> {
    let follower = access::user(ctx)?;
    let limit = page.checked_limit()?;
    let scope = ("following", follower);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<FollowPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::follows::list(&mut conn, follower, after, i64::from(limit) + 1).await?;
    let page = cursors.page(&scope, limit, found, |(_, position)| *position)?;
    Ok(page.map(|(publisher, _)| publisher))
}

/// The newest listings of the publishers whom the caller follows; none for nobody known. Anyone may ask.
///
/// # Errors
/// [`Error::Unavailable`].
#[tracing::instrument(name = "follows.newest", level = "debug", parent = ctx.span(), skip_all)]
pub async fn newest(ctx: &Ctx) -> Result<Vec<ListingSummary>> {
    let Actor::User { id, .. } = ctx.actor() else { return Ok(Vec::new()) };
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    Ok(store::listings::list_of_followed(&mut conn, id, NEWEST_SHOWN).await?)
}

/// What a publisher has published.
pub(crate) struct Published<'a> {
    pub(crate) publisher: UserId,
    /// What they are called.
    pub(crate) name: &'a str,
    pub(crate) listing: ListingId,
    pub(crate) kind: NoticeKind,
    /// What the listing is called.
    pub(crate) about: &'a str,
    pub(crate) slug: &'a str,
    pub(crate) change_log: &'a str,
}

/// Has the followers told of what was published, within its transaction.
pub(crate) async fn tell_later(
    ctx: &Ctx,
    tx: &mut PgConnection,
    published: Published<'_>,
) -> Result<()> {
    let Published { publisher, name, listing, kind, about, slug, change_log } = published;
    // Around what people wrote stands what the page of notices translates.
    let text = match change_log.trim() {
        "" => format!("By {name}"),
        news => format!("By {name}: {news}"),
    };
    let (id, text) = (NoticeId::from_uuid(ctx.backend().new_id()?), shorten(&text, TEXT_MAX));
    let news = News { id, listing, kind, about, slug, text: &text };
    let now = ctx.backend().now();
    Ok(store::news::insert_for_followers(tx, publisher, &news, now).await?)
}

/// Tells followers of news, as many as one go takes. Answers how many were passed. May be repeated, and
/// done by two processes at once.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "follows.tell_followers", level = "debug", parent = ctx.span(), skip_all)]
pub async fn tell_followers(ctx: &Ctx) -> Result<i64> {
    access::system(ctx)?;
    let mut passed = 0;
    for _ in 0..TURNS {
        let mut tx = ctx.backend().catalogue_begin().await?;
        let Some(count) = tell_next(ctx.backend(), &mut tx, TOLD_AT_ONCE).await? else { break };
        tx.commit().await?;
        passed += count;
    }
    if passed > 0 {
        tracing::info!(passed, "followers told");
    }
    Ok(passed)
}

/// Tells the next followers, at most `count`, of the oldest news that nobody else tells of. Who has a copy of
/// the listing is told of its versions already. Answers how many followers were passed; `None`: there is no
/// news.
async fn tell_next(backend: &Backend, tx: &mut PgConnection, count: i64) -> Result<Option<i64>> {
    let Some(waiting) = store::news::lock_for_followers(&mut *tx).await? else { return Ok(None) };
    let mut people = match waiting.publisher {
        Some(publisher) => {
            let after = waiting.told_until;
            store::news::list_followers(&mut *tx, publisher, after, count).await?
        }
        None => Vec::new(),
    };
    let (passed, last) = news::passed(&people, count);
    if waiting.kind == NoticeKind::FollowedVersion {
        let told = news::holders(backend, &people, waiting.listing, i32::MAX).await?;
        let told: HashSet<_> = told.into_iter().map(|(person, _)| person).collect();
        people.retain(|person| !told.contains(person));
    }
    inbox::tell_all(&mut *tx, &waiting, &people, &[]).await?;
    store::news::update_for_followers(tx, waiting.id, last).await?;
    Ok(Some(passed))
}

#[cfg(test)]
mod tests;
