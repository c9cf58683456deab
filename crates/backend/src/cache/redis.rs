//! The connection to Redis, and the patience that callers have with it.
//!
//! A breaker stands before it: once Redis has failed to answer, nobody waits for it any more until a
//! probe of ours, which no caller waits for either, has had an answer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult};

use crate::{Error, Result};

/// For how long a caller waits for an answer.
const PATIENCE: Duration = Duration::from_millis(250);
/// How soon after a fault the first probe is sent.
const FIRST_PROBE: Duration = Duration::from_millis(100);
/// The longest time between two probes.
const PAUSE: Duration = Duration::from_secs(2);

/// Redis, when it is there. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Redis {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    connection: Mutex<ConnectionManager>,
    /// Whether Redis is left alone because it did not answer.
    is_open: AtomicBool,
    /// How often it has not answered.
    faults: AtomicU64,
    run: Mutex<Option<Run>>,
}

/// A server from its start to its end. The next one, or the one that takes its place, may have things that
/// were deleted here since they were saved.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Tells it from every other; empty where one may not ask.
    id: Arc<str>,
    /// How often Redis had not answered before it told.
    faults: u64,
}

impl Run {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

/// What came of a command.
pub(crate) enum Answer<T> {
    /// Redis answered.
    Given(T),
    /// Redis answered that it cannot do this to what it holds.
    Refused,
    /// No answer.
    Away,
}

impl<T> Answer<T> {
    fn given(self) -> Option<T> {
        match self {
            Self::Given(answer) => Some(answer),
            Self::Refused | Self::Away => None,
        }
    }
}

impl Redis {
    /// Prepares the connection; it is made with the first command.
    pub(crate) fn new(url: &str) -> Result<Self> {
        let client = Client::open(url).map_err(Error::internal)?;
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config())
            .map_err(Error::internal)?;
        let connection = Mutex::new(connection);
        let (is_open, faults) = (AtomicBool::new(false), AtomicU64::new(0));
        let run = Mutex::default();
        Ok(Self { inner: Arc::new(Inner { client, connection, is_open, faults, run }) })
    }

    /// A way to open a connection of one's own, for a subscription.
    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    /// How often it has not answered. An answer tells of the same Redis as an earlier one when this is
    /// the same after it as it was before that: no connection is lost without a fault.
    pub(crate) fn faults(&self) -> u64 {
        self.inner.faults.load(Ordering::SeqCst)
    }

    /// Which run answers at present; `None`: none does. It is asked for once after each fault.
    pub(crate) async fn run(&self) -> Option<Run> {
        let faults = self.faults();
        let known = self.inner.run().clone();
        if let Some(run) = known.filter(|run| run.faults == faults) {
            return Some(run);
        }
        let mut connection = self.inner.connection();
        let asked = async {
            let command = ::redis::cmd("INFO").arg("server").to_owned();
            match command.query_async::<String>(&mut connection).await {
                // Redis is well all the same.
                Err(error) if error.code() == Some("NOPERM") => Ok(String::new()),
                told => told,
            }
        };
        let told = self.guarded(asked).await.given()?;
        let id = told.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap_or_default();
        let run = Run { id: id.trim().into(), faults };
        *self.inner.run() = Some(run.clone());
        Some(run)
    }

    /// Whether what has been answered since is of the same run.
    pub(crate) fn is_current(&self, run: &Run) -> bool {
        self.faults() == run.faults
    }

    /// Asks, unless Redis is being left alone.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Answer<T> {
        let mut connection = self.inner.connection();
        self.guarded(command.query_async(&mut connection)).await
    }

    /// Asks several things at once.
    pub(crate) async fn ask_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Answer<T> {
        let mut connection = self.inner.connection();
        self.guarded(commands.query_async(&mut connection)).await
    }

    async fn guarded<T>(&self, asked: impl Future<Output = RedisResult<T>>) -> Answer<T> {
        if self.inner.is_open.load(Ordering::Relaxed) {
            return Answer::Away;
        }
        match patiently(asked).await {
            Ok(answer) => Answer::Given(answer),
            Err(error) if is_refusal(&error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "Redis refused");
                Answer::Refused
            }
            Err(error) => {
                self.inner.faults.fetch_add(1, Ordering::SeqCst);
                self.open(&error);
                Answer::Away
            }
        }
    }

    /// Leaves Redis alone until a probe has had an answer.
    fn open(&self, error: &RedisError) {
        if self.inner.is_open.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "Redis does not answer; going on without it"
        );
        tokio::spawn(probe(Arc::downgrade(&self.inner)));
    }

    /// Whether it answers.
    pub(crate) async fn ping(&self) -> Result<()> {
        self.inner.ping().await.map_err(Error::unavailable)
    }

    /// What it does once its memory is full (`maxmemory-policy`); `None` where it may have all that there is, and
    /// where one may not ask.
    pub(crate) async fn policy(&self) -> Option<String> {
        let command = ::redis::cmd("INFO").arg("memory").to_owned();
        let told = self.ask::<String>(&command).await.given()?;
        let value =
            |name: &str| told.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let policy = value("maxmemory_policy:")?;
        (value("maxmemory:")? != "0").then(|| policy.to_owned())
    }

    /// Runs a script on one key.
    pub(crate) async fn eval<T: FromRedisValue>(
        &self,
        script: &str,
        key: &str,
        numbers: &[i64],
    ) -> Option<T> {
        let command = ::redis::cmd("EVAL").arg(script).arg(1).arg(key).arg(numbers).to_owned();
        self.ask(&command).await.given()
    }

    /// Publishes; `false` when Redis did not take it.
    pub(crate) async fn publish(&self, channel: &str, payload: Vec<u8>) -> bool {
        let command = ::redis::cmd("PUBLISH").arg(channel).arg(payload).to_owned();
        self.ask::<i64>(&command).await.given().is_some()
    }
}

impl Inner {
    fn connection(&self) -> ConnectionManager {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes another connection. One that is cut off says nothing, not even that it is, and would be used
    /// until the system gives it up, which takes a quarter of an hour.
    async fn connect_anew(&self) {
        let fresh = ConnectionManager::new_with_config(self.client.clone(), config());
        if let Ok(Ok(fresh)) = tokio::time::timeout(PAUSE, fresh).await {
            let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
            *connection = fresh;
            // It may lead to another server; whoever takes it from here on knows.
            self.faults.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn run(&self) -> MutexGuard<'_, Option<Run>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ping(&self) -> RedisResult<()> {
        let mut connection = self.connection();
        let answer = patiently(::redis::cmd("PING").query_async::<String>(&mut connection)).await;
        if answer.is_err() {
            self.faults.fetch_add(1, Ordering::SeqCst);
        }
        answer.map(drop)
    }
}

fn config() -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
        .set_number_of_retries(1)
        .set_max_delay(PAUSE)
}

/// Pings until there is an answer, ever less often.
async fn probe(redis: Weak<Inner>) {
    let mut pause = FIRST_PROBE;
    loop {
        tokio::time::sleep(pause).await;
        let Some(redis) = redis.upgrade() else { return };
        if redis.ping().await.is_ok() {
            redis.is_open.store(false, Ordering::Relaxed);
            tracing::info!("Redis answers again");
            return;
        }
        redis.connect_anew().await;
        pause = (pause * 2).min(PAUSE);
    }
}

async fn patiently<T>(asked: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))),
    }
}

/// Whether Redis is well and only cannot do what was asked to what it holds.
fn is_refusal(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::UnexpectedReturnType | ErrorKind::Extension => true,
        // Redis that is loading, full or not the primary any more is of no use to anyone.
        ErrorKind::Server(_) => {
            error.code().is_some_and(|code| matches!(code, "ERR" | "WRONGTYPE"))
        }
        _ => false,
    }
}
