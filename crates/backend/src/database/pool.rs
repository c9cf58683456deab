//! One pool of connections to one database.

use std::str::FromStr as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgPool, Postgres, Transaction};

use super::settings::{DatabaseSettings, Pooler};
use crate::store::limits;
use crate::{Error, Result};

/// For how long a connection that answered is taken to be well: those of a busy process come back sooner, and
/// nobody restarts a database so fast.
const FRESH: Duration = Duration::from_millis(10);
/// How long a reader waits for a connection to a replica at most.
const REPLICA_PATIENCE: Duration = Duration::from_millis(500);

/// A pool that keeps `pool_size` connections open, opens up to `pool_overflow` more in a rush and
/// closes those as soon as they come back.
#[derive(Clone)]
pub(crate) struct Pool {
    connections: PgPool,
    /// The limits that every transaction sets for itself, because the connection cannot carry them.
    transaction_limits: Option<Limits>,
    /// Whether a transaction keeps the plans of its statements.
    keeps_plans: bool,
    /// Keeps what the release of a connection looks at. The pool holds it weakly, or it would hold
    /// itself.
    _itself: Arc<OnceLock<PgPool>>,
}

/// How long things may take; zero: as long as they like.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) statement: Duration,
    pub(crate) idle_transaction: Duration,
}

/// A database that does not answer: of several it matters which.
#[derive(Debug, thiserror::Error)]
#[error("{place} does not answer")]
struct Away {
    place: String,
    #[source]
    fault: sqlx::Error,
}

impl Pool {
    /// A pool that connects when it is first used.
    pub(crate) fn new(url: &str, settings: &DatabaseSettings) -> Result<Self> {
        let limits = Limits {
            statement: settings.statement_timeout,
            idle_transaction: settings.idle_transaction_timeout,
        };
        let options = match settings.pooler {
            Pooler::Absent => {
                address(url)?.statement_cache_capacity(settings.prepared_statements).options([
                    ("statement_timeout", limits.statement.as_millis().to_string()),
                    (
                        "idle_in_transaction_session_timeout",
                        limits.idle_transaction.as_millis().to_string(),
                    ),
                    // To compile a statement takes longer than any of ours.
                    ("jit", "off".to_owned()),
                ])
            }
            Pooler::Transaction => {
                address(url)?.statement_cache_capacity(0).extra_float_digits(None)
            }
        };
        let itself = Arc::new(OnceLock::<PgPool>::new());
        let seen = Arc::downgrade(&itself);
        let size = settings.pool_size.max(2);
        let connections = PgPoolOptions::new()
            .max_connections(size.saturating_add(settings.pool_overflow))
            .acquire_timeout(settings.acquire_timeout)
            .max_lifetime(settings.recycle_after)
            .idle_timeout(None)
            .test_before_acquire(false)
            .before_acquire(|conn, idle| {
                Box::pin(async move {
                    // One that answered just now need not be asked.
                    if idle.idle_for > FRESH
                        && let Err(error) = conn.ping().await
                    {
                        tracing::debug!(%error, "a connection that rested is lost");
                        return Ok(false);
                    }
                    Ok(true)
                })
            })
            .after_release(move |_, _| {
                let pool = seen.upgrade();
                let open = pool.as_ref().and_then(|pool| pool.get()).map_or(0, PgPool::size);
                Box::pin(async move { Ok(open <= size) })
            })
            .connect_lazy_with(options);
        // Nothing else sets it.
        let _ = itself.set(connections.clone());
        Ok(Self {
            connections,
            transaction_limits: (settings.pooler == Pooler::Transaction).then_some(limits),
            keeps_plans: true,
            _itself: itself,
        })
    }

    /// A pool of a replica, whose readers do not wait: the primary answers too.
    pub(crate) fn replica(url: &str, settings: &DatabaseSettings) -> Result<Self> {
        let acquire_timeout = settings.acquire_timeout.min(REPLICA_PATIENCE);
        Self::new(url, &DatabaseSettings { acquire_timeout, ..settings.clone() })
    }

    /// Where a database is, as a log may show it.
    pub(crate) fn name(url: &str) -> Result<String> {
        Ok(place(&address(url)?))
    }

    #[cfg(any(test, feature = "fakes"))]
    /// A pool that someone else has opened.
    pub(crate) fn of(connections: PgPool) -> Self {
        Self { connections, transaction_limits: None, keeps_plans: true, _itself: Arc::default() }
    }

    /// Lets the database plan by the arguments. The coordinator of a cluster has to: its plan for any argument of
    /// a statement that is not for one node by itself is one that cannot be run.
    pub(crate) const fn plan_by_arguments(&mut self) {
        self.keeps_plans = false;
    }

    /// Fails when the database does not answer, and says why.
    pub(crate) async fn check(&self) -> Result<()> {
        let Err(error) = self.connections.acquire().await else {
            return Ok(());
        };
        // The pool tells only that it waited; a connection of its own tells for what.
        let options = self.connections.connect_options();
        let patience = self.connections.options().get_acquire_timeout();
        let alone = tokio::time::timeout(patience, options.connect()).await;
        let fault = alone.ok().and_then(Result::err).unwrap_or(error);
        Err(Error::unavailable(Away { place: place(&options), fault }))
    }

    /// How many connections are in use, and how many may be open.
    pub(crate) fn connections(&self) -> (u64, u64) {
        let open = u64::from(self.connections.size());
        let used = open.saturating_sub(self.connections.num_idle() as u64);
        (used, self.connections.options().get_max_connections().into())
    }

    /// A connection.
    pub(crate) async fn conn(&self) -> Result<sqlx::pool::PoolConnection<Postgres>> {
        Ok(self.connections.acquire().await?)
    }

    /// A transaction.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Postgres>> {
        let Some(limits) = self.transaction_limits else {
            return Ok(if self.keeps_plans {
                self.connections.begin_with(limits::BEGIN).await?
            } else {
                self.connections.begin().await?
            });
        };
        let mut tx = self.connections.begin().await?;
        limits::set_in_transaction(&mut tx, limits).await?;
        Ok(tx)
    }

    /// The connections for those who listen, where one can: a pooler lends them for a transaction.
    pub(crate) fn listening(&self) -> Option<PgPool> {
        self.transaction_limits.is_none().then(|| self.connections.clone())
    }
}

fn place(address: &PgConnectOptions) -> String {
    let database = address.get_database().unwrap_or_default();
    format!("{}:{}/{database}", address.get_host(), address.get_port())
}

/// An address of PostgreSQL as it can be connected to.
pub(crate) fn address(url: &str) -> Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url).map_err(|error| {
        // The text of the error may hold the password.
        tracing::debug!(error = &error as &dyn std::error::Error, "a database URL cannot be read");
        Error::internal("the database URL cannot be read")
    })?;
    Ok(options.application_name("resonant"))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use sqlx::{Row as _, raw_sql};

    use super::*;
    use crate::cache::tests::until;

    /// Settings for a pool of its own on the database of a test.
    fn settings(of_test: &PgPool) -> DatabaseSettings {
        let url = of_test.connect_options().to_url_lossy().to_string();
        DatabaseSettings { pool_size: 2, pool_overflow: 2, ..DatabaseSettings::new(url) }
    }

    fn pool(settings: &DatabaseSettings) -> Pool {
        Pool::new(&settings.url, settings).unwrap()
    }

    /// The PostgreSQL session that answers.
    async fn pid(pool: &Pool) -> i32 {
        let mut conn = pool.conn().await.unwrap();
        raw_sql("SELECT pg_backend_pid()").fetch_one(&mut *conn).await.unwrap().get(0)
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn what_is_above_the_size_is_closed_after_use(of_test: PgPool) {
        let pool = pool(&settings(&of_test));
        let mut conns = Vec::new();
        for _ in 0..4 {
            conns.push(pool.conn().await.unwrap());
        }
        assert_eq!(pool.connections(), (4, 4));
        for left in [(3, 0), (2, 0), (2, 1), (2, 2)] {
            drop(conns.pop());
            let (size, idle) = (|| pool.connections.size(), || pool.connections.num_idle());
            until("it is closed or back", async || (size(), idle()) == left).await;
        }
        pool.connections.close().await;
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_connection_is_replaced_at_its_age_and_not_before(of_test: PgPool) {
        let lasting = pool(&settings(&of_test));
        let recycle_after = Duration::from_millis(20);
        let fleeting = pool(&DatabaseSettings { recycle_after, ..settings(&of_test) });
        let is_back = |pool: &Pool| pool.connections().0 == 0;

        let first = pid(&fleeting).await;
        until("another one answers", async || is_back(&fleeting) && pid(&fleeting).await != first)
            .await;
        let first = pid(&lasting).await;
        for _ in 0..3 {
            until("it is back", async || is_back(&lasting)).await;
            assert_eq!(pid(&lasting).await, first);
        }
        fleeting.connections.close().await;
        lasting.connections.close().await;
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_statement_that_takes_too_long_is_broken_off(of_test: PgPool) {
        let statement_timeout = Duration::from_millis(200);
        for pooler in [Pooler::Absent, Pooler::Transaction] {
            let settings = DatabaseSettings { statement_timeout, pooler, ..settings(&of_test) };
            let pool = pool(&settings);
            let mut tx = pool.begin().await.unwrap();
            let began = Instant::now();
            let error = raw_sql("SELECT pg_sleep(60)").execute(&mut *tx).await.unwrap_err();
            let took = began.elapsed();
            let code = error.as_database_error().unwrap().code();
            assert_eq!(code.as_deref(), Some("57014"), "{pooler:?}: {error}");
            // A busy machine may tell it late.
            assert!(took < statement_timeout * 10, "{pooler:?}: {took:?}");
            drop(tx);
            // The connection itself is well.
            assert!(pid(&pool).await > 0);
            pool.connections.close().await;
        }
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn plans_are_kept_but_for_a_cluster(of_test: PgPool) {
        let mut pool = pool(&settings(&of_test));
        let mode = async |pool: &Pool| -> String {
            let mut tx = pool.begin().await.unwrap();
            let row = raw_sql("SHOW plan_cache_mode").fetch_one(&mut *tx).await.unwrap();
            row.get(0)
        };
        assert_eq!(mode(&pool).await, "force_generic_plan");
        pool.plan_by_arguments();
        assert_eq!(mode(&pool).await, "auto");
        pool.connections.close().await;
    }

    /// The performance guide names them.
    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn the_indexes_of_the_guide_are_there(of_test: PgPool) {
        let query = "SELECT format('%s.%s', indrelid::REGCLASS, indexrelid::REGCLASS) \
                     FROM pg_index WHERE indisvalid";
        let rows = raw_sql(query).fetch_all(&of_test).await.unwrap();
        let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        for wanted in [
            "agents.idx_agents_owner_id",
            "agents.idx_agents_status",
            "agents.idx_agents_owner_status",
            "sessions.idx_sessions_agent_id",
            "sessions.idx_sessions_created_at",
        ] {
            assert!(names.iter().any(|name| name == wanted), "{wanted} is missing");
        }
    }
}
