use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use jiff::SignedDuration;
use resonant_domain::session::{NewDecision, SessionState};
use resonant_domain::waiting::{BudgetChoice, Decision, Unit, WaitReason};
use resonant_domain::{FaultKind, SessionId};
use resonant_runtime::Engine;
use resonant_runtime::clock::{Clock, FixedClock, SystemClock};
use resonant_runtime::models::{
    FinishReason, Model, ModelError, ModelPiece, ModelRequest, Models, ReplyStream,
};
use resonant_runtime::tools::Tools;
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::database::Database;
use crate::{Settings, agents, budgets, members, proposals, sample, sessions, work};

/// Answers at once, and says that this took 6,000 tokens.
pub(in crate::budgets) struct Costly;

impl Model for Costly {
    fn provider(&self) -> &'static str {
        "costly"
    }

    fn reply(&self, _: ModelRequest) -> ReplyStream {
        let usage = Usage { input_tokens: 5_000, output_tokens: 1_000, ..Usage::default() };
        let finish = ModelPiece::Finish { calls: Vec::new(), usage, reason: FinishReason::Stop };
        stream::iter([Ok(ModelPiece::Output("Done.".to_owned())), Ok(finish)]).boxed()
    }
}

/// Tells that it was asked, and takes nothing for an hour.
struct Busy(Arc<Notify>);

impl Model for Busy {
    fn provider(&self) -> &'static str {
        "busy"
    }

    fn reply(&self, _: ModelRequest) -> ReplyStream {
        self.0.notify_one();
        let retry_after = Some(Duration::from_hours(1));
        let refusal = ModelError::Transient { message: "HTTP 429".to_owned(), retry_after };
        stream::iter([Err(refusal)]).boxed()
    }
}

/// Room for one answer of the costly one, and not for a second one.
const ONE_ANSWER: u64 = 9_000;

fn backend(pool: PgPool, clock: Arc<dyn Clock>, per_address: Option<u32>) -> Backend {
    with_model(Arc::new(Costly), pool, clock, per_address)
}

fn with_model(
    model: Arc<dyn Model>,
    pool: PgPool,
    clock: Arc<dyn Clock>,
    per_address: Option<u32>,
) -> Backend {
    let guests = GuestLimits { micro_usd: None, tokens: Some(ONE_ANSWER), per_address };
    let settings = Settings { guests, ..sample::settings() };
    let models = Models::with_language_model(model, "costly-1");
    let engine = Engine::new(models, Tools::empty(), clock.clone());
    Backend::with_engine(Database::of(pool), &settings, clock, engine).unwrap()
}

/// A new guest from this address.
async fn guest_from(backend: &Backend, address: &str) -> Ctx {
    let ctx = backend.anonymous().from_address(Some(address.parse().unwrap()));
    members::begin_guest(&ctx).await.unwrap();
    ctx
}

async fn run(backend: &Backend, ctx: &Ctx) -> SessionId {
    let agent = agents::create(ctx, sample::spec("Reader")).await.unwrap();
    let session = sessions::start(ctx, agent.id, sample::goal("Read")).await.unwrap();
    sample::work_off(backend).await;
    session.id
}

/// The budget that the session waits for, if it waits for one.
async fn shortfall(ctx: &Ctx, id: SessionId) -> Option<Shortfall> {
    match sessions::get(ctx, id).await.unwrap().waiting?.reason {
        WaitReason::Budget { shortfall, .. } => Some(shortfall),
        other => panic!("{other:?}"),
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_guest_has_a_small_budget_that_an_account_lifts(pool: PgPool) {
    let backend = backend(pool, Arc::new(SystemClock), None);
    let ctx = sample::guest(&backend).await.unwrap();
    let first = run(&backend, &ctx).await;
    assert_eq!(shortfall(&ctx, first).await, None);
    let second = run(&backend, &ctx).await;
    let limit = Amount::Tokens(ONE_ANSWER);
    let scope = BudgetScope::Guest;
    let short = Shortfall { scope, caller_agent_id: None, limit, used: 6_000 };
    assert_eq!(shortfall(&ctx, second).await, Some(short));

    // A guest cannot make it reach.
    let waiting = sessions::get(&ctx, second).await.unwrap().waiting.unwrap().sequence;
    let choice = BudgetChoice::Raise { by: 1_000_000, unit: Unit::Tokens };
    let raise = NewDecision { waiting, decision: Decision::Budget { choice } };
    let error = sessions::decide(&ctx, second, raise).await.unwrap_err();
    assert_eq!((error.kind(), error.fields()[0].field.as_str()), (FaultKind::Invalid, "choice.do"));
    let more = BudgetLimits { max_tokens: Some(ONE_ANSWER + 1), max_micro_usd: None };
    let error = budgets::set(&ctx, None, more).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "max_tokens");
    let proposal = proposals::propose(&ctx, "Read the news").await.unwrap();
    let refusal = proposal.refusal.unwrap_or_default();
    assert!(refusal.contains("budget of the month"), "{refusal}");
    budgets::set(&ctx, None, BudgetLimits::default()).await.unwrap();
    sample::work_off(&backend).await;
    assert_eq!(shortfall(&ctx, second).await, Some(short));

    members::sign_up(&ctx, sample::new_member("ada")).await.unwrap();
    sample::work_off(&backend).await;
    let over = sessions::get(&ctx, second).await.unwrap();
    assert_eq!(over.state, SessionState::Completed, "{over:?}");
    let third = run(&backend, &ctx).await;
    assert_eq!(shortfall(&ctx, third).await, None);
    budgets::set(&ctx, None, more).await.unwrap();
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn fresh_guests_of_a_network_share_its_day(pool: PgPool) {
    let clock = Arc::new(FixedClock::new(SystemClock.now()));
    let backend = backend(pool.clone(), clock.clone(), Some(1));
    let first = guest_from(&backend, "2001:db8::1").await;
    let session = run(&backend, &first).await;
    assert_eq!(shortfall(&first, session).await, None);
    let used = async || {
        sqlx::query_scalar!(r#"SELECT coalesce(sum(tokens), 0)::BIGINT AS "sum!" FROM guest_use"#)
            .fetch_one(&pool)
            .await
            .unwrap()
    };
    assert_eq!(used().await, 6_000, "what was not used is given back");

    let fresh = guest_from(&backend, "2001:db8::2").await;
    let session = run(&backend, &fresh).await;
    let limit = Amount::Tokens(ONE_ANSWER);
    let scope = BudgetScope::Guests;
    let short = Shortfall { scope, caller_agent_id: None, limit, used: 6_000 };
    assert_eq!(shortfall(&fresh, session).await, Some(short));
    let elsewhere = guest_from(&backend, "192.0.2.1").await;
    let session = run(&backend, &elsewhere).await;
    assert_eq!(shortfall(&elsewhere, session).await, None);

    clock.advance(SignedDuration::from_hours(24));
    let session = run(&backend, &fresh).await;
    assert_eq!(shortfall(&fresh, session).await, None, "it is another day");
    clock.advance(SignedDuration::from_hours(24 * 4));
    forget_networks(&backend.system()).await.unwrap();
    assert_eq!(used().await, 0);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_a_refused_call_set_aside_is_given_back_when_the_session_is_handed_over(pool: PgPool) {
    let asked = Arc::new(Notify::new());
    let busy = Arc::new(Busy(asked.clone()));
    let backend = with_model(busy, pool.clone(), Arc::new(SystemClock), Some(1));
    let ctx = guest_from(&backend, "2001:db8::1").await;
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
    let system = backend.system();
    let claim = work::claim(&system, "worker").await.unwrap().expect("it waits for a worker");
    let stopping = CancellationToken::new();
    let stop = async {
        asked.notified().await;
        stopping.cancel();
    };
    let (done, ()) = tokio::join!(work::run(&system, claim, stopping.clone()), stop);
    done.unwrap();
    let used =
        sqlx::query_scalar!(r#"SELECT coalesce(sum(tokens), 0)::BIGINT AS "sum!" FROM guest_use"#)
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(used, 0, "it used nothing");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_waits_for_the_day_of_a_network_goes_on_with_the_next(pool: PgPool) {
    let noon = "2126-11-24T12:00:00Z".parse().unwrap();
    let clock = Arc::new(FixedClock::new(noon));
    let backend = backend(pool, clock.clone(), Some(1));
    run(&backend, &guest_from(&backend, "2001:db8::1").await).await;
    let fresh =
        [guest_from(&backend, "2001:db8::2").await, guest_from(&backend, "2001:db8::3").await];
    let mut waiting = Vec::new();
    for ctx in &fresh {
        let session = run(&backend, ctx).await;
        assert!(shortfall(ctx, session).await.is_some());
        waiting.push((ctx, session));
    }
    let system = backend.system();
    clock.advance(SignedDuration::from_hours(11));
    assert_eq!(sessions::resume_renewed(&system).await.unwrap(), 0, "it is the same day");

    clock.advance(SignedDuration::from_hours(2));
    assert_eq!(sessions::resume_renewed(&system).await.unwrap(), 2);
    assert_eq!(sessions::resume_renewed(&system).await.unwrap(), 0, "they are queued");
    sample::work_off(&backend).await;
    let mut states = Vec::new();
    for (ctx, session) in waiting {
        states.push(sessions::get(ctx, session).await.unwrap().state);
    }
    // The new day has room for one answer, too: the other waits for the next.
    states.sort_unstable_by_key(|state| state.as_str());
    assert_eq!(states, [SessionState::Completed, SessionState::Waiting]);
    assert_eq!(sessions::resume_renewed(&system).await.unwrap(), 0);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_waits_for_the_month_of_a_guest_goes_on_with_the_next(pool: PgPool) {
    let clock = Arc::new(FixedClock::new("2126-11-30T12:00:00Z".parse().unwrap()));
    let backend = backend(pool, clock.clone(), None);
    let ctx = sample::guest(&backend).await.unwrap();
    run(&backend, &ctx).await;
    let session = run(&backend, &ctx).await;
    assert_eq!(shortfall(&ctx, session).await.map(|it| it.scope), Some(BudgetScope::Guest));
    let system = backend.system();
    clock.advance(SignedDuration::from_hours(11));
    assert_eq!(sessions::resume_renewed(&system).await.unwrap(), 0, "it is the same month");
    clock.advance(SignedDuration::from_hours(2));
    assert_eq!(sessions::resume_renewed(&system).await.unwrap(), 1);
    sample::work_off(&backend).await;
    assert_eq!(shortfall(&ctx, session).await, None);
}
