//! What both sides of a move have, compared while owners write, and what changes afterwards.

use std::sync::atomic::AtomicUsize;

use super::away::{number, tell};
use super::*;
use crate::shards::mover::FEW;

/// A table of owners of which nobody knows but a move.
const NOTES: &str = "CREATE TABLE owner_notes (
    owner_id UUID, note_id TEXT, words TEXT, PRIMARY KEY (owner_id, note_id)
)";
const COUNT: &str = "SELECT count(*) FROM owner_notes";
/// A row of it that is not what it was.
const CHANGE: &str = "UPDATE owner_notes SET words = 'Changed' WHERE note_id = 'it''s 1'";
const CHANGED: &str = "SELECT count(*) FROM owner_notes WHERE words = 'Changed'";
/// Has a database pass by the changes of rows that it should copy.
const SKIP: &str = "
    CREATE FUNCTION skip() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER skip BEFORE UPDATE ON owner_notes FOR EACH ROW EXECUTE FUNCTION skip();
    ALTER TABLE owner_notes ENABLE REPLICA TRIGGER skip";

/// New rows of the table with these numbers.
fn notes(owner: UserId, from: usize, to: usize) -> String {
    format!(
        "INSERT INTO owner_notes
         SELECT '{owner}'::UUID, 'it''s ' || number, 'As it was'
         FROM generate_series({from}, {to}) AS number"
    )
}

/// Somebody with three rows of the table.
async fn somebody_with_notes(settings: &Settings) -> Somebody {
    for shard in [0, 1] {
        tell(settings, shard, NOTES).await;
    }
    let somebody = somebody(settings).await;
    tell(settings, somebody.from, &notes(somebody.owner, 1, 3)).await;
    somebody
}

/// What becomes of a move where one of the databases is told something after a step.
async fn told(
    settings: &Settings,
    who: &Somebody,
    at: Step,
    (shard, statement): (usize, &str),
) -> Result<()> {
    let (there, statement) = (settings.clone(), statement.to_owned());
    let mut witness = move |step| {
        let (settings, statement) = (there.clone(), statement.clone());
        async move {
            if step == at {
                tell(&settings, shard, &statement).await;
            }
        }
        .boxed()
    };
    let to = (who.bucket, 1 - who.from);
    move_bucket_before(&who.system, &settings.database, to, SHORT, &mut witness).await
}

/// However long it takes: the table cannot be read until its owner has written something else.
#[tokio::test(flavor = "multi_thread")]
async fn owners_write_while_what_they_have_is_compared() {
    let (_cluster, settings) = two_shards().await;
    let Somebody { ctx, system, owner, bucket, from } = somebody_with_notes(&settings).await;
    let source = settings.database.shard_urls[from].clone();
    let holder = Arc::new(tokio::sync::Mutex::new(None));
    let held = holder.clone();
    let mut witness = move |step| {
        let (source, held) = (source.clone(), held.clone());
        async move {
            if step == Step::Agreed {
                let mut conn = connect(&source).await.unwrap();
                let lock = "BEGIN; LOCK TABLE owner_notes";
                sqlx::raw_sql(lock).execute(&mut conn).await.unwrap();
                *held.lock().await = Some(conn);
            }
        }
        .boxed()
    };
    let to = (bucket, 1 - from);
    let moving = move_bucket_before(&system, &settings.database, to, SHORT, &mut witness);
    let writing = async {
        let waiting = "SELECT count(*) FROM pg_locks \
                       WHERE NOT granted AND relation = 'owner_notes'::REGCLASS";
        while number(&settings, from, waiting).await != Some(1) {
            tokio::time::sleep(PAUSE).await;
        }
        let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id.as_uuid();
        drop(holder.lock().await.take());
        agent
    };
    let both = Box::pin(async { tokio::join!(moving, writing) });
    let both = tokio::time::timeout(Duration::from_mins(1), both).await;
    let (ended, agent) = both.expect("the owner does not wait for the comparison");
    ended.unwrap();
    assert_eq!(rows(&settings, 1 - from, owner).await, [agent]);
    assert_eq!(number(&settings, 1 - from, COUNT).await, Some(3));
}

/// Before both sides are compared, and afterwards: whichever side has changed alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_differs_at_any_time_gives_the_move_up() {
    let (_cluster, settings) = two_shards().await;
    let who = somebody_with_notes(&settings).await;
    let (from, to) = (who.from, 1 - who.from);
    let differs = async |at, shard, statement: &str| {
        let ended = told(&settings, &who, at, (shard, statement)).await;
        assert!(matches!(ended, Err(Error::Internal(_))), "{at:?}, {statement}: {ended:?}");
        assert_eq!(shard_of(&settings, who.bucket).await, from, "{at:?}, {statement}");
        assert_eq!(status(&who.system).await.unwrap().moves, [], "{at:?}, {statement}");
        assert_eq!(number(&settings, to, COUNT).await, Some(0), "{at:?}, {statement}");
    };
    let gone = "DELETE FROM owner_notes WHERE note_id = 'it''s 2'";
    let new = notes(who.owner, 4, 4);
    for at in [Step::Copied, Step::Compared] {
        for statement in [CHANGE, gone, &new] {
            differs(at, to, statement).await;
        }
    }
    // The target writes nothing that could tell of it.
    tell(&settings, to, SKIP).await;
    differs(Step::Compared, from, CHANGE).await;
    tell(&settings, to, "DROP TRIGGER skip ON owner_notes").await;

    agents::create(&who.ctx, sample::spec("Reader")).await.unwrap();
    told(&settings, &who, Step::Compared, (from, gone)).await.unwrap();
    assert_eq!(number(&settings, to, COUNT).await, Some(2));
    assert_eq!(number(&settings, to, CHANGED).await, Some(1));
}

/// No log tells which rows they were.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_emptied_after_the_comparison_gives_the_move_up() {
    let (_cluster, settings) = two_shards().await;
    let who = somebody_with_notes(&settings).await;
    let emptied = (1 - who.from, "TRUNCATE owner_notes");
    let ended = told(&settings, &who, Step::Compared, emptied).await;
    assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
    assert_eq!(shard_of(&settings, who.bucket).await, who.from);
    moved(&who.system, &settings, who.bucket, 1 - who.from).await.unwrap();
    assert_eq!(number(&settings, 1 - who.from, COUNT).await, Some(3));
}

/// More than the fence is let last longer for.
#[tokio::test(flavor = "multi_thread")]
async fn what_changes_much_is_compared_again_while_owners_write() {
    let (_cluster, settings) = two_shards().await;
    let Somebody { system, owner, bucket, from, .. } = somebody_with_notes(&settings).await;
    let many = notes(owner, 4, FEW + 4);
    let agreed = Arc::new(AtomicUsize::new(0));
    let (there, times) = (settings.clone(), agreed.clone());
    let mut witness = move |step| {
        let (settings, many) = (there.clone(), many.clone());
        let is_first = step == Step::Agreed && times.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if is_first {
                tell(&settings, from, &many).await;
            }
        }
        .boxed()
    };
    let to = (bucket, 1 - from);
    move_bucket_before(&system, &settings.database, to, SHORT, &mut witness).await.unwrap();
    assert_eq!(agreed.load(Ordering::Relaxed), 2);
    assert_eq!(number(&settings, 1 - from, COUNT).await, i64::try_from(FEW + 4).ok());
}
