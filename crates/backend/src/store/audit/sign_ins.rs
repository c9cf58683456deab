//! The SQL of what the audit log tells of sign-ins.

use resonant_domain::UserId;
use sqlx::PgConnection;
use sqlx::types::Uuid;

/// How many sign-ins of an account failed since this entry; of no account: at addresses that nobody has.
#[tracing::instrument(name = "db.audit.count_failed", skip_all, err(level = "debug"))]
pub(crate) async fn count_failed(
    conn: &mut PgConnection,
    account: Option<UserId>,
    since: Uuid,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"
        SELECT count(*) AS "count!"
        FROM account_audit
        WHERE deed = 'sign_in_failed' AND entry_id >= $2 AND account_id IS NOT DISTINCT FROM $1
        "#,
        account.map(UserId::as_uuid),
        since,
    )
    .fetch_one(conn)
    .await
}

/// Lists from which addresses an account was signed in to since an entry, or its password set by a mailed link, at most
/// `limit` of them.
#[tracing::instrument(name = "db.audit.list_addresses", skip_all, fields(user.id = %account), err(level = "debug"))]
pub(crate) async fn list_addresses(
    conn: &mut PgConnection,
    account: UserId,
    since: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"
        SELECT DISTINCT address AS "address!"
        FROM account_audit
        WHERE account_id = $1 AND entry_id >= $2
          AND deed IN ('signed_up', 'signed_in', 'password_reset') AND address IS NOT NULL
        LIMIT $3
        "#,
        account.as_uuid(),
        since,
        limit,
    )
    .fetch_all(conn)
    .await
}
