//! The SQL of what passages mean.

use std::time::Duration;

use resonant_domain::knowledge::FoundPassage;
use resonant_domain::{AgentId, DocumentId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::interval;
use super::passages::FoundRow;
use super::shards::Owners;

/// A document that a model shall read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unread {
    pub(crate) owner: UserId,
    pub(crate) agent: AgentId,
    pub(crate) document: DocumentId,
}

/// Lets the database compare meanings, when pgvector is there. Answers whether it can.
#[tracing::instrument(name = "db.embedding.use_vectors", skip_all, err(level = "debug"))]
pub(crate) async fn use_vectors(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT use_vectors() AS "can!""#).fetch_one(conn).await
}

/// Whether the database can compare meanings.
#[tracing::instrument(name = "db.embedding.can_compare", skip_all, err(level = "debug"))]
pub(crate) async fn can_compare(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT meaning_likeness(ARRAY[1]::REAL[], ARRAY[1]::REAL[]) IS NOT NULL AS "can!""#
    )
    .fetch_one(conn)
    .await
}

/// For how long nobody else takes a document that was taken for the first time; it doubles with each try.
const TAKEN: Duration = Duration::from_mins(2);
/// The longest of these whiles.
const TAKEN_MAX: Duration = Duration::from_hours(1);

/// Takes a document that no model has read, the one that has waited longest. Nobody else takes it for
/// a while that doubles with each try, an hour at most.
#[tracing::instrument(name = "db.embedding.claim", skip_all, err(level = "debug"))]
pub(crate) async fn claim(conn: &mut PgConnection, owners: Owners) -> sqlx::Result<Option<Unread>> {
    let due = sqlx::query!(
        r#"
        SELECT owner_id, document_id, embed_attempts
        FROM knowledge_documents
        WHERE embedded_by IS NULL AND coalesce(embed_at, created_at) <= now()
          AND (NOT $1::BOOLEAN OR is_owner_held(owner_id))
        ORDER BY coalesce(embed_at, created_at)
        LIMIT 32
        "#,
        owners.are_held(),
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in due {
        let wait = (TAKEN * (1 << row.embed_attempts.clamp(0, 10))).min(TAKEN_MAX);
        let taken = take(&mut *conn, (row.owner_id, row.document_id), wait).await?;
        if taken.is_some() {
            return Ok(taken);
        }
    }
    Ok(None)
}

/// Takes a document that is still due, past one that another process is taking.
async fn take(
    conn: &mut PgConnection,
    (owner, document): (Uuid, Uuid),
    wait: Duration,
) -> sqlx::Result<Option<Unread>> {
    let row = sqlx::query!(
        r#"
        WITH due AS (
            SELECT document_id
            FROM knowledge_documents
            WHERE owner_id = $1 AND document_id = $2 AND embedded_by IS NULL
              AND coalesce(embed_at, created_at) <= now()
            FOR UPDATE SKIP LOCKED
        )
        UPDATE knowledge_documents d
        SET embed_at = now() + $3, embed_attempts = d.embed_attempts + 1
        FROM due
        WHERE d.owner_id = $1 AND d.document_id = due.document_id
        RETURNING d.owner_id, d.agent_id, d.document_id
        "#,
        owner,
        document,
        interval(wait),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Unread {
        owner: UserId::from_uuid(row.owner_id),
        agent: AgentId::from_uuid(row.agent_id),
        document: DocumentId::from_uuid(row.document_id),
    }))
}

/// Has documents read anew that another model has read. Answers how many.
#[tracing::instrument(name = "db.embedding.reset", skip_all, err(level = "debug"))]
pub(crate) async fn reset(
    conn: &mut PgConnection,
    owners: Owners,
    model: &str,
) -> sqlx::Result<u64> {
    // A cluster changes no rows by what a function makes of their columns.
    let done = match owners {
        Owners::All | Owners::Spread => {
            sqlx::query!(
                r#"
                UPDATE knowledge_documents
                SET embedded_by = NULL, embed_attempts = 0, embed_at = NULL
                WHERE embedded_by <> $1
                "#,
                model,
            )
            .execute(conn)
            .await?
        }
        Owners::Held => {
            sqlx::query!(
                r#"
                UPDATE knowledge_documents
                SET embedded_by = NULL, embed_attempts = 0, embed_at = NULL
                WHERE embedded_by <> $1 AND is_owner_held(owner_id)
                "#,
                model,
            )
            .execute(conn)
            .await?
        }
    };
    Ok(done.rows_affected())
}

/// Lists the passages of a document that this model has not read, in order, each with its headings.
#[tracing::instrument(name = "db.embedding.list_passages", skip_all, fields(document.id = %unread.document), err(level = "debug"))]
pub(crate) async fn list_passages(
    conn: &mut PgConnection,
    unread: Unread,
    model: &str,
) -> sqlx::Result<Vec<(i32, String)>> {
    let rows = sqlx::query!(
        r#"
        SELECT p.position, d.title || E'\n' || p.heading || E'\n' || p.body AS "text!"
        FROM knowledge_passages p
        JOIN knowledge_documents d ON d.owner_id = p.owner_id AND d.document_id = p.document_id
        WHERE p.owner_id = $1 AND d.owner_id = $1 AND p.document_id = $2
          AND NOT EXISTS (
              SELECT FROM knowledge_embeddings e
              WHERE e.owner_id = $1 AND e.document_id = $2 AND e.position = p.position
                AND e.model = $3
          )
        ORDER BY p.position
        "#,
        unread.owner.as_uuid(),
        unread.document.as_uuid(),
        model,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.position, row.text)).collect())
}

/// Keeps what a passage means, in the place of what was kept before.
#[tracing::instrument(name = "db.embedding.insert", skip_all, fields(document.id = %unread.document), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    unread: Unread,
    position: i32,
    model: &str,
    embedding: &[f32],
) -> sqlx::Result<()> {
    // A document that was taken away meanwhile has no passages.
    sqlx::query!(
        r#"
        INSERT INTO knowledge_embeddings (owner_id, document_id, position, agent_id, model, embedding)
        SELECT owner_id, document_id, position, agent_id, $4, $5
        FROM knowledge_passages
        WHERE owner_id = $1 AND document_id = $2 AND position = $3
        ON CONFLICT (owner_id, document_id, position) DO UPDATE
        SET model = excluded.model, embedding = excluded.embedding
        "#,
        unread.owner.as_uuid(),
        unread.document.as_uuid(),
        position,
        model,
        embedding,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that a model has read all of a document.
#[tracing::instrument(name = "db.embedding.update_read", skip_all, fields(document.id = %unread.document), err(level = "debug"))]
pub(crate) async fn update_read(
    conn: &mut PgConnection,
    unread: Unread,
    model: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE knowledge_documents SET embedded_by = $3
        WHERE owner_id = $1 AND document_id = $2
        "#,
        unread.owner.as_uuid(),
        unread.document.as_uuid(),
        model,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds the passages of an agent whose meaning is most like this one, the likest first.
#[tracing::instrument(name = "db.embedding.search", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn search(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    (model, meaning): (&str, &[f32]),
    at_least: f32,
    most: u32,
) -> sqlx::Result<Vec<FoundPassage>> {
    let rows = sqlx::query_as!(
        FoundRow,
        r#"
        SELECT d.document_id, d.title, p.position, p.heading, p.body,
               round(100 * best.likeness)::INTEGER AS "relevance!"
        FROM (
            SELECT document_id, position, meaning_likeness(embedding, $4) AS likeness
            FROM knowledge_embeddings
            WHERE owner_id = $1 AND agent_id = $2 AND model = $3
        ) AS best
        JOIN knowledge_passages p
            ON p.owner_id = $1 AND p.document_id = best.document_id AND p.position = best.position
        JOIN knowledge_documents d ON d.owner_id = $1 AND d.document_id = best.document_id
        WHERE best.likeness >= $5
        ORDER BY best.likeness DESC, best.document_id, best.position
        LIMIT $6
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        model,
        meaning,
        at_least,
        i64::from(most),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.of_agent(agent)).collect())
}
