#![doc = include_str!("../README.md")]

mod access;
pub mod agents;
mod ctx;
mod error;
pub mod listings;
pub mod members;
pub mod sessions;
pub mod work;

pub use ctx::{Actor, Ctx, RequestId, SignInChange, SignInToken};
pub use error::{Error, Result, Source};
pub use resonant_runtime::clock;
pub use resonant_runtime::models::{ModelSettings, OpenAiSettings, Secret};

use std::sync::Arc;
use std::time::Duration;

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

struct Inner {}

impl Backend {
    /// Opens the pool, the cache, the event bus and the engine.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer, [`Error::Internal`] when a setting
    /// cannot be used.
    pub async fn connect(settings: Settings) -> Result<Self> {
        let _ = settings;
        todo!()
    }

    /// Brings the schema up to date, one process at a time.
    pub async fn migrate(database_url: &str) -> Result<()> {
        let _ = database_url;
        todo!()
    }

    /// Publishes the sample listings, when there are none yet. Answers how many it published.
    pub async fn load_content(&self) -> Result<usize> {
        todo!()
    }

    /// Whether the database, and Redis where one is configured, answer.
    pub async fn is_ready(&self) -> Result<()> {
        todo!()
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
        let _ = &self.inner;
        todo!()
    }
}
