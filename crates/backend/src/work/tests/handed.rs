//! Workers of one process: who sleeps is handed what is started there, and who claims does so for those in line.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::LocalBoxFuture;
use jiff::SignedDuration;
use resonant_domain::agent::Agent;
use resonant_domain::session::NewSession;
use resonant_runtime::Engine;
use resonant_runtime::clock::SystemClock;
use resonant_runtime::models::Models;
use resonant_runtime::tools::Tools;

use super::*;
use crate::Settings;
use crate::database::Database;

/// What a worker of this process is handed that sleeps while something is done.
fn handed_while<'a, T: 'a>(
    backend: &'a Backend,
    doing: impl Future<Output = T> + 'a,
) -> LocalBoxFuture<'a, (Option<Claim>, T)> {
    let mut sleeper = Sleeper::among(backend.turns().sleepers(), "sleeper");
    Box::pin(async move {
        let done = doing.await;
        let handed = if sleeper.leave() { None } else { sleeper.handed().await };
        (handed, done)
    })
}

async fn reader(ctx: &Ctx) -> Agent {
    agents::create(ctx, sample::spec("Reader")).await.unwrap()
}

async fn start(ctx: &Ctx, agent: &Agent) -> Session {
    sessions::start(ctx, agent.id, sample::goal("Hello")).await.unwrap()
}

async fn is_taken(pool: &PgPool, id: SessionId) -> bool {
    let leased = sqlx::query_scalar!(
        r#"SELECT lease_until IS NOT NULL AS "leased!" FROM session_queue WHERE session_id = $1"#,
        id.as_uuid()
    );
    leased.fetch_one(pool).await.unwrap()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_worker_that_sleeps_is_handed_what_is_started(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = reader(&ctx).await;
    // The first wait ends as soon as the ear is open.
    wait(&backend, Duration::from_secs(20)).await;
    let stopping = CancellationToken::new();
    let worker = sleep(&backend, "sleeper", Duration::from_mins(10), &stopping);
    let started = async {
        while backend.turns().sleepers().count() == 0 {
            tokio::task::yield_now().await;
        }
        start(&ctx, &agent).await
    };
    let (handed, session) = tokio::join!(worker, started);
    let handed = handed.expect("it is handed over");
    assert_eq!(handed.session_id(), session.id);
    assert_eq!(session.state, SessionState::Queued, "as it was asked for");
    assert_eq!(sessions::get(&ctx, session.id).await.unwrap().state, SessionState::Running);
    assert!(is_taken(&pool, session.id).await);
    assert!(claim(&backend.system(), "worker").await.unwrap().is_none(), "nobody else has it");
    run(&backend.system(), handed, CancellationToken::new()).await.unwrap();
    let over = sessions::get(&ctx, session.id).await.unwrap();
    assert_eq!((over.state, over.steps), (SessionState::Completed, 1));
    assert_eq!(text(&sessions::events(&ctx, session.id, 0).await.unwrap()), "Hello");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_whose_worker_is_gone_when_it_is_handed_over_goes_on(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = reader(&ctx).await;
    let (handed, session) = handed_while(&backend, start(&ctx, &agent)).await;
    drop(handed);
    lose_workers(&pool).await;
    let next = take(&backend).await;
    assert_eq!((next.session_id(), next.attempts), (session.id, 2));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn nothing_is_handed_over_that_has_to_wait(pool: PgPool) {
    let mut settings: Settings = sample::settings();
    settings.queue.per_user = 2;
    settings.queue.per_agent = 1;
    let backend = Backend::for_tests_with(pool.clone(), &settings);
    let ctx = sample::guest(&backend).await.unwrap();
    let (one, two, three) = (reader(&ctx).await, reader(&ctx).await, reader(&ctx).await);
    let handed = async |agent: &Agent| {
        let (handed, session) = handed_while(&backend, start(&ctx, agent)).await;
        assert_eq!(handed.is_some(), is_taken(&pool, session.id).await);
        handed
    };
    let later = backend.now() + SignedDuration::from_hours(1);
    let delayed = NewSession { run_at: Some(later), ..sample::goal("Later") };
    let (nothing, _) = handed_while(&backend, sessions::start(&ctx, one.id, delayed)).await;
    assert!(nothing.is_none(), "it is not due");
    let first = handed(&one).await.expect("there is room");
    assert!(handed(&one).await.is_none(), "the agent has one at work");
    // Of this owner's another is due, which waits for its agent; whoever looks for a turn finds this one.
    assert!(handed(&two).await.is_none(), "another came before it");
    let second = take(&backend).await;
    assert!(handed(&three).await.is_none(), "the owner has two at work");
    let bob = sample::guest(&backend).await.unwrap();
    let agent = reader(&bob).await;
    let (third, _) = handed_while(&backend, start(&bob, &agent)).await;
    let taken = [&first, &second, &third.expect("he has none")].map(Claim::session_id);
    assert_eq!(HashSet::from(taken).len(), 3);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_worker_that_was_kept_for_nothing_wakes_up(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let offer = async { Offer::find(&backend).map(drop) };
    let (handed, offered) = handed_while(&backend, offer).await;
    assert!(handed.is_none() && offered.is_some());
    assert!(Offer::find(&backend).is_none(), "nobody lies there any more");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_claims_does_so_for_those_in_line(pool: PgPool) {
    const WAITING: usize = 6;
    let mut settings: Settings = sample::settings();
    settings.queue.per_user = 5;
    settings.queue.per_agent = 3;
    let backend = Backend::for_tests_with(pool.clone(), &settings);
    let ctx = sample::guest(&backend).await.unwrap();
    for _ in 0..2 {
        let agent = reader(&ctx).await;
        for _ in 0..WAITING {
            start(&ctx, &agent).await;
        }
    }
    let system = backend.system();
    let most = AtomicUsize::new(0);
    let wanted = (0..3).map(|_| {
        backend.turns().take(async |wanted| {
            most.fetch_max(wanted, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok::<_, Error>(VecDeque::new())
        })
    });
    futures::future::join_all(wanted).await;
    assert!(most.into_inner() > 1, "those in line are counted");
    let line = (0..WAITING).map(|_| crate::work::take(&system, "worker"));
    let taken: Vec<_> = futures::future::join_all(line).await;
    let taken: HashSet<_> =
        taken.into_iter().filter_map(|claim| claim.unwrap().map(|it| it.session_id())).collect();
    let slots = sqlx::query!(
        "SELECT session_id, owner_slot, agent_slot FROM session_queue WHERE lease_until IS NOT NULL"
    );
    let slots = slots.fetch_all(&pool).await.unwrap();
    let leased: HashSet<_> = slots.iter().map(|row| SessionId::from_uuid(row.session_id)).collect();
    assert_eq!(leased, taken, "nothing is taken that nobody gets");
    assert_eq!(taken.len(), 5, "three of one agent and two of the other");
    assert!(slots.iter().all(|row| row.owner_slot.is_some() && row.agent_slot.is_some()));
    // What is left of the owner's places is found by the next one.
    while let Some(claim) = claim(&system, "worker").await.unwrap() {
        assert!(!taken.contains(&claim.session_id()));
    }
    let leased = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM session_queue WHERE lease_until IS NOT NULL"#
    );
    assert_eq!(leased.fetch_one(&pool).await.unwrap(), 5);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn of_those_that_lost_their_worker_one_is_taken_at_a_time(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = reader(&ctx).await;
    let mut all = Vec::new();
    for _ in 0..2 {
        all.push(start(&ctx, &agent).await.id);
        take(&backend).await;
    }
    lose_workers(&pool).await;
    let fresh = start(&ctx, &agent).await.id;
    let claims = claim_some(&backend.system(), "worker", 3).await.unwrap();
    let taken: HashSet<_> = claims.iter().map(Claim::session_id).collect();
    assert_eq!(taken.len(), 2);
    assert!(taken.contains(&fresh) && all.iter().any(|id| taken.contains(id)));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_is_cancelled_between_claim_and_run_is_not_run(pool: PgPool) {
    // By the lease it would be known after three minutes.
    let settings = Settings { lease: Duration::from_mins(9), ..sample::settings() };
    let clock = Arc::new(SystemClock);
    let models = Models::with_language_model(Arc::new(sample::Parrot), "parrot-1");
    let engine = Engine::new(models, Tools::empty(), clock.clone());
    let backend = Backend::with_engine(Database::of(pool), &settings, clock, engine).unwrap();
    let ctx = sample::guest(&backend).await.unwrap();
    for is_heard in [false, true] {
        if is_heard {
            // The ear is open from here on: it hears what nobody here waits for yet.
            wait(&backend, Duration::from_secs(20)).await;
        }
        let heard_nothing = |id, since| backend.notices().heard_no_cancel(id, since);
        let until = async |is_so: &dyn Fn() -> bool| {
            while !is_so() {
                tokio::task::yield_now().await;
            }
        };
        let session = queued(&ctx, "wait").await;
        if is_heard {
            until(&|| heard_nothing(session.id, tokio::time::Instant::now())).await;
        }
        let claim = take(&backend).await;
        sessions::cancel(&ctx, session.id).await.unwrap();
        let asked_at = claim.asked_at;
        until(&|| !heard_nothing(session.id, asked_at)).await;
        let system = backend.system();
        let ran = Box::pin(run(&system, claim, CancellationToken::new()));
        tokio::time::timeout(Duration::from_mins(1), ran).await.expect("it ends").unwrap();
        let over = sessions::get(&ctx, session.id).await.unwrap();
        assert_eq!(over.state, SessionState::Cancelled, "{is_heard}");
    }
}
