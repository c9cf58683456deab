//! The backend itself: what the use cases share.

mod databases;
mod distribute;
mod figures;
mod keys;
mod migrate;
mod settings;
mod time;

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use resonant_runtime::Engine;
use resonant_runtime::clock::{Clock, SteadyClock};
use resonant_runtime::egress::Egress;
use resonant_runtime::mcp::StdioServers;
use resonant_runtime::models::{Embedder, Models};
use resonant_runtime::tools::Tools;
use resonant_runtime::tools::knowledge::PdfReader;
use tokio::sync::OnceCell;

pub use self::settings::{PasswordWork, QueueLimits, Settings};
use crate::agents::AgentLooks;
use crate::boards::Boards;
use crate::budgets::GuestLimits;
use crate::cache::rate_limit::RateLimits;
use crate::cache::redis::Redis;
use crate::cache::session_events::SessionEvents;
use crate::cache::{Cache, CacheFigures, PageCounters};
use crate::cursor::Cursors;
use crate::database::Database;
use crate::keyring::{Keyring, SealingKeys};
use crate::mail::Mailer;
use crate::metrics::Metrics;
use crate::passwords::Passwords;
use crate::payments::{PaymentProvider, PaymentSettings};
use crate::store::notices::Notices;
use crate::store::queue::Slots;
use crate::tool_backing::ToolBacking;
use crate::webhooks::Telling;
use crate::work::Turns;
use crate::{Actor, Ctx, Error, RequestId, Result, SignInToken, store};

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
    public_origin: Option<String>,
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
    /// Who reads it.
    pdf_reader: Option<PdfReader>,
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
                public_origin: settings.public_origin.clone(),
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
                pdf_reader: settings.pdf_reader.clone(),
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

    /// Whether letters with links go to people: a server takes mail, and it is known where the pages are. What a
    /// request says of that could be anybody's.
    #[must_use]
    pub fn writes_to_people(&self) -> bool {
        self.inner.mailer.is_some() && self.inner.public_origin.is_some()
    }

    /// Whether a model is configured that tells what passages mean.
    #[must_use]
    pub fn has_embedder(&self) -> bool {
        self.inner.embedder.is_some()
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

    /// Where people find the pages, where that is known.
    pub(crate) fn public_origin(&self) -> Option<&str> {
        self.inner.public_origin.as_deref()
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

    /// Who reads PDFs. `None`: this process does.
    pub(crate) fn pdf_reader(&self) -> Option<&PdfReader> {
        self.inner.pdf_reader.as_ref()
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
