//! The SQL of the outbox: which kept things a write has made untrue.

use sqlx::PgConnection;
use sqlx::types::Uuid;

/// The channel on which a write is called out, with its id and its names.
pub(crate) const CHANNEL: &str = "resonant_forgotten";

/// Keeps the names and calls them out when the transaction commits. Takes up to two rows away that are
/// older than any process is deaf and alive, so that the table stays small without a job.
#[tracing::instrument(name = "db.cache_outbox.insert", skip_all, err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    id: Uuid,
    names: &[String],
    letter: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        WITH written AS (
            INSERT INTO cache_outbox (outbox_id, names) VALUES ($1, $2)
        ), old AS (
            SELECT outbox_id
            FROM cache_outbox
            WHERE created_at < now() - INTERVAL '10 minutes'
            ORDER BY created_at
            LIMIT 2
            FOR UPDATE SKIP LOCKED
        ), taken AS (
            DELETE FROM cache_outbox o USING old WHERE o.outbox_id = old.outbox_id
        )
        SELECT pg_notify($3, $4)
        "#,
        id,
        names,
        CHANNEL,
        letter,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists the latest writes, at most `limit`.
#[tracing::instrument(name = "db.cache_outbox.list", skip_all, err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    limit: usize,
) -> sqlx::Result<Vec<(Uuid, Vec<String>)>> {
    let rows = sqlx::query!(
        "SELECT outbox_id, names FROM cache_outbox ORDER BY created_at DESC LIMIT $1",
        super::signed(limit as u64),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.outbox_id, row.names)).collect())
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn each_row_takes_old_ones_with_it(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        sqlx::query!(
            "INSERT INTO cache_outbox (outbox_id, names, created_at)
             SELECT gen_random_uuid(), '{a}', now() - INTERVAL '1 hour' FROM generate_series(1, 30)"
        )
        .execute(&mut *conn)
        .await
        .unwrap();
        for number in 0..20 {
            insert(&mut conn, Uuid::from_u128(number), &["a".to_owned()], "").await.unwrap();
        }
        let left = list(&mut conn, 100).await.unwrap();
        assert_eq!(left.len(), 20);
        assert_eq!(left[0], (Uuid::from_u128(19), vec!["a".to_owned()]));
    }
}
