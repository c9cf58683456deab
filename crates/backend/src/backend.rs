//! The backend itself: what the use cases share.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use resonant_runtime::Engine;
use resonant_runtime::clock::{Clock, SystemClock};
use resonant_runtime::egress::Egress;
use resonant_runtime::models::{ModelSettings, Models};
use resonant_runtime::tools::Tools;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgPool, Postgres, Transaction};
use tokio::sync::OnceCell;
use uuid::{Builder, Uuid};

use crate::cache::Cache;
use crate::cache::redis::Redis;
use crate::cache::session_events::SessionEvents;
use crate::cursor::Cursors;
use crate::passwords::Passwords;
use crate::store::notices::Notices;
use crate::store::{self, MIGRATOR};
use crate::{Actor, Ctx, Error, RequestId, Result, SignInToken};

/// How hard passwords are to guess from their hashes (argon2id).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordWork {
    /// Memory of one hash, in kibibytes.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
}

impl Default for PasswordWork {
    /// The least that OWASP's password storage cheat sheet recommends for argon2id.
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2 }
    }
}

/// What the backend needs to know of its surroundings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where PostgreSQL is.
    pub database_url: String,
    /// The most connections to it.
    pub pool_max: u32,
    /// How long a use case waits for a connection.
    pub acquire_timeout: Duration,
    /// Where Redis is. Without it, cache and live events stay within this process.
    pub redis_url: Option<String>,
    /// The language models that may answer.
    pub models: ModelSettings,
    /// For how long a worker holds a session without a sign of life.
    pub lease: Duration,
    /// Whether tools may reach private addresses. For tests alone.
    pub allow_private_egress: bool,
    /// How hard passwords are to guess.
    pub password_work: PasswordWork,
}

impl Settings {
    /// The settings of an installation that has PostgreSQL alone.
    pub fn new(database_url: impl Into<String>) -> Self {
        Self {
            database_url: database_url.into(),
            pool_max: 20,
            acquire_timeout: Duration::from_secs(5),
            redis_url: None,
            models: ModelSettings { openai: None },
            lease: Duration::from_secs(15),
            allow_private_egress: false,
            password_work: PasswordWork::default(),
        }
    }
}

/// The use cases' way to everything they touch. Cheap to clone.
#[derive(Clone)]
pub struct Backend {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    clock: Arc<dyn Clock>,
    engine: Engine,
    redis: Option<Redis>,
    cache: Cache,
    events: SessionEvents,
    notices: Notices,
    passwords: Passwords,
    cursors: OnceCell<Cursors>,
    lease: Duration,
}

impl Backend {
    /// Opens the pool, the cache, the event bus and the engine.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer, [`Error::Internal`] when a setting
    /// cannot be used.
    pub async fn connect(settings: Settings) -> Result<Self> {
        let options = connect_options(&settings.database_url)?;
        let pool = PgPoolOptions::new()
            .max_connections(settings.pool_max.max(2))
            .acquire_timeout(settings.acquire_timeout)
            .connect_lazy_with(options.clone());
        if let Err(error) = pool.acquire().await {
            // The pool tells only that it waited; a connection of its own tells for what.
            let alone = tokio::time::timeout(settings.acquire_timeout, options.connect()).await;
            return Err(Error::unavailable(alone.ok().and_then(Result::err).unwrap_or(error)));
        }
        Self::with_pool(pool, &settings, Arc::new(SystemClock))
    }

    pub(crate) fn with_pool(
        pool: PgPool,
        settings: &Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let models = Models::new(&settings.models).map_err(Error::internal)?;
        let egress = if settings.allow_private_egress {
            Egress::public_allowing_private()
        } else {
            Egress::public()
        };
        let engine = Engine::new(models, Tools::standard(egress), clock.clone());
        Self::with_engine(pool, settings, clock, engine)
    }

    pub(crate) fn with_engine(
        pool: PgPool,
        settings: &Settings,
        clock: Arc<dyn Clock>,
        engine: Engine,
    ) -> Result<Self> {
        let redis = settings.redis_url.as_deref().map(Redis::new).transpose()?;
        Ok(Self {
            inner: Arc::new(Inner {
                clock,
                engine,
                cache: Cache::new(redis.clone()),
                events: SessionEvents::new(redis.clone()),
                redis,
                notices: Notices::new(),
                passwords: Passwords::new(settings.password_work)?,
                cursors: OnceCell::new(),
                lease: settings.lease,
                pool,
            }),
        })
    }

    /// Brings the schema up to date, one process at a time.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer, [`Error::Internal`] when a migration
    /// fails.
    pub async fn migrate(database_url: &str) -> Result<()> {
        let mut conn =
            connect_options(database_url)?.connect().await.map_err(Error::unavailable)?;
        MIGRATOR.run(&mut conn).await.map_err(Error::internal)?;
        conn.close().await.map_err(Error::unavailable)?;
        Ok(())
    }

    /// Publishes the sample listings, when there are none yet. Answers how many it published.
    pub async fn load_content(&self) -> Result<usize> {
        crate::listings::load_content(self).await
    }

    /// Whether the database, and Redis where one is configured, answer.
    ///
    /// # Errors
    /// [`Error::Unavailable`] names the part in its source.
    pub async fn is_ready(&self) -> Result<()> {
        store::settings::is_migrated(&mut *self.conn().await?).await.map_err(Error::unavailable)?;
        match &self.inner.redis {
            Some(redis) => redis.ping().await,
            None => Ok(()),
        }
    }

    /// Whether [`Backend::migrate`] was ever run on the database.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer.
    pub async fn has_schema(&self) -> Result<bool> {
        // 42P01 is PostgreSQL's undefined_table.
        match store::settings::is_migrated(&mut *self.conn().await?).await {
            Ok(()) => Ok(true),
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A context for someone whose sign-in, if any, the use cases need not know.
    #[must_use]
    pub fn ctx(&self, actor: Actor, request_id: RequestId) -> Ctx {
        Ctx::new(self.clone(), actor, request_id, None)
    }

    /// A context for someone who is signed in by `token`, so that signing out ends that sign-in.
    #[must_use]
    pub fn ctx_signed_in(&self, actor: Actor, request_id: RequestId, token: &str) -> Ctx {
        Ctx::new(self.clone(), actor, request_id, Some(SignInToken::new(token.to_owned())))
    }

    /// The name of the configured language model. `None`: only the built-in planner answers.
    #[must_use]
    pub fn language_model(&self) -> Option<String> {
        self.inner.engine.models().language_model().map(ToOwned::to_owned)
    }

    pub(crate) async fn conn(&self) -> Result<sqlx::pool::PoolConnection<Postgres>> {
        Ok(self.inner.pool.acquire().await?)
    }

    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Postgres>> {
        Ok(self.inner.pool.begin().await?)
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.inner.pool
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.inner.cache
    }

    pub(crate) fn events(&self) -> &SessionEvents {
        &self.inner.events
    }

    pub(crate) fn notices(&self) -> &Notices {
        &self.inner.notices
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.inner.passwords
    }

    pub(crate) fn lease(&self) -> Duration {
        self.inner.lease
    }

    /// What seals cursors; its key is made by the first process that needs it.
    pub(crate) async fn cursors(&self) -> Result<&Cursors> {
        self.inner
            .cursors
            .get_or_try_init(|| async {
                let fresh: [u8; 32] = random()?;
                let mut conn = self.conn().await?;
                let key = store::settings::find_or_insert(&mut conn, "cursor_key", &fresh).await?;
                Cursors::new(&key)
            })
            .await
    }

    /// The present instant, to the microsecond that PostgreSQL keeps.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.inner.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// A new identity: the present millisecond and 74 random bits (RFC 9562, version 7).
    pub(crate) fn new_id(&self) -> Result<Uuid> {
        let millis = u64::try_from(self.now().as_millisecond()).unwrap_or(0);
        Ok(Builder::from_unix_timestamp_millis(millis, &random()?).into_uuid())
    }
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backend").finish_non_exhaustive()
    }
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    Ok(bytes)
}

fn connect_options(database_url: &str) -> Result<PgConnectOptions> {
    let options: PgConnectOptions = database_url.parse().map_err(|error: sqlx::Error| {
        // The text of the error may hold the password.
        tracing::debug!(error = &error as &dyn std::error::Error, "DATABASE_URL cannot be read");
        Error::internal("the database URL cannot be read")
    })?;
    Ok(options.application_name("resonant"))
}
