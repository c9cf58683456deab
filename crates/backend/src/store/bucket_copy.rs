//! The SQL that copies a bucket from one database to another by PostgreSQL's logical replication, with
//! a row filter on the bucket (PostgreSQL 15).

use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, PgConnection, raw_sql};

use super::distribution::list_tables;

/// What publication, slot and subscription of a bucket are called. Slots are the cluster's, where others have
/// databases and buckets too: so the source's number there is in it.
#[tracing::instrument(name = "db.bucket_copy.find_name", skip_all, err(level = "debug"))]
pub(crate) async fn find_name(source: &mut PgConnection, bucket: i32) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        r#"
        SELECT format('resonant_%s_bucket_%s', oid, $1::INTEGER) AS "name!"
        FROM pg_database WHERE datname = current_database()
        "#,
        bucket,
    )
    .fetch_one(source)
    .await
}

/// Every name that a copy of a bucket may have: an earlier release left the database out, and one that was
/// restored has another number than before.
fn names(bucket: i32) -> String {
    format!("^resonant_([0-9]+_)?bucket_{bucket}$")
}

/// Whether a database can publish a bucket: its log says enough, and it knows row filters.
#[tracing::instrument(name = "db.bucket_copy.is_possible", skip_all, err(level = "debug"))]
pub(crate) async fn is_possible(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        SELECT current_setting('wal_level') = 'logical'
               AND current_setting('server_version_num')::INTEGER >= 150000 AS "is_possible!"
        "#
    )
    .fetch_one(conn)
    .await
}

/// Publishes the bucket's rows.
#[tracing::instrument(name = "db.bucket_copy.publish", skip_all, err(level = "debug"))]
pub(crate) async fn publish(
    conn: &mut PgConnection,
    name: &str,
    bucket: i32,
    tables: &[String],
) -> sqlx::Result<()> {
    // The same as bucket_of, in built-in functions alone as a row filter must be.
    let hash = "sha256(uuid_send(owner_id))";
    let filter = format!("(((get_byte({hash}, 0) << 8) | get_byte({hash}, 1)) & 1023) = {bucket}");
    let tables: Vec<_> = tables.iter().map(|table| format!("{table} WHERE ({filter})")).collect();
    let publication = format!(
        "CREATE PUBLICATION {name} FOR TABLE {} WITH (publish_via_partition_root = true)",
        tables.join(", ")
    );
    run(conn, publication).await
}

/// Keeps the log from here on.
#[tracing::instrument(name = "db.bucket_copy.keep_log", skip_all, err(level = "debug"))]
pub(crate) async fn keep_log(source: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_create_logical_replication_slot($1, 'pgoutput') IS NULL AS none", name)
        .fetch_one(source)
        .await?;
    Ok(())
}

/// Copies what is published at `source_url`, and then every change.
#[tracing::instrument(name = "db.bucket_copy.subscribe", skip_all, err(level = "debug"))]
pub(crate) async fn subscribe(
    target: &mut PgConnection,
    name: &str,
    source_url: &str,
) -> sqlx::Result<()> {
    let source = source_url.replace('\'', "''");
    // The slot is there already, since one cannot make it on the subscriber's own cluster.
    let subscription = format!(
        "CREATE SUBSCRIPTION {name} CONNECTION '{source}' PUBLICATION {name}
         WITH (create_slot = false, slot_name = '{name}')"
    );
    run(target, subscription).await
}

/// Whether every table is copied and only changes still come.
#[tracing::instrument(name = "db.bucket_copy.is_copied", skip_all, err(level = "debug"))]
pub(crate) async fn is_copied(target: &mut PgConnection, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        SELECT coalesce(bool_and(r.srsubstate = 'r'), FALSE) AS "is_copied!"
        FROM pg_subscription s JOIN pg_subscription_rel r ON r.srsubid = s.oid
        WHERE s.subname = $1
        "#,
        name,
    )
    .fetch_one(target)
    .await
}

/// Whether PostgreSQL has met a fault while it copied, or the copy is there no more.
#[tracing::instrument(name = "db.bucket_copy.has_failed", skip_all, err(level = "debug"))]
pub(crate) async fn has_failed(target: &mut PgConnection, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        SELECT coalesce(sum(t.apply_error_count + t.sync_error_count) > 0, TRUE) AS "has_failed!"
        FROM pg_stat_subscription_stats t
        JOIN pg_subscription s ON s.oid = t.subid
        JOIN pg_database d ON d.oid = s.subdbid
        WHERE s.subname = $1 AND d.datname = current_database()
        "#,
        name,
    )
    .fetch_one(target)
    .await
}

/// A place in the source's log behind all that was written so far.
#[tracing::instrument(name = "db.bucket_copy.mark", skip_all, err(level = "debug"))]
pub(crate) async fn mark(source: &mut PgConnection) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        r#"SELECT pg_logical_emit_message(TRUE, 'resonant', 'fence')::TEXT AS "position!""#
    )
    .fetch_one(source)
    .await
}

/// Whether the target has all that was written before `position`.
#[tracing::instrument(name = "db.bucket_copy.has_reached", skip_all, err(level = "debug"))]
pub(crate) async fn has_reached(
    source: &mut PgConnection,
    name: &str,
    position: &str,
) -> sqlx::Result<bool> {
    let reached = sqlx::query_scalar!(
        r#"
        SELECT confirmed_flush_lsn >= ($2::TEXT)::PG_LSN AS "has_reached!"
        FROM pg_replication_slots WHERE slot_name = $1
        "#,
        name,
        position,
    );
    Ok(reached.fetch_optional(source).await?.unwrap_or(false))
}

/// The owners of a bucket, on the first database.
#[tracing::instrument(name = "db.bucket_copy.list_owners", skip_all, err(level = "debug"))]
pub(crate) async fn list_owners(
    catalogue: &mut PgConnection,
    bucket: i32,
) -> sqlx::Result<Vec<Uuid>> {
    let owners =
        sqlx::query_scalar!("SELECT user_id FROM users WHERE bucket_of(user_id) = $1", bucket);
    owners.fetch_all(catalogue).await
}

/// Whether the source still keeps its log for a copy.
#[tracing::instrument(name = "db.bucket_copy.has_slot", skip_all, err(level = "debug"))]
pub(crate) async fn has_slot(source: &mut PgConnection, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT FROM pg_replication_slots
            WHERE slot_name = $1 AND database = current_database()
        ) AS "exists!"
        "#,
        name,
    )
    .fetch_one(source)
    .await
}

/// Lists what is left on the target of copies of a bucket.
#[tracing::instrument(name = "db.bucket_copy.list_copies", skip_all, err(level = "debug"))]
pub(crate) async fn list_copies(
    target: &mut PgConnection,
    bucket: i32,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"
        SELECT s.subname::TEXT AS "name!"
        FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
        WHERE s.subname ~ $1 AND d.datname = current_database()
        "#,
        names(bucket),
    )
    .fetch_all(target)
    .await
}

/// Has the target expect no slot of the source: a copy whose slot is gone could never be ended otherwise.
#[tracing::instrument(name = "db.bucket_copy.forget_slot", skip_all, err(level = "debug"))]
pub(crate) async fn forget_slot(target: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    run(&mut *target, format!("ALTER SUBSCRIPTION {name} DISABLE")).await?;
    run(target, format!("ALTER SUBSCRIPTION {name} SET (slot_name = NONE)")).await
}

/// Ends a copy on the target.
#[tracing::instrument(name = "db.bucket_copy.unsubscribe", skip_all, err(level = "debug"))]
pub(crate) async fn unsubscribe(target: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    run(target, format!("DROP SUBSCRIPTION IF EXISTS {name}")).await
}

/// Ends what a database still publishes of a bucket, once nothing subscribes to it.
#[tracing::instrument(name = "db.bucket_copy.unpublish", skip_all, err(level = "debug"))]
pub(crate) async fn unpublish(conn: &mut PgConnection, bucket: i32) -> sqlx::Result<()> {
    let names = names(bucket);
    sqlx::query!(
        r#"
        SELECT pg_drop_replication_slot(slot_name)::TEXT AS dropped
        FROM pg_replication_slots
        WHERE slot_name ~ $1 AND database = current_database()
        "#,
        names,
    )
    .fetch_all(&mut *conn)
    .await?;
    let published = sqlx::query_scalar!(
        r#"SELECT pubname::TEXT AS "name!" FROM pg_publication WHERE pubname ~ $1"#,
        names,
    );
    for name in published.fetch_all(&mut *conn).await? {
        run(&mut *conn, format!("DROP PUBLICATION IF EXISTS {name}")).await?;
    }
    Ok(())
}

/// Deletes the bucket's rows.
#[tracing::instrument(name = "db.bucket_copy.delete", skip_all, err(level = "debug"))]
pub(crate) async fn delete(
    tx: &mut PgConnection,
    bucket: i32,
    tables: &[String],
) -> sqlx::Result<()> {
    for table in tables {
        run(tx, format!("DELETE FROM {table} WHERE bucket_of(owner_id) = {bucket}")).await?;
    }
    Ok(())
}

/// Lets owners' rows be where their owner's is not: off the first database there are no people.
#[tracing::instrument(name = "db.bucket_copy.delete_references", skip_all, err(level = "debug"))]
pub(crate) async fn delete_references(conn: &mut PgConnection) -> sqlx::Result<()> {
    let tables = list_tables(&mut *conn).await?;
    let references = sqlx::query!(
        r#"
        SELECT conrelid::REGCLASS::TEXT AS "table!", conname::TEXT AS "name!"
        FROM pg_constraint
        WHERE contype = 'f' AND conparentid = 0 AND conrelid::REGCLASS::TEXT = ANY ($1)
          AND confrelid::REGCLASS::TEXT <> ALL ($1)
        "#,
        &tables,
    )
    .fetch_all(&mut *conn)
    .await?;
    for reference in references {
        let (table, name) = (reference.table, reference.name);
        run(conn, format!("ALTER TABLE {table} DROP CONSTRAINT {name}")).await?;
    }
    Ok(())
}

/// Buckets are numbers, tables and owners come from the databases, and the address from the operator.
async fn run(conn: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    raw_sql(AssertSqlSafe(statement)).execute(conn).await?;
    Ok(())
}
