//! Where in a database's log a writer's last write is, for the other processes that read from replicas.
//!
//! Key: the owner, or the catalogue. Value: the position by shard; it only rises. Lifetime: longer than
//! any replica in use lags. Empty: the writer has written nothing of late. Redis may forget, so a second
//! key says since when it has not; while that is not long enough, or Redis is away, nothing is known and
//! the primary answers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{FromRedisValue, Pipeline};

use super::hex;
use super::redis::Redis;
use crate::backend::random;
use crate::database::Whose;
use crate::{Error, Result};

const SINCE: &str = "resonant:written:1:since";
/// For how long a reader waits for an answer.
const PATIENCE: Duration = Duration::from_millis(250);

pub(crate) struct Written {
    connection: ConnectionManager,
    lifetime: Duration,
    /// The life of Redis that this process knows, and since when.
    life: Mutex<Option<(String, Instant)>>,
    /// Whether Redis has missed a write of this process.
    has_gap: AtomicBool,
}

fn key(whose: Whose) -> String {
    match whose.owner {
        Some(owner) => format!("resonant:written:1:{owner}"),
        None => "resonant:written:1:catalogue".to_owned(),
    }
}

impl Written {
    pub(crate) fn new(redis: &Redis, lifetime: Duration) -> Result<Self> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_lazy_with_config(redis.client().clone(), config)
            .map_err(Error::internal)?;
        let (life, has_gap) = (Mutex::default(), AtomicBool::new(false));
        Ok(Self { connection, lifetime, life, has_gap })
    }

    async fn ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Option<T> {
        let mut connection = self.connection.clone();
        tokio::time::timeout(PATIENCE, commands.query_async(&mut connection)).await.ok()?.ok()
    }

    /// Keeps a position for the other processes.
    pub(crate) async fn note(&self, whose: Whose, position: i64) {
        let (key, seconds) = (key(whose), self.lifetime.as_secs() + 1);
        let mut commands = ::redis::pipe();
        commands.cmd("ZADD").arg(&key).arg("GT").arg(position).arg(whose.shard).ignore();
        commands.cmd("EXPIRE").arg(&key).arg(seconds).ignore();
        if self.ask::<()>(&commands).await.is_none() {
            self.has_gap.store(true, Ordering::Relaxed);
        }
    }

    /// The position that a replica must have; `None` when it is not known.
    pub(crate) async fn needed(&self, whose: Whose) -> Option<i64> {
        if !self.mend().await {
            return None;
        }
        let mut commands = ::redis::pipe();
        commands.cmd("GET").arg(SINCE);
        commands.cmd("ZRANGE").arg(key(whose)).arg(0).arg(-1).arg("WITHSCORES");
        let (life, marks) = self.ask::<(Option<String>, Vec<String>)>(&commands).await?;
        let Some(life) = life else {
            self.forget();
            return None;
        };
        if !self.has_long_been(life) {
            return None;
        }
        let shard = whose.shard.to_string();
        let mut needed = 0;
        for mark in marks.chunks(2) {
            let [of, position] = mark else { return None };
            // On another shard: the owner has moved, and this process does not know it yet.
            needed = if *of == shard { position.parse().ok()? } else { return None };
        }
        Some(needed)
    }

    /// Begins a new life of Redis's memory when there is none or it has a gap. `false`: it could not.
    pub(crate) async fn mend(&self) -> bool {
        let has_gap = self.has_gap.load(Ordering::Relaxed);
        let is_known = self.life.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if is_known && !has_gap {
            return true;
        }
        let Ok(fresh) = random::<16>() else { return false };
        let mut commands = ::redis::pipe();
        let set = commands.cmd("SET").arg(SINCE).arg(hex(&fresh));
        if !has_gap {
            set.arg("NX");
        }
        set.ignore();
        if self.ask::<()>(&commands).await.is_none() {
            return false;
        }
        self.has_gap.store(false, Ordering::Relaxed);
        true
    }

    /// Whether this process has known this life for as long as a position matters.
    fn has_long_been(&self, life: String) -> bool {
        let mut known = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((same, since)) if *same == life => since.elapsed() >= self.lifetime,
            _ => {
                *known = Some((life, Instant::now()));
                false
            }
        }
    }

    /// Forgets which life it was, when Redis has forgotten too.
    fn forget(&self) {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
