use futures::FutureExt as _;

use super::*;
use crate::cache::tests::{Server, until};

const FIVE: RateLimit = RateLimit { name: "test", requests: 5, window: Duration::from_secs(10) };

#[test]
fn a_caller_may_use_all_at_once_and_then_waits() {
    let mut used = Used::default();
    for left in [4, 3, 2, 1, 0] {
        let standing = used.count(&FIVE, 0);
        assert_eq!((standing.retry_after, standing.remaining), (None, left));
    }
    let refused = used.count(&FIVE, 0);
    assert_eq!(refused.retry_after, Some(Duration::from_secs(2)));
    assert_eq!(refused.reset_after, Duration::from_secs(10));
    // A refusal uses nothing.
    assert_eq!(used.count(&FIVE, 1_999_999).retry_after, Some(Duration::from_micros(1)));
    assert_eq!(used.count(&FIVE, 2_000_000).retry_after, None);
    assert_eq!(used.count(&FIVE, 30_000_000).remaining, 4);
}

#[test]
fn the_rate_holds_over_any_time() {
    let mut used = Used::default();
    let fits = (0..100_000).filter(|ms| used.count(&FIVE, ms * 1_000).retry_after.is_none());
    // All at once, then one every two seconds of a hundred.
    assert_eq!(fits.count(), 5 + 49);
}

#[tokio::test]
async fn processes_share_a_limit_through_redis() {
    let _server = Server::start("rate-limit");
    let redis = Redis::new(&Server::url("rate-limit")).unwrap();
    until("Redis answers", async || redis.ping().await.is_ok()).await;
    let who = "ada";
    let [one, other] = [(); 2].map(|()| RateLimits::new(Some(redis.clone())));
    let mut fits = 0;
    for _ in 0..5 {
        for process in [&one, &other] {
            fits += usize::from(process.count(&FIVE, who).await.retry_after.is_none());
        }
    }
    assert_eq!(fits, 5);
}

/// A limit of which next to nothing comes back while a test runs.
const fn large(requests: u32) -> RateLimit {
    RateLimit { name: "large", requests, window: Duration::from_secs(10_000_000) }
}

#[tokio::test]
async fn a_large_limit_is_told_in_lots_and_nothing_is_lost() {
    let _server = Server::start("rate-limit-lots");
    let redis = Redis::new(&Server::url("rate-limit-lots")).unwrap();
    until("Redis answers", async || redis.ping().await.is_ok()).await;
    let (limit, who) = (large(100_000), "ada");
    let [one, other] = [(); 2].map(|()| RateLimits::new(Some(redis.clone())));
    for _ in 0..100 {
        one.count(&limit, who).await;
    }
    tokio::time::sleep(STALE).await;
    assert_eq!(one.count(&limit, who).await.remaining, 99_899);
    let key = format!("resonant:rate:1:large:{who}");
    until("all of it is told", async || {
        let (_, used_us) = tell(&redis, &limit, &key, 0, 0).await.unwrap();
        limit.standing(true, used_us).remaining == 99_899
    })
    .await;
    // The other process tells of its first, and learns of those.
    assert_eq!(other.count(&limit, who).await.remaining, 99_999);
    until("it learns", async || {
        let copy = other.used.get(&key).unwrap();
        let used = lock(&copy).free_us / limit.interval_us();
        used >= 101
    })
    .await;
    assert!(other.count(&limit, who).await.remaining < 99_899);
}

#[tokio::test]
async fn processes_exceed_a_large_limit_together_by_a_part_at_most() {
    let _server = Server::start("rate-limit-burst");
    let redis = Redis::new(&Server::url("rate-limit-burst")).unwrap();
    until("Redis answers", async || redis.ping().await.is_ok()).await;
    let limit = large(LARGE);
    let processes = [(); 2].map(|()| RateLimits::new(Some(redis.clone())));
    let mut fits = 0;
    for _ in 0..2 * LARGE {
        for process in &processes {
            fits += u32::from(process.count(&limit, "ada").await.retry_after.is_none());
        }
    }
    assert!((LARGE..=LARGE + 2 * LARGE / UNTOLD).contains(&fits), "{fits} of {LARGE}");
}

#[tokio::test]
async fn nobody_waits_for_redis_below_a_large_limit() {
    // It is asked over a connection that is yet to be made.
    let limits = RateLimits::new(Some(Redis::new("redis://127.0.0.1:1/").unwrap()));
    let limit = large(100_000);
    for left in [99_999, 99_998, 99_997] {
        let standing = limits.count(&limit, "ada").now_or_never().expect("it is answered at once");
        assert_eq!(standing.remaining, left);
    }
    assert!(limits.count(&FIVE, "ada").now_or_never().is_none(), "a small one is asked for");
}

#[tokio::test]
async fn what_is_taken_back_fits_again() {
    let _server = Server::start("rate-limit-back");
    let redis = Redis::new(&Server::url("rate-limit-back")).unwrap();
    until("Redis answers", async || redis.ping().await.is_ok()).await;
    let limit = large(5);
    for limits in [RateLimits::new(None), RateLimits::new(Some(redis))] {
        for left in [4, 3, 2, 1, 0] {
            assert_eq!(limits.count(&limit, "ada").await.remaining, left);
        }
        assert!(limits.count(&limit, "ada").await.retry_after.is_some());
        limits.take_back(&limit, "ada").await;
        assert_eq!(limits.count(&limit, "ada").await.retry_after, None);
        assert!(limits.count(&limit, "ada").await.retry_after.is_some());
        // Also where nothing is left of it.
        for _ in 0..7 {
            assert_eq!(limits.count(&limit, "bob").await.remaining, 4);
            limits.take_back(&limit, "bob").await;
        }
    }
}

/// Redis that is not there.
mod faults {
    use super::*;

    #[tokio::test]
    async fn without_redis_each_process_counts_for_itself() {
        let away = Redis::new("redis://127.0.0.1:1/").unwrap();
        let limits = RateLimits::new(Some(away));
        let mut fits = 0;
        for _ in 0..10 {
            fits += usize::from(limits.count(&FIVE, "ada").await.retry_after.is_none());
        }
        assert_eq!(fits, 5);
    }
}
