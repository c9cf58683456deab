//! The SQL of people and their sign-ins.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::UserId;
use resonant_domain::member::{Email, UserKind, Viewer};
use sqlx::PgConnection;

use super::known;

/// SHA-256 of a sign-in token.
pub(crate) type TokenHash = [u8; 32];

/// A sign-in as it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignIn {
    pub(crate) user_id: UserId,
    pub(crate) kind: UserKind,
    pub(crate) last_seen_at: jiff::Timestamp,
    pub(crate) expires_at: jiff::Timestamp,
}

/// What signing in needs to know of a member.
pub(crate) struct Secret {
    pub(crate) viewer: Viewer,
    pub(crate) password_hash: String,
}

fn kind(text: &str) -> sqlx::Result<UserKind> {
    let kinds = [UserKind::Guest, UserKind::Member];
    known(kinds.into_iter().find(|kind| kind.as_str() == text), "kind")
}

#[tracing::instrument(name = "db.user.find", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn find(conn: &mut PgConnection, id: UserId) -> sqlx::Result<Option<Viewer>> {
    let row = sqlx::query!(
        r#"
        SELECT kind, display_name, email, is_admin,
               (SELECT count(*) FROM account_notices n
                WHERE n.reader_id = user_id AND n.read_at IS NULL) AS "unread_notices!"
        FROM users
        WHERE user_id = $1
        "#,
        id.as_uuid()
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Viewer {
            id,
            kind: kind(&row.kind)?,
            display_name: row.display_name,
            email: row.email,
            is_admin: row.is_admin,
            unread_notices: row.unread_notices,
        })
    })
    .transpose()
}

#[tracing::instrument(name = "db.user.find_by_email", skip_all, err(level = "debug"))]
pub(crate) async fn find_by_email(
    conn: &mut PgConnection,
    email: &Email,
) -> sqlx::Result<Option<Secret>> {
    let row = sqlx::query!(
        r#"
        SELECT user_id, display_name, email, is_admin, password_hash AS "password_hash!"
        FROM users
        WHERE email = $1 AND password_hash IS NOT NULL
        "#,
        email.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Secret {
        viewer: Viewer {
            id: UserId::from_uuid(row.user_id),
            kind: UserKind::Member,
            display_name: row.display_name,
            email: row.email,
            is_admin: row.is_admin,
            unread_notices: 0,
        },
        password_hash: row.password_hash,
    }))
}

/// Whether the user operates the installation.
#[tracing::instrument(name = "db.user.is_admin", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn is_admin(conn: &mut PgConnection, id: UserId) -> sqlx::Result<bool> {
    let is_admin =
        sqlx::query_scalar!("SELECT is_admin FROM users WHERE user_id = $1", id.as_uuid())
            .fetch_optional(conn)
            .await?;
    Ok(is_admin.unwrap_or(false))
}

/// Whether the user is a member. They stay what they are until the transaction ends.
#[tracing::instrument(name = "db.user.lock_is_member", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn lock_is_member(conn: &mut PgConnection, id: UserId) -> sqlx::Result<bool> {
    let kind =
        sqlx::query_scalar!("SELECT kind FROM users WHERE user_id = $1 FOR SHARE", id.as_uuid())
            .fetch_optional(conn)
            .await?;
    Ok(kind.as_deref() == Some(UserKind::Member.as_str()))
}

/// Which of these people are members.
#[tracing::instrument(name = "db.user.list_members", skip_all, err(level = "debug"))]
pub(crate) async fn list_members(
    conn: &mut PgConnection,
    people: &[UserId],
) -> sqlx::Result<Vec<UserId>> {
    let people: Vec<_> = people.iter().map(|id| id.as_uuid()).collect();
    let members = sqlx::query_scalar!(
        "SELECT user_id FROM users WHERE user_id = ANY ($1) AND kind = 'member'",
        &people,
    )
    .fetch_all(conn)
    .await?;
    Ok(members.into_iter().map(UserId::from_uuid).collect())
}

/// Lists the addresses of those who operate the installation.
#[tracing::instrument(name = "db.user.list_admins", skip_all, err(level = "debug"))]
pub(crate) async fn list_admins(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT email AS "email!" FROM users WHERE is_admin AND email IS NOT NULL ORDER BY email"#
    )
    .fetch_all(conn)
    .await
}

/// Makes a member an admin, or no longer one; `None` when no member has the address.
#[tracing::instrument(name = "db.user.update_admin", skip_all, err(level = "debug"))]
pub(crate) async fn update_admin(
    conn: &mut PgConnection,
    email: &Email,
    is_admin: bool,
    now: jiff::Timestamp,
) -> sqlx::Result<Option<UserId>> {
    let id = sqlx::query_scalar!(
        r#"
        UPDATE users SET is_admin = $2, updated_at = $3 WHERE email = $1 AND kind = 'member'
        RETURNING user_id
        "#,
        email.as_str(),
        is_admin,
        now.to_sqlx() as Timestamp,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id.map(UserId::from_uuid))
}

#[tracing::instrument(name = "db.user.insert", skip_all, fields(user.id = %viewer.id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    viewer: &Viewer,
    password_hash: Option<&str>,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO users (user_id, kind, display_name, email, password_hash, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $6)
        "#,
        viewer.id.as_uuid(),
        viewer.kind.as_str(),
        viewer.display_name,
        viewer.email,
        password_hash,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes a guest a member; `false` when the user is no guest.
#[tracing::instrument(name = "db.user.update_guest", skip_all, fields(user.id = %viewer.id), err(level = "debug"))]
pub(crate) async fn update_guest(
    conn: &mut PgConnection,
    viewer: &Viewer,
    password_hash: &str,
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE users
        SET kind = 'member', display_name = $2, email = $3, password_hash = $4, updated_at = $5,
            guest_origin = NULL
        WHERE user_id = $1 AND kind = 'guest'
        "#,
        viewer.id.as_uuid(),
        viewer.display_name,
        viewer.email,
        password_hash,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

#[tracing::instrument(name = "db.user.update_display_name", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn update_display_name(
    conn: &mut PgConnection,
    id: UserId,
    display_name: &str,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE users SET display_name = $2, updated_at = $3 WHERE user_id = $1",
        id.as_uuid(),
        display_name,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[tracing::instrument(name = "db.sign_in.insert", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn insert_sign_in(
    conn: &mut PgConnection,
    token: &TokenHash,
    user: UserId,
    now: jiff::Timestamp,
    expires_at: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO sign_ins (token_hash, user_id, created_at, last_seen_at, expires_at)
        VALUES ($1, $2, $3, $3, $4)
        "#,
        token.as_slice(),
        user.as_uuid(),
        now.to_sqlx() as Timestamp,
        expires_at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[tracing::instrument(name = "db.sign_in.find", skip_all, err(level = "debug"))]
pub(crate) async fn find_sign_in(
    conn: &mut PgConnection,
    token: &TokenHash,
) -> sqlx::Result<Option<SignIn>> {
    let row = sqlx::query!(
        r#"
        SELECT s.user_id, s.last_seen_at, s.expires_at, u.kind
        FROM sign_ins s JOIN users u ON u.user_id = s.user_id
        WHERE s.token_hash = $1
        "#,
        token.as_slice(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(SignIn {
            user_id: UserId::from_uuid(row.user_id),
            kind: kind(&row.kind)?,
            last_seen_at: row.last_seen_at.to_jiff(),
            expires_at: row.expires_at.to_jiff(),
        })
    })
    .transpose()
}

/// Moves the end of a sign-in that is still there.
#[tracing::instrument(name = "db.sign_in.update_expiry", skip_all, err(level = "debug"))]
pub(crate) async fn update_expiry(
    conn: &mut PgConnection,
    token: &TokenHash,
    now: jiff::Timestamp,
    expires_at: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sign_ins SET last_seen_at = $2, expires_at = $3 WHERE token_hash = $1",
        token.as_slice(),
        now.to_sqlx() as Timestamp,
        expires_at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[tracing::instrument(name = "db.sign_in.delete", skip_all, err(level = "debug"))]
pub(crate) async fn delete_sign_in(conn: &mut PgConnection, token: &TokenHash) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM sign_ins WHERE token_hash = $1", token.as_slice())
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends every sign-in of a user, but one where that is named, and tells which they were.
#[tracing::instrument(name = "db.sign_in.delete_of_user", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn delete_sign_ins_of(
    conn: &mut PgConnection,
    user: UserId,
    but: Option<&TokenHash>,
) -> sqlx::Result<Vec<TokenHash>> {
    let hashes = sqlx::query_scalar!(
        r#"
        DELETE FROM sign_ins
        WHERE user_id = $1 AND ($2::BYTEA IS NULL OR token_hash <> $2)
        RETURNING token_hash
        "#,
        user.as_uuid(),
        but.map(TokenHash::as_slice),
    )
    .fetch_all(conn)
    .await?;
    Ok(hashes.into_iter().filter_map(|hash| hash.try_into().ok()).collect())
}

/// Forgets some sign-ins that have run out, so that the table does not grow without end.
#[tracing::instrument(name = "db.sign_in.delete_expired", skip_all, err(level = "debug"))]
pub(crate) async fn delete_expired_sign_ins(
    conn: &mut PgConnection,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        DELETE FROM sign_ins
        WHERE token_hash = ANY (ARRAY(
            SELECT token_hash FROM sign_ins
            WHERE expires_at <= $1
            ORDER BY expires_at
            LIMIT 50
            FOR UPDATE SKIP LOCKED
        ))
        "#,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}
