//! The SQL of what requests that count once did to things of an owner.

use resonant_domain::UserId;
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Uuid;

/// What an earlier try of a request did.
#[tracing::instrument(name = "db.request_effect.find", skip_all, err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    request: Uuid,
) -> sqlx::Result<Option<Value>> {
    sqlx::query_scalar!(
        "SELECT effect FROM request_effects WHERE owner_id = $1 AND request_id = $2",
        owner.as_uuid(),
        request,
    )
    .fetch_optional(conn)
    .await
}

/// Notes what a request does.
#[tracing::instrument(name = "db.request_effect.insert", skip_all, err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    request: Uuid,
    effect: &Value,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO request_effects (owner_id, request_id, effect) VALUES ($1, $2, $3)",
        owner.as_uuid(),
        request,
        effect,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what requests did before the one of this identity: they are in the order of time.
#[tracing::instrument(name = "db.request_effect.delete_forgotten", skip_all, err(level = "debug"))]
pub(crate) async fn delete_forgotten(
    conn: &mut PgConnection,
    owner: UserId,
    before: Uuid,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM request_effects WHERE owner_id = $1 AND request_id < $2",
        owner.as_uuid(),
        before,
    )
    .execute(conn)
    .await?;
    Ok(())
}
