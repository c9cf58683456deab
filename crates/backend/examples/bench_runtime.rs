//! What `./dev bench runtime` measures of ours: `loop`, `start`, `flow` or `tools`. Each prints one line
//! of figures. The model answers at once, so that only the work around it is counted.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]
#![expect(clippy::cast_precision_loss, reason = "figures are small")]
#![expect(clippy::disallowed_methods, reason = "it stands outside of the product")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, join_all};
use futures::{StreamExt as _, stream};
use resonant_backend::{Backend, Ctx, agents, sample, sessions, work};
use resonant_domain::agent::{AgentSpec, Limits, ToolGrant};
use resonant_domain::session::{Session, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_runtime::clock::{Clock, SystemClock};
use resonant_runtime::log::{LogError, SessionLog};
use resonant_runtime::models::{
    CallRequest, FinishReason, Message, Model, ModelPiece, ModelRequest, Models, ReplyStream,
};
use resonant_runtime::tools::{Tool, ToolContext, ToolFuture, Tools};
use resonant_runtime::{Engine, Run, Signals};
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// That of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As long as a worker of a server.
const IDLE: Duration = Duration::from_secs(5);

type Done<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Turns that call tools, of each agent.
const TURNS: usize = 10;
/// The tools that stand side by side in a turn.
const SIDE_BY_SIDE: [&str; 3] = ["first", "second", "third"];

/// Asks for the three tools in each turn, then answers: at once, or when it is let.
struct AtOnce {
    turns: usize,
    waiting: Arc<AtomicUsize>,
    may_answer: watch::Receiver<bool>,
}

impl Model for AtOnce {
    fn provider(&self) -> &'static str {
        "bench"
    }

    fn reply(&self, request: ModelRequest) -> ReplyStream {
        let done = request.messages.iter().filter(|m| matches!(m, Message::Tool { .. })).count();
        let usage = Usage { input_tokens: 1, output_tokens: 1, ..Usage::default() };
        if done < self.turns * SIDE_BY_SIDE.len() {
            let calls = SIDE_BY_SIDE.map(|tool| CallRequest {
                call_id: String::new(),
                tool: tool.to_owned(),
                // Each turn asks for something else, or it would be taken for going in circles.
                arguments: json!({ "turn": done }),
                provider_data: None,
            });
            let reason = FinishReason::ToolCalls;
            let finish = ModelPiece::Finish { calls: calls.to_vec(), usage, reason };
            return stream::iter([Ok(finish)]).boxed();
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut may_answer = self.may_answer.clone();
        let reason = FinishReason::Stop;
        let pieces = [
            Ok(ModelPiece::Output("done".to_owned())),
            Ok(ModelPiece::Finish { calls: Vec::new(), usage, reason }),
        ];
        let answer = async move {
            drop(may_answer.wait_for(|may| *may).await);
            stream::iter(pieces)
        };
        stream::once(answer).flatten().boxed()
    }
}

/// Says how often it was asked, after a while.
struct Echo {
    name: &'static str,
    takes: Duration,
}

impl Tool for Echo {
    fn name(&self) -> &'static str {
        self.name
    }
    fn description(&self) -> &'static str {
        "Says the number of the turn"
    }
    fn parameters(&self) -> Value {
        json!({ "type": "object", "properties": { "turn": { "type": "integer" } }, "required": ["turn"] })
    }
    fn computes(&self) -> bool {
        false
    }
    fn call<'a>(&'a self, arguments: &'a Value, _context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            if !self.takes.is_zero() {
                tokio::time::sleep(self.takes).await;
            }
            Ok(arguments["turn"].to_string())
        })
    }
}

/// A log that keeps nothing in this process, as that of the product does; the peer keeps none.
struct Elsewhere;

impl SessionLog for Elsewhere {
    fn append(
        &self,
        after: i64,
        entries: Vec<EventBody>,
        _usage: Usage,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>> {
        let at = SystemClock.now();
        let events = (after + 1..)
            .zip(entries)
            .map(|(sequence, body)| SessionEvent { sequence, at, body })
            .collect();
        Box::pin(async { Ok(events) })
    }
}

struct Bench {
    engine: Engine,
    waiting: Arc<AtomicUsize>,
    let_answer: watch::Sender<bool>,
}

fn bench(turns: usize, takes: Duration, may_answer: bool) -> Bench {
    let (let_answer, heard) = watch::channel(may_answer);
    let waiting = Arc::new(AtomicUsize::new(0));
    let model = AtOnce { turns, waiting: waiting.clone(), may_answer: heard };
    let tools = SIDE_BY_SIDE
        .into_iter()
        .fold(Tools::empty(), |tools, name| tools.with(Arc::new(Echo { name, takes })));
    let models = Models::with_language_model(Arc::new(model), "bench-1");
    Bench { engine: Engine::new(models, tools, Arc::new(SystemClock)), waiting, let_answer }
}

fn spec() -> AgentSpec {
    AgentSpec {
        name: "Bench".to_owned(),
        tools: SIDE_BY_SIDE.map(ToolGrant::new).to_vec(),
        limits: Limits { max_steps: 50, max_tokens: 100_000, ..Limits::default() },
        ..AgentSpec::default()
    }
}

/// The same without tools, for sessions that do nothing: those of the loop are of no installation.
fn idle_spec() -> AgentSpec {
    AgentSpec { tools: Vec::new(), ..spec() }
}

/// A session that no database knows.
fn session(number: usize) -> Done<Session> {
    let id = format!("00000000-0000-7000-8000-{number:012x}");
    let now = SystemClock.now();
    Ok(serde_json::from_value(json!({
        "id": id, "owner_id": id, "agent_id": id, "agent_name": "Bench",
        "agent_avatar": spec().avatar, "goal": "Go", "context": null, "state": "running",
        "reason": null, "limits": spec().limits, "steps": 0, "model": null, "last_sequence": 0,
        "usage": { "input_tokens": 0, "output_tokens": 0, "cost_micro_usd": 0 },
        "created_at": now, "started_at": now, "ended_at": null,
    }))?)
}

async fn run_one(engine: &Engine, number: usize) -> Done {
    let run = Run { session: session(number)?, agent: spec(), history: Vec::new() };
    engine.run(run, &Elsewhere, Signals::default()).await?;
    Ok(())
}

/// Processor time of this process so far, all of its threads together: to the nanosecond, as the scheduler
/// counts it, where `/proc/self/stat` has hundredths of a second. None of the threads ends meanwhile.
fn cpu() -> Done<Duration> {
    let mut nanos = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let spent = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let spent = spent.split_whitespace().next().ok_or("the scheduler counts nothing")?;
        nanos += spent.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Resident memory of this process in bytes.
fn memory() -> Done<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split_whitespace().nth(1).unwrap_or("0").parse()?;
    Ok(pages * 4_096)
}

/// CPU per turn in microseconds, and memory in bytes of each of `count` agents that are all at work.
async fn measure_loop(count: usize) -> Done {
    // The first ones pay for what is made once.
    run_one(&bench(TURNS, Duration::ZERO, true).engine, 0).await?;
    let bench = bench(TURNS, Duration::ZERO, false);
    let (cpu_before, memory_before) = (cpu()?, memory()?);
    let runs: Vec<_> = (0..count)
        .map(|number| {
            let engine = bench.engine.clone();
            tokio::spawn(async move { run_one(&engine, number).await })
        })
        .collect();
    while bench.waiting.load(Ordering::SeqCst) < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let used = memory()?.saturating_sub(memory_before);
    bench.let_answer.send(true)?;
    for run in join_all(runs).await {
        run??;
    }
    let spent = cpu()?.saturating_sub(cpu_before);
    let turns = (count * (TURNS + 1)) as f64;
    println!("{:.3} {}", spent.as_secs_f64() * 1e6 / turns, used / count as u64);
    Ok(())
}

/// The time of one turn with three tools of 100 ms each, in milliseconds.
async fn measure_tools(rounds: usize) -> Done {
    let bench = bench(1, Duration::from_millis(100), true);
    let mut times = Vec::new();
    for number in 0..rounds {
        let began = Instant::now();
        run_one(&bench.engine, number).await?;
        times.push(began.elapsed());
    }
    println!("{:.3}", median(times).as_secs_f64() * 1e3);
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

async fn connect() -> Done<PgPool> {
    let url = std::env::var("DATABASE_URL")?;
    Ok(PgPoolOptions::new()
        .max_connections(24)
        .connect_with(url.parse::<PgConnectOptions>()?)
        .await?)
}

async fn database(turns: usize) -> Done<(PgPool, Backend, Ctx)> {
    let pool = connect().await?;
    let engine = bench(turns, Duration::ZERO, true).engine;
    let backend = Backend::as_it_ships(&std::env::var("DATABASE_URL")?, engine).await?;
    let ctx = sample::guest(&backend).await?;
    Ok((pool, backend, ctx))
}

/// From asking for a session until a worker that slept has it, beside one fsync and notify: a row
/// that is committed, and a listener that hears of it. In turns; medians in microseconds.
async fn measure_start(rounds: usize) -> Done {
    let (pool, backend, ctx) = database(0).await?;
    let agent = agents::create(&ctx, idle_spec()).await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS bench_floor (n BIGINT)").execute(&pool).await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("bench_floor").await?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    let system = backend.system();
    // Opens the ear of the queue.
    work::wait(&backend, Duration::from_millis(500)).await;
    for round in 0..rounds + 10 {
        let worker = {
            let (backend, system) = (backend.clone(), system.clone());
            let stopping = CancellationToken::new();
            tokio::spawn(async move {
                loop {
                    let mut claim = work::claim(&system, "bench").await?;
                    if claim.is_none() {
                        claim = work::sleep(&backend, "bench", IDLE, &stopping).await;
                    }
                    if let Some(claim) = claim {
                        return Ok::<_, resonant_backend::Error>((Instant::now(), claim));
                    }
                }
            })
        };
        // The worker has found nothing and sleeps.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let began = Instant::now();
        sessions::start(&ctx, agent.id, sample::goal("Go")).await?;
        let (at, claim) = worker.await??;
        let taken = at.duration_since(began);
        work::run(&system, claim, CancellationToken::new()).await?;

        let hears = tokio::spawn(async move {
            let heard = listener.recv().await.map(|_| Instant::now());
            (heard, listener)
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let began = Instant::now();
        let insert =
            "WITH kept AS (INSERT INTO bench_floor VALUES (1)) SELECT pg_notify('bench_floor', '')";
        sqlx::query(insert).execute(&pool).await?;
        let (arrived, back) = hears.await?;
        listener = back;
        if round >= 10 {
            ours.push(taken);
            floor.push(arrived?.duration_since(began));
        }
    }
    let micros = |times| median(times).as_secs_f64() * 1e6;
    println!("{:.1} {:.1}", micros(ours), micros(floor));
    Ok(())
}

/// Sessions a second that do nothing: written down beforehand, then worked off by `workers`, as those of a
/// server take turns.
async fn measure_flow(count: usize, workers: usize) -> Done {
    let (pool, backend, ctx) = database(0).await?;
    let agent = agents::create(&ctx, idle_spec()).await?;
    for _ in 0..count {
        sessions::start(&ctx, agent.id, sample::goal("Go")).await?;
    }
    let stopping = CancellationToken::new();
    let began = Instant::now();
    let tasks: Vec<_> = (0..workers)
        .map(|number| {
            let name = format!("bench-{number}");
            tokio::spawn(work::work_until(backend.clone(), name, stopping.clone()))
        })
        .collect();
    while sqlx::query_scalar("SELECT EXISTS (SELECT FROM session_queue)").fetch_one(&pool).await? {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let took = began.elapsed();
    stopping.cancel();
    for task in join_all(tasks).await {
        task?;
    }
    println!("{:.1}", count as f64 / took.as_secs_f64());
    Ok(())
}

#[tokio::main]
async fn main() -> Done {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, otherwise: usize| {
        words.get(at).and_then(|word| word.parse().ok()).unwrap_or(otherwise)
    };
    match words.first().map_or("", String::as_str) {
        "loop" => measure_loop(number(1, 200)).await,
        "tools" => measure_tools(number(1, 20)).await,
        "start" => measure_start(number(1, 100)).await,
        "flow" => measure_flow(number(1, 2_000), number(2, 8)).await,
        "migrate" => Ok(Backend::migrate(&std::env::var("DATABASE_URL")?).await?),
        _ => Err("bench_runtime migrate | loop | tools | start | flow".into()),
    }
}
