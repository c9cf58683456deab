//! What accounts are told. A notice is written in the transaction of what it is about, so that it is
//! told exactly when that has happened.

use resonant_domain::notice::{MARKED_MAX, Notice, NoticeKind, TEXT_MAX};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::text::shorten;
use resonant_domain::{AgentId, ListingId, NoticeId, UserId};
use sqlx::PgConnection;

use crate::store::inbox::NewNotice;
use crate::{Ctx, Error, Result, access, store};

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
    let mut items = store::inbox::list(&mut conn, reader, before, i64::from(limit) + 1).await?;
    let has_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = match items.last() {
        Some(last) if has_more => Some(cursors.seal(&scope, &last.id)?),
        _ => None,
    };
    Ok(Page { items, next_cursor })
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
    let mut conn = ctx.backend().catalogue_write().await?;
    store::inbox::update_read(&mut conn, reader, ids, ctx.backend().now()).await?;
    conn.commit().await
}

/// What is told about a listing.
pub(crate) struct Told<'a> {
    pub(crate) kind: NoticeKind,
    pub(crate) listing: &'a str,
    pub(crate) slug: Option<&'a str>,
    pub(crate) agent: Option<AgentId>,
    pub(crate) text: &'a str,
}

impl<'a> Told<'a> {
    /// Something about a listing that has a page.
    pub(crate) const fn of(kind: NoticeKind, listing: &'a str, slug: &'a str) -> Self {
        Self { kind, listing, slug: Some(slug), agent: None, text: "" }
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

/// Tells all who installed a listing, but its publisher.
pub(crate) async fn tell_installs(
    ctx: &Ctx,
    tx: &mut PgConnection,
    listing: (ListingId, UserId),
    told: Told<'_>,
) -> Result<()> {
    let text = shorten(told.text, TEXT_MAX);
    let notice = prepared(ctx, &told, &text)?;
    Ok(store::inbox::insert_for_installs(tx, listing, &notice).await?)
}

fn prepared<'a>(ctx: &Ctx, told: &Told<'a>, text: &'a str) -> Result<NewNotice<'a>> {
    let backend = ctx.backend();
    Ok(NewNotice {
        id: NoticeId::from_uuid(backend.new_id()?),
        kind: told.kind,
        about: told.listing,
        slug: told.slug,
        agent: told.agent,
        text,
        now: backend.now(),
    })
}

#[cfg(test)]
mod tests;
