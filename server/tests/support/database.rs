//! A database of its own for each test, on the server that `DATABASE_URL` names.

use resonant_backend::fresh_database::FreshDatabase;

/// With the present schema.
pub(crate) async fn fresh_database() -> FreshDatabase {
    FreshDatabase::create(&server_url()).await
}

/// Without any table.
pub(crate) async fn empty_database() -> FreshDatabase {
    FreshDatabase::create_empty(&server_url()).await
}

#[expect(clippy::disallowed_methods, reason = "a test has no settings but this one")]
fn server_url() -> String {
    std::env::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL for the tests")
}
