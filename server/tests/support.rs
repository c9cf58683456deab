//! The application under test, without a port, and the people who call it.

mod client;
mod database;
mod meanings;
mod model;
mod redis;
mod statements;
mod test_app;

pub(crate) use client::{Answer, Call};
pub(crate) use database::{
    count_at_the_brink, count_held, count_rows, empty_database, end_leases, fill, fire_alerts,
    forget_attempts, forget_migration, fresh_database, know_a_newer_migration, lose_checkouts,
    lose_replies, read_documents_now,
};
pub(crate) use meanings::Meanings;
pub(crate) use model::SlowModel;
pub(crate) use redis::Redis;
pub(crate) use statements::statements;
pub(crate) use test_app::{TestApp, Visitor};
