//! Rights by table: every use case, every kind of caller.

mod of_agents;
mod of_people;
mod of_reviews;
mod of_teams;
mod of_tools;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use resonant_domain::agent::{AgentChanges, ModelPolicy, ToolGrant};
use resonant_domain::agent_list::{AgentQuery, BulkAction};
use resonant_domain::agent_version::{Edition, NewVersion};
use resonant_domain::api_key::{Scope, Scopes};
use resonant_domain::audit::AuditFilter;
use resonant_domain::budget::BudgetLimits;
use resonant_domain::fields::Fields;
use resonant_domain::knowledge::KnowledgeQuery;
use resonant_domain::listing::ListingFilter;
use resonant_domain::mcp_tool::McpServer;
use resonant_domain::memory::NewMemory;
use resonant_domain::openapi::OpenApiSource;
use resonant_domain::origin::OriginKind;
use resonant_domain::page::{PageRequest, Place};
use resonant_domain::pin::NewPin;
use resonant_domain::purchase::NewPurchase;
use resonant_domain::schedule::ScheduleChanges;
use resonant_domain::secret::SecretChanges;
use resonant_domain::session::{NewDecision, NewFork, NewMessage};
use resonant_domain::team::{NewInvitation, NewTeam, TeamRole};
use resonant_domain::test_set::{NewTestRun, TestPolicy};
use resonant_domain::waiting::Decision;
use resonant_domain::{
    AgentId, ApiKeyId, DeliveryId, DocumentId, FaultKind, MemoryId, PurchaseId, ScheduleId,
    SessionId, TestRunId, TestSetId, TriggerId, UserId, WebhookId,
};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::agents::AgentFilter;
use crate::agents::records::{self, RecordQuery, Wanted};
use crate::audit::Whose;
use crate::purchases::TestAct;
use crate::sessions::SessionFilter;
use crate::{
    Actor, Backend, Ctx, RequestId, Result, agents, api_keys, audit, budgets, follows, images,
    knowledge, listings, mcp_calls, members, memories, news, proposals, publishers, purchases,
    sample, schedules, secrets, sessions, teams, test_sets, tools, triggers, usage, webhooks, work,
};

#[derive(Clone)]
struct Things {
    test_set: TestSetId,
    test_run: TestRunId,
    agent: AgentId,
    session: SessionId,
    schedule: ScheduleId,
    trigger: TriggerId,
    webhook: WebhookId,
    document: DocumentId,
    memory: MemoryId,
    slug: String,
    key: ApiKeyId,
}

type Ask = fn(Ctx, Things) -> BoxFuture<'static, Result<()>>;

/// What the use case answers to a caller: `None` is success.
struct Row {
    name: &'static str,
    ask: Ask,
    owner: Option<FaultKind>,
    stranger: Option<FaultKind>,
    anonymous: Option<FaultKind>,
    system: Option<FaultKind>,
    /// A key of the owner that has no scope.
    keyless: Option<FaultKind>,
}

macro_rules! ask {
    (|$ctx:ident, $things:ident| $call:expr) => {
        |$ctx, $things| {
            async move {
                let _ = &$things;
                $call.await.map(drop)
            }
            .boxed()
        }
    };
}
use ask;

const UNAUTHENTICATED: Option<FaultKind> = Some(FaultKind::Unauthenticated);
const FORBIDDEN: Option<FaultKind> = Some(FaultKind::Forbidden);
const NOT_FOUND: Option<FaultKind> = Some(FaultKind::NotFound);
/// The owner's team.
const TEAM: &str = "lab";
/// Somebody who is in no team.
const NOBODY: UserId = UserId::from_uuid(Uuid::nil());

/// Of one owner: hidden from other people.
const fn owned(name: &'static str, ask: Ask) -> Row {
    let (stranger, anonymous, system) = (NOT_FOUND, UNAUTHENTICATED, FORBIDDEN);
    Row { name, ask, owner: None, stranger, anonymous, system, keyless: FORBIDDEN }
}

/// Of whoever asks.
const fn own(name: &'static str, ask: Ask) -> Row {
    let (anonymous, system) = (UNAUTHENTICATED, FORBIDDEN);
    Row { name, ask, owner: None, stranger: None, anonymous, system, keyless: FORBIDDEN }
}

/// Of somebody else, or of nobody: hidden from the owner as from others.
const fn nobodys(name: &'static str, ask: Ask) -> Row {
    Row { owner: NOT_FOUND, ..owned(name, ask) }
}

/// A purchase that nobody has begun.
fn purchase() -> PurchaseId {
    PurchaseId::from_uuid(Uuid::nil())
}

/// Of everyone.
const fn public(name: &'static str, ask: Ask) -> Row {
    Row { name, ask, owner: None, stranger: None, anonymous: None, system: None, keyless: None }
}

/// Of the installation alone.
const fn internal(name: &'static str, ask: Ask) -> Row {
    let (owner, stranger, anonymous) = (FORBIDDEN, FORBIDDEN, UNAUTHENTICATED);
    Row { name, ask, owner, stranger, anonymous, system: None, keyless: FORBIDDEN }
}

/// Asking a server that is refused is the answer of someone who may ask.
async fn ask_mcp(ctx: Ctx) -> Result<()> {
    let server = "http://127.0.0.1:1/".to_owned();
    match tools::read_mcp(&ctx, McpServer { server, ..McpServer::default() }).await {
        Err(error) if error.kind() == FaultKind::Invalid => Ok(()),
        answer => answer.map(drop),
    }
}

fn document() -> OpenApiSource {
    let document = r#"{"openapi":"3.1.0","paths":{}}"#.to_owned();
    OpenApiSource { document: Some(document), ..OpenApiSource::default() }
}

pub(super) fn leave() -> KnowledgeQuery {
    KnowledgeQuery { query: "leave".to_owned(), most: None }
}

fn word() -> NewMessage {
    NewMessage { text: "Shorter".to_owned(), context: None }
}

pub(super) fn pin() -> NewPin {
    NewPin { message: 0, is_pinned: true }
}

pub(super) fn decision() -> NewDecision {
    NewDecision { waiting: 1, decision: Decision::Answer { values: None } }
}

/// The rows in the order in which they are asked: what goes goes last.
fn table() -> Vec<Row> {
    let parts = [
        of_agents::rows(),
        of_people::rows(),
        of_reviews::rows(),
        of_tools::rows(),
        of_teams::rows(),
    ];
    parts.into_iter().flatten().collect()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn every_use_case_asks_who_asks(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    backend.load_content().await.unwrap();
    let owner = sample::member(&backend, "ada").await.unwrap();
    let agent = agents::create(&owner, sample::spec("Reader")).await.unwrap().id;
    let session = sessions::start(&owner, agent, sample::goal("Read")).await.unwrap().id;
    secrets::create(&owner, sample::secret("KEY")).await.unwrap();
    let team = NewTeam { name: "Lab".to_owned(), slug: TEAM.to_owned() };
    teams::create(&owner, team).await.unwrap();
    let slug = listings::templates(&owner).await.unwrap()[0].summary.slug.clone();
    let key = api_keys::create(&owner, sample::key("CI", &[])).await.unwrap().0.id;
    let schedule = sample::schedule(agent, "0 0 1 1 *");
    let schedule = schedules::create(&owner, schedule).await.unwrap().id;
    let trigger = triggers::create(&owner, sample::trigger(agent)).await.unwrap().made.id;
    let webhook = webhooks::create(&owner, sample::webhook()).await.unwrap().made.id;
    let document = knowledge::add(&owner, agent, sample::document("Handbook")).await.unwrap().id;
    let Actor::User { id, .. } = owner.actor() else { panic!("a member is a user") };
    let fact = NewMemory { key: "city".to_owned(), text: "They live in Oslo".to_owned() };
    let whose = resonant_runtime::tools::Whose::own(id, agent);
    memories::remember(&backend, whose, fact).await.unwrap();
    let memory = memories::list(&owner, agent, PageRequest::default()).await.unwrap().items[0].id;
    let test_set = test_sets::create(&owner, agent, sample::test_set()).await.unwrap().id;
    let test_run = test_sets::run(&owner, agent, test_set, NewTestRun::default()).await;
    let test_run = test_run.unwrap().summary.id;
    let things = Things {
        test_set,
        test_run,
        agent,
        session,
        schedule,
        trigger,
        webhook,
        document,
        memory,
        slug,
        key,
    };
    let keyless = Actor::Key { owner: id, key, scopes: Scopes::default() };
    for row in table() {
        // The owner comes last: a deletion is seen by nobody else before.
        for (who, ctx, expected) in [
            ("anonymous", backend.anonymous(), row.anonymous),
            ("system", backend.system(), row.system),
            ("keyless", backend.ctx(keyless, RequestId::new("test")), row.keyless),
            ("guest", sample::guest(&backend).await.unwrap(), row.stranger),
            (
                "stranger",
                sample::member(&backend, row.name.replace("::", ".").as_str()).await.unwrap(),
                row.stranger,
            ),
            ("owner", owner.clone(), row.owner),
        ] {
            let answer = (row.ask)(ctx, things.clone()).await;
            let kind = answer.as_ref().err().map(crate::Error::kind);
            assert_eq!(kind, expected, "{} asked by {who}: {answer:?}", row.name);
        }
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn only_the_system_runs_sessions(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let owner = sample::member(&backend, "ada").await.unwrap();
    let agent = agents::create(&owner, sample::spec("Reader")).await.unwrap();
    sessions::start(&owner, agent.id, sample::goal("Read")).await.unwrap();
    let claim = work::claim(&backend.system(), "worker").await.unwrap().unwrap();
    for (ctx, kind) in [
        (owner, FaultKind::Forbidden),
        (sample::guest(&backend).await.unwrap(), FaultKind::Forbidden),
        (backend.anonymous(), FaultKind::Unauthenticated),
    ] {
        let answer = work::run(&ctx, claim.clone(), CancellationToken::new()).await;
        assert_eq!(answer.unwrap_err().kind(), kind);
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn neither_the_system_nor_a_key_signs_in(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (owner, key) = (UserId::from_uuid(Uuid::nil()), ApiKeyId::from_uuid(Uuid::nil()));
    let key = Actor::Key { owner, key, scopes: Scope::ALL.into_iter().collect() };
    for actor in [Actor::System, key] {
        let ctx = backend.ctx(actor, RequestId::new("test"));
        let credentials = members::Credentials { email: "a@b.c".into(), password: "x".into() };
        for answer in [
            members::begin_guest(&ctx).await,
            members::sign_up(&ctx, sample::new_member("ada")).await,
            members::sign_in(&ctx, credentials).await,
        ] {
            assert_eq!(answer.unwrap_err().kind(), FaultKind::Forbidden);
        }
    }
}
