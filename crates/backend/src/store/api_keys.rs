//! The SQL of API keys.

use jiff_sqlx::{Timestamp, ToSqlx};
use resonant_domain::api_key::{ApiKey, Scope, Scopes};
use resonant_domain::{ApiKeyId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::counted::{self, Counted};
use super::known;

/// SHA-256 of a key.
pub(crate) type KeyHash = [u8; 32];

/// What a key that was shown stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownKey {
    pub(crate) id: ApiKeyId,
    pub(crate) user_id: UserId,
    pub(crate) scopes: Scopes,
    pub(crate) last_used_at: Option<jiff::Timestamp>,
    pub(crate) expires_at: Option<jiff::Timestamp>,
}

fn scopes(texts: &[String]) -> sqlx::Result<Scopes> {
    texts.iter().map(|text| known(Scope::parse(text), "scopes")).collect()
}

struct KeyRow {
    api_key_id: Uuid,
    prefix: String,
    name: String,
    scopes: Vec<String>,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = sqlx::Error;

    fn try_from(row: KeyRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: ApiKeyId::from_uuid(row.api_key_id),
            name: row.name,
            prefix: row.prefix,
            scopes: scopes(&row.scopes)?,
            created_at: row.created_at.to_jiff(),
            last_used_at: row.last_used_at.map(Timestamp::to_jiff),
            expires_at: row.expires_at.map(Timestamp::to_jiff),
        })
    }
}

/// Keeps a key, as long as the user has fewer than `most`; `false` when not.
#[tracing::instrument(name = "db.api_key.insert", skip_all, fields(key.id = %key.id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    user: UserId,
    key: &ApiKey,
    hash: &KeyHash,
    most: i64,
) -> sqlx::Result<bool> {
    counted::lock(&mut *conn, Counted::Keys, user).await?;
    let scopes: Vec<String> = key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
    let done = sqlx::query!(
        r#"
        INSERT INTO api_keys (api_key_id, user_id, key_hash, prefix, name, scopes, created_at,
                              expires_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8
        WHERE (SELECT count(*) FROM api_keys WHERE user_id = $2) < $9
        "#,
        key.id.as_uuid(),
        user.as_uuid(),
        hash.as_slice(),
        key.prefix,
        key.name,
        &scopes,
        key.created_at.to_sqlx() as Timestamp,
        key.expires_at.map(ToSqlx::to_sqlx) as Option<Timestamp>,
        most,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Where a page of keys ends: the last key on it.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct KeyPosition {
    pub(crate) created_at: jiff::Timestamp,
    pub(crate) id: ApiKeyId,
}

/// Lists at most `limit` of the user's keys behind `after`, newest first.
#[tracing::instrument(name = "db.api_key.list", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    user: UserId,
    after: Option<KeyPosition>,
    limit: i64,
) -> sqlx::Result<Vec<ApiKey>> {
    let rows = sqlx::query_as!(
        KeyRow,
        r#"
        SELECT api_key_id, prefix, name, scopes, created_at AS "created_at: Timestamp",
               last_used_at AS "last_used_at: Timestamp", expires_at AS "expires_at: Timestamp"
        FROM api_keys
        WHERE user_id = $1 AND (created_at, api_key_id) < (coalesce($2::TIMESTAMPTZ, 'infinity'), $3)
        ORDER BY created_at DESC, api_key_id DESC
        LIMIT $4
        "#,
        user.as_uuid(),
        after.map(|after| after.created_at.to_sqlx()) as Option<Timestamp>,
        after.map_or(Uuid::max(), |after| after.id.as_uuid()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(ApiKey::try_from).collect()
}

/// A key of the user.
#[tracing::instrument(name = "db.api_key.find", skip_all, fields(key.id = %id), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    user: UserId,
    id: ApiKeyId,
) -> sqlx::Result<Option<ApiKey>> {
    let row = sqlx::query_as!(
        KeyRow,
        r#"
        SELECT api_key_id, prefix, name, scopes, created_at AS "created_at: Timestamp",
               last_used_at AS "last_used_at: Timestamp", expires_at AS "expires_at: Timestamp"
        FROM api_keys
        WHERE user_id = $1 AND api_key_id = $2
        "#,
        user.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(ApiKey::try_from).transpose()
}

#[tracing::instrument(name = "db.api_key.find_by_hash", skip_all, err(level = "debug"))]
pub(crate) async fn find_by_hash(
    conn: &mut PgConnection,
    hash: &KeyHash,
) -> sqlx::Result<Option<KnownKey>> {
    let row = sqlx::query!(
        r#"
        SELECT api_key_id, user_id, scopes, last_used_at AS "last_used_at: Timestamp",
               expires_at AS "expires_at: Timestamp"
        FROM api_keys
        WHERE key_hash = $1
        "#,
        hash.as_slice(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(KnownKey {
            id: ApiKeyId::from_uuid(row.api_key_id),
            user_id: UserId::from_uuid(row.user_id),
            scopes: scopes(&row.scopes)?,
            last_used_at: row.last_used_at.map(Timestamp::to_jiff),
            expires_at: row.expires_at.map(Timestamp::to_jiff),
        })
    })
    .transpose()
}

/// Notes that a key was used, unless another process did so after `before`.
#[tracing::instrument(name = "db.api_key.update_last_used", skip_all, err(level = "debug"))]
pub(crate) async fn update_last_used(
    conn: &mut PgConnection,
    hash: &KeyHash,
    now: jiff::Timestamp,
    before: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE api_keys
        SET last_used_at = $2
        WHERE key_hash = $1 AND (last_used_at IS NULL OR last_used_at <= $3)
        "#,
        hash.as_slice(),
        now.to_sqlx() as Timestamp,
        before.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a key of the user, and tells its hash and name; `None` when there is none.
#[tracing::instrument(name = "db.api_key.delete", skip_all, fields(key.id = %id), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    user: UserId,
    id: ApiKeyId,
) -> sqlx::Result<Option<(KeyHash, String)>> {
    let row = sqlx::query!(
        "DELETE FROM api_keys WHERE user_id = $1 AND api_key_id = $2 RETURNING key_hash, name",
        user.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok((known(KeyHash::try_from(row.key_hash).ok(), "key_hash")?, row.name)))
        .transpose()
}
