//! The SQL of the audit log. Entries are written and read; only those that are too old, and whoever
//! closed their account, are taken out of it.

mod forgetting;
mod sign_ins;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::audit::{ActorKind, AuditActor, AuditEntry, AuditSubject, Deed, SubjectKind};
use resonant_domain::{AgentId, AuditEntryId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::known;
use super::shards::Owners;

pub(crate) use forgetting::{
    delete_before, delete_owned_before, update_nobody, update_owned_nobody,
};
pub(crate) use sign_ins::{count_failed, list_addresses};

/// Where an entry is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    /// Beside an owner's things.
    Owner(UserId),
    /// Beside accounts and the marketplace: of this account.
    Account(UserId),
    /// There too: of the installation.
    Installation,
}

/// Something that was done, but for what it was done to.
#[derive(Clone, Debug)]
pub(crate) struct NewEntry<'a> {
    pub(crate) deed: Deed,
    pub(crate) actor: ActorKind,
    pub(crate) actor_id: Option<UserId>,
    pub(crate) key_prefix: Option<&'a str>,
    pub(crate) address: Option<String>,
    pub(crate) request_id: &'a str,
    pub(crate) now: jiff::Timestamp,
}

/// What it was done to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) kind: SubjectKind,
    pub(crate) id: Option<Uuid>,
    pub(crate) name: &'a str,
}

/// A statement that writes an entry: its text, where that is written, and the entry.
macro_rules! inserted {
    ($statement:literal, $whose:expr, $id:ident, $entry:ident, $subject:ident) => {
        sqlx::query!(
            $statement,
            $whose,
            $id.as_uuid(),
            $entry.deed.as_str(),
            $entry.actor.as_str(),
            $entry.actor_id.map(UserId::as_uuid),
            $entry.key_prefix,
            $subject.map(|subject| subject.kind.as_str()),
            $subject.and_then(|subject| subject.id),
            $subject.map_or("", |subject| subject.name),
            $entry.address,
            $entry.request_id,
            $entry.now.to_sqlx() as Timestamp,
        )
    };
}

/// Writes an entry.
#[tracing::instrument(name = "db.audit.insert", skip_all, err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    log: Log,
    id: AuditEntryId,
    entry: &NewEntry<'_>,
    subject: Option<Subject<'_>>,
) -> sqlx::Result<()> {
    let account = match log {
        Log::Owner(owner) => return insert_owned(conn, owner, id, entry, subject).await,
        Log::Account(account) => Some(account.as_uuid()),
        Log::Installation => None,
    };
    inserted!(
        r#"
        INSERT INTO account_audit (account_id, entry_id, deed, actor_kind, actor_id, key_prefix,
                                   subject_kind, subject_id, subject_name, address, request_id,
                                   created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        "#,
        account,
        id,
        entry,
        subject
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn insert_owned(
    conn: &mut PgConnection,
    owner: UserId,
    id: AuditEntryId,
    entry: &NewEntry<'_>,
    subject: Option<Subject<'_>>,
) -> sqlx::Result<()> {
    inserted!(
        r#"
        INSERT INTO owner_audit (owner_id, entry_id, deed, actor_kind, actor_id, key_prefix,
                                 subject_kind, subject_id, subject_name, address, request_id,
                                 created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        "#,
        owner.as_uuid(),
        id,
        entry,
        subject
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes an entry for each of these agents of an owner, by their names.
#[tracing::instrument(name = "db.audit.insert_of_agents", skip_all, err(level = "debug"))]
pub(crate) async fn insert_of_agents(
    conn: &mut PgConnection,
    owner: UserId,
    entry: &NewEntry<'_>,
    agents: &[(AuditEntryId, AgentId)],
) -> sqlx::Result<()> {
    let ids: Vec<_> = agents.iter().map(|(id, _)| id.as_uuid()).collect();
    let agents: Vec<_> = agents.iter().map(|(_, agent)| agent.as_uuid()).collect();
    sqlx::query!(
        r#"
        INSERT INTO owner_audit (owner_id, entry_id, deed, actor_kind, actor_id, key_prefix,
                                 subject_kind, subject_id, subject_name, address, request_id,
                                 created_at)
        SELECT $1, e.entry_id, $4, $5, $6, $7, 'agent', a.agent_id, a.name, $8, $9, $10
        FROM unnest($2::UUID[], $3::UUID[]) AS e (entry_id, agent_id)
        JOIN agents a ON a.owner_id = $1 AND a.agent_id = e.agent_id
        "#,
        owner.as_uuid(),
        &ids,
        &agents,
        entry.deed.as_str(),
        entry.actor.as_str(),
        entry.actor_id.map(UserId::as_uuid),
        entry.key_prefix,
        entry.address,
        entry.request_id,
        entry.now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes the same entry beside each of these accounts.
#[tracing::instrument(name = "db.audit.insert_of_accounts", skip_all, err(level = "debug"))]
pub(crate) async fn insert_of_accounts(
    conn: &mut PgConnection,
    entry: &NewEntry<'_>,
    subject: Subject<'_>,
    accounts: &[(AuditEntryId, UserId)],
) -> sqlx::Result<()> {
    let ids: Vec<_> = accounts.iter().map(|(id, _)| id.as_uuid()).collect();
    let accounts: Vec<_> = accounts.iter().map(|(_, account)| account.as_uuid()).collect();
    sqlx::query!(
        r#"
        INSERT INTO account_audit (account_id, entry_id, deed, actor_kind, actor_id, key_prefix,
                                   subject_kind, subject_id, subject_name, address, request_id,
                                   created_at)
        SELECT e.account_id, e.entry_id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
        FROM unnest($1::UUID[], $2::UUID[]) AS e (account_id, entry_id)
        "#,
        &accounts,
        &ids,
        entry.deed.as_str(),
        entry.actor.as_str(),
        entry.actor_id.map(UserId::as_uuid),
        entry.key_prefix,
        subject.kind.as_str(),
        subject.id,
        subject.name,
        entry.address,
        entry.request_id,
        entry.now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Which entries are read: those of these deeds, from one on and below another one, the newest first.
#[derive(Clone, Debug)]
pub(crate) struct Reach<'a> {
    pub(crate) deeds: &'a [String],
    pub(crate) from: Uuid,
    pub(crate) below: Uuid,
    pub(crate) limit: i64,
}

/// A row of either table.
struct Row {
    account_id: Option<Uuid>,
    entry_id: Uuid,
    deed: String,
    actor_kind: String,
    actor_id: Option<Uuid>,
    key_prefix: Option<String>,
    subject_kind: Option<String>,
    subject_id: Option<Uuid>,
    subject_name: String,
    address: Option<String>,
    request_id: String,
    created_at: Timestamp,
}

fn entries(rows: Vec<Row>) -> sqlx::Result<Vec<AuditEntry>> {
    rows.into_iter()
        .map(|row| {
            let subject = match row.subject_kind {
                Some(kind) => Some(AuditSubject {
                    kind: known(SubjectKind::parse(&kind), "subject_kind")?,
                    id: row.subject_id,
                    name: row.subject_name,
                }),
                None => None,
            };
            Ok(AuditEntry {
                id: AuditEntryId::from_uuid(row.entry_id),
                at: row.created_at.to_jiff(),
                deed: known(Deed::parse(&row.deed), "deed")?,
                account_id: row.account_id.map(UserId::from_uuid),
                account_name: None,
                actor: AuditActor {
                    kind: known(ActorKind::parse(&row.actor_kind), "actor_kind")?,
                    id: row.actor_id.map(UserId::from_uuid),
                    name: None,
                    key_prefix: row.key_prefix,
                },
                subject,
                address: row.address,
                request_id: row.request_id,
            })
        })
        .collect()
}

/// Lists entries beside an owner's things.
#[tracing::instrument(name = "db.audit.list_owned", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_owned(
    conn: &mut PgConnection,
    owner: UserId,
    reach: &Reach<'_>,
) -> sqlx::Result<Vec<AuditEntry>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT owner_id AS "account_id?", entry_id, deed, actor_kind, actor_id, key_prefix,
               subject_kind, subject_id, subject_name, address, request_id,
               created_at AS "created_at: Timestamp"
        FROM owner_audit
        WHERE owner_id = $1 AND entry_id >= $2 AND entry_id < $3 AND deed = ANY ($4)
        ORDER BY entry_id DESC
        LIMIT $5
        "#,
        owner.as_uuid(),
        reach.from,
        reach.below,
        reach.deeds,
        reach.limit,
    )
    .fetch_all(conn)
    .await?;
    entries(rows)
}

/// The same of all owners whose things this database holds.
#[tracing::instrument(name = "db.audit.list_held", skip_all, err(level = "debug"))]
pub(crate) async fn list_held(
    conn: &mut PgConnection,
    owners: Owners,
    reach: &Reach<'_>,
) -> sqlx::Result<Vec<AuditEntry>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT owner_id AS "account_id?", entry_id, deed, actor_kind, actor_id, key_prefix,
               subject_kind, subject_id, subject_name, address, request_id,
               created_at AS "created_at: Timestamp"
        FROM owner_audit
        WHERE entry_id >= $1 AND entry_id < $2 AND deed = ANY ($3)
          AND (NOT $5::BOOLEAN OR is_owner_held(owner_id))
        ORDER BY entry_id DESC
        LIMIT $4
        "#,
        reach.from,
        reach.below,
        reach.deeds,
        reach.limit,
        owners.are_held(),
    )
    .fetch_all(conn)
    .await?;
    entries(rows)
}

/// Lists entries of an account that lie beside the accounts.
#[tracing::instrument(name = "db.audit.list_of_account", skip_all, fields(user.id = %account), err(level = "debug"))]
pub(crate) async fn list_of_account(
    conn: &mut PgConnection,
    account: UserId,
    reach: &Reach<'_>,
) -> sqlx::Result<Vec<AuditEntry>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT account_id, entry_id, deed, actor_kind, actor_id, key_prefix, subject_kind,
               subject_id, subject_name, address, request_id,
               created_at AS "created_at: Timestamp"
        FROM account_audit
        WHERE account_id = $1 AND entry_id >= $2 AND entry_id < $3 AND deed = ANY ($4)
        ORDER BY entry_id DESC
        LIMIT $5
        "#,
        account.as_uuid(),
        reach.from,
        reach.below,
        reach.deeds,
        reach.limit,
    )
    .fetch_all(conn)
    .await?;
    entries(rows)
}

/// The same of all accounts, and of the installation.
#[tracing::instrument(name = "db.audit.list_of_all", skip_all, err(level = "debug"))]
pub(crate) async fn list_of_all(
    conn: &mut PgConnection,
    reach: &Reach<'_>,
) -> sqlx::Result<Vec<AuditEntry>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT account_id, entry_id, deed, actor_kind, actor_id, key_prefix, subject_kind,
               subject_id, subject_name, address, request_id,
               created_at AS "created_at: Timestamp"
        FROM account_audit
        WHERE entry_id >= $1 AND entry_id < $2 AND deed = ANY ($3)
        ORDER BY entry_id DESC
        LIMIT $4
        "#,
        reach.from,
        reach.below,
        reach.deeds,
        reach.limit,
    )
    .fetch_all(conn)
    .await?;
    entries(rows)
}

/// What these people are called at present.
#[tracing::instrument(name = "db.audit.list_names", skip_all, err(level = "debug"))]
pub(crate) async fn list_names(
    conn: &mut PgConnection,
    people: &[Uuid],
) -> sqlx::Result<Vec<(UserId, String)>> {
    let rows =
        sqlx::query!("SELECT user_id, display_name FROM users WHERE user_id = ANY ($1)", people,)
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().map(|row| (UserId::from_uuid(row.user_id), row.display_name)).collect())
}
