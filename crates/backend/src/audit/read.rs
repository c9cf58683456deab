//! Reading the log: a page at a time, or all of it as a file.

use std::collections::HashMap;

use bytes::Bytes;
use futures::{Stream, stream};
use resonant_domain::api_key::Scope;
use resonant_domain::audit::{AuditEntry, AuditFilter, CSV_HEAD, Deed};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::{AuditEntryId, UserId};
use sqlx::types::Uuid;

use crate::store::audit::Reach;
use crate::store::partitions::first_id_at;
use crate::{Ctx, Error, Result, access, store};

/// How many entries of a file are read at once.
const PIECE: usize = 500;

/// Whose entries are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those that concern the caller's account and things.
    Own,
    /// All of the installation: for admins.
    All,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileForm {
    /// Comma-separated values.
    Csv,
    /// A JSON object on each line.
    JsonLines,
}

/// Lists entries of the log, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for all entries and anyone
/// but an admin; [`Error::Invalid`] for a filter, limit or cursor that cannot be used.
#[tracing::instrument(name = "audit.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(
    ctx: &Ctx,
    whose: Whose,
    filter: AuditFilter,
    page: PageRequest,
) -> Result<Page<AuditEntry>> {
    let account = reader(ctx, whose).await?;
    filter.check()?;
    let limit = page.checked_limit()? as usize;
    let scope = ("audit", account, &filter);
    let cursors = ctx.backend().cursors().await?;
    let below: Option<AuditEntryId> = cursors.open(&scope, page.cursor.as_deref())?;
    let (items, has_more) = entries(ctx, account, &filter, below, limit).await?;
    let next_cursor = match items.last() {
        Some(last) if has_more => Some(cursors.seal(&scope, &last.id)?),
        _ => None,
    };
    Ok(Page { items, next_cursor })
}

/// Writes all entries that the filter lets through, the newest first. What fails on the way ends the
/// stream with its error.
///
/// # Errors
/// Those of [`list`].
#[tracing::instrument(name = "audit.export", level = "debug", parent = ctx.span(), skip_all)]
pub async fn export(
    ctx: &Ctx,
    whose: Whose,
    filter: AuditFilter,
    form: FileForm,
) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
    /// Where the file stands.
    enum At {
        Start,
        Below(AuditEntryId),
        End,
    }

    let account = reader(ctx, whose).await?;
    filter.check()?;
    let ctx = ctx.clone();
    Ok(stream::try_unfold(At::Start, move |at| {
        let (ctx, filter) = (ctx.clone(), filter.clone());
        async move {
            let below = match at {
                At::Start => None,
                At::Below(last) => Some(last),
                At::End => return Ok(None),
            };
            let (items, has_more) = entries(&ctx, account, &filter, below, PIECE).await?;
            let mut text = String::new();
            if form == FileForm::Csv && below.is_none() {
                text.push_str(CSV_HEAD);
            }
            for item in &items {
                match form {
                    FileForm::Csv => text.push_str(&item.to_csv()),
                    FileForm::JsonLines => {
                        text.push_str(&serde_json::to_string(item).map_err(Error::internal)?);
                        text.push('\n');
                    }
                }
            }
            let next = match items.last() {
                Some(last) if has_more => At::Below(last.id),
                _ => At::End,
            };
            Ok(Some((Bytes::from(text), next)))
        }
    }))
}

/// Whose entries the caller reads: an account's; `None`: everyone's.
async fn reader(ctx: &Ctx, whose: Whose) -> Result<Option<UserId>> {
    match whose {
        Whose::Own => access::with_scope(ctx, Scope::AuditRead).map(Some),
        Whose::All => access::operator_with(ctx, Scope::AuditRead).await.map(|()| None),
    }
}

/// At most `limit` entries below one, the newest first, and whether there are more. What lies on several
/// databases comes together by its ids, which are in the order of time.
async fn entries(
    ctx: &Ctx,
    account: Option<UserId>,
    filter: &AuditFilter,
    below: Option<AuditEntryId>,
    limit: usize,
) -> Result<(Vec<AuditEntry>, bool)> {
    let backend = ctx.backend();
    let deeds: Vec<_> = Deed::of(filter.group).map(|deed| deed.as_str().to_owned()).collect();
    let until = filter.until.map_or(Uuid::max(), first_id_at);
    let reach = Reach {
        deeds: &deeds,
        from: filter.since.map_or(Uuid::nil(), first_id_at),
        below: below.map_or(until, |below| below.as_uuid().min(until)),
        limit: i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1),
    };
    let mut found = Vec::new();
    if let Some(account) = account {
        let mut conn = backend.read_latest(account).await?;
        found.extend(store::audit::list_owned(&mut conn, account, &reach).await?);
    } else {
        for shard in backend.shards() {
            let mut tx = backend.begin_on(shard).await?;
            found.extend(store::audit::list_held(&mut tx, backend.owners(), &reach).await?);
        }
    }
    let mut conn = backend.catalogue_read_latest().await?;
    found.extend(match account {
        Some(account) => store::audit::list_of_account(&mut conn, account, &reach).await?,
        None => store::audit::list_of_all(&mut conn, &reach).await?,
    });
    found.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.id));
    let has_more = found.len() > limit;
    found.truncate(limit);
    let people = found.iter().flat_map(|entry| [entry.account_id, entry.actor.id]).flatten();
    let mut people: Vec<_> = people.map(UserId::as_uuid).collect();
    people.sort_unstable();
    people.dedup();
    if !people.is_empty() {
        let names = store::audit::list_names(&mut conn, &people).await?;
        let names: HashMap<_, _> = names.into_iter().collect();
        let name = |id: Option<UserId>| id.and_then(|id| names.get(&id).cloned());
        for entry in &mut found {
            entry.account_name = name(entry.account_id);
            entry.actor.name = name(entry.actor.id);
        }
    }
    if account.is_some() {
        // Where others were is for them, and for who looks after the installation, to know.
        let others = |id: UserId| Some(id) != account;
        for entry in found.iter_mut().filter(|entry| entry.actor.id.is_some_and(others)) {
            entry.address = None;
        }
    }
    Ok((found, has_more))
}
