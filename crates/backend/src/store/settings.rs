//! What the installation made for itself.

use sqlx::PgConnection;

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

/// Fails when the schema is not there.
#[tracing::instrument(name = "db.setting.is_migrated", skip_all, err(level = "debug"))]
pub(crate) async fn is_migrated(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM settings"#).fetch_one(conn).await?;
    Ok(())
}
