//! What accounts are told. A notice is written in the transaction of what it is about, so that it is
//! told exactly when that has happened.

use std::fmt;
use std::time::Duration;

use resonant_domain::notice::{MARKED_MAX, Notice, NoticeKind, TEXT_MAX};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::text::shorten;
use resonant_domain::{AgentId, NoticeId, UserId};
use sqlx::PgConnection;

use crate::store::inbox::NewNotice;
use crate::store::news::Waiting;
use crate::store::notices::ReaderWatch;
use crate::{Ctx, Error, Result, access, effects, store};

/// Lists what the caller was told, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "inbox.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, page: PageRequest) -> Result<Page<Notice>> {
    let reader = access::user(ctx)?;
    let limit = page.checked_limit()?;
    let scope = ("notices", reader);
    let cursors = ctx.backend().cursors().await?;
    let before: Option<NoticeId> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::inbox::list(&mut conn, reader, before, i64::from(limit) + 1).await?;
    cursors.page(&scope, limit, found, |last| last.id)
}

/// Marks what the caller was told as read: these notices, or all where none is named.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] on the field `ids`.
#[tracing::instrument(name = "inbox.mark_read", level = "debug", parent = ctx.span(), skip_all)]
pub async fn mark_read(ctx: &Ctx, ids: &[NoticeId]) -> Result<()> {
    let reader = access::user(ctx)?;
    if ids.len() > MARKED_MAX {
        return Err(Error::field("ids", format!("must be at most {MARKED_MAX}")));
    }
    let mut tx = ctx.backend().catalogue_begin().await?;
    if effects::find_in_catalogue::<()>(ctx)?.is_some() {
        // What came since was not read.
        return Ok(());
    }
    store::inbox::update_read(&mut tx, reader, ids, ctx.backend().now()).await?;
    effects::note_in_catalogue(ctx, &mut tx, &()).await?;
    tx.commit().await
}

/// How often is looked for notices where the database calls out to nobody.
const LOOK: Duration = Duration::from_secs(5);

/// Somebody who looks at how many notices they have not read.
pub struct UnreadWatch {
    reader: UserId,
    /// `None`: nothing is called out to this process.
    heard: Option<ReaderWatch>,
    told: Option<i64>,
}

impl fmt::Debug for UnreadWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnreadWatch").field("told", &self.told).finish_non_exhaustive()
    }
}

impl UnreadWatch {
    /// Waits until the number may be another.
    pub async fn called(&mut self) {
        match &mut self.heard {
            Some(heard) => heard.called().await,
            None => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Begins to look at how many notices the caller has not read.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Forbidden`] for keys.
pub fn watch_unread(ctx: &Ctx) -> Result<UnreadWatch> {
    let reader = access::user(ctx)?;
    let notices = ctx.backend().notices();
    let heard = (!notices.is_deaf()).then(|| notices.watch_reader(reader));
    Ok(UnreadWatch { reader, heard, told: None })
}

/// How many notices the caller has not read, where that is another number than was told last.
///
/// # Errors
/// [`Error::Unavailable`].
#[tracing::instrument(name = "inbox.unread", level = "debug", parent = ctx.span(), skip_all)]
pub async fn unread(ctx: &Ctx, watch: &mut UnreadWatch) -> Result<Option<i64>> {
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let count = store::inbox::count_unread(&mut conn, watch.reader).await?;
    if watch.told == Some(count) {
        return Ok(None);
    }
    watch.told = Some(count);
    Ok(Some(count))
}

/// What is told about a listing.
pub(crate) struct Told<'a> {
    pub(crate) kind: NoticeKind,
    pub(crate) listing: &'a str,
    pub(crate) slug: Option<&'a str>,
    pub(crate) agent: Option<AgentId>,
    /// Whose name or words it repeats, if anybody's that may go: with their account goes the text.
    pub(crate) person: Option<UserId>,
    pub(crate) text: &'a str,
}

impl<'a> Told<'a> {
    /// Something about a listing that has a page.
    pub(crate) const fn of(kind: NoticeKind, listing: &'a str, slug: &'a str) -> Self {
        Self { kind, listing, slug: Some(slug), agent: None, person: None, text: "" }
    }
}

/// Tells one account, within the transaction of what it is told.
pub(crate) async fn tell(
    ctx: &Ctx,
    tx: &mut PgConnection,
    reader: UserId,
    told: Told<'_>,
) -> Result<()> {
    let text = shorten(told.text, TEXT_MAX);
    let notice = prepared(ctx, &told, &text)?;
    Ok(store::inbox::insert(tx, reader, &notice).await?)
}

/// Tells several accounts of news, within its transaction; where their agents are named, each of its own.
pub(crate) async fn tell_all(
    tx: &mut PgConnection,
    news: &Waiting,
    readers: &[UserId],
    agents: &[AgentId],
) -> Result<()> {
    let notice = NewNotice {
        id: news.id,
        kind: news.kind,
        about: &news.about,
        slug: Some(&news.slug),
        agent: None,
        // What becomes of a copy is told without its publisher's name.
        person: news.publisher.filter(|_| news.kind.is_of_followed()),
        text: &news.text,
        now: news.created_at,
    };
    Ok(store::inbox::insert_all(tx, readers, agents, &notice).await?)
}

/// Tells several accounts the same, within the transaction of what they are told.
pub(crate) async fn tell_each(
    ctx: &Ctx,
    tx: &mut PgConnection,
    readers: &[UserId],
    told: Told<'_>,
) -> Result<()> {
    let text = shorten(told.text, TEXT_MAX);
    let notice = prepared(ctx, &told, &text)?;
    Ok(store::inbox::insert_all(tx, readers, &[], &notice).await?)
}

fn prepared<'a>(ctx: &Ctx, told: &Told<'a>, text: &'a str) -> Result<NewNotice<'a>> {
    let backend = ctx.backend();
    Ok(NewNotice {
        id: NoticeId::from_uuid(backend.new_id()?),
        kind: told.kind,
        about: told.listing,
        slug: told.slug,
        agent: told.agent,
        person: told.person,
        text,
        now: backend.now(),
    })
}

#[cfg(test)]
mod tests;
