//! The SQL of a transaction's own limits.

use std::time::Duration;

use sqlx::PgConnection;

use crate::database::Limits;

/// Sets how long the rest of the transaction's statements, and its pauses, may take.
#[tracing::instrument(name = "db.limits.set", skip_all, err(level = "debug"))]
pub(crate) async fn set_in_transaction(
    conn: &mut PgConnection,
    limits: Limits,
) -> sqlx::Result<()> {
    let text = |limit: Duration| limit.as_millis().to_string();
    sqlx::query!(
        r#"
        SELECT set_config('statement_timeout', $1, TRUE) AS statement,
               set_config('idle_in_transaction_session_timeout', $2, TRUE) AS idle
        "#,
        text(limits.statement),
        text(limits.idle_transaction),
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}
