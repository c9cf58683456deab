//! The SQL of claims on requests and of the replies that were given to them.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::UserId;
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

/// Headers as they are kept: name and value.
pub(crate) type Headers = Vec<(String, String)>;

/// Which request is meant: the caller, what was called, and the key that the caller gave it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) user: UserId,
    pub(crate) route: String,
    pub(crate) key: String,
}

/// A claim that shall be made.
pub(crate) struct NewClaim<'a> {
    pub(crate) place: &'a Place,
    pub(crate) request_hash: &'a [u8; 32],
    pub(crate) resource_id: Uuid,
    pub(crate) claim_id: Uuid,
    pub(crate) now: jiff::Timestamp,
    pub(crate) lease_until: jiff::Timestamp,
    /// What was first asked before this instant is forgotten.
    pub(crate) forget_before: jiff::Timestamp,
}

/// A claim that was made.
pub(crate) struct Claimed {
    /// The identity that is set aside for what the request makes.
    pub(crate) id: Uuid,
    /// What an earlier holder has done in the catalogue.
    pub(crate) effect: Option<Value>,
}

/// What stands at a place that could not be claimed.
pub(crate) struct Kept {
    pub(crate) request_hash: Vec<u8>,
    /// Absent while the request is being answered.
    pub(crate) reply: Option<(i16, Headers, Vec<u8>)>,
}

/// Claims a place that is free, forgotten, or held by someone whose lease has run out. `None`: the place
/// is taken.
#[tracing::instrument(name = "db.idempotency.claim", skip_all, err(level = "debug"))]
pub(crate) async fn claim(
    conn: &mut PgConnection,
    new: &NewClaim<'_>,
) -> sqlx::Result<Option<Claimed>> {
    let row = sqlx::query!(
        r#"
        INSERT INTO idempotency_keys AS kept
            (user_id, route, key, request_hash, resource_id, claim_id, lease_until, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (user_id, route, key) DO UPDATE
        SET claim_id = excluded.claim_id, lease_until = excluded.lease_until,
            request_hash = excluded.request_hash,
            resource_id = CASE WHEN kept.created_at < $9 THEN excluded.resource_id
                               ELSE kept.resource_id END,
            created_at = CASE WHEN kept.created_at < $9 THEN excluded.created_at
                              ELSE kept.created_at END,
            effect = CASE WHEN kept.created_at < $9 THEN NULL ELSE kept.effect END,
            status = NULL, headers = NULL, body = NULL
        WHERE kept.created_at < $9
           OR (kept.status IS NULL AND kept.lease_until <= $8
               AND kept.request_hash = excluded.request_hash)
        RETURNING resource_id, effect
        "#,
        new.place.user.as_uuid(),
        new.place.route,
        new.place.key,
        new.request_hash.as_slice(),
        new.resource_id,
        new.claim_id,
        new.lease_until.to_sqlx() as Timestamp,
        new.now.to_sqlx() as Timestamp,
        new.forget_before.to_sqlx() as Timestamp,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Claimed { id: row.resource_id, effect: row.effect }))
}

/// Notes what a request does in the catalogue, in the transaction that does it; `false` when someone else
/// holds the claim by now.
#[tracing::instrument(name = "db.idempotency.update_effect", skip_all, err(level = "debug"))]
pub(crate) async fn update_effect(
    conn: &mut PgConnection,
    place: &Place,
    claim_id: Uuid,
    effect: &Value,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE idempotency_keys
        SET effect = $5
        WHERE user_id = $1 AND route = $2 AND key = $3 AND claim_id = $4
        "#,
        place.user.as_uuid(),
        place.route,
        place.key,
        claim_id,
        effect,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

#[tracing::instrument(name = "db.idempotency.find", skip_all, err(level = "debug"))]
pub(crate) async fn find(conn: &mut PgConnection, place: &Place) -> sqlx::Result<Option<Kept>> {
    let row = sqlx::query!(
        r#"
        SELECT request_hash, status, headers AS "headers: Json<Headers>", body
        FROM idempotency_keys
        WHERE user_id = $1 AND route = $2 AND key = $3
        "#,
        place.user.as_uuid(),
        place.route,
        place.key,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Kept {
        request_hash: row.request_hash,
        reply: match (row.status, row.headers, row.body) {
            (Some(status), Some(headers), Some(body)) => Some((status, headers.0, body)),
            _ => None,
        },
    }))
}

/// Keeps the reply to a request, unless someone else holds the claim by now.
#[tracing::instrument(name = "db.idempotency.update_reply", skip_all, err(level = "debug"))]
pub(crate) async fn update_reply(
    conn: &mut PgConnection,
    place: &Place,
    claim_id: Uuid,
    reply: &(i16, Headers, Vec<u8>),
) -> sqlx::Result<()> {
    let (status, headers, body) = reply;
    sqlx::query!(
        r#"
        UPDATE idempotency_keys
        SET status = $5, headers = $6, body = $7
        WHERE user_id = $1 AND route = $2 AND key = $3 AND claim_id = $4
        "#,
        place.user.as_uuid(),
        place.route,
        place.key,
        claim_id,
        status,
        Json(headers) as _,
        body,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets the end of a claim's lease, unless someone else holds it by now: one that ends at once leaves the
/// claim to the next try.
#[tracing::instrument(name = "db.idempotency.update_lease", skip_all, err(level = "debug"))]
pub(crate) async fn update_lease(
    conn: &mut PgConnection,
    place: &Place,
    claim_id: Uuid,
    until: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE idempotency_keys
        SET lease_until = $5
        WHERE user_id = $1 AND route = $2 AND key = $3 AND claim_id = $4 AND status IS NULL
        "#,
        place.user.as_uuid(),
        place.route,
        place.key,
        claim_id,
        until.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a place up, as if it had never been claimed.
#[tracing::instrument(name = "db.idempotency.delete", skip_all, err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    place: &Place,
    claim_id: Uuid,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        DELETE FROM idempotency_keys
        WHERE user_id = $1 AND route = $2 AND key = $3 AND claim_id = $4 AND status IS NULL
        "#,
        place.user.as_uuid(),
        place.route,
        place.key,
        claim_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes some replies that are forgotten, so that the table does not grow without end.
#[tracing::instrument(name = "db.idempotency.delete_forgotten", skip_all, err(level = "debug"))]
pub(crate) async fn delete_forgotten(
    conn: &mut PgConnection,
    before: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        DELETE FROM idempotency_keys
        WHERE (user_id, route, key) IN (
            SELECT user_id, route, key FROM idempotency_keys WHERE created_at < $1 LIMIT 50
            FOR UPDATE SKIP LOCKED
        )
        "#,
        before.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}
