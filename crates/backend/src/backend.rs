//! The backend itself: what the use cases share.

mod distribute;
mod migrate;

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use resonant_domain::UserId;
use resonant_domain::distribution::Distribution;
use resonant_domain::metric::Family;
use resonant_runtime::Engine;
use resonant_runtime::clock::{Clock, SteadyClock};
use resonant_runtime::egress::Egress;
use resonant_runtime::mcp::{StdioCommand, StdioServers};
use resonant_runtime::models::{Embedder, ModelSettings, Models};
use resonant_runtime::tools::Tools;
use tokio::sync::OnceCell;
use uuid::{Builder, Uuid};

use crate::agents::AgentLooks;
use crate::boards::Boards;
use crate::budgets::GuestLimits;
use crate::cache::rate_limit::RateLimits;
use crate::cache::redis::Redis;
use crate::cache::session_events::SessionEvents;
use crate::cache::{Cache, CacheFigures, PageCounters, Stale, ear};
use crate::cursor::Cursors;
use crate::database::{Database, DatabaseSettings, Reading, Shard, Writing};
use crate::keyring::{Keyring, SealingKey, SealingKeys};
use crate::mail::{MailSettings, Mailer};
use crate::metrics::Metrics;
use crate::passwords::Passwords;
use crate::payments::{PaymentProvider, PaymentSettings};
use crate::store::cache_outbox::Letter;
use crate::store::notices::Notices;
use crate::store::queue::Slots;
use crate::store::shards::Owners;
use crate::tool_backing::ToolBacking;
use crate::webhooks::Telling;
use crate::work::Turns;
use crate::{Actor, Ctx, Error, RequestId, Result, SignInToken, store};

/// How many names fit into one call of PostgreSQL, which takes 8,000 bytes.
const NAMES_PER_LETTER: usize = 25;

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

/// How many sessions run at the same time, over all workers of the installation. 0: any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Of one user.
    pub per_user: u32,
    /// Of one agent.
    pub per_agent: u32,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { per_user: 16, per_agent: 8 }
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
    /// How many sessions run at the same time.
    pub queue: QueueLimits,
    /// How deep agents may call agents.
    pub agent_depth: u32,
    /// What guests may use.
    pub guests: GuestLimits,
    /// The commands of this machine that agents may use as MCP servers.
    pub mcp_commands: Vec<StdioCommand>,
    /// Whether tools may reach private addresses. For tests alone.
    pub allow_private_egress: bool,
    /// How hard passwords are to guess.
    pub password_work: PasswordWork,
    /// Under which keys secrets are kept.
    pub sealing_keys: SealingKeys,
    /// Where this process counts.
    pub metrics: Metrics,
    /// For how many days what was measured is kept.
    pub metrics_days: u32,
    /// For how many days entries of the audit log are kept. 0: for ever.
    pub audit_days: u32,
    /// How mail is sent. Without it, none is.
    pub mail: Option<MailSettings>,
    /// Who takes the money for listings. Without it, all of them are free.
    pub payments: Option<PaymentSettings>,
}

impl Settings {
    /// The settings of an installation that has PostgreSQL alone.
    pub fn new(database_url: impl Into<String>) -> Self {
        Self {
            database: DatabaseSettings::new(database_url),
            redis_url: None,
            models: ModelSettings::default(),
            lease: Duration::from_secs(15),
            queue: QueueLimits::default(),
            agent_depth: resonant_domain::agent_tool::DEPTH_DEFAULT,
            guests: GuestLimits::default(),
            mcp_commands: Vec::new(),
            allow_private_egress: false,
            password_work: PasswordWork::default(),
            sealing_keys: SealingKeys::default(),
            metrics: Metrics::default(),
            metrics_days: 400,
            audit_days: 400,
            mail: None,
            payments: None,
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
    mailer: Option<Mailer>,
    payments: Option<Box<dyn PaymentProvider>>,
    boards: Boards,
    agent_looks: AgentLooks,
    stdio_servers: StdioServers,
    redis: Option<Redis>,
    cache: Cache,
    events: SessionEvents,
    rate_limits: RateLimits,
    notices: Notices,
    turns: Turns,
    telling: Telling,
    passwords: Passwords,
    cursors: OnceCell<Cursors>,
    sealing_keys: SealingKeys,
    keyring: OnceCell<Keyring>,
    signing_root: OnceCell<Vec<u8>>,
    lease: Duration,
    session_retention: Option<SignedDuration>,
    queue: QueueLimits,
    agent_depth: u32,
    guests: GuestLimits,
    metrics: Metrics,
    metrics_days: u32,
    audit_days: u32,
    /// Sessions that this process runs at present.
    at_work: Arc<()>,
    /// Tells what passages mean, where one is configured.
    embedder: Option<Embedder>,
    /// Whose PDF is read at the moment.
    pdf_turns: Arc<tokio::sync::Semaphore>,
}

impl Backend {
    /// Opens the pool, the cache, the event bus and the engine.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer, [`Error::Internal`] when a setting
    /// cannot be used.
    pub async fn connect(settings: Settings) -> Result<Self> {
        let database = Database::open(&settings.database, settings.redis_url.as_deref()).await?;
        let backend = Self::with_database(database, &settings, Arc::new(SteadyClock::new()))?;
        backend.agree_on_time().await?;
        // The ear takes a moment to open; the first requests shall find it open.
        backend.cache();
        Ok(backend)
    }

    pub(crate) fn with_database(
        database: Database,
        settings: &Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let models = Models::new(&settings.models).map_err(Error::internal)?;
        let models = models.watched_by(Arc::new(settings.metrics.clone()));
        let egress = if settings.allow_private_egress {
            Egress::public_allowing_private()
        } else {
            Egress::public()
        };
        let engine_clock = clock.clone();
        let stdio = StdioServers::new(settings.mcp_commands.clone());
        let outside = (egress.clone(), stdio.clone());
        Self::build(database, settings, clock, outside, |backend| {
            let backing = Arc::new(ToolBacking(backend));
            let tools = Tools::standard(egress).backed_by(backing).with_stdio(stdio);
            Engine::new(models, tools, engine_clock)
        })
    }

    #[cfg(any(test, feature = "fakes"))]
    pub(crate) fn with_engine(
        database: Database,
        settings: &Settings,
        clock: Arc<dyn Clock>,
        engine: Engine,
    ) -> Result<Self> {
        let outside = (Egress::public(), StdioServers::default());
        Self::build(database, settings, clock, outside, |_| engine)
    }

    /// Puts the parts together; `engine` is handed the backend that it will belong to.
    fn build(
        database: Database,
        settings: &Settings,
        clock: Arc<dyn Clock>,
        (egress, stdio_servers): (Egress, StdioServers),
        engine: impl FnOnce(Weak<Inner>) -> Engine,
    ) -> Result<Self> {
        let redis = settings.redis_url.as_deref().map(Redis::new).transpose()?;
        let cache = Cache::new(redis.clone(), database.callers().len());
        let passwords = Passwords::new(settings.password_work)?;
        let mailer = settings.mail.as_ref().map(Mailer::new).transpose();
        let mailer = mailer.map_err(Error::internal)?;
        let embedder = settings.models.embeddings.as_ref().map(Embedder::new).transpose();
        let embedder = embedder.map_err(Error::internal)?;
        Ok(Self {
            inner: Arc::new_cyclic(|backend| Inner {
                clock,
                engine: engine(backend.clone()),
                egress,
                mailer,
                payments: settings.payments.map(PaymentSettings::provider),
                boards: Boards::default(),
                agent_looks: AgentLooks::default(),
                stdio_servers,
                notices: Notices::new(database.callers(), cache.clone()),
                turns: Turns::default(),
                telling: Telling::default(),
                cache,
                events: SessionEvents::new(redis.clone()),
                rate_limits: RateLimits::new(redis.clone()),
                redis,
                passwords,
                cursors: OnceCell::new(),
                sealing_keys: settings.sealing_keys.clone(),
                keyring: OnceCell::new(),
                signing_root: OnceCell::new(),
                lease: settings.lease,
                queue: settings.queue,
                agent_depth: settings.agent_depth,
                guests: settings.guests,
                session_retention: settings.database.session_retention(),
                database,
                metrics: settings.metrics.clone(),
                metrics_days: settings.metrics_days,
                audit_days: settings.audit_days,
                at_work: Arc::default(),
                embedder,
                pdf_turns: Arc::new(tokio::sync::Semaphore::new(1)),
            }),
        })
    }

    /// The backend whose parts these are.
    pub(crate) const fn of(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Publishes the sample listings, when there are none yet. Answers how many it published.
    pub async fn load_content(&self) -> Result<usize> {
        crate::listings::load_content(self).await
    }

    /// Whether the database answers. Redis has no say: without it everything works, and all processes
    /// share one, so that none would be left to ask.
    ///
    /// # Errors
    /// [`Error::Unavailable`] says why it does not.
    pub async fn is_ready(&self) -> Result<()> {
        store::settings::is_migrated(&mut *self.catalogue_read().await?)
            .await
            .map_err(Error::unavailable)
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

    /// What guests may use.
    #[must_use]
    pub fn guest_limits(&self) -> GuestLimits {
        self.inner.guests
    }

    /// Whether a model is configured that tells what passages mean.
    #[must_use]
    pub fn has_embedder(&self) -> bool {
        self.inner.embedder.is_some()
    }

    /// Where this process counts.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    pub(crate) fn metrics_days(&self) -> u32 {
        self.inner.metrics_days
    }

    /// All that this process has counted, the cache's figures among it.
    pub(crate) fn counted(&self) -> Vec<(Family, Box<str>, Distribution)> {
        let mut all = self.metrics().counted();
        let count = |sum| Distribution { count: sum, sum, ..Distribution::default() };
        for figures in self.cache_figures() {
            let hits = figures.hits + figures.shared_hits;
            let misses = figures.misses.saturating_sub(figures.shared_hits);
            all.push((Family::CacheHits, figures.kind.into(), count(hits)));
            all.push((Family::CacheMisses, figures.kind.into(), count(misses)));
        }
        all
    }

    /// Notes how high those things stand that nobody counts as they change.
    pub(crate) fn look_at_levels(&self) {
        let metrics = self.metrics();
        let (used, size) = self.inner.database.connections();
        metrics.set_level(Family::DbPoolUsed, used);
        metrics.set_level(Family::DbPoolSize, size);
        if let Some(bytes) = memory() {
            metrics.set_level(Family::ProcessMemory, bytes);
        }
    }

    /// Counts a session as one that this process runs until the answer is dropped.
    pub(crate) fn work_begins(&self) -> Arc<()> {
        self.inner.at_work.clone()
    }

    /// Sessions that this process runs.
    pub(crate) fn at_work(&self) -> u64 {
        u64::try_from(Arc::strong_count(&self.inner.at_work) - 1).unwrap_or(0)
    }

    /// Each replica by its name, and how far it is behind; `None`: it is not in use.
    pub(crate) fn replicas(&self) -> Vec<(String, Option<Duration>)> {
        self.inner.database.replicas()
    }

    /// Measures how long a connection was waited for, whether it came or not.
    async fn waited<T>(&self, connection: impl Future<Output = Result<T>>) -> Result<T> {
        let began = Instant::now();
        let connection = connection.await;
        self.metrics().observe(Family::DbPoolWait, "", began.elapsed());
        connection
    }

    /// A connection that reads what the owner owns: agents, sessions and whatever else has an
    /// `owner_id`.
    pub(crate) async fn read(&self, owner: UserId) -> Result<Reading> {
        self.waited(self.inner.database.read(owner)).await
    }

    /// The same from the database that takes the writes: for those who must see what others have
    /// just written.
    pub(crate) async fn read_latest(&self, owner: UserId) -> Result<Reading> {
        self.waited(self.inner.database.read_latest(owner)).await
    }

    /// A connection that writes what the owner owns by one statement, and then commits.
    pub(crate) async fn write(&self, owner: UserId) -> Result<Writing> {
        self.waited(self.inner.database.write(owner)).await
    }

    /// A transaction on what the owner owns.
    pub(crate) async fn begin(&self, owner: UserId) -> Result<Writing> {
        self.waited(self.inner.database.begin(owner)).await
    }

    /// A connection that reads what is everybody's: people, sign-ins, listings, settings.
    pub(crate) async fn catalogue_read(&self) -> Result<Reading> {
        self.waited(self.inner.database.catalogue_read()).await
    }

    /// The same from the database that takes the writes.
    pub(crate) async fn catalogue_read_latest(&self) -> Result<Reading> {
        self.waited(self.inner.database.catalogue_read_latest()).await
    }

    /// A connection that writes what is everybody's by one statement, and then commits.
    pub(crate) async fn catalogue_write(&self) -> Result<Writing> {
        self.waited(self.inner.database.catalogue_write()).await
    }

    /// A transaction on what is everybody's.
    pub(crate) async fn catalogue_begin(&self) -> Result<Writing> {
        self.waited(self.inner.database.catalogue_begin()).await
    }

    /// The databases that hold what owners own, for the installation's own work over all owners.
    pub(crate) fn shards(&self) -> impl Iterator<Item = Shard> + use<> {
        self.inner.database.shards()
    }

    /// A transaction of the installation's own on one of [`Backend::shards`].
    pub(crate) async fn begin_on(&self, shard: Shard) -> Result<Writing> {
        self.waited(self.inner.database.begin_on(shard)).await
    }

    /// Whose things such a transaction may take.
    pub(crate) fn owners(&self) -> Owners {
        self.inner.database.owners()
    }

    /// The one database of a test, whosever things are meant.
    #[cfg(test)]
    pub(crate) async fn conn(&self) -> Result<Reading> {
        self.catalogue_read().await
    }

    /// Commits what was written, together with word of what it has made untrue in the caches of all
    /// processes. When this returns, this process serves none of it any more.
    pub(crate) async fn commit(&self, mut tx: Writing, stale: Stale) -> Result<()> {
        let letters = stale.names().chunks(NAMES_PER_LETTER).map(|names| {
            let id = self.new_id()?;
            Ok(Letter { id, text: ear::letter(id, names), names: names.to_vec() })
        });
        let letters: Vec<_> = letters.collect::<Result<_>>()?;
        if !letters.is_empty() {
            store::cache_outbox::insert(&mut tx, &letters).await?;
        }
        let cache = self.cache().clone();
        // The caller may go away at any moment; what was committed is forgotten all the same.
        let task = tokio::spawn(async move {
            let kept = tx.commit().await;
            for Letter { id, names, .. } in letters {
                // After a fault too: it may have been kept, or be kept only now. So whoever hears that it was
                // forgets anew: here it goes under another id.
                let id = if kept.is_ok() { id } else { Uuid::from_bytes(random()?) };
                cache.forget(id, &names).await;
            }
            kept
        });
        task.await.map_err(Error::internal)?
    }

    /// What the cache of this process has done, by kind.
    #[must_use]
    pub fn cache_figures(&self) -> Vec<CacheFigures> {
        self.cache().figures()
    }

    /// A number that is another one after every write of what anyone may see, in whichever process: what is
    /// made of that, such as a page for everybody, is good for as long as the number was before the making
    /// began. `None` while a write could go unheard: then nothing is to be kept.
    #[must_use]
    pub fn public_edition(&self) -> Option<u64> {
        self.cache().public_edition()
    }

    /// Where whole pages are counted that are kept.
    #[must_use]
    pub fn page_counters(&self) -> PageCounters {
        self.cache().page_counters()
    }

    /// The cache. It keeps nothing before this process hears of what others write.
    pub(crate) fn cache(&self) -> &Cache {
        self.inner.notices.begin();
        &self.inner.cache
    }

    pub(crate) fn redis(&self) -> Option<&Redis> {
        self.inner.redis.as_ref()
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

    /// Whom this process served of late, and whether it has one whose worker was lost.
    pub(crate) fn turns(&self) -> &Turns {
        &self.inner.turns
    }

    /// Whose webhooks this process tells something at the moment.
    pub(crate) fn telling(&self) -> &Telling {
        &self.inner.telling
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// The guarded client, for what people ask to be read or told.
    pub(crate) fn egress(&self) -> &Egress {
        &self.inner.egress
    }

    /// Who takes the money for listings, where somebody is configured.
    pub(crate) fn payments(&self) -> Option<&dyn PaymentProvider> {
        self.inner.payments.as_deref()
    }

    /// What sends mail, where a server for it is configured.
    pub(crate) fn mailer(&self) -> Option<&Mailer> {
        self.inner.mailer.as_ref()
    }

    pub(crate) fn boards(&self) -> &Boards {
        &self.inner.boards
    }

    /// Those who look at agents in this process.
    pub(crate) fn agent_looks(&self) -> &AgentLooks {
        &self.inner.agent_looks
    }

    /// The commands that are MCP servers.
    pub(crate) fn stdio_servers(&self) -> &StdioServers {
        &self.inner.stdio_servers
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.inner.passwords
    }

    pub(crate) fn slots(&self) -> Slots {
        let QueueLimits { per_user, per_agent } = self.inner.queue;
        Slots { per_owner: per_user, per_agent }
    }

    /// The model that tells what passages mean.
    pub(crate) fn embedder(&self) -> Option<&Embedder> {
        self.inner.embedder.as_ref()
    }

    /// Waits until no other PDF is read. The turn lasts as long as what is answered.
    pub(crate) async fn pdf_turn(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        self.inner.pdf_turns.clone().acquire_owned().await.ok()
    }

    /// How deep agents may call agents.
    pub(crate) fn agent_depth(&self) -> u32 {
        self.inner.agent_depth
    }

    pub(crate) fn lease(&self) -> Duration {
        self.inner.lease
    }

    /// The instant before which sessions need not be kept; `None`: all are.
    pub(crate) fn oldest_session_kept(&self) -> Option<Timestamp> {
        self.now().checked_sub(self.inner.session_retention?).ok()
    }

    /// The instant before which entries of the audit log need not be kept; `None`: all are.
    pub(crate) fn oldest_audit_kept(&self) -> Option<Timestamp> {
        let days = i64::from(self.inner.audit_days);
        let age = (days > 0).then(|| SignedDuration::from_hours(24 * days))?;
        self.now().checked_sub(age).ok()
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

    /// Sees that this process tells the same time as all that use the database: it is the database's.
    pub(crate) async fn agree_on_time(&self) -> Result<()> {
        let mut conn = self.catalogue_read_latest().await?;
        let asked = Instant::now();
        let theirs = store::metrics::find_now(&mut conn).await?;
        drop(conn);
        if self.inner.clock.agree(theirs, asked).is_negative() {
            // Leases that were taken before lie too far ahead: who holds one renews it, the others end.
            for shard in self.shards() {
                let mut tx = self.begin_on(shard).await?;
                store::queue::shorten_leases(&mut tx, self.lease(), self.owners()).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }

    /// The present instant, to the microsecond that PostgreSQL keeps.
    #[must_use]
    pub fn now(&self) -> Timestamp {
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

/// The memory that this process holds, in bytes (proc(5), statm). `None` where the system has no such
/// file.
fn memory() -> Option<u64> {
    const PAGE: u64 = 4_096;
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(statm.split_whitespace().nth(1)?.parse::<u64>().ok()? * PAGE)
}
