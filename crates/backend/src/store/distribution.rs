//! The SQL that hands the tables to Citus, on a coordinator that has the extension.
//!
//! What owners own is spread by its owner. People are copied to every node, since it refers to them.
//! Everything else stays on the coordinator: the catalogue, and the queue, from which workers take what
//! is due of all owners. [`plan()`] says in which steps, of which those that were taken are left out, so
//! that a run that was cut off is gone on with by the next one.

mod plan;

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection, Row as _, raw_sql};

use self::plan::COPIED;
pub(crate) use self::plan::{Kind, Step, plan};

/// Tables that have an owner and are everybody's all the same: they are read over all owners.
pub(crate) const EVERYBODYS: [&str; 1] = ["installs"];

/// A foreign key between tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) table: String,
    pub(crate) name: String,
    pub(crate) other: String,
}

/// What the steps follow from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    /// What owners own.
    pub(crate) tables: Vec<String>,
    /// The foreign keys from and to them.
    pub(crate) references: Vec<Reference>,
    /// Their triggers, as table and name.
    pub(crate) triggers: Vec<(String, String)>,
    /// The extensions that are there.
    pub(crate) extensions: Vec<String>,
    /// The tables of which this node itself keeps rows.
    pub(crate) filled: Vec<String>,
    /// The tables that the cluster knows.
    pub(crate) known: BTreeMap<String, Kind>,
}

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

/// Whether what owners own is spread over the nodes of a cluster.
#[tracing::instrument(name = "db.distribution.is_spread", skip_all, err(level = "debug"))]
pub(crate) async fn is_spread(conn: &mut PgConnection) -> sqlx::Result<bool> {
    Ok(is_possible(&mut *conn).await?
        && list_known(conn).await?.get("sessions") == Some(&Kind::Spread))
}

/// Keeps what this connection defines on the coordinator as long as nothing is spread: the other nodes
/// get it with the tables, in an order in which they can take it. `false`: they have tables, and get at once
/// what is defined.
#[tracing::instrument(name = "db.distribution.define_here", skip_all, err(level = "debug"))]
pub(crate) async fn define_here(conn: &mut PgConnection) -> sqlx::Result<bool> {
    if !is_possible(&mut *conn).await? {
        return Ok(true);
    }
    if !list_known(&mut *conn).await?.is_empty() {
        return Ok(false);
    }
    run(conn, "SET citus.enable_ddl_propagation TO off".to_owned()).await?;
    Ok(true)
}

/// Has a cluster take the steps of this transaction one node after the other, as it wants them where tables
/// and what refers to them change together.
#[tracing::instrument(name = "db.distribution.go_node_by_node", skip_all, err(level = "debug"))]
pub(crate) async fn go_node_by_node(conn: &mut PgConnection) -> sqlx::Result<()> {
    run(conn, "SET LOCAL citus.multi_shard_modify_mode TO 'sequential'".to_owned()).await
}

/// The foreign keys from and to these tables, but not those of partitions.
#[tracing::instrument(name = "db.distribution.list_references", skip_all, err(level = "debug"))]
async fn list_references(
    conn: &mut PgConnection,
    tables: &[String],
) -> sqlx::Result<Vec<Reference>> {
    sqlx::query_as!(
        Reference,
        r#"
        SELECT conrelid::REGCLASS::TEXT AS "table!", conname::TEXT AS "name!",
               confrelid::REGCLASS::TEXT AS "other!"
        FROM pg_constraint
        WHERE contype = 'f' AND conparentid = 0
          AND (conrelid::REGCLASS::TEXT = ANY ($1) OR confrelid::REGCLASS::TEXT = ANY ($1))
        ORDER BY 1, 2
        "#,
        tables,
    )
    .fetch_all(conn)
    .await
}

/// The triggers of these tables, but not those of partitions.
#[tracing::instrument(name = "db.distribution.list_triggers", skip_all, err(level = "debug"))]
async fn list_triggers(
    conn: &mut PgConnection,
    tables: &[String],
) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        r#"
        SELECT tgrelid::REGCLASS::TEXT AS "table!", tgname::TEXT AS "name!"
        FROM pg_trigger
        WHERE NOT tgisinternal AND tgparentid = 0 AND tgrelid::REGCLASS::TEXT = ANY ($1)
        ORDER BY 1, 2
        "#,
        tables,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.table, row.name)).collect())
}

/// Those of the tables of which this node itself keeps rows. Those of a table that was spread since are read
/// by nobody, but stand in the way of what a later migration asks of the table.
#[tracing::instrument(name = "db.distribution.list_filled", skip_all, err(level = "debug"))]
async fn list_filled(conn: &mut PgConnection, tables: &[String]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"
        SELECT c.relname::TEXT AS "name!"
        FROM pg_class c
        WHERE c.relnamespace = 'public'::REGNAMESPACE AND c.relname = ANY ($1::TEXT[])
          AND (pg_relation_size(c.oid) > 0 OR EXISTS (
              SELECT FROM pg_inherits i
              WHERE i.inhparent = c.oid AND pg_relation_size(i.inhrelid) > 0
          ))
        ORDER BY c.relname
        "#,
        tables,
    )
    .fetch_all(conn)
    .await
}

/// Reads what the steps follow from. Where the extension is not there, nothing is known to a cluster.
#[tracing::instrument(name = "db.distribution.read", skip_all, err(level = "debug"))]
pub(crate) async fn read(conn: &mut PgConnection) -> sqlx::Result<Schema> {
    let tables = list_tables(&mut *conn).await?;
    let references = list_references(&mut *conn, &tables).await?;
    let triggers = list_triggers(&mut *conn, &tables).await?;
    let extensions = sqlx::query_scalar!(r#"SELECT extname::TEXT AS "name!" FROM pg_extension"#)
        .fetch_all(&mut *conn)
        .await?;
    let moved: Vec<_> =
        tables.iter().cloned().chain(COPIED.iter().map(|table| (*table).to_owned())).collect();
    let filled = list_filled(&mut *conn, &moved).await?;
    let known =
        if is_possible(&mut *conn).await? { list_known(conn).await? } else { BTreeMap::default() };
    Ok(Schema { tables, references, triggers, extensions, filled, known })
}

/// The tables that the cluster knows. Its tables are there with the extension alone, so that no macro
/// can know them.
#[tracing::instrument(name = "db.distribution.list_known", skip_all, err(level = "debug"))]
async fn list_known(conn: &mut PgConnection) -> sqlx::Result<BTreeMap<String, Kind>> {
    let rows = raw_sql(
        "SELECT logicalrelid::REGCLASS::TEXT, partmethod::TEXT, repmodel::TEXT
         FROM pg_dist_partition",
    )
    .fetch_all(conn)
    .await?;
    let mut known = BTreeMap::new();
    for row in rows {
        let (method, model): (String, String) = (row.try_get(1)?, row.try_get(2)?);
        let kind = match (method.as_str(), model.as_str()) {
            ("h", _) => Kind::Spread,
            ("n", "t") => Kind::Copied,
            _ => Kind::Here,
        };
        known.insert(row.try_get(0)?, kind);
    }
    Ok(known)
}

/// What of the cluster itself stands in the way.
#[tracing::instrument(name = "db.distribution.find_obstacle", skip_all, err(level = "debug"))]
pub(crate) async fn find_obstacle(conn: &mut PgConnection) -> sqlx::Result<Option<String>> {
    let row = raw_sql(
        "SELECT split_part(extversion, '.', 1)::INTEGER,
                (SELECT count(*) FROM pg_dist_node WHERE groupid <> 0),
                (SELECT count(*) FROM pg_dist_node WHERE groupid = 0),
                (SELECT count(*) FROM shard_numbers)
         FROM pg_extension WHERE extname = 'citus'",
    )
    .fetch_one(conn)
    .await?;
    let (version, workers, coordinators): (i32, i64, i64) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let databases: i64 = row.try_get(3)?;
    let obstacle = if version < OLDEST {
        format!("citus {version} is too old: {OLDEST} or newer is needed")
    } else if databases > 0 {
        "The database is one of several (DATABASE_SHARD_URLS); either they or Citus spread the tables"
            .to_owned()
    } else if workers > 0 && coordinators == 0 {
        "The cluster does not know its coordinator, which keeps what is not spread. Tell it by SELECT \
         citus_set_coordinator_host('its name', its port)"
            .to_owned()
    } else {
        return Ok(None);
    };
    Ok(Some(obstacle))
}

/// The oldest version of the extension with all that the steps and the statements need.
const OLDEST: i32 = 11;

/// Lets steps take the time that they need.
#[tracing::instrument(name = "db.distribution.begin", skip_all, err(level = "debug"))]
pub(crate) async fn begin(conn: &mut PgConnection) -> sqlx::Result<()> {
    run(conn, "SET statement_timeout = 0".to_owned()).await
}

/// Takes a step. Each is a transaction of its own, as the extension wants it.
#[tracing::instrument(name = "db.distribution.take", skip_all, err)]
pub(crate) async fn take(conn: &mut PgConnection, step: &Step) -> sqlx::Result<()> {
    run(conn, step.statement.clone()).await
}

/// Names come from the catalogue of the database.
async fn run(conn: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    raw_sql(AssertSqlSafe(statement)).execute(conn).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
