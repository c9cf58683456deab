//! A database of its own for each test, on the server that `DATABASE_URL` names.

use resonant_backend::fresh_database::{self, FreshDatabase};

/// With the present schema.
pub(crate) async fn fresh_database() -> FreshDatabase {
    FreshDatabase::create(&server_url()).await
}

/// Without any table.
pub(crate) async fn empty_database() -> FreshDatabase {
    FreshDatabase::create_empty(&server_url()).await
}

/// Makes the database believe that the newest migration was not applied.
pub(crate) async fn forget_newest_migration(url: &str) {
    let newest = "SELECT max(version) FROM _sqlx_migrations";
    let statement = format!("DELETE FROM _sqlx_migrations WHERE version = ({newest})");
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

#[expect(clippy::disallowed_methods, reason = "a test has no settings but this one")]
fn server_url() -> String {
    std::env::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL for the tests")
}
