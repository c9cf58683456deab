//! What the installation made for itself.

use sqlx::PgConnection;
use sqlx::migrate::Migrate as _;

use crate::DatabaseFacts;

/// Reads a value, or keeps `fresh` as the value when there was none.
#[tracing::instrument(name = "db.setting.find_or_insert", skip_all, fields(setting.name = name), err(level = "debug"))]
pub(crate) async fn find_or_insert(
    conn: &mut PgConnection,
    name: &str,
    fresh: &[u8],
) -> sqlx::Result<Vec<u8>> {
    // The update changes nothing; it makes the row of whoever came first visible to RETURNING.
    sqlx::query_scalar!(
        r#"
        INSERT INTO settings (name, value) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET name = settings.name
        RETURNING value
        "#,
        name,
        fresh,
    )
    .fetch_one(conn)
    .await
}

/// Lists the versions of the migrations that were applied; `None` when none ever was.
#[tracing::instrument(name = "db.setting.list_migrations", skip_all, err(level = "debug"))]
pub(crate) async fn list_migrations(conn: &mut PgConnection) -> sqlx::Result<Option<Vec<i64>>> {
    let has_table = sqlx::query_scalar!(
        r#"SELECT to_regclass('_sqlx_migrations') IS NOT NULL AS "has_table!""#
    )
    .fetch_one(&mut *conn)
    .await?;
    if !has_table {
        return Ok(None);
    }
    let applied = conn.list_applied_migrations("_sqlx_migrations").await;
    let applied = applied.map_err(|error| sqlx::Error::Protocol(error.to_string()))?;
    Ok(Some(applied.into_iter().map(|migration| migration.version).collect()))
}

/// What the server tells of itself.
#[tracing::instrument(name = "db.setting.find_facts", skip_all, err(level = "debug"))]
pub(crate) async fn find_facts(conn: &mut PgConnection) -> sqlx::Result<DatabaseFacts> {
    sqlx::query_as!(
        DatabaseFacts,
        r#"
        SELECT current_setting('server_version_num')::INTEGER AS "version!",
               current_setting('max_connections')::BIGINT AS "connections_max!",
               pg_is_in_recovery() AS "is_replica!",
               current_setting('wal_level') = 'logical' AS "is_log_logical!"
        "#
    )
    .fetch_one(conn)
    .await
}

/// The folder of the server's files, when the server runs on this machine and lets the caller know: it
/// tells superusers, and members of `pg_read_all_settings`.
#[tracing::instrument(name = "db.setting.find_data_folder", skip_all, err(level = "debug"))]
pub(crate) async fn find_data_folder(conn: &mut PgConnection) -> sqlx::Result<Option<String>> {
    let folder = sqlx::query_scalar!(
        r#"
        SELECT setting AS "setting!"
        FROM pg_settings
        WHERE name = 'data_directory'
          AND (inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr())
        "#
    );
    folder.fetch_optional(conn).await
}

/// Fails when the schema is not there.
#[tracing::instrument(name = "db.setting.is_migrated", skip_all, err(level = "debug"))]
pub(crate) async fn is_migrated(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM settings"#).fetch_one(conn).await?;
    Ok(())
}
