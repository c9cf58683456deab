//! The SQL of the partitions of sessions and their events: one a month, by the ids' own time, with one
//! for what is earlier and one for what is later than any month.

use jiff::Timestamp;
use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, PgConnection, raw_sql};

/// The tables whose partitions go together.
pub(crate) const TABLES: [&str; 2] = ["sessions", "session_events"];

/// The advisory lock of whoever changes partitions.
const LOCK: i64 = 0x7061_7274_6974_696f;

/// A partition: the ids from `from` on and below `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) name: String,
    pub(crate) from: Option<Uuid>,
    pub(crate) to: Option<Uuid>,
}

/// A month that has a partition of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Month {
    /// Ends the partition's name, such as `2026_11`.
    pub(crate) suffix: String,
    pub(crate) from: Uuid,
    pub(crate) to: Uuid,
}

/// The lowest id that can be made at an instant.
pub(crate) fn first_id_at(at: Timestamp) -> Uuid {
    let millis = u128::try_from(at.as_millisecond()).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

/// The first and the last of these ids. PostgreSQL leaves out no partition for a list of ids that it is given as an
/// argument, but those beyond two bounds.
pub(crate) fn bounds(ids: &[Uuid]) -> (Uuid, Uuid) {
    let first = ids.iter().min().copied().unwrap_or_default();
    (first, ids.iter().max().copied().unwrap_or_default())
}

/// Keeps others from changing partitions until the transaction ends, and gives up rather than keep
/// everybody waiting behind a long statement. A cluster takes the steps of a change one node after the
/// other; elsewhere its setting means nothing.
#[tracing::instrument(name = "db.partition.lock", skip_all, err(level = "debug"))]
pub(crate) async fn lock(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        SELECT set_config('lock_timeout', '2s', TRUE) AS lock_timeout,
               set_config('statement_timeout', '10min', TRUE) AS statement_timeout,
               set_config('citus.multi_shard_modify_mode', 'sequential', TRUE) AS node_by_node
        "#
    )
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", LOCK).execute(conn).await?;
    Ok(())
}

/// Lists the partitions of a table, earliest first.
#[tracing::instrument(name = "db.partition.list", skip_all, fields(table), err(level = "debug"))]
pub(crate) async fn list(conn: &mut PgConnection, table: &str) -> sqlx::Result<Vec<Partition>> {
    let mut partitions = sqlx::query_as!(
        Partition,
        r#"
        SELECT c.relname AS "name!",
               substring(bound FROM 'FROM \(''([0-9a-f-]{36})''\)')::UUID AS "from",
               substring(bound FROM 'TO \(''([0-9a-f-]{36})''\)')::UUID AS "to"
        FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        CROSS JOIN LATERAL pg_get_expr(c.relpartbound, c.oid) AS bound
        WHERE i.inhparent = to_regclass($1)
        "#,
        table,
    )
    .fetch_all(conn)
    .await?;
    partitions.sort_by_key(|partition| partition.from);
    Ok(partitions)
}

/// Whether a session below `to` is not over.
#[tracing::instrument(name = "db.partition.has_open", skip_all, err(level = "debug"))]
pub(crate) async fn has_open_session(conn: &mut PgConnection, to: Uuid) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM session_queue WHERE session_id < $1) AS "exists!""#,
        to,
    )
    .fetch_one(conn)
    .await
}

/// Gives months, which begin where the partition for later ids begins, partitions of their own.
#[tracing::instrument(name = "db.partition.insert_months", skip_all, fields(table), err)]
pub(crate) async fn insert_months(
    conn: &mut PgConnection,
    table: &str,
    months: &[Month],
) -> sqlx::Result<()> {
    let Some(last) = months.last() else {
        return Ok(());
    };
    run(conn, making(table, months, last.to)).await
}

/// The statements that make the partitions of months, of which the last ends with `to`.
fn making(table: &str, months: &[Month], to: Uuid) -> Vec<String> {
    let mut statements = vec![format!("ALTER TABLE {table} DETACH PARTITION {table}_later")];
    statements.extend(months.iter().map(|Month { suffix, from, to }| {
        format!(
            "CREATE TABLE {table}_{suffix} PARTITION OF {table}
                 FOR VALUES FROM ('{from}') TO ('{to}')"
        )
    }));
    statements.push(format!(
        "WITH moved AS (DELETE FROM {table}_later WHERE session_id < '{to}' RETURNING *)
             INSERT INTO {table} SELECT * FROM moved"
    ));
    statements.push(format!(
        "ALTER TABLE {table} ATTACH PARTITION {table}_later
             FOR VALUES FROM ('{to}') TO (MAXVALUE)"
    ));
    statements
}

/// Drops the partitions `names`, empties the one for earlier ids and lets it reach up to `to`.
#[tracing::instrument(name = "db.partition.delete", skip_all, fields(table, count = names.len()), err)]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    table: &str,
    names: &[&str],
    to: Uuid,
) -> sqlx::Result<()> {
    run(conn, dropping(table, names, to)).await
}

fn dropping(table: &str, names: &[&str], to: Uuid) -> Vec<String> {
    let mut statements = vec![
        format!("ALTER TABLE {table} DETACH PARTITION {table}_earlier"),
        format!("TRUNCATE {table}_earlier"),
    ];
    for name in names {
        statements.push(format!("ALTER TABLE {table} DETACH PARTITION {name}"));
        statements.push(format!("DROP TABLE {name}"));
    }
    statements.push(format!(
        "ALTER TABLE {table} ATTACH PARTITION {table}_earlier
             FOR VALUES FROM (MINVALUE) TO ('{to}')"
    ));
    statements
}

/// Names and bounds are this module's own, so no value of a caller's is ever part of the text. Each statement
/// comes by itself: a cluster hands a change of its tables on as the text that it came in.
async fn run(conn: &mut PgConnection, statements: Vec<String>) -> sqlx::Result<()> {
    for statement in statements {
        raw_sql(AssertSqlSafe(statement)).execute(&mut *conn).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_list_is_within_its_bounds() {
        let [one, two, three] = [1, 2, 3].map(Uuid::from_u128);
        assert_eq!(bounds(&[two, three, one]), (one, three));
        assert_eq!(bounds(&[two]), (two, two));
        assert_eq!(bounds(&[]), (Uuid::nil(), Uuid::nil()));
    }

    #[test]
    fn each_statement_comes_by_itself() {
        let (from, to) = (Uuid::from_u128(1 << 80), Uuid::from_u128(2 << 80));
        let month = Month { suffix: "2026_11".to_owned(), from, to };
        let made = making("sessions", &[month], to);
        let dropped = dropping("sessions", &["sessions_2026_11"], to);
        assert_eq!((made.len(), dropped.len()), (4, 5));
        for statement in made.iter().chain(&dropped) {
            assert!(!statement.contains(';'), "{statement}");
        }
    }
}
