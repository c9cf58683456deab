//! The audit log: who did what, when, from where, to what. An entry is written in the transaction of the
//! deed, so that it is there exactly when the deed is: beside an owner's things on the owner's database,
//! beside accounts and the marketplace on the first one. Whoever reads gets both in the order of time.
//!
//! Nothing is ever changed. Entries go when they are too old ([`forget_old`]) and with the account that
//! they concern; in the entries of others a person who closed their account is nobody from then on.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use resonant_domain::agent::AgentStatus;
use resonant_domain::audit::{ActorKind, Deed, NAME_MAX, SubjectKind};
use resonant_domain::text::shorten;
use resonant_domain::{AgentId, AuditEntryId, SessionId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::store::audit::NewEntry;
use crate::store::partitions::first_id_at;
use crate::{Actor, Ctx, Result, store};

mod forget;
mod read;

pub use self::forget::forget_old;
pub(crate) use self::forget::{forget_among_owners, forget_person};
pub use self::read::{FileForm, Whose, export, list};
pub(crate) use crate::store::audit::{Log, Subject};

/// So many failed sign-ins within an hour are written down for each account, and for all addresses that
/// nobody has together.
const FAILED_PER_HOUR: i64 = 20;

impl<'a> Subject<'a> {
    pub(crate) const fn new(kind: SubjectKind, id: Uuid, name: &'a str) -> Self {
        Self { kind, id: Some(id), name }
    }

    pub(crate) const fn agent(id: AgentId, name: &'a str) -> Self {
        Self::new(SubjectKind::Agent, id.as_uuid(), name)
    }

    pub(crate) const fn session(id: SessionId, name: &'a str) -> Self {
        Self::new(SubjectKind::Session, id.as_uuid(), name)
    }

    pub(crate) const fn account(id: UserId, name: &'a str) -> Self {
        Self::new(SubjectKind::Account, id.as_uuid(), name)
    }
}

/// What is done to an agent that gets this status.
pub(crate) const fn deed_of(status: AgentStatus) -> Deed {
    match status {
        AgentStatus::Active => Deed::AgentActivated,
        AgentStatus::Paused => Deed::AgentPaused,
        AgentStatus::Archived => Deed::AgentArchived,
    }
}

/// Writes down what the caller does, within its transaction.
pub(crate) async fn note(
    ctx: &Ctx,
    tx: &mut PgConnection,
    log: Log,
    deed: Deed,
    subject: Option<Subject<'_>>,
) -> Result<()> {
    note_as(ctx, tx, ctx.actor(), log, deed, subject).await
}

/// The same for someone who becomes the caller only by this deed.
pub(crate) async fn note_as(
    ctx: &Ctx,
    tx: &mut PgConnection,
    actor: Actor,
    log: Log,
    deed: Deed,
    subject: Option<Subject<'_>>,
) -> Result<()> {
    let id = AuditEntryId::from_uuid(ctx.backend().new_id()?);
    let entry = entry(ctx, actor, deed);
    let name = subject.map(|subject| shorten(subject.name, NAME_MAX)).unwrap_or_default();
    let subject = subject.map(|subject| Subject { name: &name, ..subject });
    Ok(store::audit::insert(tx, log, id, &entry, subject).await?)
}

/// Writes down what the caller does to each of these agents.
pub(crate) async fn note_agents(
    ctx: &Ctx,
    tx: &mut PgConnection,
    owner: UserId,
    deed: Deed,
    agents: &[AgentId],
) -> Result<()> {
    if agents.is_empty() {
        return Ok(());
    }
    let mut entries = Vec::with_capacity(agents.len());
    for agent in agents {
        entries.push((AuditEntryId::from_uuid(ctx.backend().new_id()?), *agent));
    }
    let entry = entry(ctx, ctx.actor(), deed);
    Ok(store::audit::insert_of_agents(tx, owner, &entry, &entries).await?)
}

/// Writes down what the caller does to something that concerns each of these accounts.
pub(crate) async fn note_accounts(
    ctx: &Ctx,
    tx: &mut PgConnection,
    accounts: &[UserId],
    deed: Deed,
    subject: Subject<'_>,
) -> Result<()> {
    let mut entries = Vec::with_capacity(accounts.len());
    for account in accounts {
        entries.push((AuditEntryId::from_uuid(ctx.backend().new_id()?), *account));
    }
    let (entry, name) = (entry(ctx, ctx.actor(), deed), shorten(subject.name, NAME_MAX));
    let subject = Subject { name: &name, ..subject };
    Ok(store::audit::insert_of_accounts(tx, &entry, subject, &entries).await?)
}

fn entry(ctx: &Ctx, actor: Actor, deed: Deed) -> NewEntry<'_> {
    let (actor, actor_id, key_prefix) = match actor {
        Actor::User { id, .. } => (ActorKind::Person, Some(id), None),
        Actor::Key { owner, .. } => (ActorKind::Key, Some(owner), ctx.key_prefix()),
        Actor::System => (ActorKind::System, None, None),
        Actor::Anonymous => (ActorKind::Nobody, None, None),
    };
    NewEntry {
        deed,
        actor,
        actor_id,
        key_prefix,
        address: ctx.address().map(|address| address.to_string()),
        request_id: ctx.request_id().as_str(),
        now: ctx.backend().now(),
    }
}

/// Writes down that somebody did not get in; not every time: whoever guesses must not fill the log.
pub(crate) async fn note_failed_sign_in(ctx: &Ctx, account: Option<UserId>) -> Result<()> {
    let since = ctx.backend().now() - SignedDuration::from_hours(1);
    let mut tx = ctx.backend().catalogue_begin().await?;
    let failed = store::audit::count_failed(&mut tx, account, first_id_at(since)).await?;
    if failed < FAILED_PER_HOUR {
        let log = account.map_or(Log::Installation, Log::Account);
        note_as(ctx, &mut tx, Actor::Anonymous, log, Deed::SignInFailed, None).await?;
    }
    tx.commit().await
}

/// From where somebody signed in, became a member, or set a password by a mailed link, since then; as far as it is
/// known, and not of very many places.
pub(crate) async fn signed_in_from(
    ctx: &Ctx,
    account: UserId,
    since: Timestamp,
) -> Result<Vec<IpAddr>> {
    /// So many are told.
    const PLACES_MAX: i64 = 100;

    let mut conn = ctx.backend().catalogue_read().await?;
    let since = first_id_at(since);
    let found = store::audit::list_addresses(&mut conn, account, since, PLACES_MAX).await?;
    Ok(found.iter().filter_map(|address| address.parse().ok()).collect())
}

#[cfg(test)]
mod tests;
