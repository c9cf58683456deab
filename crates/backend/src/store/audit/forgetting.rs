//! What is taken out of the audit log: entries that are too old, and whoever closed their account.

use resonant_domain::UserId;
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::store::accounts::NOBODY;
use crate::store::by_owner;
use crate::store::shards::Owners;

/// Deletes at most `limit` entries of owners that are older than the entry `before`; answers how many.
#[tracing::instrument(name = "db.audit.delete_owned_before", skip_all, err(level = "debug"))]
pub(crate) async fn delete_owned_before(
    conn: &mut PgConnection,
    before: Uuid,
    limit: i64,
    owners: Owners,
) -> sqlx::Result<u64> {
    let rows = sqlx::query!(
        r#"
        SELECT owner_id, entry_id FROM owner_audit
        WHERE entry_id < $1 AND (NOT $3::BOOLEAN OR is_owner_held(owner_id))
        ORDER BY entry_id
        LIMIT $2
        "#,
        before,
        limit,
        owners.are_held(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut count = 0;
    for (owner, entries) in by_owner(rows.into_iter().map(|row| (row.owner_id, row.entry_id))) {
        let done = sqlx::query!(
            "DELETE FROM owner_audit WHERE owner_id = $1 AND entry_id = ANY ($2)",
            owner,
            &entries,
        )
        .execute(&mut *conn)
        .await?;
        count += done.rows_affected();
    }
    Ok(count)
}

/// The same of accounts and of the installation.
#[tracing::instrument(name = "db.audit.delete_before", skip_all, err(level = "debug"))]
pub(crate) async fn delete_before(
    conn: &mut PgConnection,
    before: Uuid,
    limit: i64,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r#"
        DELETE FROM account_audit
        WHERE entry_id = ANY (ARRAY(
            SELECT entry_id FROM account_audit
            WHERE entry_id < $1
            ORDER BY entry_id
            LIMIT $2
            FOR UPDATE SKIP LOCKED
        ))
        "#,
        before,
        limit,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets who it was that did something to the things of others, or was the subject of it.
#[tracing::instrument(name = "db.audit.update_owned_nobody", skip_all, fields(user.id = %person), err(level = "debug"))]
pub(crate) async fn update_owned_nobody(
    conn: &mut PgConnection,
    person: UserId,
    owners: Owners,
) -> sqlx::Result<()> {
    // A cluster changes no rows by what a function makes of their columns.
    match owners {
        Owners::All | Owners::Spread => {
            sqlx::query!(
                r#"
                UPDATE owner_audit SET actor_id = NULL, key_prefix = NULL, address = NULL
                WHERE actor_id = $1 AND actor_id <> owner_id
                "#,
                person.as_uuid(),
            )
            .execute(&mut *conn)
            .await?;
            sqlx::query!(
                r#"
                UPDATE owner_audit SET subject_id = NULL, subject_name = $2
                WHERE subject_id = $1 AND subject_kind = 'account'
                "#,
                person.as_uuid(),
                NOBODY,
            )
            .execute(conn)
            .await?;
        }
        Owners::Held => {
            sqlx::query!(
                r#"
                UPDATE owner_audit SET actor_id = NULL, key_prefix = NULL, address = NULL
                WHERE actor_id = $1 AND actor_id <> owner_id AND is_owner_held(owner_id)
                "#,
                person.as_uuid(),
            )
            .execute(&mut *conn)
            .await?;
            sqlx::query!(
                r#"
                UPDATE owner_audit SET subject_id = NULL, subject_name = $2
                WHERE subject_id = $1 AND subject_kind = 'account' AND is_owner_held(owner_id)
                "#,
                person.as_uuid(),
                NOBODY,
            )
            .execute(conn)
            .await?;
        }
    }
    Ok(())
}

/// The same in what concerns the accounts of others, and the installation.
#[tracing::instrument(name = "db.audit.update_nobody", skip_all, fields(user.id = %person), err(level = "debug"))]
pub(crate) async fn update_nobody(conn: &mut PgConnection, person: UserId) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE account_audit SET actor_id = NULL, key_prefix = NULL, address = NULL
        WHERE actor_id = $1
        "#,
        person.as_uuid(),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        UPDATE account_audit SET subject_id = NULL, subject_name = $2
        WHERE subject_id = $1 AND subject_kind = 'account'
        "#,
        person.as_uuid(),
        NOBODY,
    )
    .execute(conn)
    .await?;
    Ok(())
}
