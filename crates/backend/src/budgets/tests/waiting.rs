//! What waits for a budget of the month, and goes on once there is more of it.

use std::sync::Arc;

use futures::FutureExt as _;
use jiff::SignedDuration;
use resonant_domain::session::{NewDecision, SessionState};
use resonant_domain::waiting::{BudgetChoice, BudgetScope, Decision, Unit, Wait, WaitReason};
use resonant_runtime::Engine;
use resonant_runtime::clock::{Clock, FixedClock, SystemClock};
use resonant_runtime::models::Models;
use resonant_runtime::tools::Tools;

use super::*;
use crate::budgets::guests::tests::Costly;
use crate::cache::tests::until;
use crate::database::Database;

fn backend(pool: PgPool, clock: Arc<dyn Clock>) -> Backend {
    let models = Models::with_language_model(Arc::new(Costly), "costly-1");
    let engine = Engine::new(models, Tools::empty(), clock.clone());
    Backend::with_engine(Database::of(pool), &sample::settings(), clock, engine).unwrap()
}

const fn most(tokens: u64) -> BudgetLimits {
    BudgetLimits { max_tokens: Some(tokens), max_micro_usd: None }
}

async fn run(backend: &Backend, ctx: &Ctx, agent: AgentId) -> SessionId {
    let session = sessions::start(ctx, agent, sample::goal("Read")).await.unwrap();
    sample::work_off(backend).await;
    session.id
}

/// The pause of a session that waits for the budget of this scope.
async fn paused(ctx: &Ctx, id: SessionId, scope: BudgetScope) -> Wait {
    let session = sessions::get(ctx, id).await.unwrap();
    let wait = session.waiting.clone();
    let wait = wait.unwrap_or_else(|| panic!("it does not wait: {session:?}"));
    assert!(
        matches!(&wait.reason, WaitReason::Budget { shortfall, .. } if shortfall.scope == scope),
        "{wait:?}"
    );
    wait
}

async fn assert_completed(ctx: &Ctx, ids: &[SessionId]) {
    for id in ids {
        let session = sessions::get(ctx, *id).await.unwrap();
        assert_eq!(session.state, SessionState::Completed, "{session:?}");
    }
}

async fn decide(ctx: &Ctx, id: SessionId, wait: &Wait, choice: BudgetChoice) {
    let decision = NewDecision { waiting: wait.sequence, decision: Decision::Budget { choice } };
    sessions::decide(ctx, id, decision).await.unwrap();
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_waits_for_a_budget_goes_on_once_there_is_more(pool: PgPool) {
    let backend = backend(pool, Arc::new(SystemClock));
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
    set(&ctx, None, most(9_000)).await.unwrap();
    run(&backend, &ctx, agent).await;
    let waiting = [run(&backend, &ctx, agent).await, run(&backend, &ctx, agent).await];
    let first = waiting[0];
    let wait = paused(&ctx, first, BudgetScope::User).await;

    // One can say that it shall be looked at anew: nothing came of it here.
    decide(&ctx, first, &wait, BudgetChoice::GoOn).await;
    sample::work_off(&backend).await;
    let anew = paused(&ctx, first, BudgetScope::User).await;
    assert!(anew.sequence > wait.sequence);
    // Where there is less, nobody needs to look.
    set(&ctx, None, most(8_000)).await.unwrap();
    assert_eq!(paused(&ctx, first, BudgetScope::User).await, anew);

    set(&ctx, None, most(30_000)).await.unwrap();
    sample::work_off(&backend).await;
    assert_completed(&ctx, &waiting).await;

    set(&ctx, None, most(18_500)).await.unwrap();
    let waiting = [run(&backend, &ctx, agent).await, run(&backend, &ctx, agent).await];
    paused(&ctx, waiting[1], BudgetScope::User).await;
    let wait = paused(&ctx, waiting[0], BudgetScope::User).await;
    let raise = BudgetChoice::Raise { by: 50_000, unit: Unit::Tokens };
    decide(&ctx, waiting[0], &wait, raise).await;
    sample::work_off(&backend).await;
    assert_completed(&ctx, &waiting).await;
    let budget = get(&ctx, None).await.unwrap();
    assert_eq!(budget.raised_tokens, 50_000, "it was raised for both at once");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_raised_a_budget_may_leave_before_anything_goes_on(pool: PgPool) {
    let backend = backend(pool, Arc::new(SystemClock));
    let ctx = sample::guest(&backend).await.unwrap();
    let owner = access::user(&ctx).unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
    set(&ctx, None, most(9_000)).await.unwrap();
    run(&backend, &ctx, agent).await;
    let waiting = run(&backend, &ctx, agent).await;
    paused(&ctx, waiting, BudgetScope::User).await;
    let whole = MonthBudget { agent: None };
    let gone_on = sessions::go_on_with_more(&backend, owner, whole).now_or_never();
    assert_eq!(gone_on, None, "it takes a while");
    let is_queued = async || {
        let session = sessions::get(&ctx, waiting).await.unwrap();
        session.state == SessionState::Queued
    };
    until("it goes on all the same", is_queued).await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_nobody_let_go_on_goes_on_all_the_same(pool: PgPool) {
    let backend = backend(pool, Arc::new(SystemClock));
    let resumed = async || sessions::resume_renewed(&backend.system()).await.unwrap();
    for scope in [BudgetScope::User, BudgetScope::Agent] {
        let ctx = sample::guest(&backend).await.unwrap();
        let owner = access::user(&ctx).unwrap();
        let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
        let whose = (scope == BudgetScope::Agent).then_some(agent);
        set(&ctx, whose, most(9_000)).await.unwrap();
        run(&backend, &ctx, agent).await;
        let waiting = run(&backend, &ctx, agent).await;
        paused(&ctx, waiting, scope).await;
        assert_eq!(resumed().await, 0, "there is no more than there was");

        // By a process that ends before anything goes on; it is not enough yet.
        let (now, more) = (backend.now(), (500, Unit::Tokens));
        let mut tx = backend.begin(owner).await.unwrap();
        store::budgets::update_raised(&mut tx, owner, whose, more, now).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(resumed().await, 1);
        sample::work_off(&backend).await;
        paused(&ctx, waiting, scope).await;
        assert_eq!(resumed().await, 0, "it has heard of that");

        let mut tx = backend.begin(owner).await.unwrap();
        store::budgets::update(&mut tx, owner, whose, most(30_000), now).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(resumed().await, 1);
        sample::work_off(&backend).await;
        assert_completed(&ctx, &[waiting]).await;
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_waits_for_the_budget_of_an_agent_hears_of_no_other(pool: PgPool) {
    let backend = backend(pool, Arc::new(SystemClock));
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
    let other = agents::create(&ctx, sample::spec("Writer")).await.unwrap().id;
    for id in [agent, other] {
        set(&ctx, Some(id), most(9_000)).await.unwrap();
        run(&backend, &ctx, id).await;
    }
    let [mine, others] = [run(&backend, &ctx, agent).await, run(&backend, &ctx, other).await];
    let wait = paused(&ctx, mine, BudgetScope::Agent).await;
    set(&ctx, Some(other), most(30_000)).await.unwrap();
    sample::work_off(&backend).await;
    assert_completed(&ctx, &[others]).await;
    assert_eq!(paused(&ctx, mine, BudgetScope::Agent).await, wait);

    set(&ctx, Some(agent), BudgetLimits::default()).await.unwrap();
    sample::work_off(&backend).await;
    assert_completed(&ctx, &[mine]).await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_waits_for_a_month_goes_on_with_the_next(pool: PgPool) {
    let clock = Arc::new(FixedClock::new("2126-11-30T12:00:00Z".parse().unwrap()));
    let backend = backend(pool, clock.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
    set(&ctx, Some(agent), most(9_000)).await.unwrap();
    run(&backend, &ctx, agent).await;
    let of_agent = run(&backend, &ctx, agent).await;
    paused(&ctx, of_agent, BudgetScope::Agent).await;

    let system = backend.system();
    clock.advance(SignedDuration::from_hours(11));
    assert_eq!(sessions::resume_renewed(&system).await.unwrap(), 0, "it is the same month");
    clock.advance(SignedDuration::from_hours(2));
    assert_eq!(sessions::resume_renewed(&system).await.unwrap(), 1);
    assert_eq!(sessions::resume_renewed(&system).await.unwrap(), 0, "it is queued");
    sample::work_off(&backend).await;
    assert_completed(&ctx, &[of_agent]).await;
}
