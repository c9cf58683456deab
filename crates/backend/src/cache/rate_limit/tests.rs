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
    // A large limit is told in lots, and nothing of it is lost.
    let large =
        RateLimit { name: "large", requests: 100_000, window: Duration::from_secs(100_000) };
    for _ in 0..100 {
        one.count(&large, who).await;
    }
    tokio::time::sleep(STALE).await;
    let standing = one.count(&large, who).await;
    assert_eq!(standing.remaining, 99_899);
    assert_eq!(other.count(&large, who).await.remaining, 99_898);
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
