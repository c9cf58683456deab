//! How much of a limit a caller has used: the generic cell rate algorithm.
//!
//! Key: the limit's name and the caller. Value: when the caller will have used nothing again, in
//! microseconds. Lifetime: until then. Empty: the caller has used nothing. Redis keeps it for all
//! processes, and each process has a copy. A large limit is answered from the copy: nobody waits for Redis,
//! which is told behind the answer, after [`STALE`], what was used in between, and tells what all have used.
//! No process admits more than a part of such a limit untold: then it asks, as it does each time for a small
//! one. Without Redis the copy is all there is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::redis::Redis;

/// For how long a process goes by its own copy of a large limit.
const STALE: Duration = Duration::from_secs(1);
/// From so many requests in a window a limit is large.
const LARGE: u32 = 1_000;
/// One in so many of a large limit's requests may be admitted before Redis is told: by so much, for each
/// process, all together may exceed it.
const UNTOLD: u32 = 10;
/// The most callers that a process remembers.
const CALLERS: u64 = 100_000;

/// Adds what was used to what Redis knows and tells whether one more fits.
/// KEYS: the caller. ARGV: interval and window in microseconds, used since the last time (less than none where
/// one is taken back), how many are asked for (one, or none).
/// Answers 1 or 0, and when the caller will have used nothing again, in microseconds from now.
const SCRIPT: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free = tonumber(redis.call('GET', KEYS[1]) or now)
if free < now then free = now end
free = free + ARGV[1] * ARGV[3]
local fits = 0
if ARGV[4] == '1' and free + ARGV[1] - now <= tonumber(ARGV[2]) then
  fits = 1
  free = free + ARGV[1]
end
if free > now then
  redis.call('SET', KEYS[1], string.format('%.0f', free), 'PX', math.ceil((free - now) / 1000))
else
  redis.call('DEL', KEYS[1])
end
return {fits, string.format('%.0f', free - now)}
";

/// So many requests in so long a time, and all of them at once when nothing was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// What the limit is called in headers.
    pub name: &'static str,
    /// Requests in a window, at least 1.
    pub requests: u32,
    /// The window.
    pub window: Duration,
}

/// Where a caller stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How long the caller must wait, when the request is one too many.
    pub retry_after: Option<Duration>,
    /// How many more requests fit now.
    pub remaining: u32,
    /// When the caller will have used nothing again.
    pub reset_after: Duration,
}

impl RateLimit {
    fn window_us(&self) -> i64 {
        i64::try_from(self.window.as_micros()).unwrap_or(i64::MAX)
    }

    fn interval_us(&self) -> i64 {
        (self.window_us() / i64::from(self.requests.max(1))).max(1)
    }

    /// The standing of someone who will have used nothing `used_us` from now.
    fn standing(&self, fits: bool, used_us: i64) -> Standing {
        let (interval, room) = (self.interval_us(), self.window_us() - used_us);
        let micros = |us: i64| Duration::from_micros(u64::try_from(us).unwrap_or(0));
        Standing {
            retry_after: (!fits).then(|| micros(interval - room)),
            remaining: u32::try_from((room / interval).max(0)).unwrap_or(u32::MAX),
            reset_after: micros(used_us),
        }
    }
}

/// What a process knows of one caller.
#[derive(Debug, Default)]
struct Used {
    /// When the caller will have used nothing again, in microseconds after the process began.
    free_us: i64,
    /// When Redis was last told.
    told_us: Option<i64>,
    /// What was used since.
    untold: u32,
}

/// What is to be done about a request.
enum Next {
    /// Nothing more: it is counted.
    Counted(Standing),
    /// It is counted, and Redis is told of so many.
    Tell(Standing, u32),
    /// Redis is told of so many and asked for this one.
    Ask(u32),
}

impl Used {
    /// Counts a request of a limit that is shared through Redis, where that need not be asked.
    fn next(&mut self, limit: &RateLimit, now_us: i64) -> Next {
        if limit.requests < LARGE || self.untold >= limit.requests / UNTOLD {
            self.told_us = Some(now_us);
            return Next::Ask(std::mem::take(&mut self.untold));
        }
        let standing = self.count(limit, now_us);
        // A refusal uses nothing.
        self.untold += u32::from(standing.retry_after.is_none());
        let stale_us = i64::try_from(STALE.as_micros()).unwrap_or(0);
        let is_fresh = self.told_us.is_some_and(|told| now_us - told < stale_us);
        if is_fresh || self.untold == 0 {
            return Next::Counted(standing);
        }
        self.told_us = Some(now_us);
        Next::Tell(standing, std::mem::take(&mut self.untold))
    }

    /// Learns what all have used, but for what was used here since Redis was told.
    fn learn(&mut self, limit: &RateLimit, now_us: i64, used_us: i64) {
        self.free_us = now_us + used_us + i64::from(self.untold) * limit.interval_us();
    }

    /// Counts one request by what this process knows.
    fn count(&mut self, limit: &RateLimit, now_us: i64) -> Standing {
        let used = (self.free_us - now_us).max(0);
        let fits = used + limit.interval_us() <= limit.window_us();
        let used = if fits { used + limit.interval_us() } else { used };
        self.free_us = now_us + used;
        limit.standing(fits, used)
    }
}

/// The counters of a process.
#[derive(Clone)]
pub(crate) struct RateLimits {
    redis: Option<Redis>,
    began: Instant,
    used: moka::sync::Cache<String, Arc<Mutex<Used>>>,
}

impl RateLimits {
    pub(crate) fn new(redis: Option<Redis>) -> Self {
        let used = moka::sync::Cache::builder()
            .max_capacity(CALLERS)
            .time_to_idle(Duration::from_mins(10))
            .build();
        Self { redis, began: Instant::now(), used }
    }

    /// Counts a request of `who` and tells where that leaves them.
    pub(crate) async fn count(&self, limit: &RateLimit, who: &str) -> Standing {
        let now_us = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        let key = key(limit, who);
        let used = self.used.get_with_by_ref(&key, Arc::default);
        let Some(redis) = &self.redis else {
            return lock(&used).count(limit, now_us);
        };
        let next = lock(&used).next(limit, now_us);
        match next {
            Next::Counted(standing) => standing,
            Next::Tell(standing, untold) => {
                let (redis, limit) = (redis.clone(), *limit);
                tokio::spawn(async move {
                    if let Some((_, used_us)) = tell(&redis, &limit, &key, untold.into(), 0).await {
                        lock(&used).learn(&limit, now_us, used_us);
                    }
                });
                standing
            }
            Next::Ask(untold) => match tell(redis, limit, &key, untold.into(), 1).await {
                Some((fits, used_us)) => {
                    lock(&used).learn(limit, now_us, used_us);
                    limit.standing(fits, used_us)
                }
                None => lock(&used).count(limit, now_us),
            },
        }
    }

    /// Takes a request of `who` back that was counted and is to be none.
    pub(crate) async fn take_back(&self, limit: &RateLimit, who: &str) {
        let key = key(limit, who);
        lock(&self.used.get_with_by_ref(&key, Arc::default)).free_us -= limit.interval_us();
        if let Some(redis) = &self.redis {
            tell(redis, limit, &key, -1, 0).await;
        }
    }
}

fn key(limit: &RateLimit, who: &str) -> String {
    format!("resonant:rate:1:{}:{who}", limit.name)
}

fn lock(used: &Mutex<Used>) -> std::sync::MutexGuard<'_, Used> {
    used.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells Redis what was used, and asks for so many: one, or none.
async fn tell(
    redis: &Redis,
    limit: &RateLimit,
    key: &str,
    used: i64,
    asked: i64,
) -> Option<(bool, i64)> {
    let numbers = [limit.interval_us(), limit.window_us(), used, asked];
    let (fits, used_us): (i64, String) = redis.eval(SCRIPT, key, &numbers).await?;
    Some((fits == 1, used_us.parse().ok()?))
}

#[cfg(test)]
mod tests;
