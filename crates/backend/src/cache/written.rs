//! Where in a database's log a writer's last write is, for the other processes that read from replicas.
//!
//! Key: the owner, or the catalogue. Value: the position by shard; it only rises. Lifetime: longer than
//! any replica in use lags. Empty: the writer has written nothing of late.
//!
//! Redis may forget. So a token in it stands for all that it has been told, and is made anew when it is
//! gone. A reader believes what it finds once it has seen the same token, without losing the connection,
//! for as long as a position matters. Until then nothing is known, and the primary answers. Redis may
//! not be there for a writer: then that one waits until no replica in use needs to be asked.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::hex;
use super::redis::{Answer, Redis};
use crate::backend::random;
use crate::database::Whose;

const TOKEN: &str = "resonant:written:1:token";

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

impl Written {
    /// Keeps positions in `redis` for `lifetime`.
    pub(crate) fn new(redis: Redis, lifetime: Duration) -> Self {
        Self { redis, lifetime, known: Mutex::default() }
    }

    /// Keeps a position for the other processes; `false` when they cannot know it.
    pub(crate) async fn note(&self, whose: Whose, position: i64) -> bool {
        let (key, seconds) = (key(whose), self.lifetime.as_secs() + 1);
        let mut commands = ::redis::pipe();
        commands.cmd("ZADD").arg(&key).arg("GT").arg(position).arg(whose.shard).ignore();
        commands.cmd("EXPIRE").arg(&key).arg(seconds).ignore();
        matches!(self.redis.ask_all::<()>(&commands).await, Answer::Given(()))
    }

    /// The position that a replica must have; `None` when it is not known.
    pub(crate) async fn needed(&self, whose: Whose) -> Option<i64> {
        let mut commands = ::redis::pipe();
        commands.cmd("GET").arg(TOKEN);
        commands.cmd("ZRANGE").arg(key(whose)).arg(0).arg(-1).arg("WITHSCORES");
        let answer = self.redis.ask_all::<(Option<String>, Vec<String>)>(&commands).await;
        let Answer::Given((Some(token), marks)) = answer else { return None };
        if !self.is_complete(token) {
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

    /// Makes a token when there is none. To be called every now and then.
    pub(crate) async fn mend(&self) {
        let Ok(fresh) = random::<16>() else { return };
        let command = ::redis::cmd("SET").arg(TOKEN).arg(hex(&fresh)).arg("NX").to_owned();
        // When Redis does not answer, nobody believes it either.
        self.redis.ask::<Option<String>>(&command).await;
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

    async fn until_known(process: &Written, whose: Whose) -> i64 {
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
        assert_eq!(until_known(&reader, mine).await, 0);
        until("the mark is kept", async || writer.note(mine, 7).await).await;
        assert!(writer.note(mine, 5).await);
        assert_eq!(reader.needed(mine).await, Some(7));
        assert_eq!(reader.needed(elsewhere).await, None, "the owner is known to be elsewhere");
        assert_eq!(reader.needed(Whose { shard: 0, owner: owner(2) }).await, Some(0));

        let token = reader.known.lock().unwrap().as_ref().unwrap().token.clone();
        drop(redis);
        assert!(!writer.note(mine, 9).await);
        let _redis = Server::start(NAME);
        until("it is there", async || reader.redis.ping().await.is_ok()).await;
        // As one that has saved its memory before the last write.
        Server::tell(NAME, &["SET", TOKEN, &token]).await;
        let since = reader.known.lock().unwrap().as_ref().unwrap().since;
        until_known(&reader, mine).await;
        assert!(reader.known.lock().unwrap().as_ref().unwrap().since > since, "it began anew");
    }
}
