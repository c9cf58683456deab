//! For tests: who waits for what others have locked.

use std::time::Duration;

use sqlx::PgConnection;

/// Waits until so many connections of this database, or more, wait for what others have locked. What is read
/// for that is of now also within a transaction.
pub(crate) async fn until_waiting(conn: &mut PgConnection, count: i64) {
    let waiting = async {
        loop {
            let waiting = sqlx::query_scalar!(
                r#"
                SELECT count(DISTINCT w.pid) AS "count!"
                FROM pg_locks w
                WHERE NOT w.granted AND w.pid IN (
                    SELECT l.pid
                    FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                    WHERE d.datname = current_database()
                )
                "#
            )
            .fetch_one(&mut *conn)
            .await
            .unwrap();
            if waiting >= count {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    let waiting = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    waiting.unwrap_or_else(|_| panic!("{count} connections wait"));
}
