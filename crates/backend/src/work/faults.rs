//! Workers that are killed, stopped and poisoned. Each is a process of its own: this program again,
//! told by a variable to be a worker. `RESONANT_FAULTS=full` makes the runs long.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream;
use resonant_domain::agent::{AgentSpec, ToolGrant};
use resonant_domain::session::{NewDecision, Session};
use resonant_domain::waiting::{Decision, OutcomeChoice, WaitReason};
use resonant_runtime::Engine;
use resonant_runtime::clock::SystemClock;
use resonant_runtime::models::{
    CallRequest, FinishReason, Message, Model, ModelPiece, ModelRequest, Models, ReplyStream,
};
use resonant_runtime::tools::{Tool, ToolContext, ToolError, ToolFuture, Tools};
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::*;
use crate::own_cluster::Cluster;
use crate::{agents, sample};

const BOTH: [&str; 2] = ["calculator", "datetime"];
const WORKER: &str = "RESONANT_FAULTS_WORKER";

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
        let call = |tool: &str, arguments: Value| CallRequest {
            call_id: String::new(),
            tool: tool.to_owned(),
            arguments,
        };
        let pieces = if matches!(request.messages.last(), Some(Message::User { .. })) {
            let Some(Message::User { text, .. }) = request.messages.first() else {
                return stream::empty().boxed();
            };
            let goal = json!({ "goal": text });
            let agents = request.tools.iter().filter(|tool| tool.name.starts_with("agent_"));
            let mut calls: Vec<_> = agents.map(|tool| call(&tool.name, goal.clone())).collect();
            if calls.is_empty() {
                calls = vec![call("calculator", goal.clone()), call("datetime", goal)];
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
        stream::iter(pieces).boxed()
    }
}

/// Takes effect by a row in a table: once for each idempotency key, or each time that it is called.
struct Recorder {
    pool: PgPool,
    name: &'static str,
    is_safe_to_repeat: bool,
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
            record(&self.pool, session, self.name, key)
                .await
                .map_err(|error| ToolError::Failed(error.to_string()))?;
            if arguments["goal"] == "poison" {
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
    let clock = Arc::new(SystemClock);
    let recorder = |name, is_safe_to_repeat| {
        Arc::new(Recorder { pool: pool.clone(), name, is_safe_to_repeat })
    };
    let tools = Tools::empty().with(recorder("calculator", true)).with(recorder("datetime", false));
    let models = Models::with_language_model(Arc::new(Twofold), "twofold-1");
    let engine = Engine::new(models, tools, clock.clone());
    Backend::for_tests_with_engine(pool, clock, engine)
}

/// Is a worker when it is told to be one: four sessions at a time until it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn the_worker() {
    let Some(database) = variable(WORKER) else { return };
    // The same cluster, with its password: the tests read it from the same variable.
    let cluster: PgConnectOptions = variable("DATABASE_URL").unwrap().parse().unwrap();
    // One that is stopped in the middle of a transaction keeps its locks for so long, as in a server.
    let patience = [("idle_in_transaction_session_timeout", "2s")];
    let options = cluster.database(&database).options(patience);
    let backend = backend(PgPool::connect_with(options).await.unwrap());
    let tasks = (0..4).map(|number| {
        let backend = backend.clone();
        tokio::spawn(async move {
            let (system, name) = (backend.system(), format!("{}-{number}", std::process::id()));
            loop {
                match claim(&system, &name).await {
                    Ok(Some(claim)) => drop(run(&system, claim, CancellationToken::new()).await),
                    Ok(None) => wait(&backend, Duration::from_millis(200)).await,
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        })
    });
    futures::future::join_all(tasks).await;
}

struct Worker(Child);

impl Worker {
    fn spawn(pool: &PgPool) -> Self {
        let database = pool.connect_options().get_database().unwrap().to_owned();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "work::faults::the_worker", "--nocapture"])
            .env(WORKER, database)
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

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_worker_that_was_asleep_past_its_lease_writes_nothing(pool: PgPool) {
    make_table(&pool).await;
    let backend = backend(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let goals = vec!["go"; if is_full() { 400 } else { 40 }];
    let ids: Vec<_> = queue(&ctx, &BOTH, &goals).await.iter().map(|session| session.id).collect();
    let mut open = ids.clone();
    let sleeper = Worker::spawn(&pool);
    while decide_and_count(&ctx, &pool, &mut open).await == ids.len() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    sleeper.signal("-STOP");
    let _other = Worker::spawn(&pool);
    let began = Instant::now();
    while decide_and_count(&ctx, &pool, &mut open).await > 0 {
        assert!(began.elapsed() < Duration::from_mins(2), "{} are not over", open.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let last = async || {
        let mut all = Vec::new();
        for id in &ids {
            all.push(sessions::get(&ctx, *id).await.unwrap().last_sequence);
        }
        all
    };
    let before = last().await;
    sleeper.signal("-CONT");
    // It wakes up in the middle of what it did, and has time to try all of it.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(last().await, before);
    // What took effect elsewhere before the lease was lost is known by its key.
    for id in ids {
        assert_eq!(effects(&pool, id, "calculator").await, 1);
    }
}

/// Waits until sessions are over, and starts workers again that are gone, as whoever runs them does.
async fn until_over(pool: &PgPool, ctx: &Ctx, workers: &mut [Worker], mut open: Vec<SessionId>) {
    let began = Instant::now();
    while decide_and_count(ctx, pool, &mut open).await > 0 {
        assert!(began.elapsed() < Duration::from_mins(10), "{} are not over", open.len());
        for worker in &mut *workers {
            if worker.0.try_wait().unwrap().is_some() {
                *worker = Worker::spawn(pool);
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How long four workers take for sessions that are well, beside one that kills its workers or none.
async fn drained_in(pool: &PgPool, ctx: &Ctx, count: usize, poison: bool) -> Duration {
    let poisoned = if poison { queue(ctx, &["calculator"], &["poison"]).await } else { Vec::new() };
    let goals = vec!["go"; count];
    let well = queue(ctx, &["calculator"], &goals).await;
    let mut workers: Vec<_> = (0..4).map(|_| Worker::spawn(pool)).collect();
    let began = Instant::now();
    let all = well.iter().map(|session| session.id).collect();
    until_over(pool, ctx, &mut workers, all).await;
    let took = began.elapsed();
    for session in poisoned {
        until_over(pool, ctx, &mut workers, vec![session.id]).await;
        let session = sessions::get(ctx, session.id).await.unwrap();
        assert_eq!(session.reason.as_deref(), Some("Its worker was lost 3 times"));
    }
    for session in well {
        let session = sessions::get(ctx, session.id).await.unwrap();
        assert_eq!(session.state, SessionState::Completed, "{:?}", session.reason);
    }
    took
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn others_go_on_beside_a_session_that_kills_its_workers(pool: PgPool) {
    make_table(&pool).await;
    let backend = backend(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let count = if is_full() { 2_000 } else { 40 };
    let alone = drained_in(&pool, &ctx, count, false).await;
    let beside = drained_in(&pool, &ctx, count, true).await;
    let part = alone.as_secs_f64() / beside.as_secs_f64();
    tell_part(count, part);
    // A short run is mostly the start of the workers: its time says nothing.
    assert!(!is_full() || part >= 0.9, "{part:.2} of the throughput is left");
}

#[expect(clippy::print_stderr, reason = "the figures of a long run are for whoever ran it")]
fn tell_part(count: usize, part: f64) {
    eprintln!("{count} sessions, {part:.2} of the throughput beside a poisoned one");
}

/// The database is started anew again and again while a worker of the process itself works: what is in
/// the queue comes to its end, and a restart is no fault of a session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_end_however_often_the_database_is_started_anew() {
    let cluster = Cluster::primary(&[]);
    let url = cluster.url("resonant");
    Backend::migrate(&url).await.unwrap();
    let options: PgConnectOptions = url.parse().unwrap();
    let patience = PgPoolOptions::new().acquire_timeout(Duration::from_secs(1));
    let pool = patience.connect_lazy_with(options);
    make_table(&pool).await;
    let backend = backend(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let (restarts, count) = if is_full() { (20, 400) } else { (2, 40) };
    let ids: Vec<_> =
        queue(&ctx, &["calculator"], &vec!["go"; count]).await.iter().map(|it| it.id).collect();
    let over = CancellationToken::new();
    let workers = (0..4).map(|number| {
        let (backend, over) = (backend.clone(), over.clone());
        tokio::spawn(async move {
            let (system, name) = (backend.system(), format!("worker-{number}"));
            while !over.is_cancelled() {
                match claim(&system, &name).await {
                    Ok(Some(claim)) => drop(run(&system, claim, over.clone()).await),
                    _ => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        })
    });
    let workers: Vec<_> = workers.collect();
    for _ in 0..restarts {
        tokio::time::sleep(moment(600)).await;
        cluster.kill();
        assert!(cluster.start_again(), "it starts");
    }
    let began = Instant::now();
    for id in &ids {
        loop {
            let session = sessions::get(&ctx, *id).await;
            if let Some(session) = session.ok().filter(|session| session.state.is_terminal()) {
                assert_eq!(session.state, SessionState::Completed, "{:?}", session.reason);
                break;
            }
            assert!(began.elapsed() < Duration::from_mins(5), "{id} is not over");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // A tool that could not write while the database was away has said so.
        assert!(effects(&pool, *id, "calculator").await <= 1);
    }
    over.cancel();
    for worker in workers {
        worker.await.unwrap();
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_that_kills_its_workers_is_set_aside_after_three(pool: PgPool) {
    make_table(&pool).await;
    let backend = backend(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let poison = queue(&ctx, &["calculator"], &["poison"]).await.remove(0);
    let began = Instant::now();
    let mut crashes = 0;
    loop {
        let session = sessions::get(&ctx, poison.id).await.unwrap();
        if session.state.is_terminal() {
            assert_eq!(session.state, SessionState::Failed);
            assert_eq!(session.reason.as_deref(), Some("Its worker was lost 3 times"));
            break;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{session:?}");
        let mut worker = Worker::spawn(&pool);
        while worker.0.try_wait().unwrap().is_none() {
            let session = sessions::get(&ctx, poison.id).await.unwrap();
            if session.state.is_terminal() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        crashes +=
            usize::from(worker.0.try_wait().unwrap().is_some_and(|status| !status.success()));
    }
    // On a machine that is short of time a worker may lose its lease before it dies, which counts too.
    assert!((1..=3).contains(&crashes), "{crashes} workers crashed");
}
