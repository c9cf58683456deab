//! The SQL of the outbox: which kept things a write has made untrue.

use std::time::Duration;

use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::interval;

/// The channel on which a write is called out, with its id and its names.
pub(crate) const CHANNEL: &str = "resonant_forgotten";

/// For how long a row is there at least.
const KEPT: Duration = Duration::from_mins(10);
/// How far back all that was written is told. No commit takes as long as is left: a row is as old as its
/// statement.
pub(crate) const REACH: Duration = Duration::from_mins(9);

/// A write, or the part of one that fits into one call.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) id: Uuid,
    /// At least one.
    pub(crate) names: Vec<String>,
    /// Both as they are called out.
    pub(crate) text: String,
}

/// Keeps the names of each letter and calls them out when the transaction commits. Takes up to two rows away
/// for each that are older than [`KEPT`], so that the table stays small without a job: by a list of their ids,
/// since of a join with so many as an argument says PostgreSQL expects a tenth of the table, and reads it all.
#[tracing::instrument(name = "db.cache_outbox.insert", skip_all, err(level = "debug"))]
pub(crate) async fn insert(conn: &mut PgConnection, letters: &[Letter]) -> sqlx::Result<()> {
    let pairs = letters.iter().flat_map(|letter| {
        let id = letter.id;
        letter.names.iter().map(move |name| (id, name.as_str()))
    });
    let (ids, names): (Vec<_>, Vec<_>) = pairs.unzip();
    let texts: Vec<_> = letters.iter().map(|letter| letter.text.as_str()).collect();
    sqlx::query!(
        r#"
        WITH written AS (
            INSERT INTO cache_outbox (outbox_id, names)
            SELECT letter.outbox_id, array_agg(letter.name)
            FROM unnest($1::UUID[], $2::TEXT[]) AS letter (outbox_id, name)
            GROUP BY letter.outbox_id
        ), taken AS (
            DELETE FROM cache_outbox
            WHERE outbox_id = ANY (ARRAY(
                SELECT outbox_id
                FROM cache_outbox
                WHERE created_at < now() - $6::INTERVAL
                ORDER BY created_at
                LIMIT $5
                FOR UPDATE SKIP LOCKED
            ))
        )
        SELECT pg_notify($3, letter) FROM unnest($4::TEXT[]) AS letter
        "#,
        &ids,
        &names as &[&str],
        CHANNEL,
        &texts as &[&str],
        2 * super::signed(letters.len() as u64),
        interval(KEPT),
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
        let letter = |number, names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            Letter { id: Uuid::from_u128(number), names, text: String::new() }
        };
        for number in 0..20 {
            insert(&mut conn, &[letter(number, &["a"])]).await.unwrap();
        }
        let left = list(&mut conn, 100).await.unwrap();
        assert_eq!(left.len(), 20);
        assert_eq!(left[0], (Uuid::from_u128(19), vec!["a".to_owned()]));

        insert(&mut conn, &[letter(20, &["b", "c"]), letter(21, &["d"])]).await.unwrap();
        let mut left = list(&mut conn, 2).await.unwrap();
        for (_, names) in &mut left {
            names.sort_unstable();
        }
        left.sort_unstable();
        let of = |number, names: &[&str]| {
            let letter = letter(number, names);
            (letter.id, letter.names)
        };
        assert_eq!(left, [of(20, &["b", "c"]), of(21, &["d"])]);
    }
}
