//! What the workers work on: an agent, a model that asks for one call and then answers, and the command that
//! is called.

use std::collections::HashMap;
use std::fs;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use resonant_domain::SessionId;
use resonant_domain::agent::Agent;
use resonant_domain::session::{Session, SessionState};
use resonant_domain::waiting::WaitReason;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::process::Running;
use crate::support::{TestApp, Visitor, count_rows};

/// A server of MCP in the language of the shell. It writes down each call before it answers. Before it reads
/// anything it leaves a mark that names whose it is, and takes that away when nothing more can come: the
/// worker is gone, and what it had sent is done.
const RECORDER: &str = r#"
trap '' PIPE
echo > "$1/at-work-$PPID"
while IFS= read -r line; do
  id=$(printf %s "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case $line in
    *'"server/discover"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"what?"}}\n' "$id" ;;
    *'"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","serverInfo":{"name":"recorder"},"capabilities":{}}}\n' "$id" ;;
    *'"tools/call"'*)
      printf '%s\n' "$line" | sed -n 's/.*"what":"\([^"]*\)".*/\1/p' >> "$1/record"
      printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"recorded"}]}}\n' "$id" ;;
  esac
done
rm -f "$1/at-work-$PPID"
"#;

/// How each goal, and each effect, is called.
const EFFECT: &str = "effect-";

/// A moment that differs each time.
pub(super) fn moment(most_ms: u64) -> Duration {
    Duration::from_millis(RandomState::new().build_hasher().finish() % most_ms)
}

/// Asks until it is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_mins(1), "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Through which the model answers.
#[derive(Clone, Default)]
pub(super) struct Gate {
    is_shut: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    answers_all: CancellationToken,
}

impl Gate {
    /// Who asks from now on waits until all are answered.
    pub(super) fn shut(&self) {
        self.is_shut.store(true, Ordering::SeqCst);
    }

    /// Who asks from now on is answered at once.
    pub(super) fn open(&self) {
        self.is_shut.store(false, Ordering::SeqCst);
    }

    /// Who waits is answered.
    pub(super) fn answer_all(&self) {
        self.answers_all.cancel();
    }

    /// Waits until so many wait.
    pub(super) async fn until_asked(&self, count: usize) {
        until("the model is asked", || self.asked.load(Ordering::SeqCst) >= count).await;
    }
}

/// Asks for the effect that the goal names; once there is a result, it is done.
async fn answer(State(gate): State<Gate>, body: String) -> Response {
    if gate.is_shut.load(Ordering::SeqCst) {
        gate.asked.fetch_add(1, Ordering::SeqCst);
        gate.answers_all.cancelled().await;
    }
    let request: Value = serde_json::from_str(&body).unwrap();
    let mut messages = request["messages"].as_array().unwrap().iter();
    let (delta, finish) = if messages.any(|message| message["role"] == "tool") {
        (json!({ "content": "done" }), "stop")
    } else {
        let rest = body.split(EFFECT).nth(1).unwrap();
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let arguments = json!({ "what": format!("{EFFECT}{number}") }).to_string();
        let call = json!({
            "index": 0, "id": "call00001", "type": "function",
            "function": { "name": "record", "arguments": arguments },
        });
        (json!({ "tool_calls": [call] }), "tool_calls")
    };
    let chunk = |delta: &Value, finish: Option<&str>| {
        let choices = json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
        format!("data: {}\n\n", json!({ "choices": choices }))
    };
    let text = [chunk(&delta, None), chunk(&json!({}), Some(finish))].concat();
    ([("content-type", "text/event-stream")], text).into_response()
}

/// The command and what it has written down, which go with this. Its name stands in a list of words, so that
/// it holds no blank.
struct Recorder(PathBuf);

impl Recorder {
    fn begin(name: &str) -> Self {
        let folder = format!("/tmp/resonant-workers-{}-{name}", std::process::id());
        fs::create_dir_all(&folder).unwrap();
        let recorder = Self(folder.into());
        fs::write(recorder.0.join("recorder"), RECORDER).unwrap();
        fs::write(recorder.0.join("record"), "").unwrap();
        recorder
    }

    /// How it is told to the installation.
    fn setting(&self) -> String {
        let folder = self.0.display();
        format!("recorder=/bin/sh {folder}/recorder {folder}")
    }

    /// How often each took effect.
    fn record(&self) -> HashMap<String, usize> {
        let record = fs::read_to_string(self.0.join("record")).unwrap();
        let mut counts = HashMap::new();
        for effect in record.lines() {
            *counts.entry(effect.to_owned()).or_default() += 1;
        }
        counts
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// All of it, without workers.
pub(super) struct Stage {
    app: TestApp,
    ada: Visitor,
    agent: Agent,
    model: String,
    recorder: Recorder,
    pub(super) gate: Gate,
}

impl Stage {
    pub(super) async fn begin(name: &str) -> Self {
        let gate = Gate::default();
        let router = Router::new().route("/v1/chat/completions", post(answer));
        let router = router.with_state(gate.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let model = format!("http://{}/v1", listener.local_addr().unwrap());
        drop(tokio::spawn(async { axum::serve(listener, router).await.unwrap() }));
        let app = TestApp::start().await;
        // A guest may not use so much.
        let ada = app.member("ada").await;
        let record = json!({
            "name": "record",
            "settings": {
                "kind": "mcp", "server": "stdio:recorder", "tool": "record",
                "description": "Does it, and writes it down",
                "input_schema": {
                    "type": "object",
                    "properties": { "what": { "type": "string" } },
                    "required": ["what"],
                },
                "timeout_seconds": 60,
            },
            "unsafe_to_repeat": true,
        });
        let spec = json!({ "name": "Doer", "tools": [record] });
        let made = app.post("/api/v1/agents").by(&ada).json(&spec).await;
        assert_eq!(made.status, 201, "{made:?}");
        Self { app, ada, agent: made.read(), model, recorder: Recorder::begin(name), gate }
    }

    pub(super) fn database_url(&self) -> String {
        self.app.database_url()
    }

    /// A `server worker` that works. Nobody reads what it logs.
    pub(super) fn worker(&self) -> Running {
        let worker = self.begin_worker("error");
        worker.wait_until_ready();
        worker
    }

    /// Starts one that logs so much.
    pub(super) fn begin_worker(&self, log: &str) -> Running {
        Running::begin(
            &["worker"],
            &[
                ("DATABASE_URL", &self.database_url()),
                ("DATABASE_POOL_SIZE", "8"),
                // One that is put to sleep in the middle of a transaction keeps its locks for so long.
                ("DATABASE_IDLE_TRANSACTION_TIMEOUT_MS", "2000"),
                ("OPENAI_BASE_URL", &self.model),
                ("OPENAI_MODEL", "told"),
                ("MCP_STDIO", &self.recorder.setting()),
                ("WORKER_CONCURRENCY", "4"),
                ("WORKER_PER_AGENT", "0"),
                ("RUST_LOG", log),
                ("LOG_FORMAT", "json"),
            ],
        )
    }

    /// Has an effect wanted by a session.
    pub(super) async fn queue(&self, number: usize) -> SessionId {
        self.app.session(&self.ada, &self.agent, &format!("{EFFECT}{number}")).await.id
    }

    async fn session(&self, id: SessionId) -> Session {
        self.app.get(&format!("/api/v1/sessions/{id}")).by(&self.ada).await.read()
    }

    /// Waits until nothing takes effect any more that a killed worker has asked for.
    pub(super) async fn until_silent(&self, worker: u32) {
        let mark = self.recorder.0.join(format!("at-work-{worker}"));
        until("the command ends with its worker", || !mark.exists()).await;
    }

    /// Says of each call whose outcome is unknown what a person would find out. Answers how many sessions are
    /// not over.
    pub(super) async fn decide_and_count(&self, open: &mut Vec<SessionId>) -> usize {
        let mut still = Vec::new();
        for id in std::mem::take(open) {
            let session = self.session(id).await;
            if session.state.is_terminal() {
                continue;
            }
            still.push(id);
            let Some(wait) = session.waiting else { continue };
            let WaitReason::UnknownOutcome { .. } = wait.reason else { panic!("{wait:?}") };
            let choice = if self.recorder.record().contains_key(&session.goal) {
                json!({ "do": "done" })
            } else {
                json!({ "do": "repeat" })
            };
            let new = json!({ "waiting": wait.sequence, "kind": "outcome", "choice": choice });
            let path = format!("/api/v1/sessions/{id}/decisions");
            let decided = self.app.post(&path).by(&self.ada).json(&new).await;
            assert_eq!(decided.status, 202, "{decided:?}");
        }
        *open = still;
        open.len()
    }

    pub(super) async fn until_over(&self, mut open: Vec<SessionId>) {
        let began = Instant::now();
        while self.decide_and_count(&mut open).await > 0 {
            assert!(began.elapsed() < Duration::from_mins(1), "{open:?} are not over");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// How many events all logs hold: what the interface tells of a session that is over is kept.
    pub(super) async fn count_events(&self) -> i64 {
        let counts = count_rows(&self.database_url()).await;
        counts.into_iter().find(|(table, _)| table == "session_events").unwrap().1
    }

    /// Each has its answer, and did once what it was to do.
    pub(super) async fn each_took_effect_once(&self, ids: &[SessionId]) {
        let record = self.recorder.record();
        for id in ids {
            let session = self.session(*id).await;
            assert_eq!(session.state, SessionState::Completed, "{:?}", session.reason);
            assert_eq!(record.get(&session.goal), Some(&1), "{}", session.goal);
        }
        assert_eq!(record.len(), ids.len());
    }

    pub(super) async fn end(self) {
        self.app.end().await;
    }
}
