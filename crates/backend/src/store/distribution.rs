//! The SQL that hands the tables to Citus, on a coordinator that has the extension.

use sqlx::{AssertSqlSafe, PgConnection, raw_sql};

/// Tables that have an owner and are everybody's all the same: they are read over all owners.
pub(crate) const EVERYBODYS: [&str; 1] = ["installs"];
/// Stays on the coordinator: workers take what is due of all owners, which only one node can lock.
const LOCAL: &str = "session_queue";
/// What the tables of owners refer to, in the order of their own references.
const REFERENCES: [&str; 2] = ["users", "listings"];

/// The tables of what owners own: those whose primary key begins with the owner.
#[tracing::instrument(name = "db.distribution.list_tables", skip_all, err(level = "debug"))]
pub(crate) async fn list_tables(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let everybodys: Vec<_> = EVERYBODYS.iter().map(|name| (*name).to_owned()).collect();
    sqlx::query_scalar!(
        r#"
        SELECT c.relname::TEXT AS "name!"
        FROM pg_class c
        JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
        WHERE c.relnamespace = 'public'::REGNAMESPACE AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition AND a.attname = 'owner_id' AND c.relname <> ALL ($1::TEXT[])
        ORDER BY c.relname
        "#,
        &everybodys,
    )
    .fetch_all(conn)
    .await
}

/// Whether the extension is there.
#[tracing::instrument(name = "db.distribution.is_possible", skip_all, err(level = "debug"))]
pub(crate) async fn is_possible(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') AS "exists!""#
    )
    .fetch_one(conn)
    .await
}

/// Which of these tables refer to which others of them: the one that refers comes first.
#[tracing::instrument(name = "db.distribution.list_references", skip_all, err(level = "debug"))]
async fn list_references(
    conn: &mut PgConnection,
    tables: &[String],
) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        r#"
        SELECT conrelid::REGCLASS::TEXT AS "table!", confrelid::REGCLASS::TEXT AS "other!"
        FROM pg_constraint
        WHERE contype = 'f' AND conrelid <> confrelid
          AND conrelid::REGCLASS::TEXT = ANY ($1) AND confrelid::REGCLASS::TEXT = ANY ($1)
        "#,
        tables,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.table, row.other)).collect())
}

/// The tables, each behind those that it refers to: Citus spreads no table that refers to one that
/// is not spread.
fn in_order(mut rest: Vec<String>, references: &[(String, String)]) -> Vec<String> {
    let mut ordered = Vec::new();
    let is_free = |table: &String, rest: &[String]| {
        references.iter().all(|(one, other)| one != table || !rest.contains(other))
    };
    while let Some(at) = rest.iter().position(|table| is_free(table, &rest)) {
        ordered.push(rest.remove(at));
    }
    ordered.extend(rest);
    ordered
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
    let mut tables = list_tables(&mut *conn).await?;
    tables.retain(|table| table != LOCAL);
    let references = list_references(conn, &tables).await?;
    let mut tables = in_order(tables, &references);
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
        let place = |table: &str| {
            statements.find(&format!("create_distributed_table('{table}'")).expect("it is spread")
        };
        for (first, then) in [
            ("agents", "agent_memories"),
            ("agents", "knowledge_documents"),
            ("knowledge_documents", "knowledge_passages"),
            ("webhooks", "webhook_deliveries"),
        ] {
            assert!(place(first) < place(then), "{first} before {then}: {statements}");
        }
        assert!(!super::is_possible(&mut conn).await.unwrap());
    }
}
