//! Copies beside those of other installations, and those of an earlier release.

use sqlx::{AssertSqlSafe, raw_sql};

use super::away::{number, tell};
use super::*;

/// What a database has of copies, and its cluster's slots for it.
const COPIES: &str = "SELECT (SELECT count(*) FROM pg_publication)
    + (SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
       WHERE d.datname = current_database())
    + (SELECT count(*) FROM pg_replication_slots WHERE database = current_database())";

#[tokio::test(flavor = "multi_thread")]
async fn two_installations_of_one_cluster_move_the_same_bucket() {
    let (cluster, settings) = two_shards().await;
    let Somebody { ctx, system, owner, bucket, from } = somebody(&settings).await;
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id.as_uuid();
    let mut admin = connect(&cluster.url("resonant")).await.unwrap();
    for database in ["third", "fourth"] {
        let create = AssertSqlSafe(format!("CREATE DATABASE {database}"));
        raw_sql(create).execute(&mut admin).await.unwrap();
    }
    let others = sharded(vec![cluster.url("third"), cluster.url("fourth")]).await;
    let elsewhere = process(&others).await.system();

    dies(&system, &settings, bucket, 1 - from, Step::Copied).await;
    let there = shard_of(&others, bucket).await;
    moved(&elsewhere, &others, bucket, 1 - there).await.unwrap();
    let slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()";
    assert_eq!(number(&settings, from, slots).await, Some(1), "it is the other's");
    moved(&system, &settings, bucket, 1 - from).await.unwrap();
    assert_eq!(rows(&settings, 1 - from, owner).await, [agent]);
    for shard in [0, 1] {
        assert_eq!(number(&settings, shard, COPIES).await, Some(0), "{shard}");
        assert_eq!(number(&others, shard, COPIES).await, Some(0), "{shard} of the others");
    }
}

/// It left the database out of the name.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_an_earlier_release_began_is_ended() {
    let (_cluster, settings) = two_shards().await;
    let Somebody { ctx, system, owner, bucket, from } = somebody(&settings).await;
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id.as_uuid();
    let (to, source) = (1 - from, &settings.database.shard_urls[from]);
    let name = format!("resonant_bucket_{bucket}");
    let publication = format!("CREATE PUBLICATION {name} FOR TABLE agents");
    let slot = format!("SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')");
    let subscription = format!(
        "CREATE SUBSCRIPTION {name} CONNECTION '{source}' PUBLICATION {name}
         WITH (create_slot = false, slot_name = '{name}')"
    );
    let begin = async || {
        tell(&settings, from, &publication).await;
        tell(&settings, from, &slot).await;
        tell(&settings, to, &subscription).await;
    };
    let are_left = async || {
        let (here, there) = (number(&settings, 0, COPIES), number(&settings, 1, COPIES));
        tokio::join!(here, there)
    };

    begin().await;
    let note =
        format!("INSERT INTO shard_moves (bucket, source, target) VALUES ({bucket}, {from}, {to})");
    tell(&settings, 0, &note).await;
    assert_eq!(end_abandoned_moves(&system, &settings.database).await.unwrap(), 1);
    assert_eq!(are_left().await, (Some(0), Some(0)));

    // A process of that release may have ended the move and not found the copy.
    begin().await;
    moved(&system, &settings, bucket, to).await.unwrap();
    assert_eq!(are_left().await, (Some(0), Some(0)));
    assert_eq!(rows(&settings, to, owner).await, [agent]);
}
