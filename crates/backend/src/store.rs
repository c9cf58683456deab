//! The only SQL. Each function is one statement on a connection that the use case hands it; the use
//! case begins and commits the transaction.

pub(crate) mod account_export;
pub(crate) mod account_letters;
pub(crate) mod accounts;
pub(crate) mod agent_lists;
pub(crate) mod agent_looks;
pub(crate) mod agent_names;
pub(crate) mod agent_numbers;
pub(crate) mod agent_records;
pub(crate) mod agent_trash;
pub(crate) mod agent_versions;
pub(crate) mod agents;
pub(crate) mod alert_events;
pub(crate) mod alerts;
pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod bucket_changes;
pub(crate) mod bucket_copy;
pub(crate) mod budgets;
pub(crate) mod cache_outbox;
#[cfg(test)]
mod cluster;
pub(crate) mod collections;
pub(crate) mod counted;
pub(crate) mod distribution;
pub(crate) mod embeddings;
pub(crate) mod entitlements;
pub(crate) mod follows;
pub(crate) mod guests;
pub(crate) mod idempotency;
pub(crate) mod images;
pub(crate) mod inbox;
pub(crate) mod installs;
pub(crate) mod knowledge;
pub(crate) mod leases;
pub(crate) mod limits;
pub(crate) mod listing_runs;
pub(crate) mod listing_words;
pub(crate) mod listings;
#[cfg(test)]
pub(crate) mod lock_waits;
pub(crate) mod mcp_calls;
pub(crate) mod members;
pub(crate) mod memories;
pub(crate) mod metrics;
pub(crate) mod migrations;
pub(crate) mod news;
pub(crate) mod notices;
#[cfg(test)]
mod owners;
pub(crate) mod partitions;
pub(crate) mod passages;
#[cfg(test)]
mod plans;
pub(crate) mod presence;
pub(crate) mod processes;
pub(crate) mod publishers;
pub(crate) mod publishing;
pub(crate) mod purchases;
pub(crate) mod queue;
pub(crate) mod ranking;
pub(crate) mod replication;
pub(crate) mod reports;
pub(crate) mod request_effects;
pub(crate) mod review_reports;
pub(crate) mod reviews;
pub(crate) mod schedules;
pub(crate) mod secrets;
pub(crate) mod session_calls;
pub(crate) mod session_ends;
pub(crate) mod session_events;
pub(crate) mod session_records;
pub(crate) mod session_shares;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod shards;
pub(crate) mod site_map;
pub(crate) mod slow_samples;
pub(crate) mod submissions;
pub(crate) mod team_agents;
pub(crate) mod team_invitations;
pub(crate) mod teams;
pub(crate) mod test_set_trash;
pub(crate) mod test_sets;
pub(crate) mod test_starts;
pub(crate) mod triggers;
pub(crate) mod usage;
pub(crate) mod webhooks;

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::migrate::Migrator;
use sqlx::postgres::types::PgInterval;
use sqlx::types::Uuid;

use crate::Error;

/// Every migration of the schema.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// Turns the breach of a named constraint into what it means to the caller.
pub(crate) trait OnConstraint<T> {
    /// Answers `error` when the constraint `name` was broken.
    fn on_constraint(self, name: &str, error: impl FnOnce() -> Error) -> Result<T, Error>;
}

impl<T> OnConstraint<T> for sqlx::Result<T> {
    fn on_constraint(self, name: &str, error: impl FnOnce() -> Error) -> Result<T, Error> {
        self.map_err(|source| match &source {
            sqlx::Error::Database(fault) if is_of(fault.as_ref(), name) => error(),
            _ => source.into(),
        })
    }
}

/// Whether a fault is the breach of the constraint `name`. In a cluster each part of a table has that
/// constraint under the name with a number behind it, and its fault says so in words alone.
fn is_of(fault: &dyn DatabaseError, name: &str) -> bool {
    match fault.constraint() {
        Some(broken) => is_named(broken, name),
        None => {
            fault.code().is_some_and(|code| code.starts_with(CONSTRAINT_BROKEN))
                && fault.message().split('"').any(|word| is_named(word, name))
        }
    }
}

/// The class of the codes of such faults.
const CONSTRAINT_BROKEN: &str = "23";

fn is_named(broken: &str, name: &str) -> bool {
    let Some(rest) = broken.strip_prefix(name) else { return false };
    let number = rest.strip_prefix('_').unwrap_or_default();
    rest.is_empty() || (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A value that a CHECK constraint of the schema lets in, or the fault of a column that holds another.
fn known<T>(value: Option<T>, column: &str) -> sqlx::Result<T> {
    value.ok_or_else(|| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: "the value is not one that the schema allows".into(),
    })
}

/// Ids by the owners whose they are: each statement that follows is one node's in a cluster.
fn by_owner(ids: impl Iterator<Item = (Uuid, Uuid)>) -> BTreeMap<Uuid, Vec<Uuid>> {
    let mut owners = BTreeMap::<_, Vec<_>>::new();
    for (owner, id) in ids {
        owners.entry(owner).or_default().push(id);
    }
    owners
}

/// A duration as the store adds it to an instant.
fn interval(duration: Duration) -> PgInterval {
    let microseconds = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}

/// A count as the store keeps it. No count here comes near the limit.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count as the store gave it back; CHECK constraints keep them from falling below zero.
fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::is_named;

    #[test]
    fn a_constraint_is_known_in_each_part_of_a_table() {
        for (broken, is_it) in [
            ("agents_pkey", true),
            ("agents_pkey_102008", true),
            ("agents_pkey_", false),
            ("agents_pkey_old", false),
            ("agents_pkey2", false),
            ("agents", false),
        ] {
            assert_eq!(is_named(broken, "agents_pkey"), is_it, "{broken}");
        }
    }
}
