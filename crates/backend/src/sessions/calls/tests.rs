use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream;
use resonant_domain::agent::{AgentChanges, AgentSpec, Limits, ToolGrant};
use resonant_domain::agent_list::BulkAction;
use resonant_domain::agent_tool::grant_of;
use resonant_domain::agent_version::NewVersion;
use resonant_domain::budget::BudgetLimits;
use resonant_domain::money::MicroUsd;
use resonant_domain::session::SessionState::{Cancelled, Completed, Queued, Waiting};
use resonant_domain::session::{NewDecision, NewMessage};
use resonant_domain::test_set::{Check, NewTestRun, NewTestSet, TestCase};
use resonant_domain::waiting::{Amount, BudgetChoice, BudgetScope, Decision, Shortfall, Unit};
use resonant_runtime::Engine;
use resonant_runtime::clock::SystemClock;
use resonant_runtime::models::{
    CallRequest, FinishReason, Message, Model, ModelPiece, ModelRequest, Models, ReplyStream,
};
use resonant_runtime::tools::Tools;
use serde_json::json;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{Ctx, budgets, sample, sessions, test_sets, work};

/// Calls every agent that it may with the goal and a mark, then answers with all that they said; one
/// that may call none answers with its prompt and the goal. What it says to the prompt `Cut` is cut.
struct Delegate;

impl Model for Delegate {
    fn provider(&self) -> &'static str {
        "delegate"
    }

    fn reply(&self, request: ModelRequest) -> ReplyStream {
        let usage = Usage { input_tokens: 10, output_tokens: 5, cost: MicroUsd(3) };
        let said = |message: &Message| match message {
            Message::User { text, .. } => Some(text.clone()),
            _ => None,
        };
        let goal = request.messages.iter().find_map(said).unwrap_or_default();
        let heard: Vec<_> = request
            .messages
            .iter()
            .filter_map(|message| match message {
                Message::Tool { content, .. } => Some(content.clone()),
                _ => None,
            })
            .collect();
        if heard.is_empty() && !request.tools.is_empty() {
            let call = |tool: &str| CallRequest {
                call_id: String::new(),
                tool: tool.to_owned(),
                arguments: json!({ "goal": format!("{goal}>") }),
                provider_data: None,
            };
            let calls = request.tools.iter().map(|tool| call(&tool.name)).collect();
            let reason = FinishReason::ToolCalls;
            return stream::iter([Ok(ModelPiece::Finish { calls, usage, reason })]).boxed();
        }
        let text = if heard.is_empty() {
            format!("{}:{goal}", request.system)
        } else {
            format!("[{}]", heard.join("|"))
        };
        let is_cut = request.system == "Cut";
        let reason = if is_cut { FinishReason::Length } else { FinishReason::Stop };
        let finish = ModelPiece::Finish { calls: Vec::new(), usage, reason };
        stream::iter([Ok(ModelPiece::Output(text)), Ok(finish)]).boxed()
    }
}

fn backend(pool: PgPool) -> Backend {
    let clock = Arc::new(SystemClock);
    let models = Models::with_language_model(Arc::new(Delegate), "plain");
    let engine = Engine::new(models, Tools::empty(), clock.clone());
    Backend::for_tests_with_engine(pool, clock, engine)
}

fn named(name: &str, tools: Vec<ToolGrant>) -> AgentSpec {
    AgentSpec { system_prompt: name.to_owned(), tools, ..sample::spec(name) }
}

async fn made(ctx: &Ctx, name: &str, called: &[&Agent]) -> Agent {
    let tools = called.iter().fold(Vec::new(), |mut tools, agent| {
        tools.push(grant_of(agent, &tools));
        tools
    });
    agents::create(ctx, named(name, tools)).await.unwrap()
}

async fn started(ctx: &Ctx, agent: &Agent) -> SessionId {
    sessions::start(ctx, agent.id, sample::goal("go")).await.unwrap().id
}

async fn work_once(backend: &Backend) -> Option<SessionId> {
    let claim = work::claim(&backend.system(), "worker").await.unwrap()?;
    let id = claim.session_id();
    work::run(&backend.system(), claim, CancellationToken::new()).await.unwrap();
    Some(id)
}

async fn work_off(backend: &Backend) {
    while work_once(backend).await.is_some() {}
}

async fn timeline(ctx: &Ctx, id: SessionId) -> Timeline {
    Timeline::from_events(sessions::events(ctx, id, 0).await.unwrap())
}

/// The sessions that a session waits for.
async fn called(ctx: &Ctx, id: SessionId) -> Vec<SessionId> {
    let wait = sessions::get(ctx, id).await.unwrap().waiting.unwrap();
    let WaitReason::Agents { calls, .. } = wait.reason else { panic!("{wait:?}") };
    calls.iter().map(|call| call.session_id).collect()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_waits_for_those_that_it_calls_without_a_worker(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let (one, two) = (made(&ctx, "One", &[]).await, made(&ctx, "Two", &[]).await);
    let caller = made(&ctx, "Caller", &[&one, &two]).await;
    let id = started(&ctx, &caller).await;
    assert_eq!(work_once(&backend).await, Some(id));
    let waiting = sessions::get(&ctx, id).await.unwrap();
    assert_eq!((waiting.state, waiting.usage.output_tokens), (Waiting, 5));
    let parts = called(&ctx, id).await;
    assert_eq!(parts.len(), 2);
    for part in &parts {
        let part = sessions::get(&ctx, *part).await.unwrap();
        assert_eq!((part.state, &*part.goal), (Queued, "go>"));
        assert_eq!(part.origin, Some(Origin::of(OriginKind::Agent)));
        let by = part.called_by.unwrap();
        assert_eq!((by.session_id, by.depth), (id, 1));
        // Each may use half of what is left.
        assert_eq!(part.limits.max_tokens, (Limits::default().max_tokens - 5) / 2);
    }
    // The first answer alone does not let it go on.
    assert_eq!(work_once(&backend).await, Some(parts[0]));
    assert_eq!(sessions::get(&ctx, id).await.unwrap().state, Waiting);
    work_off(&backend).await;

    let over = sessions::get(&ctx, id).await.unwrap();
    assert_eq!(over.state, Completed, "{:?}", over.reason);
    let timeline = timeline(&ctx, id).await;
    assert_eq!(timeline.answer(), Some("[One:go>|Two:go>]"));
    let links: Vec<_> = timeline.steps[0].calls.iter().map(|call| call.session).collect();
    assert_eq!(links, [Some(parts[0]), Some(parts[1])]);
    // Two turns of its own, and one of each that it called.
    assert_eq!((over.usage.output_tokens, over.usage.cost.0), (20, 12));
    assert_eq!(timeline.end.unwrap().usage, over.usage);
    // The month of the caller's agent has counted all, that of the owner each once.
    let month = async |agent| budgets::get(&ctx, agent).await.unwrap().used_tokens;
    assert_eq!(month(Some(caller.id)).await, 60);
    assert_eq!(month(Some(one.id)).await, 15);
    assert_eq!(month(None).await, 60);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn depth_bounds_agents_that_call_themselves(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = made(&ctx, "Circle", &[]).await;
    let tools = Some(vec![grant_of(&agent, &[])]);
    let changes = AgentChanges { tools, ..AgentChanges::default() };
    let agent = agents::update(&ctx, agent.id, changes, None).await.unwrap();
    let id = started(&ctx, &agent).await;
    work_off(&backend).await;
    let over = sessions::get(&ctx, id).await.unwrap();
    assert_eq!(over.state, Completed, "{:?}", over.reason);
    let answer = timeline(&ctx, id).await.answer().unwrap().to_owned();
    assert!(answer.starts_with("[[[[not called: agents may call each other 3 deep"), "{answer}");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_published_version_is_called(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let part = made(&ctx, "Old", &[]).await;
    agents::publish(&ctx, part.id, NewVersion::default(), None).await.unwrap();
    let prompt = Some("New".to_owned());
    let changes = AgentChanges { system_prompt: prompt, ..AgentChanges::default() };
    agents::update(&ctx, part.id, changes, None).await.unwrap();
    let id = started(&ctx, &made(&ctx, "Caller", &[&part]).await).await;
    work_off(&backend).await;
    assert_eq!(timeline(&ctx, id).await.answer(), Some("[Old:go>]"));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_cannot_be_called_says_why(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let (gone, paused) = (made(&ctx, "Gone", &[]).await, made(&ctx, "Resting", &[]).await);
    let caller = made(&ctx, "Caller", &[&gone, &paused]).await;
    agents::delete(&ctx, gone.id, None).await.unwrap();
    let status = Some(AgentStatus::Paused);
    let changes = AgentChanges { status, ..AgentChanges::default() };
    agents::update(&ctx, paused.id, changes, None).await.unwrap();
    let id = started(&ctx, &caller).await;
    work_off(&backend).await;
    let expected = "[the agent behind this tool was deleted|the agent Resting is paused]";
    assert_eq!(timeline(&ctx, id).await.answer(), Some(expected));
    // An agent outlives one that it calls: it can still be changed.
    let name = Some("Renamed".to_owned());
    let changes = AgentChanges { name, ..AgentChanges::default() };
    agents::update(&ctx, caller.id, changes, None).await.unwrap();
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn agents_of_others_cannot_be_named(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let stranger = sample::guest(&backend).await.unwrap();
    let agent = made(&ctx, "Mine", &[]).await;
    let spec = named("Thief", vec![ToolGrant::new("calculator"), grant_of(&agent, &[])]);
    let error = agents::create(&stranger, spec).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "tools[1].settings.agent_id");
    let refused = agents::tools_for(&stranger, &[agent.id], Vec::new()).await.unwrap_err();
    assert_eq!(refused.fields()[0].field, "tools");
    assert!(agents::callable(&stranger, &[agent.id]).await.unwrap().is_empty());
    assert_eq!(agents::callable(&ctx, &[]).await.unwrap().len(), 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_end_of_the_caller_ends_those_that_it_called(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let leaf = made(&ctx, "Leaf", &[]).await;
    let middle = made(&ctx, "Middle", &[&leaf]).await;
    let caller = made(&ctx, "Caller", &[&middle]).await;
    let id = started(&ctx, &caller).await;
    work_once(&backend).await;
    let middle = called(&ctx, id).await.remove(0);
    work_once(&backend).await;
    let leaf = called(&ctx, middle).await.remove(0);
    assert_eq!(sessions::cancel(&ctx, id).await.unwrap().state, Cancelled);
    for part in [middle, leaf] {
        assert_eq!(sessions::get(&ctx, part).await.unwrap().state, Cancelled);
    }
    assert_eq!(work_once(&backend).await, None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_caller_hears_of_an_end_that_no_worker_wrote(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let part = made(&ctx, "Part", &[]).await;
    let id = started(&ctx, &made(&ctx, "Caller", &[&part]).await).await;
    work_once(&backend).await;
    let called = called(&ctx, id).await.remove(0);
    sessions::cancel(&ctx, called).await.unwrap();
    work_off(&backend).await;
    assert_eq!(timeline(&ctx, id).await.answer(), Some("[a person stopped the agent Part]"));
    // What the called one does later is its own affair.
    let more = NewMessage { text: "more".to_owned(), context: None };
    sessions::say(&ctx, called, more).await.unwrap();
    work_off(&backend).await;
    assert_eq!(sessions::get(&ctx, called).await.unwrap().state, Completed);
    assert_eq!(timeline(&ctx, id).await.steps.len(), 2);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn agents_that_are_deleted_end_what_they_have_called(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let leaf = made(&ctx, "Leaf", &[]).await;
    let middle = made(&ctx, "Middle", &[&leaf]).await;
    let caller = made(&ctx, "Caller", &[&middle]).await;
    let id = started(&ctx, &caller).await;
    work_once(&backend).await;
    let middle = called(&ctx, id).await.remove(0);
    work_once(&backend).await;
    let below = called(&ctx, middle).await.remove(0);
    // The first and the last are named; what lies in between goes with the first.
    agents::change_many(&ctx, &[leaf.id, caller.id], BulkAction::Delete).await.unwrap();
    for part in [id, middle, below] {
        let over = sessions::get(&ctx, part).await.unwrap();
        assert_eq!((over.state, over.waiting), (Cancelled, None));
        let steps = timeline(&ctx, part).await.steps;
        assert!(steps.iter().flat_map(|step| &step.calls).all(|call| call.result.is_some()));
    }
    assert_eq!(work_once(&backend).await, None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_caller_hears_that_the_agent_was_deleted_meanwhile(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let part = made(&ctx, "Part", &[]).await;
    let id = started(&ctx, &made(&ctx, "Caller", &[&part]).await).await;
    work_once(&backend).await;
    agents::delete(&ctx, part.id, None).await.unwrap();
    work_off(&backend).await;
    assert_eq!(sessions::get(&ctx, id).await.unwrap().state, Completed);
    assert_eq!(timeline(&ctx, id).await.answer(), Some("[a person stopped the agent Part]"));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_answer_that_was_not_handed_on_is_found_again(pool: PgPool) {
    let backend = backend(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let part = made(&ctx, "Part", &[]).await;
    let id = started(&ctx, &made(&ctx, "Caller", &[&part]).await).await;
    work_once(&backend).await;
    let called = called(&ctx, id).await.remove(0);
    // As if the process had died between the end and the word of it.
    let mut tx = backend.begin(part.owner_id).await.unwrap();
    sessions::cancel_locked(&backend, &mut tx, part.owner_id, &[called]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(work_once(&backend).await, None);
    work::reap(&backend.system()).await.unwrap();
    work_off(&backend).await;
    assert_eq!(sessions::get(&ctx, id).await.unwrap().state, Completed);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_lost_worker_calls_nobody(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let part = made(&ctx, "Part", &[]).await;
    let id = started(&ctx, &made(&ctx, "Caller", &[&part]).await).await;
    let asked = AgentsAsked {
        step: 1,
        calls: vec![resonant_runtime::log::AgentAsked {
            call_id: "call01001".to_owned(),
            tool: "agent_part".to_owned(),
            agent_id: part.id,
            session: sample::goal("part"),
        }],
        most_tokens: 100,
        most_micro_usd: None,
    };
    let lost = call_agents(&backend, (part.owner_id, id, 0), 0, asked).await.unwrap();
    assert!(lost.is_none());
    let all = sessions::list(&ctx, sessions::SessionFilter::default()).await.unwrap();
    assert_eq!(all.items.len(), 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_is_called_draws_on_the_budget_of_the_caller(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let one = made(&ctx, "One", &[]).await;
    let middle = made(&ctx, "Middle", &[&one]).await;
    let caller = made(&ctx, "Caller", &[&middle]).await;
    let id = started(&ctx, &caller).await;
    assert_eq!(work_once(&backend).await, Some(id));
    let [below] = called(&ctx, id).await[..] else { panic!("one is called") };
    assert_eq!(work_once(&backend).await, Some(below));
    let [last] = called(&ctx, below).await[..] else { panic!("one is called") };

    let most = BudgetLimits { max_tokens: Some(40), max_micro_usd: None };
    budgets::set(&ctx, Some(caller.id), most).await.unwrap();
    assert_eq!(work_once(&backend).await, Some(last));
    let wait = sessions::get(&ctx, last).await.unwrap().waiting.unwrap();
    let WaitReason::Budget { shortfall, .. } = wait.reason else { panic!("{wait:?}") };
    let expected = (BudgetScope::Agent, Some(caller.id), Amount::Tokens(40), 30);
    let Shortfall { scope, caller_agent_id, limit, used } = shortfall;
    assert_eq!((scope, caller_agent_id, limit, used), expected);

    let choice = BudgetChoice::Raise { by: 1_000_000, unit: Unit::Tokens };
    let decided = NewDecision { waiting: wait.sequence, decision: Decision::Budget { choice } };
    sessions::decide(&ctx, last, decided).await.unwrap();
    work_off(&backend).await;
    assert_eq!(sessions::get(&ctx, id).await.unwrap().state, Completed);
    let month = async |agent| budgets::get(&ctx, agent).await.unwrap().used_tokens;
    for (agent, used) in
        [(Some(caller.id), 75), (Some(middle.id), 45), (Some(one.id), 15), (None, 75)]
    {
        assert_eq!(month(agent).await, used, "{agent:?}");
    }
}

/// Whoever waits for agents waits for no person.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_agent_that_calls_others_can_be_tested(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let one = made(&ctx, "One", &[]).await;
    let caller = made(&ctx, "Caller", &[&one]).await;
    let checks = vec![Check::Contains { text: "One:go>".to_owned() }];
    let case = TestCase { goal: "go".to_owned(), checks, ..TestCase::default() };
    let new = NewTestSet { name: "Basics".to_owned(), cases: vec![case] };
    let set = test_sets::create(&ctx, caller.id, new).await.unwrap().id;
    let run = test_sets::run(&ctx, caller.id, set, NewTestRun::default()).await.unwrap();
    work_once(&backend).await.unwrap();
    test_sets::settle_due(&backend.system()).await.unwrap();
    work_off(&backend).await;
    test_sets::settle_due(&backend.system()).await.unwrap();
    let run = test_sets::read_run(&ctx, caller.id, set, run.summary.id).await.unwrap();
    let outcome = run.results[0].outcome.as_ref().unwrap();
    assert!(outcome.passed, "{outcome:?}");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_answer_that_is_cut_is_not_taken_for_whole(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let cut = made(&ctx, "Cut", &[]).await;
    let caller = made(&ctx, "Caller", &[&cut]).await;
    let id = started(&ctx, &caller).await;
    work_off(&backend).await;
    let timeline = timeline(&ctx, id).await;
    let answer = timeline.answer().unwrap();
    assert!(answer.starts_with("[Cut:go>\n[the answer is cut: reached its limit of"), "{answer}");
}
