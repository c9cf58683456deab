//! The SQL of what accounts are told.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::notice::{BY_NOBODY, Notice, NoticeKind};
use resonant_domain::{AgentId, NoticeId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

/// Something to tell.
#[derive(Clone, Debug)]
pub(crate) struct NewNotice<'a> {
    pub(crate) id: NoticeId,
    pub(crate) kind: NoticeKind,
    pub(crate) about: &'a str,
    pub(crate) slug: Option<&'a str>,
    pub(crate) agent: Option<AgentId>,
    /// Whose name or words it repeats.
    pub(crate) person: Option<UserId>,
    pub(crate) text: &'a str,
    pub(crate) now: jiff::Timestamp,
}

impl NewNotice<'_> {
    /// Its kind as the last release reads it, and as this one does where that is another.
    fn kinds(&self) -> (&'static str, Option<&'static str>) {
        let known = self.kind.of_last_release();
        (known.as_str(), (known != self.kind).then(|| self.kind.as_str()))
    }
}

/// Tells one account.
#[tracing::instrument(name = "db.inbox.insert", skip_all, fields(notice.id = %notice.id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    reader: UserId,
    notice: &NewNotice<'_>,
) -> sqlx::Result<()> {
    let (kind, newer_kind) = notice.kinds();
    sqlx::query!(
        r#"
        INSERT INTO account_notices (reader_id, notice_id, kind, about, slug, agent_id, body,
                                     created_at, person_id, newer_kind)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        "#,
        reader.as_uuid(),
        notice.id.as_uuid(),
        kind,
        notice.about,
        notice.slug,
        notice.agent.map(AgentId::as_uuid),
        notice.text,
        notice.now.to_sqlx() as Timestamp,
        notice.person.map(UserId::as_uuid),
        newer_kind,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Tells several accounts the same, each once; where agents are named, each of its own.
#[tracing::instrument(name = "db.inbox.insert_all", skip_all, fields(notice.id = %notice.id), err(level = "debug"))]
pub(crate) async fn insert_all(
    conn: &mut PgConnection,
    readers: &[UserId],
    agents: &[AgentId],
    notice: &NewNotice<'_>,
) -> sqlx::Result<()> {
    let readers: Vec<_> = readers.iter().map(|id| id.as_uuid()).collect();
    let agents: Vec<_> = agents.iter().map(|id| id.as_uuid()).collect();
    let (kind, newer_kind) = notice.kinds();
    // The shorter of two lists is filled up with nothing.
    sqlx::query!(
        r#"
        INSERT INTO account_notices (reader_id, notice_id, kind, about, slug, agent_id, body,
                                     created_at, person_id, newer_kind)
        SELECT told.reader_id, $3, $4, $5, $6, told.agent_id, $7, $8, $9, $10
        FROM unnest($1::UUID[], $2::UUID[]) AS told (reader_id, agent_id)
        ON CONFLICT (reader_id, notice_id) DO NOTHING
        "#,
        &readers,
        &agents,
        notice.id.as_uuid(),
        kind,
        notice.about,
        notice.slug,
        notice.text,
        notice.now.to_sqlx() as Timestamp,
        notice.person.map(UserId::as_uuid),
        newer_kind,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a person's name and words out of what others were told.
#[tracing::instrument(name = "db.inbox.update_nobody", skip_all, fields(user.id = %person), err(level = "debug"))]
pub(crate) async fn update_nobody(conn: &mut PgConnection, person: UserId) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE account_notices
        SET person_id = NULL,
            body = CASE WHEN kind IN ('reviewed', 'answered') THEN '' ELSE $2 END
        WHERE person_id = $1
        "#,
        person.as_uuid(),
        BY_NOBODY,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists what an account was told before a notice, at most `limit`, the newest first.
#[tracing::instrument(name = "db.inbox.list", skip_all, fields(user.id = %reader), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    reader: UserId,
    before: Option<NoticeId>,
    limit: i64,
) -> sqlx::Result<Vec<Notice>> {
    let rows = sqlx::query!(
        r#"
        SELECT notice_id, coalesce(newer_kind, kind) AS "kind!", about, slug, agent_id, body,
               read_at IS NOT NULL AS "is_read!", created_at AS "created_at: Timestamp"
        FROM account_notices
        WHERE reader_id = $1 AND notice_id < $2
        ORDER BY notice_id DESC
        LIMIT $3
        "#,
        reader.as_uuid(),
        before.map_or(Uuid::max(), NoticeId::as_uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    let notices = rows.into_iter().map(|row| Notice {
        id: NoticeId::from_uuid(row.notice_id),
        kind: NoticeKind::read(&row.kind),
        about: row.about,
        slug: row.slug,
        agent_id: row.agent_id.map(AgentId::from_uuid),
        text: row.body,
        is_read: row.is_read,
        created_at: row.created_at.to_jiff(),
    });
    Ok(notices.collect())
}

/// How many notices an account has not read.
#[tracing::instrument(name = "db.inbox.count_unread", skip_all, fields(user.id = %reader), err(level = "debug"))]
pub(crate) async fn count_unread(conn: &mut PgConnection, reader: UserId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"
        SELECT count(*) AS "count!"
        FROM account_notices
        WHERE reader_id = $1 AND read_at IS NULL
        "#,
        reader.as_uuid(),
    )
    .fetch_one(conn)
    .await
}

/// Marks what an account was told as read: these notices, or all where none is named.
#[tracing::instrument(name = "db.inbox.update_read", skip_all, fields(user.id = %reader), err(level = "debug"))]
pub(crate) async fn update_read(
    conn: &mut PgConnection,
    reader: UserId,
    ids: &[NoticeId],
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
    sqlx::query!(
        r#"
        UPDATE account_notices
        SET read_at = $3
        WHERE reader_id = $1 AND read_at IS NULL
          AND (cardinality($2::UUID[]) = 0 OR notice_id = ANY ($2))
        "#,
        reader.as_uuid(),
        &ids,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}
