//! What counts as work of sessions that waited, and of those that were gone on with.

use std::sync::Arc;

use jiff::SignedDuration;
use resonant_domain::agent::Agent;
use resonant_domain::metric::Family;
use resonant_domain::session::{NewFork, NewMessage, SessionSummary};
use resonant_runtime::clock::FixedClock;

use super::*;
use crate::listings;

/// What a person takes to come back, and how long a queue is.
const THREE_DAYS: SignedDuration = SignedDuration::from_hours(72);
const MINUTE: SignedDuration = SignedDuration::from_secs(60);
/// The migration that corrects what was counted before.
const CORRECTION: i64 = 20_261_201_130_000;

/// A member with a copy of a listing, whose clock stands still.
struct World {
    clock: Arc<FixedClock>,
    backend: Backend,
    ada: Ctx,
    copy: Agent,
}

impl World {
    async fn new(pool: PgPool) -> Self {
        let clock = Arc::new(FixedClock::new("2026-11-23T09:00:00Z".parse().unwrap()));
        let backend = Backend::for_tests_at(pool, clock.clone());
        backend.load_content().await.unwrap();
        let ada = sample::member(&backend, "ada").await.unwrap();
        let copy = listings::install(&ada, "meeting-minutes").await.unwrap();
        Self { clock, backend, ada, copy }
    }

    async fn start(&self) -> SessionId {
        sessions::start(&self.ada, self.copy.id, sample::goal("Go")).await.unwrap().id
    }

    /// Writes down a step that begins, and what it comes to so many seconds later.
    async fn work(&self, id: SessionId, step: u32, seconds: i64, end: EventBody) {
        write(&self.ada, id, vec![EventBody::StepStart { step, attempt: 1 }]).await;
        self.clock.advance(SignedDuration::from_secs(seconds));
        write(&self.ada, id, vec![end]).await;
    }

    /// Goes on with a session that is over, after days; it is in the queue for a minute.
    async fn go_on(&self, id: SessionId) {
        self.clock.advance(THREE_DAYS);
        let message = NewMessage { text: "And now?".to_owned(), context: None };
        sessions::say(&self.ada, id, message).await.unwrap();
        self.clock.advance(MINUTE);
    }

    /// The session, not from a cache: what is written here by hand is told to none.
    async fn read(&self, id: SessionId) -> Session {
        let mut conn = self.backend.conn().await.unwrap();
        store::sessions::find(&mut conn, self.owner(), id).await.unwrap().unwrap()
    }

    /// How long it took, as it is recorded of its listing.
    async fn took(&self, id: SessionId) -> u64 {
        let mut conn = self.backend.conn().await.unwrap();
        let version = (self.copy.listing_id.unwrap(), 1);
        let runs = store::listing_runs::list(&mut conn, version, None, &[], 10).await.unwrap();
        runs.iter().find(|run| run.session == id).unwrap().run.took_ms
    }

    fn owner(&self) -> UserId {
        access::user(&self.ada).unwrap()
    }
}

fn answered(duration_ms: u64) -> EventBody {
    let (state, usage) = (SessionState::Completed, Usage::default());
    EventBody::Done { state, reason: None, usage, duration_ms, waited_ms: 0 }
}

fn asks() -> EventBody {
    EventBody::Waiting { reason: WaitReason::Approval { step: 1, calls: Vec::new() } }
}

/// The end of a session's last round: how long it worked in it, and waited.
async fn round(world: &World, id: SessionId) -> (u64, u64) {
    let log = sessions::events(&world.ada, id, 0).await.unwrap();
    match log.last().unwrap().body {
        EventBody::Done { duration_ms, waited_ms, .. } => (duration_ms, waited_ms),
        ref other => panic!("{other:?}"),
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn neither_a_persons_answer_nor_days_between_two_rounds_are_work(pool: PgPool) {
    let world = World::new(pool).await;
    let waited = world.start().await;
    world.work(waited, 1, 2, asks()).await;
    world.clock.advance(SignedDuration::from_hours(3));
    write(&world.ada, waited, vec![answered(2_000)]).await;
    assert_eq!(world.read(waited).await.worked_ms(), Some(2_000));
    assert_eq!(world.took(waited).await, 2_000);

    let continued = world.start().await;
    world.work(continued, 1, 4, answered(4_000)).await;
    world.go_on(continued).await;
    world.work(continued, 2, 3, answered(3_000)).await;
    assert_eq!(world.read(continued).await.worked_ms(), Some(7_000));
    assert_eq!(world.took(continued).await, 7_000);

    // The same where no worker ends it.
    world.go_on(continued).await;
    world.work(continued, 3, 1, asks()).await;
    world.clock.advance(MINUTE);
    let mut tx = world.backend.begin(world.owner()).await.unwrap();
    let held = store::queue::lock(&mut tx, world.owner(), continued).await.unwrap().unwrap();
    let key = (world.owner(), continued, held.fence);
    end_locked(&world.backend, &mut tx, key, SessionState::Failed, None).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.read(continued).await.worked_ms(), Some(8_000));
    assert_eq!(world.took(continued).await, 8_000);
    assert_eq!(round(&world, continued).await, (1_000, 60_000));

    let numbers = agents::numbers(&world.ada, world.copy.id).await.unwrap();
    assert_eq!(numbers.versions[0].p99_ms, Some(2_000), "of the one that was answered");
    let history = sessions::list(&world.ada, sessions::SessionFilter::default()).await.unwrap();
    let worked: Vec<_> = history.items.iter().map(SessionSummary::worked_ms).collect();
    assert_eq!(worked, [Some(8_000), Some(2_000)]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_end_without_a_worker_tells_of_its_round_alone(pool: PgPool) {
    let world = World::new(pool).await;
    let times = || {
        let counted = world.backend.metrics().counted().into_iter();
        let times = counted.filter(|(family, ..)| *family == Family::AgentExecution);
        times.map(|(_, _, all)| all.count).sum::<u64>()
    };
    let id = world.start().await;
    world.work(id, 1, 2, answered(2_000)).await;
    world.go_on(id).await;
    sessions::cancel(&world.ada, id).await.unwrap();
    assert_eq!(round(&world, id).await, (0, 0), "it was in the queue");
    assert_eq!(world.read(id).await.worked_ms(), Some(2_000));
    assert_eq!(times(), 0, "it says nothing about how long agents take");

    world.go_on(id).await;
    world.work(id, 2, 3, asks()).await;
    world.clock.advance(SignedDuration::from_hours(1));
    sessions::cancel(&world.ada, id).await.unwrap();
    assert_eq!(round(&world, id).await, (3_000, 3_600_000));
    assert_eq!(world.read(id).await.worked_ms(), Some(5_000));
    assert_eq!(times(), 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_fork_begins_with_its_own_first_step(pool: PgPool) {
    let world = World::new(pool).await;
    let parent = world.start().await;
    let over = EventBody::StepComplete { step: 1, usage: Usage::default(), duration_ms: 1 };
    let first = vec![EventBody::StepStart { step: 1, attempt: 1 }, call("a"), result("a"), over];
    write(&world.ada, parent, first).await;
    let new = NewFork { step: 1, ..NewFork::default() };
    let fork = sessions::fork(&world.ada, parent, new).await.unwrap();
    assert_eq!((fork.steps, fork.started_at), (1, None));
    world.clock.advance(MINUTE);
    world.work(fork.id, 2, 3, answered(3_000)).await;
    assert_eq!(world.read(fork.id).await.worked_ms(), Some(3_000));
}

/// What the release before left is corrected by what the logs tell.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn rests_that_were_taken_for_work_are_found_in_the_logs(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let (over, at_work, queued) = (world.start().await, world.start().await, world.start().await);
    for id in [over, at_work, queued] {
        world.work(id, 1, 2, answered(2_000)).await;
    }
    for id in [over, at_work] {
        world.go_on(id).await;
    }
    world.work(over, 2, 3, answered(3_000)).await;
    write(&world.ada, at_work, vec![EventBody::StepStart { step: 2, attempt: 1 }]).await;
    world.go_on(queued).await;

    let as_it_was = "
        UPDATE sessions s
        SET waited_ms = 0,
            told_end_at = (SELECT max(e.at) FROM session_events e
                           WHERE e.session_id = s.session_id AND e.kind = 'done');
        UPDATE listing_runs SET took_ms = 518520000;
    ";
    sqlx::raw_sql(as_it_was).execute(&pool).await.unwrap();
    let correction = store::MIGRATOR.iter().find(|own| own.version == CORRECTION).unwrap();
    let correction = AssertSqlSafe(correction.sql.as_str().to_owned());
    sqlx::raw_sql(correction).execute(&pool).await.unwrap();

    assert_eq!(world.read(over).await.worked_ms(), Some(5_000));
    assert_eq!(world.took(over).await, 5_000);
    // It was at work all the while, and begins one step more.
    world.work(at_work, 3, 2, answered(0)).await;
    let passed = u64::try_from((THREE_DAYS + MINUTE).as_millis()).unwrap();
    assert_eq!(world.read(at_work).await.worked_ms(), Some(2_000 + passed + 2_000));
    world.work(queued, 2, 3, answered(3_000)).await;
    assert_eq!(world.read(queued).await.worked_ms(), Some(5_000));
}
