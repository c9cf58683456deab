//! The variables that begin with `DATABASE_`.

use std::time::Duration;

use resonant_backend::{DatabaseSettings, Pooler};

use super::{SettingError, Variables};

const SCHEMES: [&str; 2] = ["postgres", "postgresql"];
const EXAMPLE: &str = "postgres://user@localhost/resonant";

/// A pool makes room for all of its connections at once.
const CONNECTIONS_MAX: u32 = 10_000;
/// As many statements as that no program has.
const STATEMENTS_MAX: u32 = 100_000;

pub(super) fn read(vars: &Variables<'_>) -> Result<DatabaseSettings, SettingError> {
    let mut shard_urls = vars.urls("DATABASE_SHARD_URLS", &SCHEMES, EXAMPLE)?;
    let url = vars.url("DATABASE_URL", &SCHEMES, EXAMPLE)?;
    let url = url.or_else(|| shard_urls.first().cloned()).ok_or_else(|| {
        SettingError::new("DATABASE_URL", format!("must be set, such as {EXAMPLE}"))
    })?;
    // The first shard is the database that DATABASE_URL names, whether it is named again or not.
    match shard_urls.iter().position(|shard| *shard == url) {
        None if !shard_urls.is_empty() => shard_urls.insert(0, url.clone()),
        None | Some(0) => {}
        Some(_) => {
            let reason = "must name the database of DATABASE_URL first";
            return Err(SettingError::new("DATABASE_SHARD_URLS", reason));
        }
    }
    let defaults = DatabaseSettings::new(url);
    Ok(DatabaseSettings {
        shard_urls,
        replica_urls: vars.urls("DATABASE_REPLICA_URLS", &SCHEMES, EXAMPLE)?,
        replica_max_lag: millis(vars, "DATABASE_REPLICA_MAX_LAG_MS")?
            .unwrap_or(defaults.replica_max_lag),
        pool_size: vars
            .within("DATABASE_POOL_SIZE", 1, CONNECTIONS_MAX)?
            .unwrap_or(defaults.pool_size),
        pool_overflow: vars
            .within("DATABASE_POOL_OVERFLOW", 0, CONNECTIONS_MAX)?
            .unwrap_or(defaults.pool_overflow),
        acquire_timeout: millis(vars, "DATABASE_ACQUIRE_TIMEOUT_MS")?
            .unwrap_or(defaults.acquire_timeout),
        recycle_after: above_zero(vars, "DATABASE_RECYCLE_S")?
            .map_or(defaults.recycle_after, |seconds| Duration::from_secs(seconds.into())),
        statement_timeout: millis(vars, "DATABASE_STATEMENT_TIMEOUT_MS")?
            .unwrap_or(defaults.statement_timeout),
        idle_transaction_timeout: millis(vars, "DATABASE_IDLE_TRANSACTION_TIMEOUT_MS")?
            .unwrap_or(defaults.idle_transaction_timeout),
        prepared_statements: vars
            .within("DATABASE_PREPARED_STATEMENTS", 1, STATEMENTS_MAX)?
            .map_or(defaults.prepared_statements, |count| count as usize),
        pooler: match vars.text("DATABASE_POOLER").as_deref() {
            None | Some("none") => Pooler::Absent,
            Some("transaction") => Pooler::Transaction,
            Some(_) => {
                return Err(SettingError::new("DATABASE_POOLER", "must be none or transaction"));
            }
        },
        session_retention_days: vars
            .parsed("SESSION_RETENTION_DAYS", "a whole number of days")?
            .unwrap_or(defaults.session_retention_days),
        ..defaults
    })
}

fn above_zero(vars: &Variables<'_>, name: &'static str) -> Result<Option<u32>, SettingError> {
    match vars.parsed(name, "a whole number")? {
        Some(0) => Err(SettingError::new(name, "must be a number above 0")),
        number => Ok(number),
    }
}

fn millis(vars: &Variables<'_>, name: &'static str) -> Result<Option<Duration>, SettingError> {
    // PostgreSQL keeps its limits in 31 bits.
    match vars.parsed::<u32>(name, "a number of milliseconds")? {
        Some(millis) if i32::try_from(millis).is_err() => {
            Err(SettingError::new(name, "must be below 2147483648"))
        }
        millis => Ok(millis.map(|millis| Duration::from_millis(millis.into()))),
    }
}
