//! The variables that begin with `DATABASE_`.

use std::time::Duration;

use resonant_backend::{DatabaseSettings, Pooler};
use url::Url;

use super::{SettingError, Variables};

const SCHEMES: [&str; 2] = ["postgres", "postgresql"];
const EXAMPLE: &str = "postgres://user@localhost/resonant";

/// What an address may say behind its question mark, as sqlx reads it. Of anything else sqlx logs the value, which
/// may be a secret, as that of `sslpassword` is.
const PARAMETERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// What PostgreSQL's own programs take there beside them, as addresses of hosted databases hold it. Sqlx passes over
/// it and logs its value, which is no secret.
const PASSED_OVER: [&str; 11] = [
    "channel_binding",
    "connect_timeout",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
];

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
    let replica_urls = vars.urls("DATABASE_REPLICA_URLS", &SCHEMES, EXAMPLE)?;
    check_parameters("DATABASE_URL", std::slice::from_ref(&url))?;
    check_parameters("DATABASE_SHARD_URLS", &shard_urls)?;
    check_parameters("DATABASE_REPLICA_URLS", &replica_urls)?;
    let defaults = DatabaseSettings::new(url);
    Ok(DatabaseSettings {
        shard_urls,
        replica_urls,
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

/// Refuses what is not known behind the question mark of an address. Its name is told where it is one: a password
/// with a question mark in it, which was to be written %3F, ends there too.
fn check_parameters(name: &'static str, urls: &[String]) -> Result<(), SettingError> {
    for url in urls.iter().filter_map(|url| url.parse::<Url>().ok()) {
        let is_known = |key: &str| {
            PARAMETERS.contains(&key) || PASSED_OVER.contains(&key) || key.starts_with("options[")
        };
        let mut keys = url.query_pairs().map(|(key, _)| key);
        let Some(key) = keys.find(|key| !is_known(key)) else { continue };
        let is_letter = |letter: u8| letter.is_ascii_lowercase() || letter == b'_';
        let is_name = key.bytes().all(is_letter) && !url.query().unwrap_or_default().contains('@');
        let which = if is_name { format!(" {key}") } else { String::new() };
        let reason = format!("has a parameter that is not known here{which}: leave it out");
        return Err(SettingError::new(name, reason));
    }
    Ok(())
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
