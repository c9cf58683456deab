//! Where in a database's log a writer's last write is, for the other processes that read from replicas.
//!
//! Key: the owner, or the catalogue. Value: the position and the line of the log by shard; they only rise.
//! Lifetime: longer than any replica in use lags. Empty: the writer has written nothing of late.
//!
//! Redis may forget. So a token in it stands for all that it has been told, and is made anew when it is
//! gone. A reader believes what it finds once it has seen the same token, without losing the connection,
//! for as long as a position matters. Until then nothing is known, and the primary answers. Redis may
//! not be there for a writer: then that one waits until no replica in use needs to be asked. Redis' clock may
//! leap: the token lives shorter than what still matters of a position, and goes before it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::hex;
use super::redis::{Answer, Redis};
use crate::backend::random;
use crate::database::Whose;
use crate::store::replication::Position;

const TOKEN: &str = "resonant:written:1:token";
/// How many seconds the token lives longer than a position matters, when nobody prolongs its life.
const SPARE: u64 = 10;

/// What Redis has been told of writes.
pub(crate) struct Written {
    redis: Redis,
    lifetime: Duration,
    known: Mutex<Option<Known>>,
}

/// The token that this process has seen.
struct Known {
    token: String,
    faults: u64,
    since: Instant,
}

fn key(whose: Whose) -> String {
    match whose.owner {
        Some(owner) => format!("resonant:written:1:{owner}"),
        None => "resonant:written:1:catalogue".to_owned(),
    }
}

/// What the line of the log stands under, beside the position.
fn line(whose: Whose) -> String {
    format!("{}:line", whose.shard)
}

impl Written {
    /// Keeps positions in `redis` for `lifetime`.
    pub(crate) fn new(redis: Redis, lifetime: Duration) -> Self {
        Self { redis, lifetime, known: Mutex::default() }
    }

    /// Keeps a position for the other processes; `false` when they cannot know it.
    pub(crate) async fn note(&self, whose: Whose, position: Position) -> bool {
        let (key, seconds) = (key(whose), self.token_seconds() + self.seconds());
        let mut commands = ::redis::pipe();
        commands.cmd("ZADD").arg(&key).arg("GT");
        commands.arg(position.bytes).arg(whose.shard);
        commands.arg(position.timeline).arg(line(whose)).ignore();
        commands.cmd("EXPIRE").arg(&key).arg(seconds).ignore();
        matches!(self.redis.ask_all::<()>(&commands).await, Answer::Given(()))
    }

    /// The position that a replica must have; `None` when it is not known.
    pub(crate) async fn needed(&self, whose: Whose) -> Option<Position> {
        let mut commands = ::redis::pipe();
        commands.cmd("ZRANGE").arg(key(whose)).arg(0).arg(-1).arg("WITHSCORES");
        // Afterwards: it tells that what came before it was whole.
        commands.cmd("GET").arg(TOKEN);
        let answer = self.redis.ask_all::<(Vec<String>, Option<String>)>(&commands).await;
        let Answer::Given((marks, Some(token))) = answer else { return None };
        if !self.is_complete(token) {
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

    /// Makes a token when there is none, and prolongs its life. To be called every now and then.
    pub(crate) async fn mend(&self) {
        let Ok(fresh) = random::<16>() else { return };
        let mut commands = ::redis::pipe();
        commands.cmd("SET").arg(TOKEN).arg(hex(&fresh)).arg("NX").ignore();
        commands.cmd("EXPIRE").arg(TOKEN).arg(self.token_seconds()).ignore();
        // When Redis does not answer, nobody believes it either.
        self.redis.ask_all::<()>(&commands).await;
    }

    /// For how long a position matters, in whole seconds.
    fn seconds(&self) -> u64 {
        self.lifetime.as_secs() + 1
    }

    /// For how long the token lives.
    fn token_seconds(&self) -> u64 {
        self.seconds() + SPARE
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
        let owner = |id| Some(UserId::from_uuid(uuid::Uuid::from_u128(id)));
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
        Server::tell(NAME, &["SET", TOKEN, &token]).await;
        let since = reader.known.lock().unwrap().as_ref().unwrap().since;
        until_known(&reader, mine).await;
        assert!(reader.known.lock().unwrap().as_ref().unwrap().since > since, "it began anew");
    }

    /// A leap of Redis' clock that ends a mark while it matters ends the token too.
    #[tokio::test]
    async fn the_token_goes_before_what_still_matters() {
        const NAME: &str = "leaps";
        let _redis = Server::start(NAME);
        let lifetime = Duration::from_mins(10);
        let written = Written::new(Redis::new(&Server::url(NAME)).unwrap(), lifetime);
        let whose = Whose { shard: 0, owner: None };
        until("the mark is kept", async || written.note(whose, at(1, 7)).await).await;
        written.mend().await;
        assert!(written.note(whose, at(1, 7)).await);
        let lives = async |key: &str| {
            let command = ::redis::cmd("TTL").arg(key).to_owned();
            let Answer::Given(seconds) = written.redis.ask::<i64>(&command).await else {
                panic!("Redis answers");
            };
            Duration::from_secs(seconds.try_into().expect("it does not stay for ever"))
        };
        let mark = lives(&key(whose)).await;
        assert!(mark >= lives(TOKEN).await + lifetime, "{mark:?}");
        assert!(lives(TOKEN).await > lifetime);
    }
}
