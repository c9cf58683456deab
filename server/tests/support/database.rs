//! A database of its own for each test.

use resonant_backend::fresh_database::FreshDatabase;

/// Makes an empty database on the server that `DATABASE_URL` names.
#[expect(clippy::disallowed_methods, reason = "a test has no settings but this one")]
pub(crate) async fn fresh_database() -> FreshDatabase {
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL for the tests");
    FreshDatabase::create(&url).await
}
