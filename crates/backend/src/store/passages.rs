//! The SQL of the passages of agents' documents: what a search finds, and what a page of a document shows.

use resonant_domain::knowledge::{FoundPassage, Passage, passage_path};
use resonant_domain::{AgentId, DocumentId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

/// A passage as a search finds it.
pub(super) struct FoundRow {
    pub(super) document_id: Uuid,
    pub(super) title: String,
    pub(super) position: i32,
    pub(super) heading: String,
    pub(super) body: String,
    pub(super) relevance: i32,
}

impl FoundRow {
    /// The passage of an agent's document.
    pub(super) fn of_agent(self, agent: AgentId) -> FoundPassage {
        let document = DocumentId::from_uuid(self.document_id);
        let position = self.position.unsigned_abs();
        FoundPassage {
            document_id: document,
            document: self.title,
            heading: self.heading,
            position,
            url: passage_path(agent, document, position),
            relevance: self.relevance.clamp(0, 100).unsigned_abs(),
            text: self.body,
        }
    }
}

/// Lists at most `limit` passages of a document of an agent from one on, in their order.
#[tracing::instrument(name = "db.passage.list", skip_all, fields(document.id = %document), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    document: DocumentId,
    from: u32,
    limit: u32,
) -> sqlx::Result<Vec<Passage>> {
    let rows = sqlx::query!(
        r#"
        SELECT position, heading, body
        FROM knowledge_passages
        WHERE owner_id = $1 AND agent_id = $2 AND document_id = $3 AND position >= $4
        ORDER BY position
        LIMIT $5
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        document.as_uuid(),
        i32::try_from(from).unwrap_or(i32::MAX),
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    let passages = rows.into_iter().map(|row| Passage {
        position: row.position.unsigned_abs(),
        heading: row.heading,
        text: row.body,
    });
    Ok(passages.collect())
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
    Ok(rows.into_iter().map(|row| row.of_agent(agent)).collect())
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
    Ok(rows.into_iter().map(|row| row.of_agent(agent)).collect())
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
