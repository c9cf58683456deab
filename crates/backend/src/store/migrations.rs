//! The SQL around migrations, which bring the schema up to date.

use sqlx::{AssertSqlSafe, PgConnection, raw_sql};

/// The advisory lock of whoever changes the schema.
const LOCK: i64 = 0x6d69_6772_6174_6573;

/// Takes the lock for as long as the connection lasts, unless another process has it.
#[tracing::instrument(name = "db.migration.try_lock", skip_all, err(level = "debug"))]
pub(crate) async fn try_lock(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "is_taken!""#, LOCK)
        .fetch_one(conn)
        .await
}

/// Lists the indexes that answer nothing: their building was broken off, or is under way.
#[tracing::instrument(name = "db.migration.list_broken_indexes", skip_all, err(level = "debug"))]
pub(crate) async fn list_broken_indexes(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"
        SELECT c.relname::TEXT AS "name!"
        FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.relnamespace = 'public'::REGNAMESPACE
        ORDER BY c.relname
        "#
    )
    .fetch_all(conn)
    .await
}

/// Builds an index anew beside the present one, and then puts it in its place.
#[tracing::instrument(name = "db.migration.rebuild_index", skip_all, fields(index = name), err)]
pub(crate) async fn rebuild_index(conn: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    run(conn, format!("REINDEX INDEX CONCURRENTLY {name}")).await
}

#[tracing::instrument(name = "db.migration.drop_index", skip_all, fields(index = name), err)]
pub(crate) async fn drop_index(conn: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    run(conn, format!("DROP INDEX CONCURRENTLY IF EXISTS {name}")).await
}

/// Names are those that migrations give, and what PostgreSQL made of them.
async fn run(conn: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    raw_sql(AssertSqlSafe(statement)).execute(conn).await?;
    Ok(())
}
