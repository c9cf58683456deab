//! The SQL that compares the two sides of a bucket's move, and tells which rows change on each.

use std::collections::BTreeMap;

use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres, Transaction, raw_sql};

/// A column of a table's primary key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Its type, as SQL writes it.
    pub(crate) kind: String,
}

/// What of a table is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part<'a> {
    /// All rows of these owners.
    Owners(&'a [Uuid]),
    /// The rows with these primary keys, so far as there are any.
    Rows(&'a [Column], &'a [&'a [String]]),
}

/// Lists the columns of each table's primary key, in its order.
#[tracing::instrument(name = "db.bucket_changes.list_keys", skip_all, err(level = "debug"))]
pub(crate) async fn list_keys(
    conn: &mut PgConnection,
    tables: &[String],
) -> sqlx::Result<BTreeMap<String, Vec<Column>>> {
    let rows = sqlx::query!(
        r#"
        SELECT c.relname::TEXT AS "table!", a.attname::TEXT AS "name!",
               format_type(a.atttypid, a.atttypmod) AS "kind!"
        FROM pg_class c
        JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
        WHERE c.relnamespace = 'public'::REGNAMESPACE AND c.relname = ANY ($1::TEXT[])
        ORDER BY c.relname, array_position(k.conkey, a.attnum)
        "#,
        tables,
    );
    let mut keys: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows.fetch_all(conn).await? {
        keys.entry(row.table).or_default().push(Column { name: row.name, kind: row.kind });
    }
    Ok(keys)
}

/// How the tables are made, and which files hold their rows. Rows that come, go or change with those are told
/// by no log.
#[tracing::instrument(name = "db.bucket_changes.find_shape", skip_all, err(level = "debug"))]
pub(crate) async fn find_shape(conn: &mut PgConnection, tables: &[String]) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        r#"
        WITH wholes AS (
            SELECT oid FROM pg_class
            WHERE relnamespace = 'public'::REGNAMESPACE AND relname = ANY ($1::TEXT[])
        )
        SELECT coalesce(string_agg(
            concat_ws(' ', c.oid, c.relfilenode, a.attnum, a.attname, a.atttypid, a.atttypmod),
            ',' ORDER BY c.oid, a.attnum
        ), '') AS "shape!"
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.oid IN (SELECT oid FROM wholes)
           OR c.oid IN (
               SELECT inhrelid FROM pg_inherits WHERE inhparent IN (SELECT oid FROM wholes)
           )
        "#,
        tables,
    )
    .fetch_one(conn)
    .await
}

/// Keeps the log of a database from here on, as long as the connection lives and none of its statements fails.
/// Answers under which name.
#[tracing::instrument(name = "db.bucket_changes.follow", skip_all, err(level = "debug"))]
pub(crate) async fn follow(conn: &mut PgConnection) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        r#"
        SELECT slot_name::TEXT AS "name!"
        FROM pg_create_logical_replication_slot(
            ('resonant_changes_' || pg_backend_pid())::NAME, 'pgoutput', TRUE
        )
        "#
    )
    .fetch_one(conn)
    .await
}

/// Takes `most` messages about what has changed of a publication, and as many more as end a transaction; fewer
/// are all that there are.
#[tracing::instrument(name = "db.bucket_changes.take", skip_all, err(level = "debug"))]
pub(crate) async fn take(
    conn: &mut PgConnection,
    slot: &str,
    publication: &str,
    most: u16,
) -> sqlx::Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!(
        r#"
        SELECT data AS "data!"
        FROM pg_logical_slot_get_binary_changes(
            $1, NULL, $3, 'proto_version', '1', 'publication_names', $2::TEXT
        )
        "#,
        slot,
        publication,
        i32::from(most),
    )
    .fetch_all(conn)
    .await
}

/// Keeps the log no more.
#[tracing::instrument(name = "db.bucket_changes.end", skip_all, err(level = "debug"))]
pub(crate) async fn end(conn: &mut PgConnection, slot: &str) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_drop_replication_slot($1)::TEXT AS dropped", slot)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// Begins to read what is there at this instant, for as long as it takes.
#[tracing::instrument(name = "db.bucket_changes.freeze", skip_all, err(level = "debug"))]
pub(crate) async fn freeze(conn: &mut PgConnection) -> sqlx::Result<Transaction<'_, Postgres>> {
    let mut tx = conn.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
    // The instant is that of the first statement.
    sqlx::query!(
        r#"
        SELECT set_config('statement_timeout', '0', TRUE) AS statement,
               set_config('idle_in_transaction_session_timeout', '0', TRUE) AS idle
        "#
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(tx)
}

/// The number of rows of a part, and a sum over all that they hold.
#[tracing::instrument(name = "db.bucket_changes.fingerprint", skip_all, err(level = "debug"))]
pub(crate) async fn fingerprint(
    conn: &mut PgConnection,
    table: &str,
    part: Part<'_>,
) -> sqlx::Result<String> {
    let rows = match part {
        Part::Owners(owners) => {
            let owners: Vec<_> = owners.iter().map(|owner| format!("'{owner}'")).collect();
            let owners = owners.join(", ");
            format!("{table} t WHERE owner_id = ANY (ARRAY[{owners}]::UUID[])")
        }
        Part::Rows(columns, rows) => {
            let names: Vec<_> = columns.iter().map(|it| format!("\"{}\"", it.name)).collect();
            let names = names.join(", ");
            let values: Vec<_> =
                columns.iter().enumerate().map(|(at, it)| list(rows, at, &it.kind)).collect();
            let values = values.join(", ");
            format!("unnest({values}) AS k ({names}) JOIN {table} t USING ({names})")
        }
    };
    let query = format!(
        "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::TEXT, 0)), 0) FROM {rows}"
    );
    let row = raw_sql(AssertSqlSafe(query)).fetch_one(conn).await?;
    sqlx::Row::try_get(&row, 0)
}

/// One column of keys. Those of secrets and messages are texts that people give.
fn list(rows: &[&[String]], at: usize, kind: &str) -> String {
    let quote = |key: &&[String]| format!("'{}'", key[at].replace('\'', "''"));
    let values: Vec<_> = rows.iter().map(quote).collect();
    format!("ARRAY[{}]::{kind}[]", values.join(", "))
}
