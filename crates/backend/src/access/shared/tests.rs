//! Rights by table: every use case that a teammate reaches, every role in a team.

mod table;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use resonant_domain::agent::{AgentChanges, AgentStatus, ModelPolicy, ToolGrant};
use resonant_domain::agent_list::BulkAction;
use resonant_domain::agent_version::{Edition, NewVersion};
use resonant_domain::budget::BudgetLimits;
use resonant_domain::fields::Fields;
use resonant_domain::memory::NewMemory;
use resonant_domain::origin::OriginKind;
use resonant_domain::page::PageRequest;
use resonant_domain::session::{NewFork, NewMessage};
use resonant_domain::team::{NewInvitation, NewTeam, TeamRole};
use resonant_domain::test_set::{NewTestRun, TestPolicy};
use resonant_domain::{
    AgentId, DocumentId, FaultKind, MemoryId, SessionId, TestRunId, TestSetId, UserId,
};
use resonant_runtime::tools::Whose;
use sqlx::PgPool;

use crate::agents::records::{self, Wanted};
use crate::teams::Invited;
use crate::{
    Actor, Backend, Ctx, Result, agents, budgets, knowledge, memories, sample, schedules, sessions,
    teams, test_sets, triggers, usage,
};

#[derive(Clone, Copy)]
struct Things {
    agent: AgentId,
    session: SessionId,
    test_set: TestSetId,
    test_run: TestRunId,
    document: DocumentId,
    memory: MemoryId,
}

type Ask = fn(Ctx, Things) -> BoxFuture<'static, Result<()>>;

struct Row {
    name: &'static str,
    ask: Ask,
    /// The narrowest role that may; `None`: no role may.
    from: Option<TeamRole>,
    /// What is answered to who may: `None` is success.
    then: Option<FaultKind>,
    /// Whether it can be done but once.
    once: bool,
}

fn word() -> NewMessage {
    NewMessage { text: "Shorter".to_owned(), context: None }
}

/// Somebody who is in the team by a link.
async fn teammate(backend: &Backend, admin: &Ctx, name: &str, role: TeamRole) -> Ctx {
    let ctx = sample::member(backend, name).await.unwrap();
    let invitation = NewInvitation { role, email: None };
    let made = teams::invite(admin, "research", invitation).await.unwrap();
    teams::accept(&ctx, Invited::ByLink(made.token.as_deref().unwrap())).await.unwrap();
    ctx
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn each_role_may_what_its_column_says(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let boss = sample::member(&backend, "boss").await.unwrap();
    let team = NewTeam { name: "Research".to_owned(), slug: "research".to_owned() };
    teams::create(&boss, team).await.unwrap();
    // Whoever owns an agent shares it, whatever their role.
    let ada = teammate(&backend, &boss, "ada", TeamRole::Viewer).await;
    let agent = agents::create(&ada, sample::spec("Reader")).await.unwrap().id;
    agents::publish(&ada, agent, NewVersion::default(), None).await.unwrap();
    let document = knowledge::add(&ada, agent, sample::document("Handbook")).await.unwrap().id;
    let Actor::User { id, .. } = ada.actor() else { panic!("a member is a user") };
    let fact = NewMemory { key: "city".to_owned(), text: "They live in Oslo".to_owned() };
    let memory = remembered(&backend, id, agent, fact).await;
    let test_set = test_sets::create(&ada, agent, sample::test_set()).await.unwrap().id;
    let test_run = test_sets::run(&ada, agent, test_set, NewTestRun::default()).await;
    let test_run = test_run.unwrap().summary.id;
    teams::share(&ada, "research", agent).await.unwrap();
    let peer = teammate(&backend, &boss, "peer", TeamRole::Runner).await;
    let session = sessions::start(&peer, agent, sample::goal("Read")).await.unwrap().id;
    let things = Things { agent, session, test_set, test_run, document, memory };

    let mut people = Vec::new();
    for role in TeamRole::GIVEN {
        people.push((role, teammate(&backend, &boss, role.as_str(), role).await));
    }
    people.push((TeamRole::Owner, boss));
    let stranger = sample::member(&backend, "stranger").await.unwrap();
    let guest = sample::guest(&backend).await.unwrap();
    for row in table::reading().into_iter().chain(table::changing()) {
        for ctx in [&stranger, &guest] {
            let answer = (row.ask)(ctx.clone(), things).await;
            let kind = answer.as_ref().err().map(crate::Error::kind);
            assert_eq!(kind, Some(FaultKind::NotFound), "{} by a stranger: {answer:?}", row.name);
        }
        for (role, ctx) in &people {
            let may = row.from.is_some_and(|from| *role >= from);
            if may && row.once && Some(*role) != row.from {
                continue;
            }
            let expected = if may { row.then } else { Some(FaultKind::Forbidden) };
            let answer = (row.ask)(ctx.clone(), things).await;
            let kind = answer.as_ref().err().map(crate::Error::kind);
            assert_eq!(kind, expected, "{} by the {}: {answer:?}", row.name, role.as_str());
        }
    }
}

async fn remembered(backend: &Backend, owner: UserId, agent: AgentId, fact: NewMemory) -> MemoryId {
    let whose = Whose::own(owner, agent);
    memories::remember(backend, whose, fact).await.unwrap();
    memories::recall(backend, whose).await.unwrap()[0].id
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_teammate_neither_raises_the_month_nor_reaches_other_agents(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let team = NewTeam { name: "Research".to_owned(), slug: "research".to_owned() };
    teams::create(&ada, team).await.unwrap();
    let agent = agents::create(&ada, sample::spec("Reader")).await.unwrap().id;
    let other = agents::create(&ada, sample::spec("Other")).await.unwrap();
    teams::share(&ada, "research", agent).await.unwrap();
    let editor = teammate(&backend, &ada, "editor", TeamRole::Editor).await;
    let call = resonant_domain::agent_tool::grant_of(&other, &[]);
    let error = agents::put_tools(&editor, agent, vec![call]).await.unwrap_err();
    assert_eq!(error.kind(), FaultKind::Invalid, "{error:?}");
    let answer = agents::get(&editor, other.id).await.map(drop);
    assert_eq!(answer.unwrap_err().kind(), FaultKind::NotFound);
    // Their own agent is found as if there were no teams, and a shared one is in no list of theirs.
    let own = agents::create(&editor, sample::spec("Own")).await.unwrap().id;
    agents::get(&editor, own).await.unwrap();
    let listed = agents::list(&editor, agents::AgentFilter::default()).await.unwrap().items;
    assert_eq!(listed.iter().map(|agent| agent.id).collect::<Vec<_>>(), [own]);
    let deleted = agents::change_many(&editor, &[agent], BulkAction::Delete).await.unwrap();
    assert_eq!(deleted, []);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn nothing_goes_on_with_what_its_owner_has_thrown_away(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let team = NewTeam { name: "Research".to_owned(), slug: "research".to_owned() };
    teams::create(&ada, team).await.unwrap();
    let agent = agents::create(&ada, sample::spec("Reader")).await.unwrap().id;
    teams::share(&ada, "research", agent).await.unwrap();
    let runner = teammate(&backend, &ada, "runner", TeamRole::Runner).await;
    let session = sessions::start(&runner, agent, sample::goal("Read")).await.unwrap().id;
    sessions::cancel(&runner, session).await.unwrap();
    sessions::fork(&runner, session, NewFork::default()).await.unwrap();

    agents::delete(&ada, agent, None).await.unwrap();
    let asks = [
        sessions::fork(&runner, session, NewFork::default()).await.map(drop),
        sessions::say(&runner, session, word()).await.map(drop),
        sessions::retry(&runner, session).await.map(drop),
        sessions::start(&runner, agent, sample::goal("Read")).await.map(drop),
    ];
    for answer in asks {
        assert_eq!(answer.as_ref().unwrap_err().kind(), FaultKind::NotFound, "{answer:?}");
    }
    sessions::get(&runner, session).await.unwrap();
    // To its owner a session outlives its agent.
    sessions::fork(&ada, session, NewFork::default()).await.unwrap();
    agents::delete_for_good(&ada, agent).await.unwrap();
    let seen = sessions::get(&runner, session).await.map(drop);
    assert_eq!(seen.unwrap_err().kind(), FaultKind::NotFound, "it is shared no more");
}
