//! Read replicas: which of them may answer, and for whom.
//!
//! A probe asks every primary and every replica how far it is, several times a second. A replica is
//! taken out when it does not answer, is no replica of ours, follows what is not the primary any more or
//! lags too far behind, and comes back when that is over. Someone who wrote is sent to a replica only once
//! it is known to have replayed that write; what is known is never more than what is so, since a log is only
//! ever replayed forward. Writes of other processes are known as [`Others`] says.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::join_all;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Reading;
use super::marks::{Marks, Whose};
use super::pool::Pool;
use super::presence::Presence;
use crate::cache::written::Written;
use crate::store::replication::{self, Place, Position};
use crate::{Error, Result};

/// The pause between two probes.
const PAUSE: Duration = Duration::from_millis(200);
/// How long an answer may take, and for how long it is believed.
const TRUST: Duration = Duration::from_secs(1);
/// The pause between two looks whether the replicas have a write that others cannot be told of.
const SPREAD: Duration = Duration::from_millis(20);

/// For how long a write matters to those who read: longer than any replica in use lags, by the age of
/// the last probe.
pub(crate) fn span(max_lag: Duration) -> Duration {
    max_lag + 2 * TRUST
}

/// How this process knows what others have written.
pub(super) enum Others {
    /// All keep it in Redis.
    Told(Written),
    /// It knows when there are none.
    Seen(Presence),
    /// It does not.
    Unknown,
}

/// The replicas of every database of this installation.
pub(crate) struct Replicas {
    shared: Arc<Shared>,
    _stop: DropGuard,
}

struct Shared {
    primaries: Vec<Pool>,
    replicas: Vec<Replica>,
    next: AtomicUsize,
    marks: Marks,
    others: Others,
    max_lag: Duration,
}

impl Shared {
    /// The position that a replica must have to answer; `None` when it is not known.
    async fn needed(&self, whose: Whose) -> Option<Position> {
        let own = self.marks.needed(whose);
        match &self.others {
            Others::Told(written) => Some(written.needed(whose).await?.and(own)),
            Others::Seen(presence) => presence.is_alone().then_some(own),
            Others::Unknown => None,
        }
    }

    /// Waits until every replica in use has a write, so that nobody needs to know of it.
    async fn spread(&self, shard: usize, position: Position) {
        let began = Instant::now();
        let is_behind = |replica: &Replica| replica.lacks(shard, position);
        while began.elapsed() < span(self.max_lag) && self.replicas.iter().any(is_behind) {
            tokio::time::sleep(SPREAD).await;
        }
    }
}

struct Replica {
    name: String,
    pool: Pool,
    standing: Mutex<Option<Standing>>,
}

/// What is known of a replica in use.
#[derive(Clone, Copy)]
struct Standing {
    shard: usize,
    replayed: Position,
    behind: Duration,
    since: Instant,
}

impl Replica {
    fn standing(&self) -> MutexGuard<'_, Option<Standing>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it may answer someone who needs `position` of a shard.
    fn has(&self, shard: usize, position: Position) -> bool {
        self.standing().is_some_and(|standing| {
            standing.shard == shard
                && standing.replayed.is_past(position)
                && standing.since.elapsed() <= TRUST
        })
    }

    /// Whether it is in use and not known to have come to `position` of its shard.
    fn lacks(&self, shard: usize, position: Position) -> bool {
        self.standing()
            .is_some_and(|standing| standing.shard == shard && !standing.replayed.is_past(position))
    }

    fn take_in(&self, standing: Standing) {
        if self.standing().replace(standing).is_none() {
            tracing::info!(replica = self.name, shard = standing.shard, "replica in use");
        }
    }

    fn take_out(&self, reason: &str) {
        if self.standing().take().is_some() {
            tracing::warn!(replica = self.name, reason, "replica taken out");
        }
    }
}

impl Replicas {
    /// Begins to probe the replicas, each with a name for the log.
    pub(super) fn new(
        primaries: Vec<Pool>,
        replicas: Vec<(String, Pool)>,
        others: Others,
        max_lag: Duration,
    ) -> Self {
        let replicas = replicas
            .into_iter()
            .map(|(name, pool)| Replica { name, pool, standing: Mutex::default() })
            .collect();
        let shared = Arc::new(Shared {
            primaries,
            replicas,
            next: AtomicUsize::new(0),
            marks: Marks::new(span(max_lag)),
            others,
            max_lag,
        });
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(probe(shared.clone())));
        Self { shared, _stop: stop.drop_guard() }
    }

    /// A connection to a replica that has all that the reader wrote; `None`: the primary must answer.
    pub(super) async fn reading(&self, whose: Whose) -> Option<Reading> {
        let needed = self.shared.needed(whose).await?;
        let replicas = &self.shared.replicas;
        let first = self.shared.next.fetch_add(1, Ordering::Relaxed);
        for offset in 0..replicas.len() {
            let replica = &replicas[first.wrapping_add(offset) % replicas.len()];
            if !replica.has(whose.shard, needed) {
                continue;
            }
            match replica.pool.conn().await {
                Ok(conn) => return Some(conn),
                Err(_) => replica.take_out("it does not answer"),
            }
        }
        None
    }

    /// Each replica by its name, and how far it is behind; `None`: it is not in use.
    pub(super) fn standings(&self) -> Vec<(String, Option<Duration>)> {
        let replicas = self.shared.replicas.iter();
        let standing = |replica: &Replica| replica.standing().map(|standing| standing.behind);
        replicas.map(|replica| (replica.name.clone(), standing(replica))).collect()
    }

    /// What to do once a write of `whose` is committed.
    pub(super) fn mark(&self, whose: Whose) -> Mark {
        Mark { shared: self.shared.clone(), whose }
    }
}

/// Remembers a write for those who read after it.
pub(super) struct Mark {
    shared: Arc<Shared>,
    whose: Whose,
}

impl Mark {
    /// Asks how far the log has come, over the writer's `own` connection where that is still held, and
    /// keeps it. When nobody answers, the primary answers the writer until every replica in use has the
    /// write in any case.
    pub(super) async fn note(self, own: Option<PoolConnection<Postgres>>) {
        let position = self.position(own).await.unwrap_or(Position::NEVER);
        self.shared.marks.note(self.whose, position);
        if let Others::Told(written) = &self.shared.others
            && !written.note(self.whose, position).await
        {
            self.shared.spread(self.whose.shard, position).await;
        }
    }

    /// How far the log has come. The connection is given back before anybody else is told.
    async fn position(&self, own: Option<PoolConnection<Postgres>>) -> Result<Position> {
        let mut conn = match own {
            Some(conn) => conn,
            None => self.shared.primaries[self.whose.shard].conn().await?,
        };
        Ok(replication::find_position(&mut conn).await?)
    }
}

/// Where a primary was at which time.
#[derive(Default)]
struct History {
    positions: VecDeque<(Instant, i64)>,
    cluster: i64,
    database: String,
    timeline: i32,
}

impl History {
    fn push(&mut self, at: Instant, place: Place, keep: Duration) {
        if place.timeline != self.timeline {
            // Another has taken its place: where that one was says nothing of this one.
            self.positions.clear();
        }
        self.positions.push_back((at, place.position));
        self.cluster = place.cluster;
        self.database = place.database;
        self.timeline = place.timeline;
        while self.positions.front().is_some_and(|(front, _)| at - *front > keep) {
            self.positions.pop_front();
        }
    }

    /// For how long at most the primary has had something that a replica at `replayed` has not;
    /// `None`: for longer than is known. What a primary that does not answer has written since, nobody knows.
    fn lag(&self, replayed: i64, now: Instant) -> Option<Duration> {
        let (at, _) = self.positions.iter().rev().find(|(_, position)| *position <= replayed)?;
        Some(now - *at)
    }
}

async fn probe(shared: Arc<Shared>) {
    let mut histories: Vec<_> = shared.primaries.iter().map(|_| History::default()).collect();
    loop {
        let mut is_complete = true;
        // All at once: of those that answer, what they said gets no older by one that does not.
        let asked = shared.primaries.iter().map(|primary| async move {
            let at = Instant::now();
            (at, ask(primary).await)
        });
        for (history, (at, place)) in histories.iter_mut().zip(join_all(asked).await) {
            match place {
                Ok(place) => history.push(at, place, span(shared.max_lag)),
                Err(_) => is_complete = false,
            }
        }
        join_all(shared.replicas.iter().map(|replica| examine(&shared, replica, &histories))).await;
        if is_complete {
            shared.marks.turn();
        }
        if let Others::Told(written) = &shared.others {
            written.mend().await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn ask(pool: &Pool) -> Result<Place> {
    let answer = async { Ok(replication::find_place(&mut *pool.conn().await?).await?) };
    tokio::time::timeout(TRUST, answer).await.map_err(Error::unavailable)?
}

/// Takes a replica in or out.
async fn examine(shared: &Shared, replica: &Replica, histories: &[History]) {
    let since = Instant::now();
    let Ok(place) = ask(&replica.pool).await else {
        return replica.take_out("it does not answer");
    };
    let is_same = |history: &History| {
        !history.positions.is_empty()
            && history.cluster == place.cluster
            && history.database == place.database
    };
    let Some(index) = histories.iter().position(is_same).filter(|_| place.is_replica) else {
        return replica.take_out("it is no replica of a database of ours");
    };
    if histories[index].timeline != place.timeline {
        // It may be farther than the new primary and have nothing of what that one has written.
        return replica.take_out("it did not follow when another became the primary");
    }
    match histories[index].lag(place.position, Instant::now()) {
        Some(behind) if behind <= shared.max_lag => {
            let replayed = place.position();
            replica.take_in(Standing { shard: index, replayed, behind, since });
        }
        _ => replica.take_out("it lags too far behind"),
    }
}
