//! Movers that are late, overtaken, or gone.

use super::away::{number, tell};
use super::*;

/// Those who write wait no longer than fifteen seconds. What they have changed shortly before is compared while
/// they do.
#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_takes_too_long_gives_the_move_up() {
    let (_cluster, settings) = two_shards().await;
    let Somebody { ctx, system, bucket, from, .. } = somebody(&settings).await;
    // Keeps a table from being read until it goes.
    let source = settings.database.shard_urls[from].clone();
    let holder = Arc::new(tokio::sync::Mutex::new(None));
    let (writer, held) = (ctx.clone(), holder.clone());
    let mut witness = move |step| {
        let (writer, source, held) = (writer.clone(), source.clone(), held.clone());
        async move {
            if step == Step::Compared {
                agents::create(&writer, sample::spec("Reader")).await.unwrap();
            }
            if step == Step::CaughtUp {
                let mut conn = connect(&source).await.unwrap();
                let lock = "BEGIN; LOCK TABLE agents";
                sqlx::raw_sql(lock).execute(&mut conn).await.unwrap();
                *held.lock().await = Some((conn, Instant::now()));
            }
        }
        .boxed()
    };
    let to = (bucket, 1 - from);
    let moving = move_bucket_before(&system, &settings.database, to, SHORT, &mut witness);
    let ended = tokio::time::timeout(Duration::from_mins(1), moving).await;
    let ended = ended.expect("it is given up");
    assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
    let since = holder.lock().await.as_ref().map(|(_, since)| *since);
    let since = since.expect("the table was locked");
    assert!(since.elapsed() < Duration::from_secs(15), "it is given up in time");
    drop(holder.lock().await.take());
    agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    assert_eq!(shard_of(&settings, bucket).await, from);
    assert_eq!(status(&system).await.unwrap().moves, []);
    moved(&system, &settings, bucket, 1 - from).await.unwrap();
}

/// What the copy does not know of is not left behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_comes_during_a_move_gives_it_up() {
    let (_cluster, settings) = two_shards().await;
    let Somebody { system, owner, bucket, from, .. } = somebody(&settings).await;
    let table =
        "CREATE TABLE owner_notes (owner_id UUID, note_id UUID, PRIMARY KEY (owner_id, note_id));";
    let row = format!("INSERT INTO owner_notes VALUES ('{owner}', '{owner}')");
    let (here, there) = (settings.clone(), format!("{table} {row}"));
    let mut witness = move |step| {
        let (settings, with_row) = (here.clone(), there.clone());
        async move {
            if step == Step::Copied {
                tell(&settings, from, &with_row).await;
                tell(&settings, 1 - from, table).await;
            }
        }
        .boxed()
    };
    let to = (bucket, 1 - from);
    let ended = move_bucket_before(&system, &settings.database, to, SHORT, &mut witness).await;
    assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
    assert_eq!(shard_of(&settings, bucket).await, from);
    moved(&system, &settings, bucket, 1 - from).await.unwrap();
    let notes = "SELECT count(*) FROM owner_notes";
    assert_eq!(number(&settings, 1 - from, notes).await, Some(1));
    assert_eq!(number(&settings, from, notes).await, Some(0));
}

/// One that was overtaken may take it away from the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_gone_is_not_waited_for() {
    let (_cluster, settings) = two_shards().await;
    let Somebody { system, bucket, from, .. } = somebody(&settings).await;
    let here = settings.clone();
    let mut witness = move |step| {
        let settings = here.clone();
        async move {
            if step == Step::Subscribed {
                let copy = copy_on(&settings, 1 - from, bucket).await;
                tell(&settings, 1 - from, &format!("DROP SUBSCRIPTION {copy}")).await;
            }
        }
        .boxed()
    };
    let to = (bucket, 1 - from);
    let moving = move_bucket_before(&system, &settings.database, to, SHORT, &mut witness);
    let ended = tokio::time::timeout(Duration::from_mins(1), moving).await.expect("it ends");
    assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
    assert_eq!(status(&system).await.unwrap().moves, []);
    moved(&system, &settings, bucket, 1 - from).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mover_that_was_overtaken_changes_nothing() {
    let (cluster, settings) = two_shards().await;
    let Somebody { ctx, system, owner, bucket, .. } = somebody(&settings).await;
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    for step in [Step::Ready, Step::Released] {
        let to = 1 - shard_of(&settings, bucket).await;
        let (stopped, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (stops, goes_on) = (stopped.clone(), go_on.clone());
        let mut witness = move |done| {
            let (stops, goes_on) = (stops.clone(), goes_on.clone());
            async move {
                if done == step {
                    stops.notify_one();
                    goes_on.notified().await;
                }
            }
            .boxed()
        };
        let first =
            move_bucket_before(&system, &settings.database, (bucket, to), SHORT, &mut witness);
        let second = async {
            stopped.notified().await;
            // Its lock is lost with the connection, and it does not know.
            let mut admin = connect(&cluster.url("resonant")).await.unwrap();
            let lost = "SELECT pg_terminate_backend(pid) FROM pg_locks \
                        WHERE locktype = 'advisory' AND objsubid = 1 AND pid <> pg_backend_pid()";
            sqlx::raw_sql(lost).execute(&mut admin).await.unwrap();
            moved(&system, &settings, bucket, to).await.unwrap();
            moved(&system, &settings, bucket, 1 - to).await.unwrap();
            go_on.notify_one();
        };
        let (first, ()) = tokio::join!(first, second);
        assert!(first.is_err(), "{step:?}");
        assert_eq!(shard_of(&settings, bucket).await, 1 - to, "{step:?}");
        assert_eq!(agents::get(&ctx, agent.id).await.unwrap(), agent, "{step:?}");
        agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    }
    let all = rows(&settings, shard_of(&settings, bucket).await, owner).await;
    assert_eq!(all.len(), 3, "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_without_its_mover_is_brought_to_an_end() {
    let (_cluster, settings) = two_shards().await;
    let Somebody { ctx, system, bucket, .. } = somebody(&settings).await;
    for (step, is_moved) in [(Step::Fenced, false), (Step::Switched, true)] {
        let from = shard_of(&settings, bucket).await;
        dies(&system, &settings, bucket, 1 - from, step).await;
        let mut mover = connect(&settings.database.url).await.unwrap();
        lock_moves(&mut mover).await.unwrap();
        let ended = end_abandoned_moves(&system, &settings.database).await.unwrap();
        assert_eq!(ended, 0, "{step:?}: whoever holds the lock is at work");
        drop(mover);
        let ended = end_abandoned_moves(&system, &settings.database).await.unwrap();
        assert_eq!(ended, 1, "{step:?}");
        agents::create(&ctx, sample::spec("Reader")).await.unwrap();
        let shard = shard_of(&settings, bucket).await;
        assert_eq!(shard != from, is_moved, "{step:?}");
        assert_eq!(status(&system).await.unwrap().moves, [], "{step:?}");
    }
    let stranger = end_abandoned_moves(&ctx, &settings.database).await;
    assert!(matches!(stranger, Err(Error::Forbidden)), "{stranger:?}");
}
