//! What is kept at hand for a while: in this process, or in Redis where one is configured.
//!
//! Each file below says what it keeps: key, value, lifetime, and what happens when it is empty. A
//! cache that is away is an empty one: callers then read from PostgreSQL and never hear of it.

pub(crate) mod listing;
pub(crate) mod listing_page;
pub(crate) mod rate_limit;
pub(crate) mod redis;
pub(crate) mod session_events;
pub(crate) mod sign_in;
pub(crate) mod written;

use std::fmt::{Display, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::redis::Redis;

/// One kind of thing that is kept.
pub(crate) trait Entry {
    /// What it is found by.
    type Key: Display + ?Sized;
    /// What is kept.
    type Value: Serialize + DeserializeOwned;
    /// Begins every key; a change of the value's shape changes it too.
    const NAME: &'static str;
    /// For how long it is kept.
    const LIFETIME: Duration;
}

/// Bytes as they stand in keys.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn key<E: Entry>(key: &E::Key) -> String {
    format!("resonant:{}:{key}", E::NAME)
}

/// The one cache of a process.
#[derive(Clone)]
pub(crate) enum Cache {
    /// In this process alone.
    Memory(moka::future::Cache<String, Kept>),
    /// Shared by all processes.
    Redis(Redis),
}

/// A value with its own lifetime.
#[derive(Clone)]
pub(crate) struct Kept {
    bytes: Arc<[u8]>,
    lifetime: Duration,
}

struct Lifetimes;

impl moka::Expiry<String, Kept> for Lifetimes {
    fn expire_after_create(&self, _: &String, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.lifetime)
    }

    fn expire_after_update(
        &self,
        _: &String,
        kept: &Kept,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.lifetime)
    }
}

/// The most that a process keeps.
const CAPACITY_BYTES: u64 = 32 << 20;

impl Cache {
    pub(crate) fn new(redis: Option<Redis>) -> Self {
        match redis {
            Some(redis) => Self::Redis(redis),
            None => Self::Memory(
                moka::future::Cache::builder()
                    .max_capacity(CAPACITY_BYTES)
                    .weigher(|key: &String, kept: &Kept| {
                        u32::try_from(key.len() + kept.bytes.len() + 64).unwrap_or(u32::MAX)
                    })
                    .expire_after(Lifetimes)
                    .build(),
            ),
        }
    }

    /// What is kept, if anything. A value of another shape counts as nothing.
    pub(crate) async fn read<E: Entry>(&self, subject: &E::Key) -> Option<E::Value> {
        let key = key::<E>(subject);
        match self {
            Self::Memory(memory) => {
                memory.get(&key).await.and_then(|kept| serde_json::from_slice(&kept.bytes).ok())
            }
            Self::Redis(redis) => {
                redis.get(&key).await.and_then(|bytes| serde_json::from_slice(&bytes).ok())
            }
        }
    }

    /// Keeps a value that was read, unless one is kept already: what a write has left there
    /// ([`Cache::replace`]) is newer than what a reader fetched before it.
    pub(crate) async fn fill<E: Entry>(&self, subject: &E::Key, value: &E::Value) {
        let Ok(bytes) = serde_json::to_vec(value) else {
            return;
        };
        let key = key::<E>(subject);
        match self {
            Self::Memory(memory) => {
                let kept = Kept { bytes: bytes.into(), lifetime: E::LIFETIME };
                memory.entry(key).or_insert(kept).await;
            }
            Self::Redis(redis) => redis.set_if_absent(&key, bytes, E::LIFETIME).await,
        }
    }

    /// Keeps a value that was written, in place of any other.
    pub(crate) async fn replace<E: Entry>(&self, subject: &E::Key, value: &E::Value) {
        let Ok(bytes) = serde_json::to_vec(value) else {
            return;
        };
        let key = key::<E>(subject);
        match self {
            Self::Memory(memory) => {
                memory.insert(key, Kept { bytes: bytes.into(), lifetime: E::LIFETIME }).await;
            }
            Self::Redis(redis) => redis.set(&key, bytes, E::LIFETIME).await,
        }
    }

    /// Forgets a value.
    pub(crate) async fn forget<E: Entry>(&self, subject: &E::Key) {
        let key = key::<E>(subject);
        match self {
            Self::Memory(memory) => memory.invalidate(&key).await,
            Self::Redis(redis) => redis.delete(&key).await,
        }
    }
}

#[cfg(test)]
mod tests;
