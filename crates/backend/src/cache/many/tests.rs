//! Batches over a real Redis. Those without one are among the facts about the cache.

use sqlx::PgPool;

use super::*;
use crate::cache::Stale;
use crate::cache::level_two::head;
use crate::cache::tests::{Long, Server, backend, backend_on, figures, get_many, source, until};

/// How many scripts Redis has run: a look is one, and each put.
async fn scripts(name: &str) -> u64 {
    let client = ::redis::Client::open(Server::url(name)).unwrap();
    let mut conn = client.get_multiplexed_async_connection().await.unwrap();
    let mut info = ::redis::cmd("INFO");
    let text: String = info.arg("commandstats").query_async(&mut conn).await.unwrap();
    let calls = text.lines().find_map(|line| line.strip_prefix("cmdstat_eval:calls="));
    calls.map_or(0, |calls| calls.split(',').next().unwrap().parse().unwrap())
}

/// What was read is put behind the answer.
async fn until_ran(name: &str, count: u64) {
    until("what was read is put", async || scripts(name).await >= count).await;
    assert_eq!(scripts(name).await, count);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_batch_asks_redis_once_for_what_this_process_lacks(pool: PgPool) {
    const NAME: &str = "many";
    let _redis = Server::start(NAME);
    let url = Server::url(NAME);
    let (one, two) = (backend_on(&pool, &url).await, backend_on(&pool, &url).await);
    let [(a, a_key), (b, b_key), (c, c_key)] = [source("a", 1), source("b", 0), source("c", 3)];
    assert_eq!(get_many(&one, &[a_key.clone(), b_key.clone()]).await, [Some(1), None]);
    until_ran(NAME, 1 + 2).await;

    // That there is no such thing is known, too.
    let keys = [c_key, a_key, b_key];
    assert_eq!(get_many(&two, &keys).await, [Some(3), Some(1), None]);
    assert_eq!((a.loads(), b.loads(), c.loads()), (1, 0, 1));
    assert_eq!((figures(&two).shared_hits, figures(&two).loads), (2, 1));
    until_ran(NAME, 3 + 1 + 1).await;
    for backend in [&two, &one, &one] {
        assert_eq!(get_many(backend, &keys).await, [Some(3), Some(1), None]);
    }
    assert_eq!((figures(&one).shared_hits, figures(&one).loads), (1, 1));
    until_ran(NAME, 5 + 1).await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_group_is_asked_for_once_and_forgotten_together(pool: PgPool) {
    const NAME: &str = "many-members";
    let _redis = Server::start(NAME);
    let url = Server::url(NAME);
    let (one, two) = (backend_on(&pool, &url).await, backend_on(&pool, &url).await);
    let [(a, a_key), (b, b_key)] = [source("member-a", 1), source("member-b", 2)];
    let keys = [a_key, b_key];
    assert_eq!(get_many(&one, &keys).await, [Some(1), Some(2)]);
    until_ran(NAME, 2 + 2).await;
    assert_eq!(get_many(&two, &keys).await, [Some(1), Some(2)]);
    until_ran(NAME, 4 + 2).await;
    assert_eq!((a.loads(), figures(&two).loads), (1, 0));

    b.write(&one, 5, Stale::nothing().and_group("tests")).await;
    assert_eq!(get_many(&one, &keys).await, [Some(1), Some(5)]);
    let hears = async || get_many(&two, &keys).await == [Some(1), Some(5)];
    until("the other one hears", hears).await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn batches_of_two_processes_load_each_thing_once(pool: PgPool) {
    const NAME: &str = "many-herds";
    let _redis = Server::start(NAME);
    let url = Server::url(NAME);
    let (one, two) = (backend_on(&pool, &url).await, backend_on(&pool, &url).await);
    let [(a, a_key), (b, b_key), (c, c_key)] = [source("a", 1), source("b", 2), source("c", 3)];
    let shut = a.gate.write().await;
    let first = tokio::spawn({
        let (one, keys) = (one.clone(), [a_key.clone(), b_key.clone()]);
        async move { get_many(&one, &keys).await }
    });
    until("the first is at the gate", async || a.loads() == 1).await;
    let second = tokio::spawn({
        let (two, keys) = (two.clone(), [a_key, c_key, b_key]);
        async move { get_many(&two, &keys).await }
    });
    until("the other has loaded what nobody loads", async || c.loads() == 1).await;
    drop(shut);
    assert_eq!(first.await.unwrap(), [Some(1), Some(2)]);
    assert_eq!(second.await.unwrap(), [Some(1), Some(3), Some(2)]);
    assert_eq!((a.loads(), b.loads(), c.loads()), (1, 0, 1));
    assert_eq!((figures(&two).shared_hits, figures(&two).loads), (2, 1));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_batch_that_began_before_a_write_puts_nothing_back(pool: PgPool) {
    const NAME: &str = "many-late";
    let _redis = Server::start(NAME);
    let url = Server::url(NAME);
    let (reader, writer) = (backend_on(&pool, &url).await, backend_on(&pool, &url).await);
    let (source, key) = source("a", 1);
    let keys = [key];
    let shut = source.gate.write().await;
    let late = tokio::spawn({
        let (reader, keys) = (reader.clone(), keys.clone());
        async move { get_many(&reader, &keys).await }
    });
    until("it has read", async || source.loads() == 1).await;
    let mark = || reader.cache().shared.level_one.mark(&Place::of::<Long>(&keys[0]));
    let before = mark();
    source.write(&writer, 2, Stale::one::<Long>(&keys[0])).await;
    until("the reader hears", async || mark() != before).await;
    drop(shut);
    assert_eq!(late.await.unwrap(), [Some(1)]);
    for backend in [&reader, &writer, &backend_on(&pool, &url).await] {
        assert_eq!(get_many(backend, &keys).await, [Some(2)]);
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_we_did_not_put_there_counts_as_nothing(pool: PgPool) {
    const NAME: &str = "many-bytes";
    let _redis = Server::start(NAME);
    let url = Server::url(NAME);
    let [(_, a_key), (_, b_key)] = [source("a", 1), source("b", 2)];
    let name = Place::of::<Long>(&a_key).name;
    let first = backend_on(&pool, &url).await;
    let run = first.redis().unwrap().run().await.unwrap();
    let of_another = [&head(&run, &Place::of::<Long>(&b_key).name)[..], b"7"].concat();
    let of_another = String::from_utf8(of_another).unwrap();
    let keys = [a_key, b_key];
    let of_another = of_another.as_str();
    for (command, bad) in [("SET", "1\nof another form"), ("SET", of_another), ("LPUSH", "x")] {
        Server::tell(NAME, &["DEL", &name]).await;
        Server::tell(NAME, &[command, &name, bad]).await;
        // The first finds what is bad, the next what the first has left.
        for _ in 0..2 {
            let backend = backend_on(&pool, &url).await;
            assert_eq!(get_many(&backend, &keys).await, [Some(1), Some(2)], "{bad:?}");
        }
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_batch_needs_no_redis(pool: PgPool) {
    let backend = backend(&pool, Some(&Server::url("many-nowhere"))).await;
    let [(a, a_key), (b, b_key)] = [source("a", 1), source("b", 2)];
    let keys = [a_key, b_key];
    for _ in 0..3 {
        assert_eq!(get_many(&backend, &keys).await, [Some(1), Some(2)]);
    }
    assert_eq!((a.loads(), b.loads(), figures(&backend).loads), (1, 0, 1));
}
