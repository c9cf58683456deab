//! Where in a database's log a writer's last write is, for the other processes that read from replicas.
//!
//! Key: the owner, or the catalogue. Value: the position and the line of the log by shard; they only rise.
//! Lifetime: longer than any replica in use lags. Empty: the writer has written nothing of late, unless a list
//! says otherwise. What was written on a shard that the writer has left goes with the next write.
//!
//! Redis may forget: all that it has been told, or any key of it when its memory is full or its clock leaps. So
//! there are lists of those who wrote, and of one whose position is gone while a list has the name nothing is
//! known. Nor is it of one with a write whose position nobody could tell, as long as a list says so. Of the lists
//! there are two, the present one and the one before it, which goes when the present one has been there for as
//! long as a position matters; by no clock but that of the process that has seen it for so long. Both have the
//! same token and numbers that follow each other; where they do not, one was lost, and both are made anew. A
//! reader believes what it finds once it has seen the same token, without losing the connection, for as long as a
//! position matters. Until then nothing is known. What is not known the primary answers. Redis may not be there
//! for a writer: then that one waits until no replica in use needs to be asked.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::hex;
use super::redis::{Answer, Redis};
use crate::backend::random;
use crate::database::Whose;
use crate::store::replication::Position;

/// Those who wrote since it was begun, and those who wrote while the one before was the present one.
const PRESENT: &str = "resonant:written:1:present";
const BEFORE: &str = "resonant:written:1:before";
/// For how many seconds the lists stay when no process is left that prolongs their life.
const LISTS: u64 = 3_600;
/// For how many times as long as it matters a position is kept: a list has its writer's name for two at least.
const KEPT: u64 = 3;

/// Makes both lists anew where they do not belong together, and begins another present one in place of the one
/// that the caller names. Answers the token and the present list's number. KEYS: present, before. ARGV: a fresh
/// token, the lists' seconds, token and number of the list that is over.
const MEND: &str = r"
local present = redis.call('HMGET', KEYS[1], 'token', 'number')
local before = redis.call('HMGET', KEYS[2], 'token', 'number')
if not present[1] or present[1] ~= before[1] or present[2] - before[2] ~= 1 then
  present = {ARGV[1], '1'}
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[2], 'token', ARGV[1], 'number', '0')
  redis.call('HSET', KEYS[1], 'token', ARGV[1], 'number', '1')
elseif present[1] == ARGV[3] and present[2] == ARGV[4] then
  present[2] = string.format('%.0f', present[2] + 1)
  redis.call('UNLINK', KEYS[2])
  redis.call('RENAME', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 'token', present[1], 'number', present[2])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return present";

/// Keeps a position, and none of another shard. KEYS: present list, the writer's positions. ARGV: the writer's
/// name, shard, position, name of the line, line, and for how many seconds.
const NOTE: &str = r"
redis.call('HSETNX', KEYS[1], ARGV[1], '')
for _, of in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  if of ~= ARGV[2] and of ~= ARGV[4] then redis.call('ZREM', KEYS[2], of) end
end
redis.call('ZADD', KEYS[2], 'GT', ARGV[3], ARGV[2], ARGV[5], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[6])";

/// What a list has beside the name of one with a write whose position is not known.
const UNKNOWN: &str = "unknown";

/// What a list says: its token, its number, and what it has beside the writer's name.
type Listed = (Option<String>, Option<i64>, Option<String>);

/// What Redis has been told of writes.
pub(crate) struct Written {
    redis: Redis,
    lifetime: Duration,
    known: Mutex<Option<Known>>,
    list: Mutex<Option<List>>,
}

/// The token that this process has seen.
struct Known {
    token: String,
    faults: u64,
    since: Instant,
}

/// The present list, and since when this process has seen it.
struct List {
    token: String,
    number: String,
    since: Instant,
}

/// What the writer is called.
fn name(whose: Whose) -> String {
    whose.owner.map_or_else(|| "catalogue".to_owned(), |owner| owner.to_string())
}

fn key(whose: Whose) -> String {
    format!("resonant:written:1:{}", name(whose))
}

/// What the line of the log stands under, beside the position.
fn line(whose: Whose) -> String {
    format!("{}:line", whose.shard)
}

impl Written {
    /// Keeps positions in `redis` for `lifetime`.
    pub(crate) fn new(redis: Redis, lifetime: Duration) -> Self {
        Self { redis, lifetime, known: Mutex::default(), list: Mutex::default() }
    }

    /// Keeps a position for the other processes; `false` when they cannot know it.
    pub(crate) async fn note(&self, whose: Whose, position: Position) -> bool {
        let name = name(whose);
        let command = if position == Position::NEVER {
            // In the list and not beside the others: who writes all the time prolongs the life of those.
            ::redis::cmd("HSET").arg(PRESENT).arg(name).arg(UNKNOWN).to_owned()
        } else {
            let mut command = ::redis::cmd("EVAL");
            command.arg(NOTE).arg(2).arg(PRESENT).arg(key(whose));
            command.arg(name).arg(whose.shard).arg(position.bytes);
            command.arg(line(whose)).arg(position.timeline).arg(KEPT * self.seconds());
            command
        };
        matches!(self.redis.ask::<()>(&command).await, Answer::Given(()))
    }

    /// The position that a replica must have; `None` when it is not known.
    pub(crate) async fn needed(&self, whose: Whose) -> Option<Position> {
        let mut commands = ::redis::pipe();
        commands.cmd("ZRANGE").arg(key(whose)).arg(0).arg(-1).arg("WITHSCORES");
        // Afterwards: they tell that what came before them was whole.
        for list in [BEFORE, PRESENT] {
            commands.cmd("HMGET").arg(list).arg("token").arg("number").arg(name(whose));
        }
        let answer = self.redis.ask_all::<(Vec<String>, Listed, Listed)>(&commands).await;
        let Answer::Given((marks, before, present)) = answer else { return None };
        // One that was lost, or took the other's place between the two looks.
        let numbers = before.1.zip(present.1);
        let is_next = numbers.is_some_and(|(before, present)| present - before == 1);
        if !is_next || before.0 != present.0 || !self.is_complete(present.0?) {
            return None;
        }
        let listed: Vec<_> = [before.2, present.2].into_iter().flatten().collect();
        let is_unknown = listed.iter().any(|beside| beside == UNKNOWN);
        if is_unknown || (!listed.is_empty() && marks.is_empty()) {
            return None;
        }
        let (shard, line) = (whose.shard.to_string(), line(whose));
        let mut needed = Position::default();
        for mark in marks.chunks(2) {
            let [of, number] = mark else { return None };
            if *of == shard {
                needed.bytes = number.parse().ok()?;
            } else if *of == line {
                needed.timeline = number.parse().ok()?;
            } else {
                // On another shard: the owner has moved, and this process does not know it yet.
                return None;
            }
        }
        Some(needed)
    }

    /// Makes the lists when there are none, begins another when it is time, and prolongs their life. To be called
    /// every now and then.
    pub(crate) async fn mend(&self) {
        let Ok(fresh) = random::<16>() else { return };
        let over = self.over().unwrap_or_default();
        let mut command = ::redis::cmd("EVAL");
        command.arg(MEND).arg(2).arg(PRESENT).arg(BEFORE);
        command.arg(hex(&fresh)).arg(LISTS).arg(over.0).arg(over.1);
        // When Redis does not answer, nobody believes it either.
        let answer = self.redis.ask::<(String, String)>(&command).await;
        if let Answer::Given((token, number)) = answer {
            self.see(token, number);
        }
    }

    /// Token and number of the present list, where it has been there for as long as a position matters.
    fn over(&self) -> Option<(String, String)> {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let list = list.as_ref().filter(|list| list.since.elapsed() >= self.lifetime)?;
        Some((list.token.clone(), list.number.clone()))
    }

    fn see(&self, token: String, number: String) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = list.as_ref().is_some_and(|it| it.token == token && it.number == number);
        if !is_known {
            *list = Some(List { token, number, since: Instant::now() });
        }
    }

    /// For how long a position matters, in whole seconds.
    fn seconds(&self) -> u64 {
        self.lifetime.as_secs() + 1
    }

    /// Whether this token has been seen for as long as a position matters.
    fn is_complete(&self, token: String) -> bool {
        let faults = self.redis.faults();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(known) if known.token == token && known.faults == faults => {
                known.since.elapsed() >= self.lifetime
            }
            _ => {
                *known = Some(Known { token, faults, since: Instant::now() });
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use resonant_domain::UserId;
    use uuid::Uuid;

    use super::super::tests::{Server, until};
    use super::*;

    /// A process whose token counts as soon as it was seen.
    fn process(name: &str) -> Written {
        Written::new(Redis::new(&Server::url(name)).unwrap(), Duration::ZERO)
    }

    fn at(timeline: i32, bytes: i64) -> Position {
        Position { timeline, bytes }
    }

    async fn until_known(process: &Written, whose: Whose) -> Position {
        until("what was written is known", async || {
            process.mend().await;
            process.needed(whose).await.is_some()
        })
        .await;
        process.needed(whose).await.unwrap()
    }

    #[tokio::test]
    async fn what_one_process_wrote_another_knows_and_after_a_restart_nobody() {
        const NAME: &str = "written";
        let redis = Server::start(NAME);
        let owner = |id| Some(UserId::from_uuid(Uuid::from_u128(id)));
        let (mine, elsewhere) =
            (Whose { shard: 0, owner: owner(1) }, Whose { shard: 1, owner: owner(1) });
        let (writer, reader) = (process(NAME), process(NAME));
        assert_eq!(until_known(&reader, mine).await, at(0, 0));
        until("the mark is kept", async || writer.note(mine, at(1, 7)).await).await;
        assert!(writer.note(mine, at(2, 5)).await);
        assert_eq!(reader.needed(mine).await, Some(at(2, 7)));
        assert_eq!(reader.needed(elsewhere).await, None, "the owner is known to be elsewhere");
        assert_eq!(reader.needed(Whose { shard: 0, owner: owner(2) }).await, Some(at(0, 0)));

        let token = reader.known.lock().unwrap().as_ref().unwrap().token.clone();
        drop(redis);
        assert!(!writer.note(mine, at(2, 9)).await);
        let _redis = Server::start(NAME);
        until("it is there", async || reader.redis.ping().await.is_ok()).await;
        // As one that has saved its memory before the last write.
        for (list, number) in [(BEFORE, "0"), (PRESENT, "1")] {
            Server::tell(NAME, &["HSET", list, "token", &token, "number", number]).await;
        }
        let since = reader.known.lock().unwrap().as_ref().unwrap().since;
        until_known(&reader, mine).await;
        assert!(reader.known.lock().unwrap().as_ref().unwrap().since > since, "it began anew");
    }

    /// Redis may evict what it has no room for, and let anything go when its clock leaps.
    #[tokio::test]
    async fn of_one_whose_position_is_lost_nothing_is_known() {
        const NAME: &str = "evicts";
        let _redis = Server::start(NAME);
        let whose = |id| Whose { shard: 0, owner: Some(UserId::from_uuid(Uuid::from_u128(id))) };
        let (mine, others) = (whose(1), whose(2));
        let (writer, reader) = (process(NAME), process(NAME));
        assert_eq!(until_known(&reader, mine).await, at(0, 0));
        until("the mark is kept", async || writer.note(mine, at(1, 7)).await).await;
        assert_eq!(reader.needed(mine).await, Some(at(1, 7)));
        // In the present list, and then in the one before it.
        for _ in 0..2 {
            Server::tell(NAME, &["DEL", &key(mine)]).await;
            assert_eq!(reader.needed(mine).await, None);
            assert_eq!(reader.needed(others).await, Some(at(0, 0)), "it is theirs alone");
            reader.mend().await;
        }
        assert_eq!(reader.needed(mine).await, Some(at(0, 0)), "it matters no more");
    }

    /// Also for one who never stops to write.
    #[tokio::test]
    async fn a_position_that_nobody_could_tell_is_missed_for_as_long_as_it_matters() {
        const NAME: &str = "untold";
        let _redis = Server::start(NAME);
        let whose = Whose { shard: 0, owner: None };
        let (writer, reader) = (process(NAME), process(NAME));
        assert_eq!(until_known(&reader, whose).await, at(0, 0));
        until("it is noted", async || writer.note(whose, Position::NEVER).await).await;
        assert_eq!(reader.needed(whose).await, None);
        // In the list that was the present one, and then in the one before.
        for bytes in [7, 9] {
            assert!(writer.note(whose, at(1, bytes)).await);
            assert_eq!(reader.needed(whose).await, None, "{bytes}");
            reader.mend().await;
        }
        assert_eq!(reader.needed(whose).await, Some(at(1, 9)));
    }

    #[tokio::test]
    async fn where_a_writer_was_before_is_forgotten_with_the_next_write() {
        const NAME: &str = "moved";
        let _redis = Server::start(NAME);
        let on = |shard| Whose { shard, owner: Some(UserId::from_uuid(Uuid::from_u128(1))) };
        let (writer, reader) = (process(NAME), process(NAME));
        until_known(&reader, on(0)).await;
        until("it is noted", async || writer.note(on(0), at(2, 7)).await).await;
        assert_eq!(reader.needed(on(1)).await, None, "the owner is known to be elsewhere");
        assert!(writer.note(on(1), at(1, 3)).await);
        assert_eq!(reader.needed(on(1)).await, Some(at(1, 3)));
        assert_eq!(reader.needed(on(0)).await, None);
    }

    #[tokio::test]
    async fn where_a_list_is_lost_nothing_is_known_of_anybody() {
        const NAME: &str = "lists";
        let _redis = Server::start(NAME);
        let whose = Whose { shard: 0, owner: None };
        let (writer, reader) = (process(NAME), process(NAME));
        for list in [BEFORE, PRESENT] {
            until_known(&reader, whose).await;
            let token = reader.known.lock().unwrap().as_ref().unwrap().token.clone();
            Server::tell(NAME, &["DEL", list]).await;
            assert_eq!(reader.needed(whose).await, None, "{list}");
            // Nor does one that is made by whoever writes count.
            until("it is noted", async || writer.note(whose, at(1, 7)).await).await;
            assert_eq!(reader.needed(whose).await, None, "{list}");
            until_known(&reader, whose).await;
            assert_ne!(reader.known.lock().unwrap().as_ref().unwrap().token, token, "{list}");
        }
    }

    /// A list goes once another has been there for as long as a position matters, whoever looks.
    #[tokio::test]
    async fn a_list_stays_for_as_long_as_a_position_matters() {
        const NAME: &str = "turns";
        let _redis = Server::start(NAME);
        let whose = Whose { shard: 0, owner: None };
        let redis = Redis::new(&Server::url(NAME)).unwrap();
        let slow = Written::new(redis, Duration::from_mins(10));
        let quick = process(NAME);
        until_known(&quick, whose).await;
        let number = |process: &Written| {
            let list = process.list.lock().unwrap();
            list.as_ref().unwrap().number.parse::<i64>().unwrap()
        };
        until("Redis answers", async || {
            slow.mend().await;
            slow.list.lock().unwrap().is_some()
        })
        .await;
        let first = number(&slow);
        slow.mend().await;
        assert_eq!(number(&slow), first);
        quick.mend().await;
        assert_eq!(number(&quick), first + 1);
        // What another has begun is new to whoever sees it later.
        slow.mend().await;
        slow.mend().await;
        assert_eq!(number(&slow), first + 1);
    }
}
