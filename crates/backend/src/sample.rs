//! Builders for tests: a backend on a test's own database, people, agents, and events.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use resonant_domain::AgentId;
use resonant_domain::agent::{AgentSpec, ToolGrant};
use resonant_domain::api_key::{NewApiKey, Scope};
use resonant_domain::knowledge::{DocumentFormat, NewDocument};
use resonant_domain::metric::Family;
use resonant_domain::money::MicroUsd;
use resonant_domain::schedule::NewSchedule;
use resonant_domain::secret::NewSecret;
use resonant_domain::session::{NewSession, Usage};
use resonant_domain::test_set::{NewTestSet, TestCase};
use resonant_domain::variable::Values;
use resonant_domain::webhook::{NewTrigger, NewWebhook};
use resonant_runtime::Engine;
use resonant_runtime::clock::{Clock, SystemClock};
use resonant_runtime::models::{
    FinishReason, Message, Model, ModelPiece, ModelRequest, Models, ReplyStream,
};
use resonant_runtime::tools::Tools;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::database::{Database, DatabaseSettings};
use crate::members::{self, NewMember};
use crate::{Actor, Backend, Ctx, PasswordWork, RequestId, Result, Settings, work};

impl Backend {
    /// A backend on the database of a test: cheap passwords, a short lease, the machine's clock.
    ///
    /// # Panics
    /// When the engine cannot be built.
    #[must_use]
    pub fn for_tests(pool: PgPool) -> Self {
        Self::for_tests_at(pool, Arc::new(SystemClock))
    }

    /// The same with a clock that the test moves.
    ///
    /// # Panics
    /// When the engine cannot be built.
    #[must_use]
    pub fn for_tests_at(pool: PgPool, clock: Arc<dyn Clock>) -> Self {
        Self::with_database(Database::of(pool), &settings(), clock)
            .expect("the settings of tests can be used")
    }

    /// The same with settings of the test's own; the database is the pool's.
    ///
    /// # Panics
    /// When a setting cannot be used.
    #[must_use]
    pub fn for_tests_with(pool: PgPool, settings: &Settings) -> Self {
        Self::with_database(Database::of(pool), settings, Arc::new(SystemClock))
            .expect("the settings of tests can be used")
    }

    /// The same with both of the test's own.
    ///
    /// # Panics
    /// When a setting cannot be used.
    #[must_use]
    pub fn for_tests_at_with(pool: PgPool, clock: Arc<dyn Clock>, settings: &Settings) -> Self {
        Self::with_database(Database::of(pool), settings, clock)
            .expect("the settings of tests can be used")
    }

    /// The same with an engine of the test's own, for scripted models.
    ///
    /// # Panics
    /// When a setting cannot be used.
    #[must_use]
    pub fn for_tests_with_engine(pool: PgPool, clock: Arc<dyn Clock>, engine: Engine) -> Self {
        Self::with_engine(Database::of(pool), &settings(), clock, engine)
            .expect("the settings of tests can be used")
    }

    /// The same on connections as the product opens them.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] when the database does not answer.
    ///
    /// # Panics
    /// When the engine cannot be built.
    pub async fn as_it_ships(url: &str, engine: Engine) -> Result<Self> {
        let settings = Settings { database: DatabaseSettings::new(url.to_owned()), ..settings() };
        let database = Database::open(&settings.database, None).await?;
        let backend = Self::with_engine(database, &settings, Arc::new(SystemClock), engine)?;
        backend.cache();
        Ok(backend)
    }

    /// A context of nobody known.
    #[must_use]
    pub fn anonymous(&self) -> Ctx {
        self.ctx(Actor::Anonymous, RequestId::new("test"))
    }

    /// A context of the installation itself.
    #[must_use]
    pub fn system(&self) -> Ctx {
        self.ctx(Actor::System, RequestId::new("test"))
    }
}

/// A language model that follows the goal to the letter: a goal with "wait" in it is answered with
/// one piece of text and then nothing more, any other goal with itself.
#[derive(Debug)]
pub struct Parrot;

impl Model for Parrot {
    fn provider(&self) -> &'static str {
        "parrot"
    }

    fn reply(&self, request: ModelRequest) -> ReplyStream {
        let goal = request.messages.iter().find_map(|message| match message {
            Message::User { text, .. } => Some(text.clone()),
            _ => None,
        });
        let goal = goal.unwrap_or_default();
        let waits = goal.contains("wait");
        let text = stream::iter([Ok(ModelPiece::Output(goal))]);
        if waits {
            return text.chain(stream::pending()).boxed();
        }
        let usage = Usage { input_tokens: 3, output_tokens: 2, cost: MicroUsd(7) };
        let finish = ModelPiece::Finish { calls: Vec::new(), usage, reason: FinishReason::Stop };
        text.chain(stream::iter([Ok(finish)])).boxed()
    }
}

/// A backend whose agents are answered by [`Parrot`].
///
/// # Panics
/// When the engine cannot be built.
#[must_use]
pub fn with_parrot(pool: PgPool) -> Backend {
    let (clock, settings) = (Arc::new(SystemClock), settings());
    let models = Models::with_language_model(Arc::new(Parrot), "parrot-1")
        .watched_by(Arc::new(settings.metrics.clone()));
    let engine = Engine::new(models, Tools::empty(), clock.clone());
    Backend::with_engine(Database::of(pool), &settings, clock, engine)
        .expect("the settings of tests can be used")
}

/// The settings of tests: the weakest password hashes, a lease of three seconds, which a busy machine keeps.
#[must_use]
pub fn settings() -> Settings {
    Settings {
        lease: Duration::from_secs(3),
        password_work: PasswordWork { memory_kib: 8, passes: 1 },
        ..Settings::new(String::new())
    }
}

/// How often a connection to the database was asked for.
#[must_use]
pub fn connections_asked(backend: &Backend) -> u64 {
    let counted = backend.metrics().counted();
    let waits = counted.iter().filter(|(family, ..)| *family == Family::DbPoolWait);
    waits.map(|(_, _, all)| all.count).sum()
}

/// A new guest.
///
/// # Errors
/// Those of [`members::begin_guest`].
pub async fn guest(backend: &Backend) -> Result<Ctx> {
    let ctx = backend.anonymous();
    members::begin_guest(&ctx).await?;
    Ok(ctx)
}

/// A new member with the address `<name>@example.org`.
///
/// # Errors
/// Those of [`members::sign_up`].
pub async fn member(backend: &Backend, name: &str) -> Result<Ctx> {
    let ctx = backend.anonymous();
    members::sign_up(&ctx, new_member(name)).await?;
    Ok(ctx)
}

/// What someone called `name` writes to sign up.
#[must_use]
pub fn new_member(name: &str) -> NewMember {
    NewMember {
        email: format!("{name}@example.org"),
        password: format!("{name}'s password"),
        display_name: name.to_owned(),
    }
}

/// A valid agent of this name with two tools.
#[must_use]
pub fn spec(name: &str) -> AgentSpec {
    AgentSpec {
        name: name.to_owned(),
        description: format!("What {name} is for"),
        system_prompt: "Answer briefly.".to_owned(),
        tools: vec![ToolGrant::new("calculator"), ToolGrant::new("datetime")],
        ..AgentSpec::default()
    }
}

/// A key of this name with these scopes; with none, one that reads agents.
#[must_use]
pub fn key(name: &str, scopes: &[Scope]) -> NewApiKey {
    let scopes = if scopes.is_empty() { vec![Scope::AgentsRead] } else { scopes.to_vec() };
    NewApiKey { name: name.to_owned(), scopes, expires_at: None }
}

/// A PNG with colours that run into each other. Another `hue` makes another file.
///
/// # Panics
/// When it cannot be written.
#[must_use]
pub fn picture(width: u32, height: u32, hue: u8) -> Vec<u8> {
    let part = |place: u32, of: u32| u8::try_from(place * 255 / of).unwrap_or(u8::MAX);
    let points = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([part(x, width), part(y, height), hue])
    });
    let mut file = std::io::Cursor::new(Vec::new());
    points.write_to(&mut file, image::ImageFormat::Png).expect("a picture is written to memory");
    file.into_inner()
}

/// A schedule of the agent by this crontab line, in Berlin.
#[must_use]
pub fn schedule(agent_id: AgentId, cron: &str) -> NewSchedule {
    NewSchedule {
        agent_id,
        cron: cron.to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        goal: "Read the news".to_owned(),
        context: None,
        variables: Values::new(),
    }
}

/// A trigger of the agent.
#[must_use]
pub fn trigger(agent_id: AgentId) -> NewTrigger {
    NewTrigger { agent_id, goal: "Read the order".to_owned(), variables: Values::new() }
}

/// A webhook that nobody answers.
#[must_use]
pub fn webhook() -> NewWebhook {
    NewWebhook { url: "http://127.0.0.1:9/".to_owned(), agent_id: None }
}

/// A secret of this name for `api.example.org`.
#[must_use]
pub fn secret(name: &str) -> NewSecret {
    NewSecret {
        name: name.to_owned(),
        value: format!("the value of {name}"),
        hosts: vec!["api.example.org".to_owned()],
    }
}

/// A document of this title about leave and travel.
#[must_use]
pub fn document(title: &str) -> NewDocument {
    NewDocument {
        title: title.to_owned(),
        format: Some(DocumentFormat::Markdown),
        text: "# Leave\n\nEmployees get 30 days of paid leave a year.\n\n# Travel\n\nTrains are booked by \
               the office. Taxis need the approval of a manager."
            .to_owned(),
    }
}

/// A session that shall reach `goal`.
#[must_use]
pub fn goal(goal: &str) -> NewSession {
    NewSession { goal: goal.to_owned(), ..NewSession::default() }
}

/// Runs every session that waits, one after the other, to its end.
///
/// # Panics
/// When one cannot be claimed or run.
pub async fn work_off(backend: &Backend) {
    let system = backend.system();
    while let Some(claim) = work::claim(&system, "worker").await.expect("it can be claimed") {
        let shutdown = CancellationToken::new();
        work::run(&system, claim, shutdown).await.expect("it can be run");
    }
}

/// A test set of one case.
#[must_use]
pub fn test_set() -> NewTestSet {
    let case = TestCase { goal: "What is 1 + 1?".to_owned(), ..TestCase::default() };
    NewTestSet { name: "Basics".to_owned(), cases: vec![case] }
}
