//! MCP servers that are commands of this machine, spoken to by their standard input and output. Whoever
//! runs the installation names them; no agent and no person can name another.
//!
//! A command is started with its first use, kept, and started anew after it has ended, or has answered
//! nothing for some calls in a row. It has an empty environment but for `PATH`, and bounds on memory and
//! files. It is killed with us.

use std::collections::{BTreeMap, HashMap};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::alone::{self, DISCOVER, Spoken};
use super::{
    Again, HELLO, McpError, PAGES_MAX, ServedTool, TOOLS_MAX, add_served, agreed, answer_to, hello,
    ready, reply, taken_back, title_of, told, wanted,
};
use crate::tools::Asking;

/// The longest message of a command, in bytes.
const MESSAGE_MAX: u64 = 4 * 1024 * 1024;
/// How long a command may take to say hello.
const START: Duration = Duration::from_secs(20);
/// How long it may take to say how it is spoken to: one that does not know the question may be silent.
const DISCOVERY: Duration = Duration::from_secs(5);
/// Bounds, and then the command in the place of the shell: memory that can be written in KiB, open files,
/// no core. Addresses alone cost nothing, and some languages set aside many; nor does what has worked for
/// long work badly.
const BOUNDED: &str = "ulimit -d 4194304 && ulimit -n 256 && ulimit -c 0 && exec \"$0\" \"$@\"";
/// After so many calls without an answer, and none in between, a command is started anew.
const SILENT_MAX: u32 = 3;
/// Where commands are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command that is an MCP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StdioCommand {
    /// What agents call it: the server `stdio:<name>`.
    pub name: String,
    /// The program.
    pub program: String,
    /// What it is started with.
    pub arguments: Vec<String>,
}

/// The commands of an installation. Cheap to clone.
#[derive(Clone, Default)]
pub struct StdioServers(Arc<BTreeMap<String, Server>>);

struct Server {
    command: StdioCommand,
    /// The one that runs, or none. Held while one is started, so that two are not.
    running: tokio::sync::Mutex<Option<Arc<Running>>>,
}

/// A command that runs and has said hello, or that it needs none.
struct Running {
    title: String,
    /// Each request stands alone.
    is_alone: bool,
    next: AtomicU64,
    /// The calls without an answer since the last one that got one.
    silent: AtomicU32,
    lines: mpsc::Sender<String>,
    asked: Asked,
    ended: CancellationToken,
    /// Goes away with the last one who speaks to it, and the command with it.
    _guard: DropGuard,
}

/// Who waits for which answer.
type Asked = Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

impl StdioServers {
    /// These commands and no others.
    #[must_use]
    pub fn new(commands: Vec<StdioCommand>) -> Self {
        let servers = commands.into_iter().map(|command| {
            let running = tokio::sync::Mutex::default();
            (command.name.clone(), Server { command, running })
        });
        Self(Arc::new(servers.collect()))
    }

    /// What a server calls itself, and its tools: [`TOOLS_MAX`] of them, and one more where it has more.
    ///
    /// # Errors
    /// [`McpError`].
    pub async fn tools(
        &self,
        name: &str,
        patience: Duration,
    ) -> Result<(String, Vec<ServedTool>), McpError> {
        let running = self.running(name).await?;
        let mut tools = Vec::new();
        let mut cursor = Value::Null;
        for _ in 0..PAGES_MAX {
            let wanted = if cursor.is_null() { json!({}) } else { json!({ "cursor": cursor }) };
            let page = running.ask("tools/list", &wanted, false, patience).await?;
            add_served(&mut tools, &page);
            cursor = page["nextCursor"].clone();
            if cursor.is_null() || tools.len() > TOOLS_MAX {
                break;
            }
        }
        Ok((running.title.clone(), tools))
    }

    /// Calls a tool of a server.
    ///
    /// # Errors
    /// [`McpError`]; [`McpError::Refused`] when the tool says that it failed.
    pub async fn call(
        &self,
        name: &str,
        tool: &str,
        (arguments, asking): (&Value, &Asking),
        patience: Duration,
    ) -> Result<String, McpError> {
        let running = self.running(name).await?;
        let mut wanted = wanted(tool, arguments, asking);
        let mut answer = running.ask("tools/call", &wanted, asking.may_ask, patience).await;
        let mut again = Again::default();
        while again.is_wanted(&answer, &mut wanted).await {
            answer = running.ask("tools/call", &wanted, asking.may_ask, patience).await;
        }
        told(answer)
    }

    async fn running(&self, name: &str) -> Result<Arc<Running>, McpError> {
        let server = self.0.get(name).ok_or_else(|| {
            McpError::Refused(format!("this installation allows no command {name:?}"))
        })?;
        let mut running = server.running.lock().await;
        if let Some(running) = running.as_ref().filter(|running| !running.ended.is_cancelled()) {
            return Ok(running.clone());
        }
        let fresh = timeout(START, Running::start(&server.command)).await;
        let fresh = fresh.map_err(|_elapsed| McpError::Protocol("it does not start".to_owned()))?;
        let fresh = Arc::new(fresh?);
        tracing::info!(mcp.server = name, "MCP server started");
        *running = Some(fresh.clone());
        Ok(fresh)
    }
}

impl Running {
    async fn start(command: &StdioCommand) -> Result<Self, McpError> {
        let mut running = Self::launch(command)?;
        let asked = running.exchange(DISCOVER, &alone::told(&json!({}), false), DISCOVERY).await;
        if let Spoken::Alone(title) = alone::spoken(&asked.unwrap_or_default())? {
            (running.title, running.is_alone) = (title, true);
            return Ok(running);
        }
        if running.ended.is_cancelled() {
            // It took the question amiss.
            running = Self::launch(command)?;
        }
        let about = running.ask(HELLO, &hello(), false, START).await?;
        agreed(&about)?;
        running.title = title_of(&about);
        running.tell(&ready()).await?;
        Ok(running)
    }

    fn launch(command: &StdioCommand) -> Result<Self, McpError> {
        let failed = |error: std::io::Error| {
            tracing::warn!(mcp.server = command.name, %error, "MCP server does not start");
            McpError::Protocol("it does not start".to_owned())
        };
        let mut child = Command::new("/bin/sh")
            .args(["-c", BOUNDED, &command.program])
            .args(&command.arguments)
            .env_clear()
            .env("PATH", PATH)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (stdin, stdout) =
            pipes.ok_or_else(|| McpError::Protocol("it does not listen".to_owned()))?;
        let (lines, to_write) = mpsc::channel(64);
        let asked = Asked::default();
        let ended = CancellationToken::new();
        tokio::spawn(write(stdin, to_write, ended.clone()));
        tokio::spawn(read(child, stdout, asked.clone(), lines.clone(), ended.clone()));
        let guard = ended.clone().drop_guard();
        Ok(Self {
            title: String::new(),
            is_alone: false,
            next: AtomicU64::new(0),
            silent: AtomicU32::new(0),
            lines,
            asked,
            ended,
            _guard: guard,
        })
    }

    async fn tell(&self, message: &Value) -> Result<(), McpError> {
        let sent = self.lines.send(format!("{message}\n")).await;
        sent.map_err(|_closed| McpError::Protocol("it has ended".to_owned()))
    }

    /// Sends a request and waits for its result.
    async fn ask(
        &self,
        method: &str,
        params: &Value,
        may_ask: bool,
        patience: Duration,
    ) -> Result<Value, McpError> {
        if self.is_alone {
            let params = alone::told(params, may_ask);
            let answer = self.exchange(method, &params, patience).await?;
            return alone::whole(reply::result_of(&answer)?);
        }
        reply::result_of(&self.exchange(method, params, patience).await?)
    }

    /// Sends a request and waits for its answer.
    async fn exchange(
        &self,
        method: &str,
        params: &Value,
        patience: Duration,
    ) -> Result<Value, McpError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, heard) = oneshot::channel();
        lock(&self.asked).insert(id, answer);
        // Who gives up waiting, or is cancelled, leaves nothing behind.
        let is_hello = matches!(method, HELLO | DISCOVER);
        let _forget = Forget { id, is_hello, running: self };
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let exchange = async {
            self.tell(&request).await?;
            heard.await.map_err(|_gone| McpError::Protocol("it has ended".to_owned()))
        };
        let Ok(message) = timeout(patience, exchange).await else {
            if self.silent.fetch_add(1, Ordering::Relaxed) + 1 >= SILENT_MAX {
                self.ended.cancel();
            }
            return Err(McpError::Protocol("it gives no answer".to_owned()));
        };
        self.silent.store(0, Ordering::Relaxed);
        message
    }
}

struct Forget<'a> {
    id: u64,
    /// How it begins is not taken back.
    is_hello: bool,
    running: &'a Running,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        let is_under_way = lock(&self.running.asked).remove(&self.id).is_some();
        if is_under_way && !self.is_hello {
            // One that reads nothing hears nothing.
            let _ = self.running.lines.try_send(format!("{}\n", taken_back(self.id)));
        }
    }
}

fn lock(asked: &Asked) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<Value>>> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write(mut stdin: ChildStdin, mut lines: mpsc::Receiver<String>, ended: CancellationToken) {
    let all = async {
        while let Some(line) = lines.recv().await {
            if stdin.write_all(line.as_bytes()).await.is_err() || stdin.flush().await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = all => ended.cancel(),
        () = ended.cancelled() => {}
    }
}

/// Hands each answer to whoever asked, until the command ends, is not needed any more, or breaks the
/// rules of the protocol.
async fn read(
    mut child: Child,
    stdout: ChildStdout,
    asked: Asked,
    lines: mpsc::Sender<String>,
    ended: CancellationToken,
) {
    let mut stdout = BufReader::new(stdout);
    let all = async {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut stdout).take(MESSAGE_MAX).read_until(b'\n', &mut line).await;
            if !matches!(read, Ok(1..)) || !line.ends_with(b"\n") {
                return;
            }
            // What is no message is passed over: some write a greeting first.
            let Ok(message) = serde_json::from_slice::<Value>(&line) else { continue };
            if message["method"].is_string() {
                if let Some(answer) = answer_to(&message) {
                    let _ = lines.try_send(format!("{answer}\n"));
                }
                continue;
            }
            let waits = message["id"].as_u64().and_then(|id| lock(&asked).remove(&id));
            if let Some(waits) = waits {
                let _ = waits.send(message);
            }
        }
    };
    tokio::select! {
        () = all => {}
        () = ended.cancelled() => {}
    }
    ended.cancel();
    lock(&asked).clear();
    let _ = child.kill().await;
}

impl std::fmt::Debug for StdioServers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests;
