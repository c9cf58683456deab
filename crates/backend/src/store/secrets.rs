//! The SQL of secrets.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::UserId;
use resonant_domain::secret::SecretSummary;
use sqlx::PgConnection;

use super::counted::{self, Counted};
use crate::keyring::Sealed;

/// A secret with its sealed value.
pub(crate) struct SealedSecret {
    pub(crate) name: String,
    pub(crate) hosts: Vec<String>,
    pub(crate) sealed: Sealed,
}

struct SecretRow {
    name: String,
    hosts: Vec<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<SecretRow> for SecretSummary {
    fn from(row: SecretRow) -> Self {
        Self {
            name: row.name,
            hosts: row.hosts,
            created_at: row.created_at.to_jiff(),
            updated_at: row.updated_at.to_jiff(),
        }
    }
}

/// Lists at most `limit` of an owner's secrets behind `after`, by name.
#[tracing::instrument(name = "db.secret.list", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    after: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<SecretSummary>> {
    let rows = sqlx::query_as!(
        SecretRow,
        r#"
        SELECT name, hosts, created_at, updated_at
        FROM secrets
        WHERE owner_id = $1 AND name > $2
        ORDER BY name
        LIMIT $3
        "#,
        owner.as_uuid(),
        after.unwrap_or_default(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(SecretSummary::from).collect())
}

/// Reads what may be known of a secret.
#[tracing::instrument(name = "db.secret.find", skip_all, err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    name: &str,
) -> sqlx::Result<Option<SecretSummary>> {
    let row = sqlx::query_as!(
        SecretRow,
        r#"
        SELECT name, hosts, created_at, updated_at
        FROM secrets
        WHERE owner_id = $1 AND name = $2
        "#,
        owner.as_uuid(),
        name,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(SecretSummary::from))
}

/// Reads what may be known of a secret and keeps others from changing it until the transaction ends.
#[tracing::instrument(name = "db.secret.lock", skip_all, err(level = "debug"))]
pub(crate) async fn lock(
    conn: &mut PgConnection,
    owner: UserId,
    name: &str,
) -> sqlx::Result<Option<SecretSummary>> {
    let row = sqlx::query_as!(
        SecretRow,
        r#"
        SELECT name, hosts, created_at, updated_at
        FROM secrets
        WHERE owner_id = $1 AND name = $2
        FOR UPDATE
        "#,
        owner.as_uuid(),
        name,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(SecretSummary::from))
}

/// Reads those of an owner's secrets that are named.
#[tracing::instrument(name = "db.secret.list_sealed", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_sealed(
    conn: &mut PgConnection,
    owner: UserId,
    names: &[String],
) -> sqlx::Result<Vec<SealedSecret>> {
    let rows = sqlx::query!(
        r#"
        SELECT name, hosts, sealed_value, sealed_key, key_id
        FROM secrets
        WHERE owner_id = $1 AND name = ANY($2)
        "#,
        owner.as_uuid(),
        names,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| SealedSecret {
            name: row.name,
            hosts: row.hosts,
            sealed: Sealed { value: row.sealed_value, key: row.sealed_key, key_id: row.key_id },
        })
        .collect())
}

/// Keeps a secret unless its owner has `max` of them already: then `false`.
#[tracing::instrument(name = "db.secret.insert", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    secret: &SecretSummary,
    sealed: &Sealed,
    max: i64,
) -> sqlx::Result<bool> {
    counted::lock(&mut *conn, Counted::Secrets, owner).await?;
    let done = sqlx::query!(
        r#"
        INSERT INTO secrets (owner_id, name, hosts, sealed_value, sealed_key, key_id,
                             created_at, updated_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $7
        WHERE (SELECT count(*) FROM secrets WHERE owner_id = $1) < $8
        "#,
        owner.as_uuid(),
        secret.name,
        &secret.hosts,
        sealed.value,
        sealed.key,
        sealed.key_id,
        secret.created_at.to_sqlx() as Timestamp,
        max,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Writes the hosts of a secret that is locked, and its value where there is a new one.
#[tracing::instrument(name = "db.secret.update", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn update(
    conn: &mut PgConnection,
    owner: UserId,
    secret: &SecretSummary,
    sealed: Option<&Sealed>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE secrets
        SET hosts = $3, updated_at = $4, sealed_value = coalesce($5, sealed_value),
            sealed_key = coalesce($6, sealed_key), key_id = coalesce($7, key_id)
        WHERE owner_id = $1 AND name = $2
        "#,
        owner.as_uuid(),
        secret.name,
        &secret.hosts,
        secret.updated_at.to_sqlx() as Timestamp,
        sealed.map(|sealed| sealed.value.as_slice()),
        sealed.map(|sealed| sealed.key.as_slice()),
        sealed.map(|sealed| sealed.key_id.as_str()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a secret; `false` when there was none.
#[tracing::instrument(name = "db.secret.delete", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    owner: UserId,
    name: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM secrets WHERE owner_id = $1 AND name = $2",
        owner.as_uuid(),
        name,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Lists the keys that secrets are sealed under.
#[tracing::instrument(name = "db.secret.list_keys", skip_all, err(level = "debug"))]
pub(crate) async fn list_keys(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("SELECT DISTINCT key_id FROM secrets").fetch_all(conn).await
}

/// Lists the owners of secrets that are sealed under another key than the one named.
#[tracing::instrument(
    name = "db.secret.list_owners_under_other_keys",
    skip_all,
    err(level = "debug")
)]
pub(crate) async fn list_owners_under_other_keys(
    conn: &mut PgConnection,
    key_id: &str,
) -> sqlx::Result<Vec<UserId>> {
    let ids =
        sqlx::query_scalar!(r#"SELECT DISTINCT owner_id FROM secrets WHERE key_id <> $1"#, key_id,)
            .fetch_all(conn)
            .await?;
    Ok(ids.into_iter().map(UserId::from_uuid).collect())
}

/// Reads an owner's secrets that are sealed under another key, and keeps others from changing them.
#[tracing::instrument(name = "db.secret.lock_under_other_keys", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn lock_under_other_keys(
    conn: &mut PgConnection,
    owner: UserId,
    key_id: &str,
) -> sqlx::Result<Vec<SealedSecret>> {
    let rows = sqlx::query!(
        r#"
        SELECT name, hosts, sealed_value, sealed_key, key_id
        FROM secrets
        WHERE owner_id = $1 AND key_id <> $2
        FOR UPDATE
        "#,
        owner.as_uuid(),
        key_id,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| SealedSecret {
            name: row.name,
            hosts: row.hosts,
            sealed: Sealed { value: row.sealed_value, key: row.sealed_key, key_id: row.key_id },
        })
        .collect())
}

/// Writes the key of a secret that is locked, as it is sealed now.
#[tracing::instrument(name = "db.secret.update_key", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn update_key(
    conn: &mut PgConnection,
    owner: UserId,
    name: &str,
    sealed_key: &[u8],
    key_id: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE secrets SET sealed_key = $3, key_id = $4 WHERE owner_id = $1 AND name = $2",
        owner.as_uuid(),
        name,
        sealed_key,
        key_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}
