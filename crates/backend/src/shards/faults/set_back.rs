//! What is left of a move when a replica has become the primary that had not heard of all of it.

use super::away::{number, tell};
use super::*;
use crate::cache::tests::until;

/// Has the table of buckets be as it was before a move.
async fn set_back(settings: &Settings, bucket: i32, from: usize) {
    let buckets =
        format!("UPDATE shard_buckets SET shard = {from}, epoch = 1 WHERE bucket = {bucket}");
    tell(settings, 0, &buckets).await;
    tell(settings, 0, "UPDATE shard_moves SET is_switched = FALSE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_has_left_stays_with_the_target() {
    let (_cluster, settings) = two_shards().await;
    let Somebody { ctx, system, owner, bucket, from } = somebody(&settings).await;
    let create = async || agents::create(&ctx, sample::spec("Reader")).await.unwrap().id.as_uuid();
    let mut written = vec![create().await];
    dies(&system, &settings, bucket, 1 - from, Step::Held).await;
    written.push(create().await);

    // The move is known, and the switch is not.
    set_back(&settings, bucket, from).await;
    assert_eq!(end_abandoned_moves(&system, &settings.database).await.unwrap(), 1);
    assert_eq!(shard_of(&settings, bucket).await, 1 - from);
    assert_eq!(rows(&settings, 1 - from, owner).await, written);
    assert_eq!(rows(&settings, from, owner).await, Vec::<Uuid>::new());

    // Nothing is known of the move.
    set_back(&settings, bucket, from).await;
    moved(&system, &settings, bucket, 1 - from).await.unwrap();
    written.push(create().await);
    assert_eq!(rows(&settings, 1 - from, owner).await, written);

    // Where neither says that it has it, nothing is deleted, and nothing is left to be tried again.
    set_back(&settings, bucket, from).await;
    let left = format!("UPDATE bucket_states SET state = 'left' WHERE bucket = {bucket}");
    tell(&settings, 1 - from, &left).await;
    let refused = moved(&system, &settings, bucket, 1 - from).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    assert_eq!(status(&system).await.unwrap().moves, []);
    assert_eq!(rows(&settings, 1 - from, owner).await, written);

    // Who had it last the table of buckets does not know: the one that it names does not take it in.
    let refused = moved(&system, &settings, bucket, from).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");

    // Where it does know, moving it there is all that is needed.
    let known = format!(
        "UPDATE shard_buckets SET shard = {}, epoch = 1000 WHERE bucket = {bucket}",
        1 - from
    );
    tell(&settings, 0, &known).await;
    let refused = moved(&system, &settings, bucket, from).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    moved(&system, &settings, bucket, 1 - from).await.unwrap();
    written.push(create().await);
    assert_eq!(rows(&settings, 1 - from, owner).await, written);
    moved(&system, &settings, bucket, from).await.unwrap();
    assert_eq!(rows(&settings, from, owner).await, written);
}

/// A primary that was a replica has the bucket, and not the place from which it was copied.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_the_source_knows_nothing_of_is_ended() {
    let (_cluster, settings) = two_shards().await;
    let Somebody { ctx, system, bucket, from, .. } = somebody(&settings).await;
    agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    dies(&system, &settings, bucket, 1 - from, Step::Copied).await;
    let copy = copy_on(&settings, 1 - from, bucket).await;
    tell(&settings, 1 - from, &format!("ALTER SUBSCRIPTION {copy} DISABLE")).await;
    let active = "SELECT count(*) FROM pg_replication_slots WHERE active";
    until("nobody copies", async || number(&settings, from, active).await == Some(0)).await;
    let drop_slots = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots";
    tell(&settings, from, drop_slots).await;

    assert_eq!(end_abandoned_moves(&system, &settings.database).await.unwrap(), 1);
    assert_eq!(status(&system).await.unwrap().moves, []);
    let copies = "SELECT count(*) FROM pg_subscription";
    assert_eq!(number(&settings, 1 - from, copies).await, Some(0));
    assert_eq!(shard_of(&settings, bucket).await, from);
    moved(&system, &settings, bucket, 1 - from).await.unwrap();
}
