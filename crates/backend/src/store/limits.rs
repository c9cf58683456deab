//! The SQL of a transaction's own limits.

use std::time::Duration;

use sqlx::PgConnection;

use crate::database::Limits;

/// What is written is found by its keys, so the values of a statement's arguments change nothing about its plan:
/// one is made for each prepared statement and connection. Planning anew took longer than the statements of the
/// queue and the log themselves. Such a plan knows neither how many rows an argument lets through nor where a list of
/// ids lies: a statement says what it can by its own text, as bounds and `ANY (ARRAY(SELECT …))` in place of a join.
pub(crate) const BEGIN: &str = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan";

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
