//! The SQL of letters to people about their accounts, and of the links in them.

use std::time::Duration;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::UserId;
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::members::TokenHash;
use super::{interval, known};
use crate::mail::Letter;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Another password.
    Password,
    /// Another e-mail address.
    Address,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Address => "address",
        }
    }

    fn parse(text: &str) -> sqlx::Result<Self> {
        let all = [Self::Password, Self::Address];
        known(all.into_iter().find(|purpose| purpose.as_str() == text), "purpose")
    }
}

/// A letter, to be sent at once.
pub(crate) struct NewLetter<'a> {
    pub(crate) id: Uuid,
    /// What its link is for, where it has one.
    pub(crate) purpose: Option<Purpose>,
    /// Whose address it is to become.
    pub(crate) user: Option<UserId>,
    pub(crate) email: &'a str,
    pub(crate) words: &'a Letter,
    pub(crate) at: jiff::Timestamp,
}

/// Writes a letter that is due. One for another password takes the place of an earlier one to the same address that
/// was not sent yet. Of those for another address each stays: two people may want the same one, and only one of them
/// has it.
#[tracing::instrument(name = "db.account_letter.insert", skip_all, err(level = "debug"))]
pub(crate) async fn insert(conn: &mut PgConnection, new: &NewLetter<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO account_letters (letter_id, purpose, user_id, email, subject, text,
                                     next_attempt_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, now(), $7)
        ON CONFLICT (email) WHERE purpose = 'password' DO UPDATE
        SET letter_id = EXCLUDED.letter_id, subject = EXCLUDED.subject, text = EXCLUDED.text,
            attempts = 0, next_attempt_at = EXCLUDED.next_attempt_at,
            created_at = EXCLUDED.created_at
        "#,
        new.id,
        new.purpose.map(Purpose::as_str),
        new.user.map(UserId::as_uuid) as Option<Uuid>,
        new.email,
        new.words.subject,
        new.words.text,
        new.at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A letter that is due.
pub(crate) struct Due {
    pub(crate) id: Uuid,
    pub(crate) purpose: Option<Purpose>,
    pub(crate) user: Option<UserId>,
    pub(crate) email: String,
    pub(crate) words: Letter,
    /// Counts this attempt.
    pub(crate) attempts: i32,
}

/// Takes letters that are due, counts the attempt, and keeps others from them for as long as `retaken_after`.
#[tracing::instrument(name = "db.account_letter.claim_due", skip_all, err(level = "debug"))]
pub(crate) async fn claim_due(
    conn: &mut PgConnection,
    retaken_after: Duration,
    limit: i64,
) -> sqlx::Result<Vec<Due>> {
    let rows = sqlx::query!(
        r#"
        WITH due AS (
            SELECT letter_id
            FROM account_letters
            WHERE next_attempt_at <= now()
            ORDER BY next_attempt_at
            LIMIT $2
            FOR UPDATE SKIP LOCKED
        )
        UPDATE account_letters l
        SET attempts = l.attempts + 1, next_attempt_at = now() + $1
        FROM due
        WHERE l.letter_id = due.letter_id
        RETURNING l.letter_id, l.purpose, l.user_id, l.email, l.subject, l.text, l.attempts
        "#,
        interval(retaken_after),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Due {
                id: row.letter_id,
                purpose: row.purpose.as_deref().map(Purpose::parse).transpose()?,
                user: row.user_id.map(UserId::from_uuid),
                email: row.email,
                words: Letter { subject: row.subject, text: row.text },
                attempts: row.attempts,
            })
        })
        .collect()
}

/// Whether a letter is still to be sent. It stays until the transaction ends.
#[tracing::instrument(name = "db.account_letter.lock", skip_all, err(level = "debug"))]
pub(crate) async fn lock(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(
        "SELECT letter_id FROM account_letters WHERE letter_id = $1 FOR UPDATE",
        id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Lets a letter be tried again later, unless a later attempt has begun.
#[tracing::instrument(name = "db.account_letter.update_put_off", skip_all, err(level = "debug"))]
pub(crate) async fn update_put_off(
    conn: &mut PgConnection,
    id: Uuid,
    attempts: i32,
    wait: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE account_letters SET next_attempt_at = now() + $3
        WHERE letter_id = $1 AND attempts = $2
        "#,
        id,
        attempts,
        interval(wait),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets a letter: it was sent, or never will be.
#[tracing::instrument(name = "db.account_letter.delete", skip_all, err(level = "debug"))]
pub(crate) async fn delete(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM account_letters WHERE letter_id = $1", id).execute(conn).await?;
    Ok(())
}

/// Whose a link is, and where it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) user: UserId,
    pub(crate) email: String,
}

/// Keeps a link in the place of an earlier one for the same purpose.
#[tracing::instrument(name = "db.account_link.insert", skip_all, fields(user.id = %link.user), err(level = "debug"))]
pub(crate) async fn insert_link(
    conn: &mut PgConnection,
    link: &Link,
    purpose: Purpose,
    token: &TokenHash,
    expires_at: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO account_links (user_id, purpose, token_hash, email, expires_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (user_id, purpose) DO UPDATE
        SET token_hash = EXCLUDED.token_hash, email = EXCLUDED.email,
            expires_at = EXCLUDED.expires_at
        "#,
        link.user.as_uuid(),
        purpose.as_str(),
        token.as_slice(),
        link.email,
        expires_at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds a link that still counts.
#[tracing::instrument(name = "db.account_link.find", skip_all, err(level = "debug"))]
pub(crate) async fn find_link(
    conn: &mut PgConnection,
    purpose: Purpose,
    token: &TokenHash,
    now: jiff::Timestamp,
) -> sqlx::Result<Option<Link>> {
    let row = sqlx::query!(
        r#"
        SELECT user_id, email FROM account_links
        WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3
        "#,
        token.as_slice(),
        purpose.as_str(),
        now.to_sqlx() as Timestamp,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Link { user: UserId::from_uuid(row.user_id), email: row.email }))
}

/// Uses a link up; `false` when it does not count any more.
#[tracing::instrument(name = "db.account_link.delete_used", skip_all, err(level = "debug"))]
pub(crate) async fn delete_used_link(
    conn: &mut PgConnection,
    purpose: Purpose,
    token: &TokenHash,
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM account_links WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3",
        token.as_slice(),
        purpose.as_str(),
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets the letters to an address that is to be a person's. Whoever has locked the account knows that none of them
/// makes a link any more.
#[tracing::instrument(name = "db.account_letter.delete_of_user", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn delete_letters_of(conn: &mut PgConnection, user: UserId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM account_letters WHERE user_id = $1", user.as_uuid())
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends what was asked for of a person's account: the letters to an address that is to be theirs, and all links.
/// Whoever has locked the account knows that no letter makes one meanwhile.
#[tracing::instrument(name = "db.account_link.delete_of_user", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn delete_of(conn: &mut PgConnection, user: UserId) -> sqlx::Result<()> {
    delete_letters_of(&mut *conn, user).await?;
    sqlx::query!("DELETE FROM account_links WHERE user_id = $1", user.as_uuid())
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets some links that have run out, and the addresses with them.
#[tracing::instrument(name = "db.account_link.delete_expired", skip_all, err(level = "debug"))]
pub(crate) async fn delete_expired_links(
    conn: &mut PgConnection,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        DELETE FROM account_links
        WHERE token_hash = ANY (ARRAY(
            SELECT token_hash FROM account_links
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
