//! The second level: what all processes keep together, in Redis.
//!
//! Whoever finds nothing takes a lease, a short lock with a token, reads the origin and puts the value
//! there under that token. A write deletes the value and the lease with it, so a reader that began
//! before the write puts nothing back. Deleting is always safe; putting needs the lease.
//!
//! What a process cannot know to be true by the names of writes counts by its age ([`Doubts`]).
//!
//! Each value says in which run of Redis it was put. A Redis that was started anew with what it had saved, or
//! that takes another's place, may have what was deleted meanwhile: that counts as nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::{Cmd, cmd, pipe};
use uuid::Uuid;

use super::document::{self, Document};
use super::doubts::Doubts;
use super::place::Place;
use super::redis::{Answer, Redis, Run};
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
const FORM: &[u8] = b"2\n";

/// Answers what is kept, how many milliseconds it has left, and whether the caller holds the lease now.
/// What is fresh needs none, nor does it that there is nothing, which is never stale: it ends with the line of
/// its name. KEYS: value, lease. ARGV: token, the lease's milliseconds, the milliseconds that a stale value
/// has left at most, whether the value is in doubt.
const LOOK: &str = r"
if ARGV[4] == '1' then redis.call('DEL', KEYS[1], KEYS[2]) end
local value, left = redis.call('GET', KEYS[1]), 0
if value then
  left = redis.call('PTTL', KEYS[1])
  local stale = string.byte(value, -1) == 10 and 0 or tonumber(ARGV[3])
  if left > stale then return {value, left, 0} end
end
local taken = redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2])
return {value, left, taken and 1 or 0}";

/// The same for several. KEYS: the values, then their leases. ARGV: token, the lease's milliseconds, the
/// milliseconds that a stale value has left at most, whether each value is in doubt.
const LOOK_MANY: &str = r"
local count, answer = #KEYS / 2, {}
for i = 1, count do
  if ARGV[3 + i] == '1' then redis.call('DEL', KEYS[i], KEYS[count + i]) end
end
local values = redis.call('MGET', unpack(KEYS, 1, count))
for i = 1, count do
  local left, stale, taken = 0, tonumber(ARGV[3]), false
  if values[i] then
    left = redis.call('PTTL', KEYS[i])
    if string.byte(values[i], -1) == 10 then stale = 0 end
  end
  if left <= stale then
    taken = redis.call('SET', KEYS[count + i], ARGV[1], 'NX', 'PX', ARGV[2])
  end
  answer[i] = {values[i], left, taken and 1 or 0}
end
return answer";

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
    run: Run,
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

/// What is put, and for how long; nothing: the lease is given back alone.
type Value<'a, T> = Option<(Option<&'a Document<T>>, Span)>;

/// Values that are put at once.
#[derive(Default)]
pub(super) struct Puts(Vec<Cmd>);

impl Puts {
    /// One more, under its lease.
    pub(super) fn add<E: Entry>(
        &mut self,
        place: &Place,
        lease: Lease,
        value: Value<'_, E::Value>,
    ) {
        self.0.push(put::<E>(place, lease, value));
    }
}

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
        self.keys(&[place]).await?.pop()
    }

    /// The same for several, in their order. Each group is asked for once.
    async fn keys(&self, places: &[&Place]) -> Option<Vec<String>> {
        let mut editions = HashMap::<&str, String>::new();
        let mut keys = Vec::with_capacity(places.len());
        for place in places {
            let Some(group) = place.group.as_deref() else {
                keys.push(place.name.clone());
                continue;
            };
            let edition = if let Some(known) = editions.get(group) {
                known.clone()
            } else {
                let edition = self.edition(group).await?;
                editions.insert(group, edition.clone());
                edition
            };
            keys.push(format!("{}:{edition}", place.name));
        }
        Some(keys)
    }

    /// The present edition of a group.
    async fn edition(&self, group: &str) -> Option<String> {
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
        Some(edition)
    }

    /// Looks for a value. One that cannot be read counts as none.
    pub(super) async fn look<E: Entry>(&self, place: &Place, key: &str) -> Look<E::Value> {
        let Some(run) = self.redis.run().await else { return Look::Away };
        let doubt = self.doubts.of(&place.name);
        let reach = self.doubts.reach();
        let Ok(token) = random::<16>().map(|bytes| hex(&bytes)) else { return Look::Away };
        let mut command = script(LOOK, &[key, &lease_of(key)]);
        command.arg(&token).arg(millis(LEASE)).arg(millis(E::STALE));
        command.arg(u8::from(doubt.is_some()));
        for _ in 0..2 {
            let looked = match self.redis.ask::<Looked>(&command).await {
                Answer::Given(looked) if self.redis.is_current(&run) => looked,
                // Something of another kind has this key.
                Answer::Refused => {
                    self.delete(key).await;
                    continue;
                }
                Answer::Given(_) | Answer::Away => return Look::Away,
            };
            self.doubts.settle(&place.name, doubt);
            match seen::<E>(place, key, (&token, &run, reach), looked) {
                Ok(look) => return look,
                Err(Unreadable) => self.delete(key).await,
            }
        }
        Look::Away
    }

    /// Looks for several values by one question; as many answers as places, in their order. One that cannot
    /// be read is deleted, and its reader looked for none.
    pub(super) async fn look_many<E: Entry>(&self, places: &[&Place]) -> Vec<Look<E::Value>> {
        let away = || places.iter().map(|_| Look::Away).collect();
        let Some(keys) = self.keys(places).await else { return away() };
        let Some(run) = self.redis.run().await else { return away() };
        let Ok(token) = random::<16>().map(|bytes| hex(&bytes)) else { return away() };
        let doubts: Vec<_> = places.iter().map(|place| self.doubts.of(&place.name)).collect();
        let reach = self.doubts.reach();
        let leases: Vec<_> = keys.iter().map(|key| lease_of(key)).collect();
        let all: Vec<_> = keys.iter().chain(&leases).map(String::as_str).collect();
        let mut command = script(LOOK_MANY, &all);
        command.arg(&token).arg(millis(LEASE)).arg(millis(E::STALE));
        for doubt in &doubts {
            command.arg(u8::from(doubt.is_some()));
        }
        let looked = match self.redis.ask::<Vec<Looked>>(&command).await {
            Answer::Given(looked) if looked.len() == keys.len() && self.redis.is_current(&run) => {
                looked
            }
            Answer::Given(_) | Answer::Refused | Answer::Away => return away(),
        };
        let (mut looks, mut bad) = (Vec::with_capacity(keys.len()), Vec::new());
        for (((place, key), doubt), looked) in places.iter().zip(&keys).zip(doubts).zip(looked) {
            self.doubts.settle(&place.name, doubt);
            let look = seen::<E>(place, key, (&token, &run, reach), looked);
            looks.push(look.unwrap_or_else(|Unreadable| {
                bad.push(key);
                Look::Away
            }));
        }
        for key in bad {
            self.delete(key).await;
        }
        looks
    }

    /// Puts what was read under the lease.
    pub(super) async fn put<E: Entry>(
        &self,
        place: &Place,
        lease: Lease,
        value: Value<'_, E::Value>,
    ) {
        self.redis.ask::<i64>(&put::<E>(place, lease, value)).await;
    }

    /// Puts several at once.
    pub(super) async fn put_many(&self, Puts(commands): Puts) {
        if commands.is_empty() {
            return;
        }
        let mut all = pipe();
        for command in commands {
            all.add_command(command).ignore();
        }
        self.redis.ask_all::<()>(&all).await;
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

/// What Redis has said of a key. What was put longer ago than `reach` counts as nothing.
fn seen<E: Entry>(
    place: &Place,
    key: &str,
    (token, run, reach): (&str, &Run, Option<Duration>),
    (bytes, left, is_taken): Looked,
) -> Result<Look<E::Value>, Unreadable> {
    let lease = (is_taken == 1).then(|| Lease {
        key: key.to_owned(),
        token: token.to_owned(),
        run: run.clone(),
    });
    let Some(bytes) = bytes else { return Ok(Look::Empty(lease)) };
    let document = unpack::<E>(run, &place.name, bytes)?;
    let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
    if reach.is_some_and(|reach| is_older::<E>(document.is_some(), left, reach)) {
        return Err(Unreadable);
    }
    let stale = if document.is_some() { E::STALE } else { Duration::ZERO };
    let fresh = left.saturating_sub(stale);
    // What another process reads anew at present is not asked for at every hit.
    let fresh = if lease.is_some() { fresh } else { fresh.max(BREATH) };
    let span = Span { fresh, stale: left.min(stale) };
    Ok(Look::Found { document, span, lease })
}

/// Whether a value with so much left may have been read longer ago than `reach`. It was put for its kind's whole
/// time at most, and read while its reader held the lease.
fn is_older<E: Entry>(is_there: bool, left: Duration, reach: Duration) -> bool {
    let whole = if is_there { E::LIFETIME + E::STALE } else { E::ABSENT };
    whole.saturating_sub(left) + LEASE > reach
}

fn put<E: Entry>(place: &Place, lease: Lease, value: Value<'_, E::Value>) -> Cmd {
    let (bytes, lifetime) = match value {
        Some((document, span)) => (pack(&lease.run, &place.name, document), millis(span.whole())),
        None => (Vec::new(), 0),
    };
    let mut command = script(PUT, &[&lease.key, &lease_of(&lease.key)]);
    command.arg(lease.token).arg(bytes).arg(lifetime);
    command
}

/// What a value begins with: the form, the run of Redis in which it is put, and the name.
pub(super) fn head(run: &Run, name: &str) -> Vec<u8> {
    [FORM, run.id().as_bytes(), b"\n", name.as_bytes(), b"\n"].concat()
}

/// The head, and the JSON or nothing.
fn pack<T>(run: &Run, name: &str, document: Option<&Document<T>>) -> Vec<u8> {
    let json = document.map(Document::json).unwrap_or_default();
    let mut bytes = head(run, name);
    bytes.extend_from_slice(&json);
    bytes
}

/// Bytes that are no value of this form and shape under this name, put in this run and lately enough.
struct Unreadable;

/// Reads a value back.
fn unpack<E: Entry>(
    run: &Run,
    name: &str,
    bytes: Vec<u8>,
) -> Result<Option<Arc<Document<E::Value>>>, Unreadable> {
    let head = head(run, name);
    if !bytes.starts_with(&head) {
        return Err(Unreadable);
    }
    if bytes.len() == head.len() {
        return Ok(None);
    }
    document::read::<E>(Bytes::from(bytes).slice(head.len()..)).map(Some).ok_or(Unreadable)
}
