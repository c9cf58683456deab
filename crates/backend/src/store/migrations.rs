//! The SQL around migrations, which bring the schema up to date.

mod statements;

use std::collections::HashSet;

use sqlx::migrate::{Migrate as _, Migration};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};

#[cfg(test)]
pub(super) use self::statements::statements_of;
use super::{MIGRATOR, distribution};

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

/// Where it is written down which migrations were applied.
const TABLE: &str = "_sqlx_migrations";

/// Applies the migrations that were not applied yet, each statement by itself. A cluster hands a change of its
/// tables on as the text that it came in, and takes no other statement along with it.
#[tracing::instrument(name = "db.migration.apply_singly", skip_all, err)]
pub(crate) async fn apply_singly(conn: &mut PgConnection) -> sqlx::Result<()> {
    conn.ensure_migrations_table(TABLE).await?;
    let applied = conn.list_applied_migrations(TABLE).await?;
    let applied: HashSet<_> = applied.into_iter().map(|migration| migration.version).collect();
    for migration in MIGRATOR.iter().filter(|own| !applied.contains(&own.version)) {
        if migration.no_tx {
            apply(&mut *conn, migration).await?;
        } else {
            let mut tx = conn.begin().await?;
            distribution::go_node_by_node(&mut tx).await?;
            apply(&mut tx, migration).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

async fn apply(conn: &mut PgConnection, migration: &Migration) -> sqlx::Result<()> {
    for statement in statements::statements_of(migration.sql.as_str()) {
        run(&mut *conn, statement.to_owned()).await?;
    }
    // It was applied here: what is skipped is to run it once more.
    conn.skip(TABLE, migration).await?;
    Ok(())
}

/// Names are those that migrations give, and what PostgreSQL made of them; statements are migrations'.
async fn run(conn: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    raw_sql(AssertSqlSafe(statement)).execute(conn).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlx::{Executor as _, PgPool, SqlSafeStr as _};

    use super::*;

    #[sqlx::test(migrations = false)]
    async fn migrations_may_come_statement_by_statement(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        apply_singly(&mut conn).await.unwrap();
        apply_singly(&mut conn).await.unwrap();
        // Nothing is left to apply, and what was is the same.
        MIGRATOR.run(&mut *conn).await.unwrap();
        let applied = conn.list_applied_migrations(TABLE).await.unwrap();
        assert_eq!(applied.len(), MIGRATOR.iter().count());
        // What is prepared is one statement; another one behind it is refused, whatever it names.
        for migration in MIGRATOR.iter() {
            for statement in statements_of(migration.sql.as_str()) {
                let sql = AssertSqlSafe(statement.to_owned()).into_sql_str();
                if let Err(error) = conn.prepare(sql).await {
                    assert!(!error.to_string().contains("multiple commands"), "{statement}");
                }
            }
        }
    }
}
