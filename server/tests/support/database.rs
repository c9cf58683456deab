//! A database of its own for each test, on the server that `DATABASE_URL` names.

pub(crate) use resonant_backend::fresh_database::count_rows;
use resonant_backend::fresh_database::{self, FreshDatabase};

/// With the present schema.
pub(crate) async fn fresh_database() -> FreshDatabase {
    FreshDatabase::create(&server_url()).await
}

/// Without any table.
pub(crate) async fn empty_database() -> FreshDatabase {
    FreshDatabase::create_empty(&server_url()).await
}

/// Leaves a database as a process does that dies when it has done what was asked, and has not kept the
/// answer: whoever asks again a lease later takes the request over.
pub(crate) async fn lose_replies(url: &str) {
    let statement = "UPDATE idempotency_keys SET status = NULL, headers = NULL, body = NULL, \
                     lease_until = now() - INTERVAL '1 minute'";
    fresh_database::execute(url, statement).await;
}

/// Leaves a database as a process does that dies before it has given a purchase in where it is paid.
pub(crate) async fn lose_checkouts(url: &str) {
    let statement = "UPDATE purchases SET reference = NULL, checkout_url = NULL";
    fresh_database::execute(url, statement).await;
}

/// Fills a database with so many agents and sessions, nine in ten of one owner, whose sign-in has a token of
/// 43 times A. Agents have their numbers for ids.
pub(crate) async fn fill(url: &str, agents: u32, sessions: u32) {
    let seed = include_str!("../../../end2end/load/api_seed.sql");
    let seed = seed.replace(":agents", &agents.to_string());
    let seed = seed.replace(":sessions", &sessions.to_string());
    // Where several statements are one transaction, nothing is vacuumed.
    let seed = seed.replace("VACUUM ANALYZE", "ANALYZE");
    fresh_database::execute(url, &seed).await;
}

/// Lets messages to webhooks wait as before the first attempt: how many a worker has come to is by chance.
pub(crate) async fn forget_attempts(url: &str) {
    let statement = "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, \
                     next_attempt_at = created_at, last_status = NULL, last_error = NULL";
    fresh_database::execute(url, statement).await;
}

/// Makes all alerts fire.
pub(crate) async fn fire_alerts(url: &str) {
    fresh_database::execute(url, "UPDATE alerts SET state = 'firing'").await;
}

/// Makes the database believe that a migration was not applied.
pub(crate) async fn forget_migration(url: &str, version: i64) {
    let statement = format!("DELETE FROM _sqlx_migrations WHERE version = {version}");
    fresh_database::execute(url, &statement).await;
}

/// Makes the database believe that a later release has migrated it.
pub(crate) async fn know_a_newer_migration(url: &str) {
    let statement = "INSERT INTO _sqlx_migrations \
                     (version, description, success, checksum, execution_time) \
                     VALUES (29990101000000, 'of the next release', TRUE, '', 0)";
    fresh_database::execute(url, statement).await;
}

/// Makes the time come at which documents are read that could not be read before.
pub(crate) async fn read_documents_now(url: &str) {
    fresh_database::execute(url, "UPDATE knowledge_documents SET embed_at = NULL").await;
}

/// Ends the leases of a process that renews them no more, and tells the other workers.
pub(crate) async fn end_leases(url: &str, process: u32) {
    let statement = format!(
        "UPDATE session_queue SET lease_until = now() - INTERVAL '1 second' \
         WHERE worker LIKE '{process}-%' AND lease_until IS NOT NULL; \
         SELECT pg_notify('resonant_queue', '')"
    );
    fresh_database::execute(url, &statement).await;
}

/// How many sessions a process has.
pub(crate) async fn count_held(url: &str, process: u32) -> i64 {
    let statement = format!(
        "SELECT count(*) FROM session_queue \
         WHERE worker LIKE '{process}-%' AND lease_until > now()"
    );
    fresh_database::number(url, &statement).await
}

/// How many sessions are set aside when the worker that has them, or takes them next, is lost.
pub(crate) async fn count_at_the_brink(url: &str) -> i64 {
    let statement = "SELECT count(*) FROM session_queue \
                     WHERE attempts > 2 \
                        OR (attempts = 2 AND coalesce(lease_until, now()) <= now())";
    fresh_database::number(url, statement).await
}

#[expect(clippy::disallowed_methods, reason = "a test has no settings but this one")]
fn server_url() -> String {
    std::env::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL for the tests")
}
