//! The second level: what all processes keep together, in Redis.
//!
//! Whoever finds nothing takes a lease, a short lock with a token, reads the origin and puts the value
//! there under that token. A write deletes the value and the lease with it, so a reader that began
//! before the write puts nothing back. Deleting is always safe; putting needs the lease.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::{Cmd, cmd, pipe};
use uuid::Uuid;

use super::document::{self, Document};
use super::doubts::Doubts;
use super::place::Place;
use super::redis::{Answer, Redis};
use super::{Entry, Span, hex};
use crate::backend::random;

/// Tells other processes what was forgotten here.
pub(super) const CHANNEL: &str = "resonant:forgotten";
/// For how long a reader may hold a lease.
const LEASE: Duration = Duration::from_secs(5);
/// For how long the edition of a group is kept. When it runs out, a new one begins.
const EDITION: Duration = Duration::from_hours(1);
/// For how long a stale value is taken as it is while another process reads it anew.
const BREATH: Duration = Duration::from_millis(100);
/// Begins every value.
const FORM: &[u8] = b"1\n";

/// Answers what is kept, how many milliseconds it has left, and whether the caller holds the lease now.
/// What is fresh needs none. KEYS: value, lease. ARGV: token, the lease's milliseconds, the
/// milliseconds that a stale value has left at most, whether the value is in doubt.
const LOOK: &str = r"
if ARGV[4] == '1' then redis.call('DEL', KEYS[1], KEYS[2]) end
local value, left = redis.call('GET', KEYS[1]), 0
if value then
  left = redis.call('PTTL', KEYS[1])
  if left > tonumber(ARGV[3]) then return {value, left, 0} end
end
local taken = redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2])
return {value, left, taken and 1 or 0}";

/// Keeps a value, when the lease is still the caller's, and gives the lease back. KEYS: value, lease.
/// ARGV: token, value, its milliseconds; 0: give back alone.
const PUT: &str = r"
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if ARGV[3] ~= '0' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return redis.call('DEL', KEYS[2])";

/// Answers the edition of a group, a new one when there is none. KEYS: edition. ARGV: new one, its
/// milliseconds, whether the present one is in doubt.
const EDITION_OF: &str = r"
if ARGV[3] == '1' then redis.call('DEL', KEYS[1]) end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return ARGV[1] end
return redis.call('GET', KEYS[1])";

pub(super) struct LevelTwo {
    redis: Redis,
    doubts: Doubts,
}

/// The right to put a value.
pub(super) struct Lease {
    key: String,
    token: String,
}

/// What was found.
pub(super) enum Look<T> {
    /// Redis is of no use at present.
    Away,
    /// Nothing; with a lease the caller shall read it, without one another does.
    Empty(Option<Lease>),
    Found {
        /// `None`: it is known that there is no such thing.
        document: Option<Arc<Document<T>>>,
        /// For how long it is fresh and then stale.
        span: Span,
        /// The caller shall read it anew.
        lease: Option<Lease>,
    },
}

type Looked = (Option<Vec<u8>>, i64, i64);

fn lease_of(key: &str) -> String {
    format!("{key}:lease")
}

fn script(text: &str, keys: &[&str]) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(text).arg(keys.len()).arg(keys);
    command
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl LevelTwo {
    pub(super) fn new(redis: Redis) -> Self {
        Self { redis, doubts: Doubts::default() }
    }

    pub(super) const fn doubts(&self) -> &Doubts {
        &self.doubts
    }

    /// Where the place is in Redis at present; `None` when Redis is of no use.
    pub(super) async fn key(&self, place: &Place) -> Option<String> {
        if self.doubts.is_everything() {
            return None;
        }
        let Some(group) = &place.group else { return Some(place.name.clone()) };
        let doubt = self.doubts.of(group);
        let fresh = hex(&random::<16>().ok()?);
        let mut command = script(EDITION_OF, &[group]);
        command.arg(fresh).arg(millis(EDITION)).arg(u8::from(doubt.is_some()));
        let edition = match self.redis.ask::<String>(&command).await {
            Answer::Given(edition) => edition,
            Answer::Refused => {
                self.delete(group).await;
                return None;
            }
            Answer::Away => return None,
        };
        self.doubts.settle(group, doubt);
        Some(format!("{}:{edition}", place.name))
    }

    /// Looks for a value. One that cannot be read counts as none.
    pub(super) async fn look<E: Entry>(&self, place: &Place, key: &str) -> Look<E::Value> {
        let doubt = self.doubts.of(&place.name);
        let Ok(token) = random::<16>().map(|bytes| hex(&bytes)) else { return Look::Away };
        let mut command = script(LOOK, &[key, &lease_of(key)]);
        command.arg(&token).arg(millis(LEASE)).arg(millis(E::STALE));
        command.arg(u8::from(doubt.is_some()));
        for _ in 0..2 {
            let (bytes, left, is_taken) = match self.redis.ask::<Looked>(&command).await {
                Answer::Given(looked) => looked,
                // Something of another kind has this key.
                Answer::Refused => {
                    self.delete(key).await;
                    continue;
                }
                Answer::Away => return Look::Away,
            };
            self.doubts.settle(&place.name, doubt);
            let lease =
                (is_taken == 1).then(|| Lease { key: key.to_owned(), token: token.clone() });
            let Some(bytes) = bytes else { return Look::Empty(lease) };
            if let Ok(document) = unpack::<E>(&place.name, bytes) {
                let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
                let fresh = left.saturating_sub(E::STALE);
                // What another process reads anew at present is not asked for at every hit.
                let fresh = if lease.is_some() { fresh } else { fresh.max(BREATH) };
                let span = Span { fresh, stale: left.min(E::STALE) };
                return Look::Found { document, span, lease };
            }
            self.delete(key).await;
        }
        Look::Away
    }

    /// Puts what was read under the lease; `None`: gives the lease back.
    pub(super) async fn put<E: Entry>(
        &self,
        place: &Place,
        lease: Lease,
        value: Option<(Option<&Document<E::Value>>, Span)>,
    ) {
        let (bytes, lifetime) = match value {
            Some((document, span)) => (pack(&place.name, document), millis(span.whole())),
            None => (Vec::new(), 0),
        };
        let mut command = script(PUT, &[&lease.key, &lease_of(&lease.key)]);
        command.arg(lease.token).arg(bytes).arg(lifetime);
        self.redis.ask::<i64>(&command).await;
    }

    async fn delete(&self, key: &str) {
        let command = cmd("DEL").arg(key).arg(lease_of(key)).to_owned();
        self.redis.ask::<i64>(&command).await;
    }

    /// Deletes these names and tells the other processes so. What Redis did not take stays in doubt.
    pub(super) async fn forget(&self, id: Uuid, names: &[String]) {
        let mut commands = pipe();
        commands.atomic();
        for name in names {
            commands.cmd("DEL").arg(name).arg(lease_of(name)).ignore();
        }
        commands.cmd("PUBLISH").arg(CHANNEL).arg(super::ear::letter(id, names)).ignore();
        match self.redis.ask_all::<()>(&commands).await {
            Answer::Given(()) => self.doubts.clear(id, names),
            Answer::Refused | Answer::Away => self.doubts.raise(id, names),
        }
    }
}

/// The form, the name, and the JSON or nothing.
fn pack<T>(name: &str, document: Option<&Document<T>>) -> Vec<u8> {
    let json = document.map(Document::json).unwrap_or_default();
    let mut bytes = Vec::with_capacity(FORM.len() + name.len() + 1 + json.len());
    bytes.extend_from_slice(FORM);
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(b'\n');
    bytes.extend_from_slice(&json);
    bytes
}

/// Bytes that are no value of this form and shape under this name.
struct Unreadable;

/// Reads a value back.
fn unpack<E: Entry>(
    name: &str,
    bytes: Vec<u8>,
) -> Result<Option<Arc<Document<E::Value>>>, Unreadable> {
    let json = bytes
        .strip_prefix(FORM)
        .and_then(|rest| rest.strip_prefix(name.as_bytes()))
        .and_then(|rest| rest.strip_prefix(b"\n"))
        .ok_or(Unreadable)?;
    if json.is_empty() {
        return Ok(None);
    }
    let begin = bytes.len() - json.len();
    document::read::<E>(Bytes::from(bytes).slice(begin..)).map(Some).ok_or(Unreadable)
}
