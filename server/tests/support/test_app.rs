//! Builds the router over a fresh database.

use std::time::Duration;

use axum::Router;
use http::Method;
use leptos::config::LeptosOptions;
use resonant_backend::fresh_database::FreshDatabase;
use resonant_backend::members::{self, NewMember};
use resonant_backend::{
    Actor, Backend, EmbeddingSettings, GuestLimits, MailSettings, ModelSettings, OpenAiSettings,
    PasswordWork, PaymentSettings, RequestId, Secret, Settings, SignInChange,
};
use resonant_domain::agent::{Agent, AgentSpec, ToolGrant};
use resonant_domain::session::Session;
use serde_json::{Value, json};
use server::settings::{Limits, Operations, Site};
use server::worker::Workers;
use server::{AppState, Process, router};
use tokio_util::sync::CancellationToken;

use super::{Answer, Call, fresh_database};

/// How a test wants its application.
pub(crate) struct Builder {
    workers: usize,
    site: Site,
    limits: Limits,
    model_url: Option<String>,
    meanings_url: Option<String>,
    redis_url: Option<String>,
    operations: Operations,
    database: Option<FreshDatabase>,
    database_options: &'static str,
    database_connections: u32,
    payments: Option<PaymentSettings>,
    mail: Option<MailSettings>,
    guests: GuestLimits,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            workers: 0,
            site: Site::default(),
            limits: Limits::none(),
            redis_url: None,
            model_url: None,
            meanings_url: None,
            operations: Operations::default(),
            database: None,
            database_options: "",
            database_connections: 8,
            payments: None,
            mail: None,
            guests: GuestLimits::default(),
        }
    }
}

impl Builder {
    /// Runs this many sessions at a time. Without it sessions stay in the queue.
    pub(crate) fn workers(mut self, count: usize) -> Self {
        self.workers = count;
        self
    }

    /// Browsers see the application at this origin.
    pub(crate) fn at(mut self, origin: &str) -> Self {
        self.site = Site::at(origin).unwrap();
        self
    }

    /// Callers may ask so much.
    pub(crate) fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// A language model answers there.
    pub(crate) fn model(mut self, url: &str) -> Self {
        self.model_url = Some(url.to_owned());
        self
    }

    /// What texts mean is told there.
    pub(crate) fn meanings(mut self, url: &str) -> Self {
        self.meanings_url = Some(url.to_owned());
        self
    }

    /// Redis is there.
    pub(crate) fn redis(mut self, url: &str) -> Self {
        self.redis_url = Some(url.to_owned());
        self
    }

    /// On a database that the test has filled.
    pub(crate) fn on(mut self, database: FreshDatabase) -> Self {
        self.database = Some(database);
        self
    }

    /// The database tells how it answers each statement (`auto_explain`), in notices. There is one connection:
    /// each reads on its own what PostgreSQL keeps by connection, as the words that a language leaves out.
    pub(crate) fn explained(mut self) -> Self {
        self.database_options = "options=-c+session_preload_libraries%3Dauto_explain\
            +-c+auto_explain.log_min_duration%3D0+-c+auto_explain.log_analyze%3Don\
            +-c+auto_explain.log_buffers%3Don+-c+auto_explain.log_timing%3Doff\
            +-c+auto_explain.log_format%3Djson+-c+auto_explain.log_level%3Dnotice";
        self.database_connections = 1;
        self
    }

    /// Listings are paid for with money that is none.
    pub(crate) fn selling(mut self) -> Self {
        self.payments = Some(PaymentSettings::Test);
        self
    }

    /// That server takes mail.
    pub(crate) fn mail(mut self, url: &str) -> Self {
        self.mail = Some(MailSettings::new(url, "Resonant <hello@example.org>").unwrap());
        self
    }

    /// Guests may use so much.
    pub(crate) fn guests(mut self, limits: GuestLimits) -> Self {
        self.guests = limits;
        self
    }

    /// Prometheus reads `/metrics` with this token.
    pub(crate) fn metrics_token(mut self, token: &str) -> Self {
        self.operations.metrics_token = Some(Secret::new(token));
        self
    }

    pub(crate) async fn start(self) -> TestApp {
        let database = match self.database {
            Some(database) => database,
            None => fresh_database().await,
        };
        let mut url = database.url();
        if !self.database_options.is_empty() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(self.database_options);
        }
        let mut settings = Settings::new(url);
        settings.database.pool_size = self.database_connections;
        settings.database.pool_overflow = 0;
        settings.redis_url = self.redis_url;
        settings.payments = self.payments;
        settings.mail = self.mail;
        settings.public_origin = self.site.public_origin().map(str::to_owned);
        settings.guests = self.guests;
        settings.password_work = PasswordWork { memory_kib: 64, passes: 1 };
        settings.models = ModelSettings {
            openai: self.model_url.map(|url| OpenAiSettings {
                base_url: url.parse().unwrap(),
                api_key: None,
                model: "slow".to_owned(),
                input_price: 0,
                output_price: 0,
            }),
            embeddings: self.meanings_url.map(|url| EmbeddingSettings {
                base_url: url.parse().unwrap(),
                api_key: Some(Secret::new("sk-meanings")),
                model: "topics".to_owned(),
                price: 0,
            }),
            ..ModelSettings::default()
        };
        let backend = Backend::connect(settings).await.unwrap();
        let stopping = CancellationToken::new();
        let workers = Workers::start(&backend, self.workers, &stopping);
        // The repository's own files, found from this package's folder.
        let leptos = LeptosOptions::builder()
            .output_name("resonant")
            .site_root(concat!(env!("CARGO_MANIFEST_DIR"), "/../public"))
            .site_pkg_dir("pkg")
            .build();
        let state = AppState::from(Process {
            backend: backend.clone(),
            leptos,
            site: self.site,
            limits: self.limits,
            operations: self.operations,
            leaving: CancellationToken::new(),
            stopping: stopping.clone(),
        });
        TestApp { router: router(state), backend, stopping, workers: Some(workers), database }
    }
}

/// The application under test.
pub(crate) struct TestApp {
    pub(crate) router: Router,
    pub(crate) backend: Backend,
    pub(crate) stopping: CancellationToken,
    workers: Option<Workers>,
    database: FreshDatabase,
}

/// Someone with a cookie, or without one.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) token: Option<String>,
}

impl Visitor {
    pub(crate) const ANONYMOUS: Self = Self { token: None };
}

impl TestApp {
    pub(crate) fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) async fn start() -> Self {
        Self::builder().start().await
    }

    /// Where its database is.
    pub(crate) fn database_url(&self) -> String {
        self.database.url()
    }

    /// Starts workers later than the application.
    pub(crate) fn start_workers(&mut self, count: usize) {
        self.workers = Some(Workers::start(&self.backend, count, &self.stopping));
    }

    /// Ends the workers: what is queued from now on stays in the queue.
    pub(crate) async fn stop_workers(&mut self) {
        self.stopping.cancel();
        if let Some(workers) = self.workers.take() {
            workers.stopped().await;
        }
    }

    /// Ends the workers before the database goes. A test that passes ends with this.
    pub(crate) async fn end(mut self) {
        self.stop_workers().await;
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        Call::new(self.router.clone(), method, path)
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    pub(crate) async fn guest(&self) -> Visitor {
        let ctx = self.backend.ctx(Actor::Anonymous, RequestId::new("test"));
        members::begin_guest(&ctx).await.unwrap();
        visitor(&ctx)
    }

    pub(crate) async fn member(&self, name: &str) -> Visitor {
        let ctx = self.backend.ctx(Actor::Anonymous, RequestId::new("test"));
        let new = NewMember {
            email: format!("{name}@example.org"),
            password: "correct horse".to_owned(),
            display_name: name.to_owned(),
        };
        members::sign_up(&ctx, new).await.unwrap();
        visitor(&ctx)
    }

    /// A member who operates the installation.
    pub(crate) async fn admin(&self) -> Visitor {
        let visitor = self.member("admin").await;
        let ctx = self.backend.ctx(Actor::System, RequestId::new("test"));
        members::appoint_admin(&ctx, "admin@example.org").await.unwrap();
        visitor
    }

    /// What is at a path is there for admins alone.
    pub(crate) async fn hides_from_others(&self, path: &str) {
        let (member, guest) = (self.member("ada").await, self.guest().await);
        for (visitor, status) in [(&member, 404), (&guest, 404), (&Visitor::ANONYMOUS, 401)] {
            assert_eq!(self.get(path).by(visitor).await.status, status, "{path}");
        }
    }

    /// An agent of the visitor that can calculate.
    pub(crate) async fn agent(&self, visitor: &Visitor, name: &str) -> Agent {
        let spec = AgentSpec {
            name: name.to_owned(),
            tools: vec![ToolGrant::new("calculator"), ToolGrant::new("extract")],
            ..AgentSpec::default()
        };
        let answer = self.post("/api/v1/agents").by(visitor).json(&spec).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.read()
    }

    /// An agent of the visitor with a published version.
    pub(crate) async fn published_agent(&self, visitor: &Visitor, name: &str) -> Agent {
        let agent = self.agent(visitor, name).await;
        let path = format!("/api/v1/agents/{}", agent.id);
        let whole = json!({ "description": "Reckons", "system_prompt": "Reckon." });
        let changed = self.call(Method::PATCH, &path).by(visitor).json(&whole).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        let published = self.post(&format!("{path}/versions")).by(visitor).json(&json!({})).await;
        assert_eq!(published.status, 201, "{published:?}");
        agent
    }

    /// A moderator reads what was handed in, by the answer to that, and decides about it.
    pub(crate) async fn decide(&self, root: &Visitor, made: &Answer, decision: &Value) -> Answer {
        let made = made.value();
        let id = made["submissions"][0]["id"].as_str().unwrap();
        let path = format!("/api/v1/submissions/{id}");
        let mut decision = decision.clone();
        decision["seen"] = self.get(&path).by(root).await.value()["seen"].take();
        let done = self.post(&format!("{path}/decisions")).by(root).json(&decision).await;
        assert_eq!(done.status, 200, "{done:?}");
        done
    }

    /// A session of the agent on the goal.
    pub(crate) async fn session(&self, visitor: &Visitor, agent: &Agent, goal: &str) -> Session {
        let path = format!("/api/v1/agents/{}/execute", agent.id);
        let answer = self.post(&path).by(visitor).json(&json!({ "goal": goal })).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.read()
    }

    /// Follows the session to its end.
    pub(crate) async fn finish(&self, visitor: &Visitor, session: &Session) -> Session {
        let stream = self.get(&format!("/api/v1/sessions/{}/stream", session.id)).by(visitor);
        tokio::time::timeout(Duration::from_secs(30), stream).await.expect("the session ends");
        self.get(&format!("/api/v1/sessions/{}", session.id)).by(visitor).await.read()
    }
}

fn visitor(ctx: &resonant_backend::Ctx) -> Visitor {
    match ctx.sign_in_change() {
        Some(SignInChange::Issued(token)) => Visitor { token: Some(token.as_str().to_owned()) },
        other => panic!("nobody was signed in: {other:?}"),
    }
}
