//! What an operator may say about the databases.

use std::time::Duration;

use jiff::SignedDuration;

/// Whether something stands between this process and PostgreSQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing: a connection is one PostgreSQL session for as long as it lives.
    #[default]
    Absent,
    /// A pooler that lends a PostgreSQL session for one transaction (`PgBouncer`'s mode
    /// `transaction`): no prepared statement outlives its transaction, nothing can be listened to,
    /// and startup options do not pass.
    Transaction,
}

/// Where the databases are and how their pools behave. The defaults are those of the performance
/// guide where it names one.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Where PostgreSQL is; with several shards, where the catalogue is.
    pub url: String,
    /// Where the shards are, the first of them at `url`; empty: there is one database.
    pub shard_urls: Vec<String>,
    /// Where streaming replicas are, of whichever of the databases.
    pub replica_urls: Vec<String>,
    /// How far a replica may lag behind and still be used.
    pub replica_max_lag: Duration,
    /// The connections to one database that stay open.
    pub pool_size: u32,
    /// The connections that may be opened above `pool_size`; each is closed once it is given back.
    pub pool_overflow: u32,
    /// How long a use case waits for a connection.
    pub acquire_timeout: Duration,
    /// The age at which a connection is replaced.
    pub recycle_after: Duration,
    /// How long a statement may take; zero: as long as it likes.
    pub statement_timeout: Duration,
    /// How long a transaction may do nothing; zero: as long as it likes.
    pub idle_transaction_timeout: Duration,
    /// How many prepared statements a connection keeps.
    pub prepared_statements: usize,
    /// Whether something stands between this process and PostgreSQL.
    pub pooler: Pooler,
    /// For how many days sessions are kept, to the month; 0: for ever.
    pub session_retention_days: u16,
}

impl DatabaseSettings {
    /// One database at `url`, reached directly.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            shard_urls: Vec::new(),
            replica_urls: Vec::new(),
            replica_max_lag: Duration::from_secs(10),
            pool_size: 20,
            pool_overflow: 10,
            acquire_timeout: Duration::from_secs(5),
            recycle_after: Duration::from_hours(1),
            statement_timeout: Duration::from_secs(30),
            idle_transaction_timeout: Duration::from_mins(1),
            prepared_statements: 256,
            pooler: Pooler::Absent,
            session_retention_days: 0,
        }
    }

    /// Where every database that is written to is, the first one first.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        if self.shard_urls.is_empty() { vec![self.url.clone()] } else { self.shard_urls.clone() }
    }

    pub(crate) fn session_retention(&self) -> Option<SignedDuration> {
        let days = i64::from(self.session_retention_days);
        (days > 0).then(|| SignedDuration::from_hours(days * 24))
    }
}
