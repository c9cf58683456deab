//! Workers that are killed, stopped and poisoned. Each is a process of its own: this program again,
//! told by a variable to be a worker, with the loop that a server runs. `RESONANT_FAULTS=full` makes the runs
//! long.

mod asleep;
mod poison;
mod restarts;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream;
use resonant_domain::agent::{AgentSpec, ToolGrant};
use resonant_domain::session::{NewDecision, Session, Usage};
use resonant_domain::waiting::{Decision, OutcomeChoice, WaitReason};
use resonant_runtime::Engine;
use resonant_runtime::clock::SystemClock;
use resonant_runtime::models::{
    CallRequest, FinishReason, Message, Model, ModelPiece, ModelRequest, Models, ReplyStream,
};
use resonant_runtime::tools::{Tool, ToolContext, ToolError, ToolFuture, Tools};
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use super::*;
use crate::database::Database;
use crate::{Settings, agents, sample};

const BOTH: [&str; 2] = ["calculator", "datetime"];
/// Which database's a worker is.
const WORKER: &str = "RESONANT_FAULTS_WORKER";
/// The seconds of its leases.
const LEASE: &str = "RESONANT_FAULTS_LEASE";
/// The file to which it writes what was refused.
const REFUSALS: &str = "RESONANT_FAULTS_REFUSALS";
/// How long a tool takes for what is slow, and a model that thinks about it.
const SLOW: Duration = Duration::from_millis(500);

#[expect(clippy::disallowed_methods, reason = "a test may be told how long to run, or what to be")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn is_full() -> bool {
    variable("RESONANT_FAULTS").as_deref() == Some("full")
}

/// Asks for both tools at once, or for all agents that it may call, then answers.
struct Twofold;

impl Model for Twofold {
    fn provider(&self) -> &'static str {
        "twofold"
    }

    fn reply(&self, request: ModelRequest) -> ReplyStream {
        let usage = Usage { input_tokens: 1, output_tokens: 1, ..Usage::default() };
        let Some(Message::User { text, .. }) = request.messages.first() else {
            return stream::empty().boxed();
        };
        let thinks = if text == "think" { SLOW } else { Duration::ZERO };
        let goal = json!({ "goal": text });
        let call = |tool: &str| CallRequest {
            call_id: String::new(),
            tool: tool.to_owned(),
            arguments: goal.clone(),
            provider_data: None,
        };
        let pieces = if matches!(request.messages.last(), Some(Message::User { .. })) {
            let agents = request.tools.iter().filter(|tool| tool.name.starts_with("agent_"));
            let mut calls: Vec<_> = agents.map(|tool| call(&tool.name)).collect();
            if calls.is_empty() {
                calls = BOTH.map(call).to_vec();
            }
            let reason = FinishReason::ToolCalls;
            vec![Ok(ModelPiece::Finish { calls, usage, reason })]
        } else {
            let reason = FinishReason::Stop;
            vec![
                Ok(ModelPiece::Output("done".to_owned())),
                Ok(ModelPiece::Finish { calls: Vec::new(), usage, reason }),
            ]
        };
        let answer = async move {
            tokio::time::sleep(thinks).await;
            stream::iter(pieces)
        };
        stream::once(answer).flatten().boxed()
    }
}

/// Takes effect by a row in a table: once for each idempotency key, or each time that it is called.
struct Recorder {
    pool: PgPool,
    name: &'static str,
    is_safe_to_repeat: bool,
}

impl Recorder {
    async fn record(&self, session: &str, what: &str, key: Option<&str>) -> Result<(), ToolError> {
        let recorded = record(&self.pool, session, what, key).await;
        recorded.map_err(|error| ToolError::Failed(error.to_string()))
    }
}

impl Tool for Recorder {
    fn name(&self) -> &'static str {
        self.name
    }
    fn description(&self) -> &'static str {
        "takes effect"
    }
    fn parameters(&self) -> Value {
        json!({ "type": "object", "additionalProperties": true })
    }
    fn is_safe_to_repeat(&self) -> bool {
        self.is_safe_to_repeat
    }
    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            let key = self.is_safe_to_repeat.then_some(context.idempotency_key.as_str());
            let session = context.idempotency_key.split('/').next().unwrap_or_default();
            if arguments["goal"] == "slow" {
                tokio::time::sleep(SLOW).await;
            }
            self.record(session, self.name, key).await?;
            if arguments["goal"] == "poison" {
                // Each time that it is called.
                self.record(session, "poison", None).await?;
                std::process::abort();
            }
            Ok("recorded".to_owned())
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "a table of these tests alone")]
async fn make_table(pool: &PgPool) {
    let table =
        "CREATE TABLE fault_effects (session TEXT NOT NULL, tool TEXT NOT NULL, key TEXT UNIQUE)";
    sqlx::query(table).execute(pool).await.unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a table of these tests alone")]
async fn record(pool: &PgPool, session: &str, tool: &str, key: Option<&str>) -> sqlx::Result<()> {
    let row = "INSERT INTO fault_effects VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING";
    sqlx::query(row).bind(session).bind(tool).bind(key).execute(pool).await.map(drop)
}

#[expect(clippy::disallowed_methods, reason = "a table of these tests alone")]
async fn effects(pool: &PgPool, session: SessionId, tool: &str) -> i64 {
    let count = "SELECT count(*) FROM fault_effects WHERE session = $1 AND tool = $2";
    let count = sqlx::query_scalar(count).bind(session.to_string()).bind(tool);
    count.fetch_one(pool).await.unwrap()
}

fn backend(pool: PgPool) -> Backend {
    backend_with(pool, &sample::settings())
}

fn backend_with(pool: PgPool, settings: &Settings) -> Backend {
    let clock = Arc::new(SystemClock);
    let recorder = |name, is_safe_to_repeat| {
        Arc::new(Recorder { pool: pool.clone(), name, is_safe_to_repeat })
    };
    let tools = Tools::empty().with(recorder("calculator", true)).with(recorder("datetime", false));
    let models = Models::with_language_model(Arc::new(Twofold), "twofold-1");
    let engine = Engine::new(models, tools, clock.clone());
    Backend::with_engine(Database::of(pool), settings, clock, engine).unwrap()
}

/// The loops of a process with four workers.
async fn work_on(backend: &Backend, stopping: &CancellationToken) {
    let workers = (0..4).map(|number| {
        let name = format!("{}-{number}", std::process::id());
        work_until(backend.clone(), name, stopping.clone())
    });
    futures::future::join_all(workers).await;
}

/// Is a worker when it is told to be one: four sessions at a time until it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn the_worker() {
    let Some(database) = variable(WORKER) else { return };
    if let Some(path) = variable(REFUSALS) {
        asleep::write_refusals(&path);
    }
    // The same cluster, with its password: the tests read it from the same variable.
    let cluster: PgConnectOptions = variable("DATABASE_URL").unwrap().parse().unwrap();
    // One that is stopped in the middle of a transaction keeps its locks for so long, as in a server.
    let patience = [("idle_in_transaction_session_timeout", "2s")];
    let options = cluster.database(&database).options(patience);
    let mut settings = sample::settings();
    if let Some(seconds) = variable(LEASE) {
        settings.lease = Duration::from_secs(seconds.parse().unwrap());
    }
    let backend = backend_with(PgPool::connect_with(options).await.unwrap(), &settings);
    work_on(&backend, &CancellationToken::new()).await;
}

struct Worker(Child);

impl Worker {
    fn spawn(pool: &PgPool) -> Self {
        Self::spawn_with(pool, &[])
    }

    fn spawn_with(pool: &PgPool, environment: &[(&str, &str)]) -> Self {
        let database = pool.connect_options().get_database().unwrap().to_owned();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "work::faults::the_worker", "--nocapture"])
            .env(WORKER, database)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// How many sessions it has.
    #[expect(clippy::disallowed_methods, reason = "a count of these tests alone")]
    async fn held(&self, pool: &PgPool) -> usize {
        let held =
            "SELECT count(*) FROM session_queue WHERE worker LIKE $1 AND lease_until > now()";
        let name = format!("{}-%", self.0.id());
        let held: i64 = sqlx::query_scalar(held).bind(name).fetch_one(pool).await.unwrap();
        usize::try_from(held).unwrap()
    }
}

impl Drop for Worker {
    /// SIGKILL: the worker has no time to do anything.
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn queue(ctx: &Ctx, tools: &[&str], goals: &[&str]) -> Vec<Session> {
    let tools = tools.iter().copied().map(ToolGrant::new).collect();
    let agent = agents::create(ctx, AgentSpec { tools, ..sample::spec("Twofold") }).await.unwrap();
    let mut queued = Vec::new();
    for goal in goals {
        queued.push(sessions::start(ctx, agent.id, sample::goal(goal)).await.unwrap());
    }
    queued
}

/// Says of each call whose outcome is unknown what a person would find out. Answers how many sessions
/// are not over.
async fn decide_and_count(ctx: &Ctx, pool: &PgPool, open: &mut Vec<SessionId>) -> usize {
    let mut still = Vec::new();
    for id in std::mem::take(open) {
        let session = sessions::get(ctx, id).await.unwrap();
        if session.state.is_terminal() {
            continue;
        }
        still.push(id);
        if let Some(wait) = session.waiting {
            if let WaitReason::Agents { calls, .. } = &wait.reason {
                still.extend(calls.iter().map(|call| call.session_id));
                continue;
            }
            let WaitReason::UnknownOutcome { .. } = wait.reason else { panic!("{wait:?}") };
            let choice = if effects(pool, id, "datetime").await > 0 {
                OutcomeChoice::Done { content: String::new() }
            } else {
                OutcomeChoice::Repeat
            };
            let decision = Decision::Outcome { choice };
            let decided = NewDecision { waiting: wait.sequence, decision };
            sessions::decide(ctx, id, decided).await.unwrap();
        }
    }
    still.sort_unstable();
    still.dedup();
    *open = still;
    open.len()
}

/// A moment that differs each time.
fn moment(most_ms: u64) -> Duration {
    let [low, high]: [u8; 2] = crate::backend::random().unwrap();
    Duration::from_millis(u64::from(u16::from_le_bytes([low, high])) % most_ms)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn killed_workers_lose_nothing_and_repeat_nothing(pool: PgPool) {
    make_table(&pool).await;
    let backend = backend(pool.clone());
    let count = if is_full() { 2_000 } else { 60 };
    let owners = futures::future::join_all((0..8).map(|_| sample::guest(&backend))).await;
    let mut lots = Vec::new();
    for owner in owners {
        let ctx = owner.unwrap();
        let goals = vec!["go"; count / 8 + 1];
        let ids: Vec<_> =
            queue(&ctx, &BOTH, &goals).await.iter().map(|session| session.id).collect();
        lots.push((ctx, ids.clone(), ids));
    }
    let began = Instant::now();
    let kills = kill_until_over(&pool, &mut lots).await;
    for (ctx, all, _) in &lots {
        for id in all {
            let session = sessions::get(ctx, *id).await.unwrap();
            assert_eq!(session.state, SessionState::Completed, "{:?}", session.reason);
            for tool in BOTH {
                assert_eq!(effects(&pool, *id, tool).await, 1, "{tool}");
            }
        }
    }
    tell(count, kills, began.elapsed());
}

type Lot = (Ctx, Vec<SessionId>, Vec<SessionId>);

/// Kills workers at any moment until no session is left open. Answers how many it killed.
async fn kill_until_over(pool: &PgPool, lots: &mut [Lot]) -> usize {
    let mut workers: Vec<_> = (0..3).map(|_| Worker::spawn(pool)).collect();
    let (mut kills, began) = (0, Instant::now());
    loop {
        let mut open = 0;
        for (ctx, _, left) in &mut *lots {
            open += decide_and_count(ctx, pool, left).await;
        }
        if open == 0 {
            break;
        }
        assert!(began.elapsed() < Duration::from_mins(15), "{open} sessions are not over");
        tokio::time::sleep(moment(700)).await;
        if kills < 4 || is_full() {
            drop(workers.remove(0));
            kills += 1;
            workers.push(Worker::spawn(pool));
        }
    }
    assert!(kills > 0);
    kills
}

#[expect(clippy::disallowed_methods, reason = "a count of these tests alone")]
async fn called(pool: &PgPool, caller: SessionId) -> Vec<SessionId> {
    let ids = "SELECT session_id FROM sessions WHERE caller_session_id = $1 ORDER BY session_id";
    let ids: Vec<uuid::Uuid> =
        sqlx::query_scalar(ids).bind(caller.as_uuid()).fetch_all(pool).await.unwrap();
    ids.into_iter().map(SessionId::from_uuid).collect()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn killed_workers_call_each_agent_once_and_lose_no_answer(pool: PgPool) {
    make_table(&pool).await;
    let backend = backend(pool.clone());
    let count = if is_full() { 400 } else { 16 };
    let ctx = sample::guest(&backend).await.unwrap();
    let tools = BOTH.map(ToolGrant::new).to_vec();
    let called_agent =
        agents::create(&ctx, AgentSpec { tools, ..sample::spec("Twofold") }).await.unwrap();
    let one = resonant_domain::agent_tool::grant_of(&called_agent, &[]);
    let two = resonant_domain::agent_tool::grant_of(&called_agent, std::slice::from_ref(&one));
    let tools = vec![one, two];
    let agent = agents::create(&ctx, AgentSpec { tools, ..sample::spec("Caller") }).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(sessions::start(&ctx, agent.id, sample::goal("go")).await.unwrap().id);
    }
    let began = Instant::now();
    let mut lots = [(ctx, ids.clone(), ids)];
    let kills = kill_until_over(&pool, &mut lots).await;
    let [(ctx, ids, _)] = lots;
    for id in ids {
        let session = sessions::get(&ctx, id).await.unwrap();
        assert_eq!(session.state, SessionState::Completed, "{:?}", session.reason);
        let parts = called(&pool, id).await;
        assert_eq!(parts.len(), 2, "each call starts one session");
        for part in parts {
            let part = sessions::get(&ctx, part).await.unwrap();
            assert_eq!(part.state, SessionState::Completed, "{:?}", part.reason);
            for tool in BOTH {
                assert_eq!(effects(&pool, part.id, tool).await, 1, "{tool}");
            }
        }
    }
    tell(count * 3, kills, began.elapsed());
}

#[expect(clippy::print_stderr, reason = "the figures of a long run are for whoever ran it")]
fn tell(sessions: usize, kills: usize, took: Duration) {
    eprintln!("{sessions} sessions, {kills} workers killed, {:.1} s", took.as_secs_f64());
}

/// Starts workers again that are gone, as whoever runs them does.
fn revive(pool: &PgPool, workers: &mut [Worker]) {
    for worker in workers {
        if worker.0.try_wait().unwrap().is_some() {
            *worker = Worker::spawn(pool);
        }
    }
}

/// Waits until sessions are over.
async fn until_over(pool: &PgPool, ctx: &Ctx, workers: &mut [Worker], mut open: Vec<SessionId>) {
    let began = Instant::now();
    while decide_and_count(ctx, pool, &mut open).await > 0 {
        assert!(began.elapsed() < Duration::from_mins(10), "{} are not over", open.len());
        revive(pool, workers);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
