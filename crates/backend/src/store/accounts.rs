//! The SQL of an account as a whole: its password and address, its end, and what becomes of what it owned.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::UserId;
use sqlx::{AssertSqlSafe, PgConnection, raw_sql};

use super::api_keys::KeyHash;
use super::distribution::list_tables;
use super::partitions::bounds;

/// What a closed account is called.
pub(super) const NOBODY: &str = "Deleted account";

/// The hash of the user's password; `None` for a guest.
#[tracing::instrument(name = "db.user.find_password", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn find_password(
    conn: &mut PgConnection,
    id: UserId,
) -> sqlx::Result<Option<String>> {
    let hash =
        sqlx::query_scalar!("SELECT password_hash FROM users WHERE user_id = $1", id.as_uuid())
            .fetch_optional(conn)
            .await?;
    Ok(hash.flatten())
}

/// Gives a member another password, unless it was changed since `before` was read.
#[tracing::instrument(name = "db.user.update_password", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn update_password(
    conn: &mut PgConnection,
    id: UserId,
    before: &str,
    after: &str,
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE users SET password_hash = $3, updated_at = $4
        WHERE user_id = $1 AND password_hash = $2
        "#,
        id.as_uuid(),
        before,
        after,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Gives a member another password, as long as this is their address.
#[tracing::instrument(name = "db.user.update_forgotten_password", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn update_forgotten_password(
    conn: &mut PgConnection,
    id: UserId,
    email: &str,
    hash: &str,
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE users SET password_hash = $3, updated_at = $4
        WHERE user_id = $1 AND email = $2 AND kind = 'member'
        "#,
        id.as_uuid(),
        email,
        hash,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// By what a member signs in.
pub(crate) struct SignsInBy {
    pub(crate) email: String,
    pub(crate) password_hash: String,
}

/// Reads by what a member signs in, which stays so until the transaction ends.
#[tracing::instrument(name = "db.user.lock_member", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn lock_member(
    conn: &mut PgConnection,
    id: UserId,
) -> sqlx::Result<Option<SignsInBy>> {
    sqlx::query_as!(
        SignsInBy,
        r#"
        SELECT email AS "email!", password_hash AS "password_hash!"
        FROM users
        WHERE user_id = $1 AND kind = 'member'
        FOR UPDATE
        "#,
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Gives a member another address.
#[tracing::instrument(name = "db.user.update_email", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn update_email(
    conn: &mut PgConnection,
    id: UserId,
    email: &str,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE users SET email = $2, updated_at = $3 WHERE user_id = $1",
        id.as_uuid(),
        email,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How many sign-ins of the user are not over.
#[tracing::instrument(name = "db.sign_in.count", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn count_sign_ins(
    conn: &mut PgConnection,
    user: UserId,
    now: jiff::Timestamp,
) -> sqlx::Result<u64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM sign_ins WHERE user_id = $1 AND expires_at > $2"#,
        user.as_uuid(),
        now.to_sqlx() as Timestamp,
    )
    .fetch_one(conn)
    .await?;
    Ok(count.unsigned_abs())
}

/// Takes name, address and password off an account.
#[tracing::instrument(name = "db.user.update_closed", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn update_closed(
    conn: &mut PgConnection,
    id: UserId,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE users
        SET kind = 'guest', display_name = $2, email = NULL, password_hash = NULL,
            guest_origin = NULL, closed_at = $3, updated_at = $3
        WHERE user_id = $1
        "#,
        id.as_uuid(),
        NOBODY,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether one of these accounts is closed, or gone.
#[tracing::instrument(name = "db.user.is_any_closed", skip_all, err(level = "debug"))]
pub(crate) async fn is_any_closed(conn: &mut PgConnection, ids: &[UserId]) -> sqlx::Result<bool> {
    let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
    sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT FROM unnest($1::UUID[]) AS wanted (user_id)
            WHERE NOT EXISTS (
                SELECT FROM users u WHERE u.user_id = wanted.user_id AND u.closed_at IS NULL
            )
        ) AS "is_closed!"
        "#,
        &ids,
    )
    .fetch_one(conn)
    .await
}

/// Ends every key of the user, and tells which they were.
#[tracing::instrument(name = "db.api_key.delete_of_user", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn delete_keys(conn: &mut PgConnection, id: UserId) -> sqlx::Result<Vec<KeyHash>> {
    let hashes = sqlx::query_scalar!(
        "DELETE FROM api_keys WHERE user_id = $1 RETURNING key_hash",
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    Ok(hashes.into_iter().filter_map(|hash| hash.try_into().ok()).collect())
}

/// Deletes what the user was about to publish: nobody approves it any more.
#[tracing::instrument(name = "db.submission.delete_open_of_user", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn delete_open_submissions(
    conn: &mut PgConnection,
    id: UserId,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        DELETE FROM listing_submissions
        WHERE publisher_id = $1 AND state IN ('draft', 'in_review')
        "#,
        id.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the user's listings off the marketplace, and the user's name off them; answers their slugs.
#[tracing::instrument(name = "db.listing.update_unlisted", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn update_unlisted(
    conn: &mut PgConnection,
    id: UserId,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"
        UPDATE listings
        SET publisher = $2, publisher_id = NULL,
            state = CASE WHEN state = 'removed' THEN state ELSE 'unlisted' END
        WHERE publisher_id = $1
        RETURNING slug
        "#,
        id.as_uuid(),
        NOBODY,
    )
    .fetch_all(conn)
    .await
}

/// Takes the user's page as a publisher away.
#[tracing::instrument(name = "db.publisher.delete", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn delete_publisher(conn: &mut PgConnection, id: UserId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM publishers WHERE user_id = $1", id.as_uuid()).execute(conn).await?;
    Ok(())
}

/// Closed accounts of which something is left, those that were closed first.
#[tracing::instrument(name = "db.user.list_closed", skip_all, err(level = "debug"))]
pub(crate) async fn list_closed(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<UserId>> {
    let ids = sqlx::query_scalar!(
        r#"
        SELECT user_id FROM users
        WHERE closed_at IS NOT NULL
        ORDER BY closed_at
        LIMIT $1
        "#,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(UserId::from_uuid).collect())
}

/// Deletes at most `limit` of the owner's sessions with their events; answers how many. All that is left of
/// them goes with everything else.
#[tracing::instrument(name = "db.session.delete_of_owner", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn delete_sessions(
    conn: &mut PgConnection,
    owner: UserId,
    limit: i64,
) -> sqlx::Result<u64> {
    let ids = sqlx::query_scalar!(
        "SELECT session_id FROM sessions WHERE owner_id = $1 ORDER BY session_id LIMIT $2",
        owner.as_uuid(),
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    let (first, last) = bounds(&ids);
    sqlx::query!(
        r#"
        DELETE FROM session_events
        WHERE owner_id = $1 AND session_id = ANY ($2) AND session_id BETWEEN $3 AND $4
        "#,
        owner.as_uuid(),
        &ids,
        first,
        last,
    )
    .execute(&mut *conn)
    .await?;
    let done = sqlx::query!(
        r#"
        DELETE FROM sessions
        WHERE owner_id = $1 AND session_id = ANY ($2) AND session_id BETWEEN $3 AND $4
        "#,
        owner.as_uuid(),
        &ids,
        first,
        last,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes all that the owner owns, table by table.
#[tracing::instrument(name = "db.owner.delete_all", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn delete_owned(conn: &mut PgConnection, owner: UserId) -> sqlx::Result<()> {
    for table in list_tables(&mut *conn).await? {
        // The table's name comes from the catalogue, and an id is digits and dashes.
        let statement = format!("DELETE FROM {table} WHERE owner_id = '{owner}'");
        raw_sql(AssertSqlSafe(statement)).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Deletes a closed account, and what it left in the marketplace.
#[tracing::instrument(name = "db.user.delete_closed", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn delete_closed(conn: &mut PgConnection, id: UserId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM users WHERE user_id = $1 AND closed_at IS NOT NULL", id.as_uuid())
        .execute(conn)
        .await?;
    Ok(())
}
