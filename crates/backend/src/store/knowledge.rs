//! The SQL of agents' documents.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::knowledge::{DocumentFormat, FoundPassage, KnowledgeDocument};
use resonant_domain::{AgentId, DocumentId, UserId};
use resonant_runtime::tools::knowledge::Cut;
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::{known, unsigned};

/// A passage as a search finds it.
pub(super) struct FoundRow {
    pub(super) document_id: Uuid,
    pub(super) title: String,
    pub(super) position: i32,
    pub(super) heading: String,
    pub(super) body: String,
    pub(super) relevance: i32,
}

impl From<FoundRow> for FoundPassage {
    fn from(row: FoundRow) -> Self {
        Self {
            document_id: DocumentId::from_uuid(row.document_id),
            document: row.title,
            heading: row.heading,
            position: row.position.unsigned_abs(),
            relevance: row.relevance.clamp(0, 100).unsigned_abs(),
            text: row.body,
        }
    }
}

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

/// Finds the passages of an agent that tell most about a question.
///
/// A passage need not hold every word. Each word that it holds counts, and the more the fewer other
/// passages hold it; `ts_rank` alone knows nothing of that. The question is read in each language that the
/// documents are written in.
#[tracing::instrument(name = "db.knowledge.search", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn search(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    query: &str,
    most: u32,
) -> sqlx::Result<Vec<FoundPassage>> {
    let rows = sqlx::query_as!(
        FoundRow,
        r#"
        WITH languages AS (
            SELECT language, sum(passages)::FLOAT8 AS total
            FROM knowledge_documents
            WHERE owner_id = $1 AND agent_id = $2
            GROUP BY language
        ), asked AS (
            SELECT l.language, l.total, a.lexeme,
                   ('''' || replace(replace(a.lexeme, '\', '\\'), '''', '''''') || '''')::TSQUERY AS query
            FROM languages l
            CROSS JOIN LATERAL (
                SELECT lexeme FROM unnest(to_tsvector(l.language::REGCONFIG, $3::TEXT)) LIMIT 32
            ) AS a
        ), hits AS (
            SELECT p.document_id, p.position, a.language, a.lexeme, ts_rank(p.words, a.query) AS rank
            FROM asked a
            JOIN knowledge_documents d
                ON d.owner_id = $1 AND d.agent_id = $2 AND d.language = a.language
            JOIN knowledge_passages p
                ON p.owner_id = $1 AND p.agent_id = $2 AND p.document_id = d.document_id
                AND p.words @@ a.query
        ), weights AS (
            SELECT a.language, a.lexeme, ln(2 + a.total / (count(h.position) + 1)) AS weight
            FROM asked a
            LEFT JOIN hits h USING (language, lexeme)
            GROUP BY a.language, a.lexeme, a.total
        ), wholes AS (
            SELECT language, sum(weight) AS whole FROM weights GROUP BY language
        ), best AS (
            SELECT h.document_id, h.position, sum(w.weight * (1 + h.rank)) AS score,
                   sum(w.weight) / o.whole AS share
            FROM hits h
            JOIN weights w USING (language, lexeme)
            JOIN wholes o USING (language)
            GROUP BY h.document_id, h.position, o.whole
            ORDER BY score DESC, h.document_id, h.position
            LIMIT $4
        )
        SELECT d.document_id, d.title, p.position, p.heading, p.body,
               round(100 * b.share)::INTEGER AS "relevance!"
        FROM best b
        JOIN knowledge_passages p
            ON p.owner_id = $1 AND p.document_id = b.document_id AND p.position = b.position
        JOIN knowledge_documents d ON d.owner_id = $1 AND d.document_id = b.document_id
        ORDER BY b.score DESC, b.document_id, b.position
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        query,
        i64::from(most),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(FoundPassage::from).collect())
}

/// Finds the passages of an agent that hold most of these parts of words, which are in lower case, wherever
/// they stand in them. No index knows that: all of the agent's are read, which are bounded, and each is
/// brought into lower case once (`OFFSET`).
#[tracing::instrument(name = "db.knowledge.list_holding", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn list_holding(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    parts: &[String],
    most: u32,
) -> sqlx::Result<Vec<FoundPassage>> {
    let rows = sqlx::query_as!(
        FoundRow,
        r#"
        WITH asked AS (
            SELECT part FROM unnest($3::TEXT[]) AS a (part)
        ), said AS (
            SELECT p.document_id, p.position,
                   lower(d.title || ' ' || p.heading || ' ' || p.body) AS said
            FROM knowledge_passages p
            JOIN knowledge_documents d ON d.owner_id = $1 AND d.document_id = p.document_id
            WHERE p.owner_id = $1 AND p.agent_id = $2
            OFFSET 0
        ), hits AS (
            SELECT s.document_id, s.position, a.part
            FROM said s
            JOIN asked a ON strpos(s.said, a.part) > 0
        ), weights AS (
            SELECT a.part, ln(2 + t.total / (count(h.position) + 1)) AS weight
            FROM asked a
            CROSS JOIN (
                SELECT coalesce(sum(passages), 0)::FLOAT8 AS total
                FROM knowledge_documents
                WHERE owner_id = $1 AND agent_id = $2
            ) AS t
            LEFT JOIN hits h USING (part)
            GROUP BY a.part, t.total
        ), best AS (
            SELECT h.document_id, h.position, sum(w.weight) AS score,
                   sum(w.weight) / (SELECT sum(weight) FROM weights) AS share
            FROM hits h
            JOIN weights w USING (part)
            GROUP BY h.document_id, h.position
            ORDER BY score DESC, h.document_id, h.position
            LIMIT $4
        )
        SELECT d.document_id, d.title, p.position, p.heading, p.body,
               round(100 * b.share)::INTEGER AS "relevance!"
        FROM best b
        JOIN knowledge_passages p
            ON p.owner_id = $1 AND p.document_id = b.document_id AND p.position = b.position
        JOIN knowledge_documents d ON d.owner_id = $1 AND d.document_id = b.document_id
        ORDER BY b.score DESC, b.document_id, b.position
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        parts,
        i64::from(most),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(FoundPassage::from).collect())
}

/// For each word the words of an agent's documents that are most like it, the likest first. A word
/// that is misspelled begins right, nearly always: the others need not be looked at. Finds nothing
/// where the database has no trigrams (`pg_trgm`).
#[tracing::instrument(name = "db.knowledge.list_like", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn list_like(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    asked: &[String],
    at_least: f32,
) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        r#"
        SELECT a.asked AS "asked!", l.word AS "word!"
        FROM unnest($3::TEXT[]) AS a (asked)
        CROSS JOIN LATERAL (
            SELECT v.word, max(word_likeness(a.asked, v.word)) AS likeness
            FROM knowledge_documents d
            CROSS JOIN unnest(d.vocabulary) AS v (word)
            WHERE d.owner_id = $1 AND d.agent_id = $2
              AND left(v.word, 1) = left(a.asked, 1)
              AND word_likeness(a.asked, v.word) >= $4
              AND word_likeness(v.word, a.asked) >= $4
            GROUP BY v.word
            ORDER BY likeness DESC, v.word
            LIMIT 3
        ) AS l
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        asked,
        at_least,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.asked, row.word)).collect())
}
