//! The connection to Redis, and the patience that callers have with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, Cmd, FromRedisValue, RedisError, RedisResult};
use tokio::time::Instant;

use crate::{Error, Result};

/// For how long a caller waits for an answer.
const PATIENCE: Duration = Duration::from_millis(250);
/// For how long Redis is left alone after it did not answer.
const PAUSE: Duration = Duration::from_secs(2);

/// Redis, when it is there.
#[derive(Clone)]
pub(crate) struct Redis {
    client: Client,
    connection: ConnectionManager,
    began: Instant,
    /// Milliseconds after `began` until which it is left alone.
    silent_until: Arc<AtomicU64>,
}

impl Redis {
    /// Prepares the connection; it is made with the first command.
    pub(crate) fn new(url: &str) -> Result<Self> {
        let client = Client::open(url).map_err(Error::internal)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1)
            .set_max_delay(PAUSE);
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config)
            .map_err(Error::internal)?;
        Ok(Self { client, connection, began: Instant::now(), silent_until: Arc::default() })
    }

    /// A way to open a connection of one's own, for a subscription.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let mut connection = self.connection.clone();
        match tokio::time::timeout(PATIENCE, command.query_async(&mut connection)).await {
            Ok(answer) => answer,
            Err(_) => Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))),
        }
    }

    /// Asks, unless Redis is being left alone. `None`: no answer.
    async fn try_ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        if self.elapsed_ms() < self.silent_until.load(Ordering::Relaxed) {
            return None;
        }
        match self.ask(command).await {
            Ok(answer) => Some(answer),
            Err(error) => {
                let pause = u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX);
                self.silent_until.store(self.elapsed_ms() + pause, Ordering::Relaxed);
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "Redis does not answer; going on without it"
                );
                None
            }
        }
    }

    /// Whether it answers.
    pub(crate) async fn ping(&self) -> Result<()> {
        self.ask::<String>(&::redis::cmd("PING")).await.map(drop).map_err(Error::unavailable)
    }

    pub(crate) async fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.try_ask::<Option<Vec<u8>>>(::redis::cmd("GET").arg(key)).await.flatten()
    }

    pub(crate) async fn set(&self, key: &str, bytes: Vec<u8>, lifetime: Duration) {
        let mut command = ::redis::cmd("SET");
        command.arg(key).arg(bytes).arg("EX").arg(lifetime.as_secs().max(1));
        self.try_ask::<()>(&command).await;
    }

    pub(crate) async fn set_if_absent(&self, key: &str, bytes: Vec<u8>, lifetime: Duration) {
        let mut command = ::redis::cmd("SET");
        command.arg(key).arg(bytes).arg("EX").arg(lifetime.as_secs().max(1)).arg("NX");
        self.try_ask::<Option<String>>(&command).await;
    }

    pub(crate) async fn delete(&self, key: &str) {
        self.try_ask::<i64>(::redis::cmd("DEL").arg(key)).await;
    }

    /// Runs a script on one key.
    pub(crate) async fn eval<T: FromRedisValue>(
        &self,
        script: &str,
        key: &str,
        numbers: &[i64],
    ) -> Option<T> {
        self.try_ask(::redis::cmd("EVAL").arg(script).arg(1).arg(key).arg(numbers)).await
    }

    /// Publishes; `false` when Redis did not take it.
    pub(crate) async fn publish(&self, channel: &str, payload: Vec<u8>) -> bool {
        self.try_ask::<i64>(::redis::cmd("PUBLISH").arg(channel).arg(payload)).await.is_some()
    }
}
