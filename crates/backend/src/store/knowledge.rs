//! The SQL of agents' documents.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::knowledge::{DocumentFormat, KnowledgeDocument};
use resonant_domain::{AgentId, DocumentId, UserId};
use resonant_runtime::tools::knowledge::Cut;
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::{known, unsigned};

/// How many documents an agent has, and how many bytes they hold together.
#[tracing::instrument(name = "db.knowledge.count", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn count(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
) -> sqlx::Result<(u64, u64)> {
    let row = sqlx::query!(
        r#"
        SELECT count(*) AS "count!", coalesce(sum(size_bytes), 0)::BIGINT AS "size_bytes!"
        FROM knowledge_documents
        WHERE owner_id = $1 AND agent_id = $2
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok((unsigned(row.count), unsigned(row.size_bytes)))
}

struct DocumentRow {
    document_id: Uuid,
    agent_id: Uuid,
    title: String,
    format: String,
    size_bytes: i32,
    passages: i32,
    unread_pages: Vec<i32>,
    created_at: Timestamp,
}

impl TryFrom<DocumentRow> for KnowledgeDocument {
    type Error = sqlx::Error;

    fn try_from(row: DocumentRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: DocumentId::from_uuid(row.document_id),
            agent_id: AgentId::from_uuid(row.agent_id),
            title: row.title,
            format: known(DocumentFormat::parse(&row.format), "format")?,
            size_bytes: row.size_bytes.unsigned_abs(),
            passages: row.passages.unsigned_abs(),
            unread_pages: row.unread_pages.into_iter().map(i32::unsigned_abs).collect(),
            created_at: row.created_at.to_jiff(),
        })
    }
}

/// Lists at most `limit` of an agent's documents before `before`, the newest first.
#[tracing::instrument(name = "db.knowledge.list", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    before: Option<DocumentId>,
    limit: i64,
) -> sqlx::Result<Vec<KnowledgeDocument>> {
    let rows = sqlx::query_as!(
        DocumentRow,
        r#"
        SELECT document_id, agent_id, title, format, size_bytes, passages, unread_pages, created_at
        FROM knowledge_documents
        WHERE owner_id = $1 AND agent_id = $2 AND document_id < $3
        ORDER BY document_id DESC
        LIMIT $4
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        before.map_or(Uuid::max(), DocumentId::as_uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(KnowledgeDocument::try_from).collect()
}

#[tracing::instrument(name = "db.knowledge.find", skip_all, fields(document.id = %id), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    id: DocumentId,
) -> sqlx::Result<Option<KnowledgeDocument>> {
    let row = sqlx::query_as!(
        DocumentRow,
        r#"
        SELECT document_id, agent_id, title, format, size_bytes, passages, unread_pages, created_at
        FROM knowledge_documents
        WHERE owner_id = $1 AND agent_id = $2 AND document_id = $3
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(KnowledgeDocument::try_from).transpose()
}

/// Keeps a document of a language, as PostgreSQL calls it, yet without its passages.
#[tracing::instrument(name = "db.knowledge.insert", skip_all, fields(document.id = %document.id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    document: &KnowledgeDocument,
    language: &str,
    vocabulary: &[String],
) -> sqlx::Result<()> {
    let unread = document.unread_pages.iter().map(|page| i32::try_from(*page).unwrap_or(i32::MAX));
    let unread: Vec<i32> = unread.collect();
    sqlx::query!(
        r#"
        INSERT INTO knowledge_documents (owner_id, document_id, agent_id, title, format, size_bytes,
                                         passages, vocabulary, created_at, language, unread_pages)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        "#,
        owner.as_uuid(),
        document.id.as_uuid(),
        document.agent_id.as_uuid(),
        document.title,
        document.format.as_str(),
        i32::try_from(document.size_bytes).unwrap_or(i32::MAX),
        i32::try_from(document.passages).unwrap_or(i32::MAX),
        vocabulary,
        document.created_at.to_sqlx() as Timestamp,
        language,
        &unread,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps the passages of a document, numbered from 1 on, with their words as its language forms them. A
/// word of a heading or of the title counts for more than one of the text.
#[tracing::instrument(name = "db.knowledge.insert_passages", skip_all, fields(document.id = %document.id), err(level = "debug"))]
pub(crate) async fn insert_passages(
    conn: &mut PgConnection,
    owner: UserId,
    document: &KnowledgeDocument,
    language: &str,
    cuts: &[Cut],
) -> sqlx::Result<()> {
    let positions: Vec<i32> = (1..).take(cuts.len()).collect();
    let headings: Vec<String> = cuts.iter().map(|cut| cut.heading.clone()).collect();
    let bodies: Vec<String> = cuts.iter().map(|cut| cut.text.clone()).collect();
    sqlx::query!(
        r#"
        INSERT INTO knowledge_passages (owner_id, document_id, agent_id, position, heading, body,
                                        words)
        SELECT $1, $2, $3, p.position, p.heading, p.body,
               setweight(to_tsvector($8::TEXT::REGCONFIG, $4::TEXT || ' ' || p.heading), 'A')
               || to_tsvector($8::TEXT::REGCONFIG, p.body)
        FROM unnest($5::INTEGER[], $6::TEXT[], $7::TEXT[]) AS p (position, heading, body)
        "#,
        owner.as_uuid(),
        document.id.as_uuid(),
        document.agent_id.as_uuid(),
        document.title,
        &positions,
        &headings,
        &bodies,
        language,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a document of an agent with its passages; `false` when there was none.
#[tracing::instrument(name = "db.knowledge.delete", skip_all, fields(document.id = %id), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    id: DocumentId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        DELETE FROM knowledge_documents
        WHERE owner_id = $1 AND agent_id = $2 AND document_id = $3
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        id.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
