//! The SQL that hands the tables to Citus, on a coordinator that has the extension.

use sqlx::{AssertSqlSafe, PgConnection, raw_sql};

use super::bucket_copy::{EVERYBODYS, list_tables};

/// Stays on the coordinator: workers take what is due of all owners, which only one node can lock.
const LOCAL: &str = "session_queue";
/// What the tables of owners refer to, in the order of their own references.
const REFERENCES: [&str; 2] = ["users", "listings"];

/// Whether the extension is there.
#[tracing::instrument(name = "db.distribution.is_possible", skip_all, err(level = "debug"))]
pub(crate) async fn is_possible(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') AS "exists!""#
    )
    .fetch_one(conn)
    .await
}

/// The statements that spread every table of owners by its owner, next to each other, and copy what
/// they refer to to every node. Each does nothing to a table that is spread already.
pub(crate) async fn statements(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let guarded = |table: &str, call: String| {
        format!(
            "SELECT {call} WHERE NOT EXISTS (
                 SELECT FROM pg_dist_partition WHERE logicalrelid = '{table}'::REGCLASS)"
        )
    };
    let mut statements: Vec<_> = REFERENCES
        .iter()
        .map(|table| guarded(table, format!("create_reference_table('{table}')")))
        .collect();
    let mut tables = list_tables(conn).await?;
    tables.retain(|table| table != LOCAL);
    tables.extend(EVERYBODYS.iter().map(|table| (*table).to_owned()));
    for table in &tables {
        let beside = if *table == tables[0] { "default" } else { &tables[0] };
        let call =
            format!("create_distributed_table('{table}', 'owner_id', colocate_with => '{beside}')");
        statements.push(guarded(table, call));
    }
    Ok(statements)
}

/// Spreads the tables.
#[tracing::instrument(name = "db.distribution.distribute", skip_all, err)]
pub(crate) async fn distribute(conn: &mut PgConnection) -> sqlx::Result<()> {
    for statement in statements(&mut *conn).await? {
        raw_sql(AssertSqlSafe(statement)).execute(&mut *conn).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn owners_tables_lie_beside_each_other(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let statements = super::statements(&mut conn).await.unwrap().join("\n");
        for part in [
            "create_reference_table('users')",
            "create_reference_table('listings')",
            "create_distributed_table('agents', 'owner_id'",
            "create_distributed_table('sessions', 'owner_id'",
            "create_distributed_table('session_events', 'owner_id'",
        ] {
            assert!(statements.contains(part), "{part} in {statements}");
        }
        assert!(!statements.contains("'session_queue'"));
        assert!(!super::is_possible(&mut conn).await.unwrap());
    }
}
