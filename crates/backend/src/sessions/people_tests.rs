//! People within a session, from the use cases down to the queue.

mod again;

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream;
use resonant_domain::agent::{AgentSpec, ModelPolicy, ToolGrant};
use resonant_domain::budget::BudgetLimits;
use resonant_domain::pin::NewPin;
use resonant_domain::session::{NewDecision, NewFork, NewMessage, Priority};
use resonant_domain::timeline::Timeline;
use resonant_domain::waiting::WaitReason;
use resonant_domain::{ApiKeyId, FaultKind, money};
use resonant_runtime::Engine;
use resonant_runtime::clock::SystemClock;
use resonant_runtime::models::{
    CallRequest, FinishReason, Message, Model, ModelPiece, ModelRequest, Models, ReplyStream,
};
use resonant_runtime::tools::{Calculator, Tools};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{Actor, RequestId, Settings, agents, budgets, sample, work};

/// Calls the calculator once for each word of the person, then answers with how often it was told
/// something, and by which model.
struct Obliging;

impl Model for Obliging {
    fn provider(&self) -> &'static str {
        "obliging"
    }

    fn reply(&self, request: ModelRequest) -> ReplyStream {
        let said = request.messages.iter().filter(|it| matches!(it, Message::User { .. })).count();
        let usage = Usage { input_tokens: 9_960, output_tokens: 40, cost: money::MicroUsd(5) };
        let pieces = if matches!(request.messages.last(), Some(Message::User { .. })) {
            let arguments = json!({ "expression": format!("{said} + 1") });
            let call = CallRequest {
                call_id: String::new(),
                tool: "calculator".to_owned(),
                arguments,
                provider_data: None,
            };
            let reason = FinishReason::ToolCalls;
            vec![Ok(ModelPiece::Finish { calls: vec![call], usage, reason })]
        } else {
            let text = format!("{said} by {}", request.model);
            let reason = FinishReason::Stop;
            vec![
                Ok(ModelPiece::Output(text)),
                Ok(ModelPiece::Finish { calls: Vec::new(), usage, reason }),
            ]
        };
        stream::iter(pieces).boxed()
    }
}

fn backend(pool: PgPool) -> Backend {
    let clock = Arc::new(SystemClock);
    let models = Models::with_language_model(Arc::new(Obliging), "plain");
    let engine = Engine::new(models, Tools::empty().with(Arc::new(Calculator)), clock.clone());
    Backend::for_tests_with_engine(pool, clock, engine)
}

async fn begin(ctx: &Ctx, grant: ToolGrant) -> Session {
    let spec = AgentSpec { tools: vec![grant], ..sample::spec("Reckoner") };
    let agent = agents::create(ctx, spec).await.unwrap();
    start(ctx, agent.id, sample::goal("Go")).await.unwrap()
}

/// Lets a worker run what is due.
async fn work_off(backend: &Backend) {
    let system = backend.system();
    while let Some(claim) = work::claim(&system, "worker").await.unwrap() {
        work::run(&system, claim, CancellationToken::new()).await.unwrap();
    }
}

fn decision(waiting: i64, decision: Value) -> NewDecision {
    NewDecision { waiting, decision: serde_json::from_value(decision).unwrap() }
}

async fn timeline(ctx: &Ctx, id: SessionId) -> Timeline {
    Timeline::from_events(events(ctx, id, 0).await.unwrap())
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn of_two_approvals_at_once_one_alone_goes_on(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let session = begin(&ctx, ToolGrant::new("calculator").with_approval()).await;
    work_off(&backend).await;
    let waiting = get(&ctx, session.id).await.unwrap();
    assert_eq!(waiting.state, SessionState::Waiting);
    let wait = waiting.waiting.unwrap();
    assert_eq!(wait.sequence, waiting.last_sequence);
    let WaitReason::Approval { calls, .. } = &wait.reason else { panic!("{wait:?}") };
    let call_id = calls[0].call_id.clone();
    assert!(work::claim(&backend.system(), "worker").await.unwrap().is_none(), "no worker is held");

    let approve = |arguments: Value| {
        let verdict = json!({"call_id": call_id, "verdict": "approve", "arguments": arguments});
        decision(wait.sequence, json!({"kind": "calls", "verdicts": [verdict]}))
    };
    let wrong = decide(&ctx, session.id, approve(json!({"rm": 1}))).await.unwrap_err();
    assert_eq!(wrong.fields()[0].field, "verdicts[0].arguments");
    let stale = decision(wait.sequence - 1, json!({"kind": "answer"}));
    let stale = decide(&ctx, session.id, stale).await.unwrap_err();
    assert_eq!(stale.kind(), FaultKind::Conflict);
    let both = futures::future::join(
        Box::pin(decide(&ctx, session.id, approve(json!({"expression": "20 + 1"})))),
        Box::pin(decide(&ctx, session.id, approve(json!({"expression": "30 + 1"})))),
    );
    let (first, second) = both.await;
    let refused = [&first, &second].into_iter().filter_map(|it| it.as_ref().err());
    let refused: Vec<_> = refused.map(Error::kind).collect();
    assert_eq!(refused, [FaultKind::Conflict]);

    // The decision that was refused may hold the row for a moment longer.
    while get(&ctx, session.id).await.unwrap().state == SessionState::Queued {
        work_off(&backend).await;
    }
    let over = get(&ctx, session.id).await.unwrap();
    assert_eq!((over.state, over.waiting), (SessionState::Completed, None));
    let call = timeline(&ctx, session.id).await.steps[0].calls[0].clone();
    let kept = if first.is_ok() { "20 + 1" } else { "30 + 1" };
    assert_eq!((call.is_edited, &call.arguments["expression"]), (true, &json!(kept)));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_that_waits_can_be_cancelled_and_spoken_to(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let session = begin(&ctx, ToolGrant::new("calculator").with_approval()).await;
    work_off(&backend).await;
    let word = NewMessage { text: "Hurry".to_owned(), context: None };
    let still = say(&ctx, session.id, word).await.unwrap();
    assert_eq!(still.state, SessionState::Waiting);
    let over = cancel(&ctx, session.id).await.unwrap();
    assert_eq!((over.state, over.waiting), (SessionState::Cancelled, None));
    let timeline = timeline(&ctx, session.id).await;
    assert!(timeline.steps[0].calls[0].result.is_some(), "no call stays open");
    assert_eq!(timeline.unheard.len(), 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_goes_on_with_a_message_and_its_history(pool: PgPool) {
    let backend = backend(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let session = begin(&ctx, ToolGrant::new("calculator")).await;
    work_off(&backend).await;
    let first = get(&ctx, session.id).await.unwrap();
    assert_eq!(first.state, SessionState::Completed);
    let word = NewMessage { text: "Again".to_owned(), context: None };
    let queued = say(&ctx, session.id, word).await.unwrap();
    assert_eq!((queued.state, queued.ended_at), (SessionState::Queued, None));
    work_off(&backend).await;
    let second = get(&ctx, session.id).await.unwrap();
    assert_eq!((second.state, second.steps), (SessionState::Completed, 4));
    assert_eq!(second.usage.total_tokens(), 2 * first.usage.total_tokens());
    assert_eq!(timeline(&ctx, session.id).await.answer(), Some("2 by plain"));
    // Whoever follows from the start hears both rounds.
    let heard: Vec<_> = stream(&ctx, session.id, 0).await.unwrap().collect().await;
    let heard: usize = heard.into_iter().map(|batch| batch.unwrap().len()).sum();
    assert_eq!(heard, usize::try_from(second.last_sequence).unwrap());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_fork_shares_the_beginning_and_pays_for_its_own_end(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let session = begin(&ctx, ToolGrant::new("calculator")).await;
    work_off(&backend).await;
    let parent = get(&ctx, session.id).await.unwrap();
    for (step, field) in [(7, "step"), (2, "step")] {
        let wrong = fork(&ctx, session.id, NewFork { step, ..NewFork::default() }).await;
        assert_eq!(wrong.unwrap_err().fields()[0].field, field, "{step}");
    }
    let new = NewFork {
        step: 1,
        model_policy: Some(ModelPolicy::Named { model: "other".to_owned() }),
        ..NewFork::default()
    };
    let child = fork(&ctx, session.id, new).await.unwrap();
    assert_eq!(child.parent.unwrap().session_id, session.id);
    work_off(&backend).await;
    let child = get(&ctx, child.id).await.unwrap();
    assert_eq!((child.state, child.steps), (SessionState::Completed, 2));
    assert_eq!(child.usage.total_tokens(), 10_000, "the first step was the parent's");
    let timeline = timeline(&ctx, child.id).await;
    assert_eq!(timeline.answer(), Some("1 by other"));
    assert_eq!(timeline.usage().total_tokens(), 10_000);
    assert_eq!(get(&ctx, session.id).await.unwrap(), parent, "the other one stays as it is");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_fork_answers_anew_what_was_said_after_an_answer(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let session = begin(&ctx, ToolGrant::new("calculator")).await;
    work_off(&backend).await;
    let word = NewMessage { text: "Again".to_owned(), context: None };
    say(&ctx, session.id, word).await.unwrap();
    work_off(&backend).await;
    let other = Some(ModelPolicy::Named { model: "other".to_owned() });
    let new = NewFork { step: 2, model_policy: other, ..NewFork::default() };
    let child = fork(&ctx, session.id, new).await.unwrap();
    work_off(&backend).await;
    let child = get(&ctx, child.id).await.unwrap();
    assert_eq!((child.state, child.steps), (SessionState::Completed, 4));
    assert_eq!(timeline(&ctx, child.id).await.answer(), Some("2 by other"));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_people_say_to_a_session_is_bounded(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let session = begin(&ctx, ToolGrant::new("calculator")).await;
    // 800 kB, as much as one word may bring along.
    let context = Some("😀".repeat(200_000));
    let word = NewMessage { text: "Read this, too".to_owned(), context };
    for _ in 0..10 {
        say(&ctx, session.id, word.clone()).await.unwrap();
    }
    let error = say(&ctx, session.id, word).await.unwrap_err();
    assert_eq!(error.kind(), FaultKind::Conflict);
    let last = NewMessage { text: "Go on".to_owned(), context: None };
    assert_eq!(say(&ctx, session.id, last).await.unwrap().last_sequence, 11);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_that_was_stopped_is_tried_again(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let session = begin(&ctx, ToolGrant::new("calculator")).await;
    assert_eq!(retry(&ctx, session.id).await.unwrap_err().kind(), FaultKind::Conflict);
    cancel(&ctx, session.id).await.unwrap();
    assert_eq!(retry(&ctx, session.id).await.unwrap().state, SessionState::Queued);
    work_off(&backend).await;
    assert_eq!(get(&ctx, session.id).await.unwrap().state, SessionState::Completed);
    assert_eq!(retry(&ctx, session.id).await.unwrap_err().kind(), FaultKind::Conflict);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_budget_of_the_month_pauses_and_asks(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let limits = |max_tokens| BudgetLimits { max_tokens: Some(max_tokens), max_micro_usd: None };
    budgets::set(&ctx, None, limits(8_000)).await.unwrap();
    let session = begin(&ctx, ToolGrant::new("calculator")).await;
    work_off(&backend).await;
    let waiting = get(&ctx, session.id).await.unwrap();
    let wait = waiting.waiting.expect("the session waits");
    let WaitReason::Budget { shortfall, .. } = wait.reason else { panic!("{wait:?}") };
    assert_eq!(shortfall.used, 10_000);
    assert_eq!(budgets::get(&ctx, None).await.unwrap().used_tokens, 10_000);
    let raise =
        json!({"kind": "budget", "choice": {"do": "raise", "by": 100_000, "unit": "tokens"}});
    // A key that may not set the month's limits does not raise them either.
    let Actor::User { id: owner, .. } = ctx.actor() else { panic!("a guest is a user") };
    let (key, scopes) = (ApiKeyId::from_uuid(owner.as_uuid()), vec![Scope::SessionsRun].into());
    let runs = backend.ctx(Actor::Key { owner, key, scopes }, RequestId::new("test"));
    let refused = decide(&runs, session.id, decision(wait.sequence, raise.clone())).await;
    assert!(matches!(refused, Err(Error::MissingScope(Scope::AgentsWrite))), "{refused:?}");
    decide(&ctx, session.id, decision(wait.sequence, raise)).await.unwrap();
    work_off(&backend).await;
    let after = get(&ctx, session.id).await.unwrap();
    assert_eq!(after.state, SessionState::Completed, "{after:?}");
    let budget = budgets::get(&ctx, None).await.unwrap();
    assert_eq!((budget.used_tokens, budget.raised_tokens), (20_000, 100_000));

    // An agent's own budget is another, and its end is a choice too.
    budgets::set(&ctx, Some(session.agent_id), limits(10)).await.unwrap();
    let next = start(&ctx, session.agent_id, sample::goal("Go")).await.unwrap();
    work_off(&backend).await;
    let wait = get(&ctx, next.id).await.unwrap().waiting.expect("the session waits");
    let end = json!({"kind": "budget", "choice": {"do": "end"}});
    let over = decide(&ctx, next.id, decision(wait.sequence, end)).await.unwrap();
    assert_eq!(over.state, SessionState::Cancelled);
    assert_eq!(over.reason.as_deref(), Some("ended at the limit of its tokens"));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn no_more_sessions_of_an_owner_run_than_there_are_slots(pool: PgPool) {
    let mut settings: Settings = sample::settings();
    settings.queue.per_user = 3;
    settings.queue.per_agent = 2;
    let backend = Backend::for_tests_with(pool, &settings);
    let ada = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ada, sample::spec("Reader")).await.unwrap();
    for _ in 0..5 {
        start(&ada, agent.id, sample::goal("Go")).await.unwrap();
    }
    let system = backend.system();
    let claims = async || {
        let all = futures::future::join_all((0..8).map(|_| work::claim(&system, "worker"))).await;
        all.into_iter().filter_map(Result::unwrap).collect::<Vec<_>>()
    };
    assert_eq!(claims().await.len(), 2, "two of the agent");
    let other = agents::create(&ada, sample::spec("Other")).await.unwrap();
    for _ in 0..5 {
        start(&ada, other.id, sample::goal("Go")).await.unwrap();
    }
    assert_eq!(claims().await.len(), 1, "three of the owner");
    let bob = sample::guest(&backend).await.unwrap();
    let of_bob = agents::create(&bob, sample::spec("Reader")).await.unwrap();
    start(&bob, of_bob.id, sample::goal("Go")).await.unwrap();
    assert_eq!(claims().await.len(), 1, "another owner is not held up");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_message_is_pinned_and_a_fork_takes_its_pins_along(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let session = begin(&ctx, ToolGrant::new("calculator")).await;
    work_off(&backend).await;
    let word = NewMessage { text: "And now?".to_owned(), context: None };
    say(&ctx, session.id, word).await.unwrap();
    work_off(&backend).await;
    let steps = timeline(&ctx, session.id).await.steps;
    let (answer, message) = (steps[1].sequence.unwrap(), steps[2].messages[0].sequence);
    let set = async |message, is_pinned| {
        let new = NewPin { message, is_pinned };
        pin(&ctx, session.id, new).await.map(|session| session.pins)
    };
    assert_eq!(set(message, true).await.unwrap(), [message]);
    assert_eq!(set(0, true).await.unwrap(), [0, message]);
    for _ in 0..2 {
        assert_eq!(set(answer, true).await.unwrap(), [0, answer, message]);
    }
    // A step that wrote nothing, and what is not there.
    for wrong in [steps[0].sequence.unwrap(), 9_999] {
        let error = set(wrong, true).await.unwrap_err();
        assert_eq!(error.fields()[0].field, "message", "{wrong}");
    }
    assert_eq!(get(&ctx, session.id).await.unwrap().pins, [0, answer, message]);

    let new = NewFork { step: 2, ..NewFork::default() };
    let child = fork(&ctx, session.id, new).await.unwrap();
    let log = timeline(&ctx, child.id).await;
    let (answer, message) = (log.steps[1].sequence.unwrap(), log.unheard[0].sequence);
    assert_eq!(child.pins, [0, answer, message]);
    let new = NewFork { goal: Some("Stop".to_owned()), ..NewFork::default() };
    assert_eq!(fork(&ctx, session.id, new).await.unwrap().pins, [0_i64; 0]);
    assert_eq!(set(0, false).await.unwrap().len(), 2);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_urgent_go_first_and_the_later_wait(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let mut ids = Vec::new();
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        let new = NewSession { priority, ..sample::goal("Go") };
        ids.push(start(&ctx, agent.id, new).await.unwrap().id);
    }
    let later = backend.now().checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let new = NewSession { run_at: Some(later), ..sample::goal("Go") };
    start(&ctx, agent.id, new).await.unwrap();
    let mut claimed = Vec::new();
    while let Some(claim) = work::claim(&backend.system(), "worker").await.unwrap() {
        claimed.push(claim.session_id());
    }
    ids.reverse();
    assert_eq!(claimed, ids);
}

/// Nor is it refused, however far back it lies.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_time_that_is_over_puts_no_session_before_others(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let mut ids = Vec::new();
    for run_at in [None, Some("1999-12-31T00:00:00Z"), Some("-009999-06-01T00:00:00Z")] {
        let run_at = run_at.map(|at| at.parse().unwrap());
        let new = NewSession { run_at, ..sample::goal("Go") };
        ids.push(start(&ctx, agent.id, new).await.unwrap().id);
    }
    for id in ids {
        let claim = work::claim(&backend.system(), "worker").await.unwrap().unwrap();
        assert_eq!(claim.session_id(), id);
    }
}
