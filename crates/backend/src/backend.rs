//! The backend itself: what the use cases share.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use resonant_domain::UserId;
use resonant_runtime::Engine;
use resonant_runtime::clock::{Clock, SystemClock};
use resonant_runtime::egress::Egress;
use resonant_runtime::models::{ModelSettings, Models};
use resonant_runtime::tools::Tools;
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::OnceCell;
use uuid::{Builder, Uuid};

use crate::cache::Cache;
use crate::cache::rate_limit::RateLimits;
use crate::cache::redis::Redis;
use crate::cache::session_events::SessionEvents;
use crate::cursor::Cursors;
use crate::database::{self, Database, DatabaseSettings, Reading, Shard, Writing};
use crate::keyring::{Keyring, SealingKey, SealingKeys};
use crate::passwords::Passwords;
use crate::store::notices::Notices;
use crate::store::{self, MIGRATOR};
use crate::tool_backing::ToolBacking;
use crate::{Actor, Ctx, Error, RequestId, Result, SignInToken, upkeep};

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
    /// Where PostgreSQL is, and how it is used.
    pub database: DatabaseSettings,
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
    /// Under which keys secrets are kept.
    pub sealing_keys: SealingKeys,
}

impl Settings {
    /// The settings of an installation that has PostgreSQL alone.
    pub fn new(database_url: impl Into<String>) -> Self {
        Self {
            database: DatabaseSettings::new(database_url),
            redis_url: None,
            models: ModelSettings { openai: None },
            lease: Duration::from_secs(15),
            allow_private_egress: false,
            password_work: PasswordWork::default(),
            sealing_keys: SealingKeys::default(),
        }
    }
}

/// The use cases' way to everything they touch. Cheap to clone.
#[derive(Clone)]
pub struct Backend {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    database: Database,
    clock: Arc<dyn Clock>,
    engine: Engine,
    egress: Egress,
    redis: Option<Redis>,
    cache: Cache,
    events: SessionEvents,
    rate_limits: RateLimits,
    notices: Notices,
    passwords: Passwords,
    cursors: OnceCell<Cursors>,
    sealing_keys: SealingKeys,
    keyring: OnceCell<Keyring>,
    signing_root: OnceCell<Vec<u8>>,
    lease: Duration,
    session_retention: Option<SignedDuration>,
}

impl Backend {
    /// Opens the pool, the cache, the event bus and the engine.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer, [`Error::Internal`] when a setting
    /// cannot be used.
    pub async fn connect(settings: Settings) -> Result<Self> {
        let database = Database::new(&settings.database)?;
        database.check().await?;
        Self::with_database(database, &settings, Arc::new(SystemClock))
    }

    pub(crate) fn with_database(
        database: Database,
        settings: &Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let models = Models::new(&settings.models).map_err(Error::internal)?;
        let egress = if settings.allow_private_egress {
            Egress::public_allowing_private()
        } else {
            Egress::public()
        };
        let engine_clock = clock.clone();
        Self::build(database, settings, clock, egress.clone(), |backend| {
            let backing = Arc::new(ToolBacking(backend));
            Engine::new(models, Tools::standard(egress).backed_by(backing), engine_clock)
        })
    }

    pub(crate) fn with_engine(
        database: Database,
        settings: &Settings,
        clock: Arc<dyn Clock>,
        engine: Engine,
    ) -> Result<Self> {
        Self::build(database, settings, clock, Egress::public(), |_| engine)
    }

    /// Puts the parts together; `engine` is handed the backend that it will belong to.
    fn build(
        database: Database,
        settings: &Settings,
        clock: Arc<dyn Clock>,
        egress: Egress,
        engine: impl FnOnce(Weak<Inner>) -> Engine,
    ) -> Result<Self> {
        let redis = settings.redis_url.as_deref().map(Redis::new).transpose()?;
        let passwords = Passwords::new(settings.password_work)?;
        Ok(Self {
            inner: Arc::new_cyclic(|backend| Inner {
                clock,
                engine: engine(backend.clone()),
                egress,
                cache: Cache::new(redis.clone()),
                events: SessionEvents::new(redis.clone()),
                rate_limits: RateLimits::new(redis.clone()),
                redis,
                notices: Notices::new(database.callers()),
                passwords,
                cursors: OnceCell::new(),
                sealing_keys: settings.sealing_keys.clone(),
                keyring: OnceCell::new(),
                signing_root: OnceCell::new(),
                lease: settings.lease,
                session_retention: settings.database.session_retention(),
                database,
            }),
        })
    }

    /// The backend whose parts these are.
    pub(crate) const fn of(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Brings the schema up to date, one process at a time.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer, [`Error::Internal`] when a migration
    /// fails.
    pub async fn migrate(database_url: &str) -> Result<()> {
        let mut conn =
            database::address(database_url)?.connect().await.map_err(Error::unavailable)?;
        MIGRATOR.run(&mut conn).await.map_err(Error::internal)?;
        let mut tx = conn.begin().await?;
        upkeep::make_partitions(&mut tx, SystemClock.now()).await?;
        tx.commit().await?;
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
        store::settings::is_migrated(&mut *self.catalogue_read().await?)
            .await
            .map_err(Error::unavailable)?;
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
        match store::settings::is_migrated(&mut *self.catalogue_read().await?).await {
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

    /// A connection that reads what the owner owns: agents, sessions and whatever else has an
    /// `owner_id`.
    pub(crate) async fn read(&self, owner: UserId) -> Result<Reading> {
        self.inner.database.read(owner).await
    }

    /// The same from the database that takes the writes: for those who must see what others have
    /// just written.
    pub(crate) async fn read_latest(&self, owner: UserId) -> Result<Reading> {
        self.inner.database.read_latest(owner).await
    }

    /// A connection that writes what the owner owns by one statement, and then commits.
    pub(crate) async fn write(&self, owner: UserId) -> Result<Writing> {
        self.inner.database.write(owner).await
    }

    /// A transaction on what the owner owns.
    pub(crate) async fn begin(&self, owner: UserId) -> Result<Writing> {
        self.inner.database.begin(owner).await
    }

    /// A connection that reads what is everybody's: people, sign-ins, listings, settings.
    pub(crate) async fn catalogue_read(&self) -> Result<Reading> {
        self.inner.database.catalogue_read().await
    }

    /// A connection that writes what is everybody's by one statement, and then commits.
    pub(crate) async fn catalogue_write(&self) -> Result<Writing> {
        self.inner.database.catalogue_write().await
    }

    /// A transaction on what is everybody's.
    pub(crate) async fn catalogue_begin(&self) -> Result<Writing> {
        self.inner.database.catalogue_begin().await
    }

    /// The databases that hold what owners own, for the installation's own work over all owners.
    pub(crate) fn shards(&self) -> impl Iterator<Item = Shard> + use<> {
        self.inner.database.shards()
    }

    /// A transaction of the installation's own on one of [`Backend::shards`].
    pub(crate) async fn begin_on(&self, shard: Shard) -> Result<Writing> {
        self.inner.database.begin_on(shard).await
    }

    /// The one database of a test, whosever things are meant.
    #[cfg(test)]
    pub(crate) async fn conn(&self) -> Result<Reading> {
        self.catalogue_read().await
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.inner.cache
    }

    pub(crate) fn events(&self) -> &SessionEvents {
        &self.inner.events
    }

    pub(crate) fn rate_limits(&self) -> &RateLimits {
        &self.inner.rate_limits
    }

    pub(crate) fn notices(&self) -> &Notices {
        &self.inner.notices
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// The guarded client, for what people ask to be read or told.
    pub(crate) fn egress(&self) -> &Egress {
        &self.inner.egress
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.inner.passwords
    }

    pub(crate) fn lease(&self) -> Duration {
        self.inner.lease
    }

    /// The instant before which sessions need not be kept; `None`: all are.
    pub(crate) fn oldest_session_kept(&self) -> Option<Timestamp> {
        self.now().checked_sub(self.inner.session_retention?).ok()
    }

    /// What seals cursors; its key is made by the first process that needs it.
    pub(crate) async fn cursors(&self) -> Result<&Cursors> {
        self.inner
            .cursors
            .get_or_try_init(|| async {
                let fresh: [u8; 32] = random()?;
                let mut conn = self.catalogue_write().await?;
                let key = store::settings::find_or_insert(&mut conn, "cursor_key", &fresh).await?;
                conn.commit().await?;
                Cursors::new(&key)
            })
            .await
    }

    /// What the keys of triggers and webhooks follow from, made by the first process that needs it.
    pub(crate) async fn signing_root(&self) -> Result<&[u8]> {
        let root = self.inner.signing_root.get_or_try_init(|| async {
            let fresh: [u8; 32] = random()?;
            let mut conn = self.catalogue_write().await?;
            let root = store::settings::find_or_insert(&mut conn, "signing_root", &fresh).await?;
            conn.commit().await?;
            Ok::<_, Error>(root)
        });
        Ok(root.await?)
    }

    /// What seals secrets; a key that is made is made by the first process that needs it.
    pub(crate) async fn keyring(&self) -> Result<&Keyring> {
        self.inner
            .keyring
            .get_or_try_init(|| async {
                match &self.inner.sealing_keys {
                    SealingKeys::Given(keys) => Ok(Keyring::new(keys)),
                    SealingKeys::Made => {
                        let fresh: [u8; 32] = random()?;
                        let mut conn = self.catalogue_write().await?;
                        let name = "sealing_key";
                        let key = store::settings::find_or_insert(&mut conn, name, &fresh).await?;
                        conn.commit().await?;
                        let key = key
                            .try_into()
                            .map_err(|_| Error::internal("the sealing key has the wrong length"))?;
                        Ok(Keyring::new(&[SealingKey::new(key)]))
                    }
                    SealingKeys::Missing => Err(Error::Conflict(
                        "This installation keeps no secrets, because its SECRETS_KEY is not set. \
                         Ask whoever runs it"
                            .to_owned(),
                    )),
                }
            })
            .await
    }

    /// The present instant, to the microsecond that PostgreSQL keeps.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.inner.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// A new identity (RFC 9562, version 7): the present instant to a quarter of a microsecond, as its
    /// section 6.2 lets the first 12 random bits say, and 62 random bits. Ids of one clock are in the
    /// order of their making.
    pub(crate) fn new_id(&self) -> Result<Uuid> {
        let micros = u64::try_from(self.now().as_microsecond()).unwrap_or(0);
        let mut random: [u8; 10] = random()?;
        let fraction = micros % 1000 * 4096 / 1000;
        [random[0], random[1]] = u16::try_from(fraction).unwrap_or(0).to_be_bytes();
        Ok(Builder::from_unix_timestamp_millis(micros / 1000, &random).into_uuid())
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
