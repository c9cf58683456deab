//! Processes that do not hear what others write, or begin to hear late.

use super::*;
use crate::store::cache_outbox;

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_deaf_process_keeps_nothing_and_catches_up(pool: PgPool) {
    let _redis = Server::start("deaf");
    let url = Server::url("deaf");
    let (one, two) = (backend_on(&pool, &url).await, backend_on(&pool, &url).await);
    let (source, key) = source("a", 1);
    assert_eq!(get::<Long>(&two, &key).await, Some(1));
    two.cache().cease_to_hear();
    assert_eq!(get::<Long>(&two, &key).await, Some(1));
    assert_eq!(source.loads(), 2);
    // A write whose every call is lost leaves its row, and its copy in Redis.
    source.value.store(2, Ordering::SeqCst);
    let names = Stale::one::<Long>(&key).names().to_vec();
    let missed = one.new_id().unwrap();
    two.cache().begin_to_hear(vec![(missed, names)], cache_outbox::REACH);
    assert_eq!(get::<Long>(&two, &key).await, Some(2));
    assert_eq!(two.cache().shared.level_two.as_ref().unwrap().doubts().count(), 0);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_process_that_missed_more_than_is_told_uses_redis_for_what_was_put_since(pool: PgPool) {
    let _redis = Server::start("missed");
    let url = Server::url("missed");
    let (one, two) = (backend_on(&pool, &url).await, backend_on(&pool, &url).await);
    let (a, a_key) = source("a", 1);
    let (b, b_key) = source("member-b", 1);
    for key in [&a_key, &b_key] {
        assert_eq!(get::<Long>(&one, key).await, Some(1));
    }
    // Writes of which nothing is left but their copies in Redis.
    two.cache().cease_to_hear();
    for source in [&a, &b] {
        source.value.store(2, Ordering::SeqCst);
    }
    two.cache().begin_to_hear(Vec::new(), Duration::ZERO);
    assert_eq!(get::<Long>(&two, &a_key).await, Some(2));
    assert_eq!(get_many(&two, std::slice::from_ref(&b_key)).await, [Some(2)]);
    // What it has read it has put there, for all.
    let three = backend_on(&pool, &url).await;
    assert_eq!(get::<Long>(&three, &a_key).await, Some(2));
    assert_eq!((a.loads(), figures(&three).shared_hits), (2, 1));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_was_put_before_all_that_the_outbox_tells_counts_as_nothing(pool: PgPool) {
    const NAME: &str = "older";
    let _redis = Server::start(NAME);
    let url = Server::url(NAME);
    let one = backend_on(&pool, &url).await;
    let (source, key) = source("a", 1);
    assert_eq!(get::<Longest>(&one, &key).await, Some(1));
    let name = Place::of::<Longest>(&key).name;
    // A write by a process that is gone, whose row is gone too.
    source.value.store(2, Ordering::SeqCst);
    let whole = Longest::LIFETIME + Longest::STALE;
    let left = async |since: Duration| {
        let left = whole.saturating_sub(since).as_millis().to_string();
        Server::tell(NAME, &["PEXPIRE", &name, &left]).await;
        get::<Longest>(&backend_on(&pool, &url).await, &key).await
    };
    assert_eq!(left(Duration::from_mins(1)).await, Some(1), "who wrote since is known");
    assert_eq!(left(2 * cache_outbox::REACH).await, Some(2));
}
