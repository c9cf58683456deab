//! Rights by table: every use case, every kind of caller.

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

fn leave() -> KnowledgeQuery {
    KnowledgeQuery { query: "leave".to_owned(), most: None }
}

fn word() -> NewMessage {
    NewMessage { text: "Shorter".to_owned(), context: None }
}

fn pin() -> NewPin {
    NewPin { message: 0, is_pinned: true }
}

fn decision() -> NewDecision {
    NewDecision { waiting: 1, decision: Decision::Answer { values: None } }
}

#[expect(clippy::too_many_lines, reason = "a row for each use case")]
fn table() -> Vec<Row> {
    vec![
        own("agents::list", ask!(|ctx, things| agents::list(&ctx, AgentFilter::default()))),
        owned("agents::get", ask!(|ctx, things| agents::get(&ctx, things.agent))),
        own(
            "agents::records::list",
            ask!(|ctx, things| records::list(&ctx, RecordQuery::default())),
        ),
        owned(
            "agents::records::get",
            ask!(|ctx, things| records::get(&ctx, things.agent, &Wanted::default())),
        ),
        own(
            "agents::records::find",
            ask!(|ctx, things| records::find(&ctx, &[things.agent], &Wanted::default())),
        ),
        own("agents::create", ask!(|ctx, things| agents::create(&ctx, sample::spec("New")))),
        owned(
            "agents::update",
            ask!(|ctx, things| agents::update(&ctx, things.agent, AgentChanges::default(), None)),
        ),
        own(
            "agents::window",
            ask!(|ctx, things| agents::window(
                &ctx,
                &AgentQuery::default(),
                Place::FromStart(0),
                10
            )),
        ),
        own("agents::count", ask!(|ctx, things| agents::count(&ctx, &AgentQuery::default()))),
        own(
            "agents::rank_of_prefix",
            ask!(|ctx, things| agents::rank_of_prefix(&ctx, &AgentQuery::default(), "r")),
        ),
        own("agents::lines", ask!(|ctx, things| agents::lines(&ctx, &[things.agent]))),
        own(
            "agents::change_many",
            ask!(|ctx, things| agents::change_many(&ctx, &[things.agent], BulkAction::Resume)),
        ),
        owned(
            "agents::publish",
            ask!(|ctx, things| agents::publish(&ctx, things.agent, NewVersion::default(), None)),
        ),
        owned("agents::numbers", ask!(|ctx, things| agents::numbers(&ctx, things.agent))),
        owned("agents::published", ask!(|ctx, things| agents::published(&ctx, things.agent))),
        owned(
            "agents::versions",
            ask!(|ctx, things| agents::versions(&ctx, things.agent, PageRequest::default())),
        ),
        owned(
            "agents::get_version",
            ask!(|ctx, things| agents::get_version(&ctx, things.agent, 1)),
        ),
        owned(
            "agents::get_version_part",
            ask!(|ctx, things| agents::get_version_part(&ctx, things.agent, 1, &Fields::all())),
        ),
        owned(
            "agents::export",
            ask!(|ctx, things| agents::export(&ctx, things.agent, Edition::Draft)),
        ),
        owned(
            "agents::compare",
            ask!(|ctx, things| agents::compare(
                &ctx,
                things.agent,
                Edition::Version(1),
                Edition::Draft
            )),
        ),
        owned(
            "agents::restore_version",
            ask!(|ctx, things| agents::restore_version(&ctx, things.agent, 1, None)),
        ),
        owned(
            "agents::preview_draft",
            ask!(|ctx, things| agents::preview_draft(&ctx, things.agent, &sample::spec("New"))),
        ),
        own(
            "agents::preview_new",
            ask!(|ctx, things| agents::preview_new(&ctx, &sample::spec("New"))),
        ),
        owned(
            "agents::replace_draft",
            ask!(|ctx, things| agents::replace_draft(
                &ctx,
                things.agent,
                sample::spec("Reckoner"),
                None
            )),
        ),
        owned(
            "sessions::try_edition",
            ask!(|ctx, things| sessions::try_edition(
                &ctx,
                things.agent,
                sample::goal("Go"),
                Edition::Draft
            )),
        ),
        own("agents::watch", ask!(|ctx, things| agents::watch(&ctx))),
        own("agents::trash", ask!(|ctx, things| agents::trash(&ctx, PageRequest::default()))),
        owned("agents::restore", ask!(|ctx, things| agents::restore(&ctx, things.agent))),
        internal("agents::purge", ask!(|ctx, things| agents::purge(&ctx))),
        owned(
            "sessions::start",
            ask!(|ctx, things| sessions::start(&ctx, things.agent, sample::goal("Go"))),
        ),
        own("sessions::list", ask!(|ctx, things| sessions::list(&ctx, SessionFilter::default()))),
        owned("sessions::get", ask!(|ctx, things| sessions::get(&ctx, things.session))),
        own(
            "sessions::records::list",
            ask!(|ctx, things| sessions::records::list(
                &ctx,
                SessionFilter::default(),
                &Fields::all()
            )),
        ),
        owned(
            "sessions::records::get",
            ask!(|ctx, things| sessions::records::get(&ctx, things.session, &Fields::all())),
        ),
        owned("sessions::events", ask!(|ctx, things| sessions::events(&ctx, things.session, 0))),
        owned(
            "sessions::log_part",
            ask!(|ctx, things| sessions::log_part(&ctx, things.session, 0)),
        ),
        owned("sessions::stream", ask!(|ctx, things| sessions::stream(&ctx, things.session, 0))),
        owned(
            "sessions::step_input",
            ask!(|ctx, things| sessions::step_input(&ctx, things.session, 1)),
        ),
        // No tool has answered.
        nobodys("sessions::result", ask!(|ctx, things| sessions::result(&ctx, things.session, 1))),
        owned("sessions::share", ask!(|ctx, things| sessions::share(&ctx, things.session))),
        owned(
            "sessions::share_token",
            ask!(|ctx, things| sessions::share_token(&ctx, things.session)),
        ),
        owned("sessions::unshare", ask!(|ctx, things| sessions::unshare(&ctx, things.session))),
        owned("sessions::rate", ask!(|ctx, things| sessions::rate(&ctx, things.session, None))),
        owned("sessions::pin", ask!(|ctx, things| sessions::pin(&ctx, things.session, pin()))),
        owned("sessions::say", ask!(|ctx, things| sessions::say(&ctx, things.session, word()))),
        owned(
            "sessions::fork",
            ask!(|ctx, things| sessions::fork(&ctx, things.session, NewFork::default())),
        ),
        Row {
            owner: Some(FaultKind::Conflict),
            ..owned("sessions::retry", ask!(|ctx, things| sessions::retry(&ctx, things.session)))
        },
        // No step has begun.
        Row {
            owner: Some(FaultKind::Invalid),
            ..owned(
                "sessions::retry_from",
                ask!(|ctx, things| sessions::retry_from(&ctx, things.session, 1)),
            )
        },
        Row {
            owner: Some(FaultKind::Conflict),
            ..owned(
                "sessions::decide",
                ask!(|ctx, things| sessions::decide(&ctx, things.session, decision())),
            )
        },
        own("budgets::get", ask!(|ctx, things| budgets::get(&ctx, None))),
        own("usage::report", ask!(|ctx, things| usage::report(&ctx, None))),
        owned(
            "usage::report_on_agent",
            ask!(|ctx, things| usage::report(&ctx, Some(things.agent))),
        ),
        owned("budgets::get_of_agent", ask!(|ctx, things| budgets::get(&ctx, Some(things.agent)))),
        owned(
            "budgets::set",
            ask!(|ctx, things| budgets::set(&ctx, Some(things.agent), BudgetLimits::default())),
        ),
        owned("sessions::cancel", ask!(|ctx, things| sessions::cancel(&ctx, things.session))),
        public(
            "listings::browse",
            ask!(|ctx, things| listings::browse(&ctx, ListingFilter::default())),
        ),
        public("listings::get", ask!(|ctx, things| listings::get(&ctx, &things.slug))),
        public("listings::templates", ask!(|ctx, things| listings::templates(&ctx))),
        own("listings::install", ask!(|ctx, things| listings::install(&ctx, &things.slug))),
        owned("listings::origin", ask!(|ctx, things| listings::origin(&ctx, things.agent))),
        public("purchases::standing", ask!(|ctx, things| purchases::standing(&ctx, &things.slug))),
        own("purchases::list", ask!(|ctx, things| purchases::list(&ctx, PageRequest::default()))),
        own("purchases::entitlements", ask!(|ctx, things| purchases::entitlements(&ctx))),
        own("purchases::places", ask!(|ctx, things| purchases::places(&ctx, &[], &[]))),
        own(
            "purchases::earnings",
            ask!(|ctx, things| purchases::earnings(&ctx, PageRequest::default())),
        ),
        own(
            "purchases::earnings_of",
            ask!(|ctx, things| purchases::earnings_of(&ctx, &things.slug)),
        ),
        own("purchases::sales", ask!(|ctx, things| purchases::sales(&ctx, PageRequest::default()))),
        // Nothing is sold here: the owner is refused as anybody is.
        Row {
            owner: Some(FaultKind::Conflict),
            stranger: Some(FaultKind::Conflict),
            ..own(
                "purchases::begin",
                ask!(|ctx, things| purchases::begin(&ctx, &things.slug, NewPurchase::default())),
            )
        },
        nobodys("purchases::get", ask!(|ctx, things| purchases::get(&ctx, purchase()))),
        nobodys("purchases::cancel", ask!(|ctx, things| purchases::cancel(&ctx, purchase()))),
        nobodys("purchases::refund", ask!(|ctx, things| purchases::refund(&ctx, purchase()))),
        nobodys(
            "purchases::act_as_test",
            ask!(|ctx, things| purchases::act_as_test(&ctx, purchase(), TestAct::Approve)),
        ),
        own("publishers::profile", ask!(|ctx, things| publishers::profile(&ctx))),
        own("follows::list", ask!(|ctx, things| follows::list(&ctx, PageRequest::default()))),
        public("follows::newest", ask!(|ctx, things| follows::newest(&ctx))),
        nobodys("follows::follow", ask!(|ctx, things| follows::follow(&ctx, "nobody"))),
        nobodys("follows::unfollow", ask!(|ctx, things| follows::unfollow(&ctx, "nobody"))),
        internal("follows::tell_followers", ask!(|ctx, things| follows::tell_followers(&ctx))),
        internal("news::tell_holders", ask!(|ctx, things| news::tell_holders(&ctx))),
        public("members::viewer", ask!(|ctx, things| members::viewer(&ctx))),
        own(
            "members::update_profile",
            ask!(|ctx, things| members::update_profile(&ctx, "Ada".to_owned())),
        ),
        own("members::count_sign_ins", ask!(|ctx, things| members::count_sign_ins(&ctx))),
        own("members::end_other_sign_ins", ask!(|ctx, things| members::end_other_sign_ins(&ctx))),
        own("members::export", ask!(|ctx, things| async { members::export(&ctx).await.map(drop) })),
        internal("members::purge_closed", ask!(|ctx, things| members::purge_closed(&ctx))),
        internal("budgets::forget_networks", ask!(|ctx, things| budgets::forget_networks(&ctx))),
        own(
            "audit::list",
            ask!(|ctx, things| audit::list(
                &ctx,
                Whose::Own,
                AuditFilter::default(),
                PageRequest::default()
            )),
        ),
        Row {
            owner: NOT_FOUND,
            system: None,
            ..owned(
                "audit::list_all",
                ask!(|ctx, things| audit::list(
                    &ctx,
                    Whose::All,
                    AuditFilter::default(),
                    PageRequest::default()
                )),
            )
        },
        internal("audit::forget_old", ask!(|ctx, things| audit::forget_old(&ctx))),
        own("api_keys::create", ask!(|ctx, things| api_keys::create(&ctx, sample::key("CI", &[])))),
        own("api_keys::list", ask!(|ctx, things| api_keys::list(&ctx, PageRequest::default()))),
        owned("api_keys::get", ask!(|ctx, things| api_keys::get(&ctx, things.key))),
        owned("api_keys::revoke", ask!(|ctx, things| api_keys::revoke(&ctx, things.key))),
        owned("agents::tools", ask!(|ctx, things| agents::tools(&ctx, things.agent))),
        owned(
            "agents::put_tools",
            ask!(|ctx, things| agents::put_tools(
                &ctx,
                things.agent,
                vec![ToolGrant::new("calculator")]
            )),
        ),
        owned(
            "agents::replace_tool",
            ask!(|ctx, things| agents::replace_tool(
                &ctx,
                things.agent,
                "calculator",
                ToolGrant::new("calculator")
            )),
        ),
        owned(
            "agents::set_approval",
            ask!(|ctx, things| agents::set_approval(&ctx, things.agent, "calculator", false)),
        ),
        owned(
            "agents::try_tool",
            ask!(|ctx, things| agents::try_tool(&ctx, things.agent, "calculator", "{}")),
        ),
        owned(
            "agents::switch_tool",
            ask!(|ctx, things| agents::switch_tool(&ctx, things.agent, "datetime", true)),
        ),
        owned(
            "agents::remove_tool",
            ask!(|ctx, things| agents::remove_tool(&ctx, things.agent, "calculator")),
        ),
        owned(
            "agents::weigh",
            ask!(|ctx, things| agents::weigh(
                &ctx,
                Some(things.agent),
                "Read.",
                &ModelPolicy::Builtin
            )),
        ),
        own("proposals::propose", ask!(|ctx, things| proposals::propose(&ctx, "Read pages"))),
        public(
            "tools::built_in",
            ask!(|ctx, things| tools::built_in(&ctx, PageRequest::default())),
        ),
        own("tools::read_openapi", ask!(|ctx, things| tools::read_openapi(&ctx, document()))),
        own("schedules::list", ask!(|ctx, things| schedules::list(&ctx, PageRequest::default()))),
        owned(
            "schedules::create",
            ask!(|ctx, things| schedules::create(
                &ctx,
                sample::schedule(things.agent, "0 0 1 1 *")
            )),
        ),
        owned(
            "schedules::update",
            ask!(|ctx, things| schedules::update(
                &ctx,
                things.schedule,
                ScheduleChanges::default()
            )),
        ),
        own(
            "schedules::list_parts",
            ask!(|ctx, things| schedules::list_parts(&ctx, PageRequest::default(), &Fields::all())),
        ),
        owned("schedules::get", ask!(|ctx, things| schedules::get(&ctx, things.schedule))),
        owned(
            "schedules::get_part",
            ask!(|ctx, things| schedules::get_part(&ctx, things.schedule, &Fields::all())),
        ),
        owned("schedules::delete", ask!(|ctx, things| schedules::delete(&ctx, things.schedule))),
        internal("schedules::run_due", ask!(|ctx, things| schedules::run_due(&ctx))),
        own("triggers::list", ask!(|ctx, things| triggers::list(&ctx, PageRequest::default()))),
        owned(
            "triggers::create",
            ask!(|ctx, things| triggers::create(&ctx, sample::trigger(things.agent))),
        ),
        owned("triggers::get", ask!(|ctx, things| triggers::get(&ctx, things.trigger))),
        owned("triggers::delete", ask!(|ctx, things| triggers::delete(&ctx, things.trigger))),
        own("webhooks::list", ask!(|ctx, things| webhooks::list(&ctx, PageRequest::default()))),
        own("webhooks::create", ask!(|ctx, things| webhooks::create(&ctx, sample::webhook()))),
        owned(
            "webhooks::deliveries",
            ask!(|ctx, things| webhooks::deliveries(&ctx, things.webhook, PageRequest::default())),
        ),
        // Nobody was told anything yet.
        Row {
            owner: NOT_FOUND,
            ..owned(
                "webhooks::redeliver",
                ask!(|ctx, things| webhooks::redeliver(
                    &ctx,
                    things.webhook,
                    DeliveryId::from_uuid(Uuid::nil())
                )),
            )
        },
        owned("webhooks::get", ask!(|ctx, things| webhooks::get(&ctx, things.webhook))),
        owned("webhooks::delete", ask!(|ctx, things| webhooks::delete(&ctx, things.webhook))),
        internal("webhooks::deliver_due", ask!(|ctx, things| webhooks::deliver_due(&ctx))),
        owned(
            "knowledge::add",
            ask!(|ctx, things| knowledge::add(&ctx, things.agent, sample::document("New"))),
        ),
        owned(
            "knowledge::list",
            ask!(|ctx, things| knowledge::list(&ctx, things.agent, PageRequest::default())),
        ),
        owned(
            "knowledge::get",
            ask!(|ctx, things| knowledge::get(&ctx, things.agent, things.document)),
        ),
        owned(
            "knowledge::read",
            ask!(|ctx, things| knowledge::read(&ctx, things.agent, things.document, 1)),
        ),
        owned(
            "knowledge::search",
            ask!(|ctx, things| knowledge::search(&ctx, things.agent, leave())),
        ),
        owned(
            "knowledge::remove",
            ask!(|ctx, things| knowledge::remove(&ctx, things.agent, things.document)),
        ),
        owned(
            "test_sets::list",
            ask!(|ctx, things| test_sets::list(&ctx, things.agent, PageRequest::default())),
        ),
        owned(
            "test_sets::create",
            ask!(|ctx, things| test_sets::create(&ctx, things.agent, sample::test_set())),
        ),
        owned(
            "test_sets::get",
            ask!(|ctx, things| test_sets::get(&ctx, things.agent, things.test_set)),
        ),
        owned(
            "test_sets::records::list",
            ask!(|ctx, things| test_sets::records::list(
                &ctx,
                things.agent,
                PageRequest::default(),
                &Fields::all()
            )),
        ),
        owned(
            "test_sets::records::get",
            ask!(|ctx, things| test_sets::records::get(
                &ctx,
                things.agent,
                things.test_set,
                &Fields::all()
            )),
        ),
        owned(
            "test_sets::records::read_run",
            ask!(|ctx, things| test_sets::records::read_run(
                &ctx,
                things.agent,
                things.test_set,
                things.test_run,
                &Fields::all()
            )),
        ),
        owned(
            "test_sets::replace",
            ask!(|ctx, things| test_sets::replace(
                &ctx,
                things.agent,
                things.test_set,
                sample::test_set()
            )),
        ),
        owned("test_sets::policy", ask!(|ctx, things| test_sets::policy(&ctx, things.agent))),
        owned(
            "test_sets::set_policy",
            ask!(|ctx, things| test_sets::set_policy(&ctx, things.agent, TestPolicy::default())),
        ),
        owned("test_sets::missing", ask!(|ctx, things| test_sets::missing(&ctx, things.agent))),
        owned(
            "test_sets::list_runs",
            ask!(|ctx, things| test_sets::list_runs(
                &ctx,
                things.agent,
                things.test_set,
                PageRequest::default()
            )),
        ),
        owned(
            "test_sets::read_run",
            ask!(|ctx, things| test_sets::read_run(
                &ctx,
                things.agent,
                things.test_set,
                things.test_run
            )),
        ),
        // It is running already.
        Row {
            owner: Some(FaultKind::Conflict),
            ..owned(
                "test_sets::run",
                ask!(|ctx, things| test_sets::run(
                    &ctx,
                    things.agent,
                    things.test_set,
                    NewTestRun::default()
                )),
            )
        },
        internal("images::delete_unused", ask!(|ctx, things| images::delete_unused(&ctx))),
        internal("test_sets::settle_due", ask!(|ctx, things| test_sets::settle_due(&ctx))),
        owned(
            "test_sets::delete",
            ask!(|ctx, things| test_sets::delete(&ctx, things.agent, things.test_set)),
        ),
        owned("test_sets::trash", ask!(|ctx, things| test_sets::trash(&ctx, things.agent))),
        owned(
            "test_sets::restore",
            ask!(|ctx, things| test_sets::restore(&ctx, things.agent, things.test_set)),
        ),
        internal("test_sets::purge", ask!(|ctx, things| test_sets::purge(&ctx))),
        owned(
            "memories::list",
            ask!(|ctx, things| memories::list(&ctx, things.agent, PageRequest::default())),
        ),
        owned(
            "memories::get",
            ask!(|ctx, things| memories::get(&ctx, things.agent, things.memory)),
        ),
        owned(
            "memories::forget",
            ask!(|ctx, things| memories::forget(&ctx, things.agent, things.memory)),
        ),
        own(
            "mcp_calls::note",
            ask!(|ctx, things| mcp_calls::note(&ctx, "noted/1", things.session)),
        ),
        own("mcp_calls::forget", ask!(|ctx, things| mcp_calls::forget(&ctx, things.session))),
        own("mcp_calls::cancel", ask!(|ctx, things| mcp_calls::cancel(&ctx, "nothing/1"))),
        own("tools::read_mcp", ask!(|ctx, things| ask_mcp(ctx))),
        own("secrets::list", ask!(|ctx, things| secrets::list(&ctx, PageRequest::default()))),
        own(
            "secrets::create",
            ask!(|ctx, things| secrets::create(&ctx, sample::secret("NEW_KEY"))),
        ),
        owned(
            "secrets::update",
            ask!(|ctx, things| secrets::update(&ctx, "KEY", SecretChanges::default())),
        ),
        owned("secrets::get", ask!(|ctx, things| secrets::get(&ctx, "KEY"))),
        owned("secrets::delete", ask!(|ctx, things| secrets::delete(&ctx, "KEY"))),
        internal("secrets::rotate", ask!(|ctx, things| secrets::rotate(&ctx))),
        own("agents::callable", ask!(|ctx, things| agents::callable(&ctx, &[things.agent]))),
        Row {
            stranger: Some(FaultKind::Invalid),
            ..own(
                "agents::tools_for",
                ask!(|ctx, things| agents::tools_for(&ctx, &[things.agent], Vec::new())),
            )
        },
        own("teams::list", ask!(|ctx, things| teams::list(&ctx, PageRequest::default()))),
        own("teams::offers", ask!(|ctx, things| teams::offers(&ctx, PageRequest::default()))),
        own(
            "teams::shared_with_me",
            ask!(|ctx, things| teams::shared_with_me(&ctx, PageRequest::default())),
        ),
        own("teams::teams_of", ask!(|ctx, things| teams::teams_of(&ctx, things.agent))),
        Row {
            owner: NOT_FOUND,
            ..owned("teams::standing", ask!(|ctx, things| teams::standing(&ctx, things.agent)))
        },
        owned("teams::get", ask!(|ctx, things| teams::get(&ctx, TEAM))),
        owned(
            "teams::members",
            ask!(|ctx, things| teams::members(&ctx, TEAM, PageRequest::default())),
        ),
        owned(
            "teams::agents",
            ask!(|ctx, things| teams::agents(&ctx, TEAM, PageRequest::default())),
        ),
        owned(
            "teams::invitations",
            ask!(|ctx, things| teams::invitations(&ctx, TEAM, PageRequest::default())),
        ),
        owned(
            "teams::invite",
            ask!(|ctx, things| teams::invite(&ctx, TEAM, NewInvitation::default())),
        ),
        owned("teams::rename", ask!(|ctx, things| teams::rename(&ctx, TEAM, "Lab".to_owned()))),
        owned("teams::share", ask!(|ctx, things| teams::share(&ctx, TEAM, things.agent))),
        owned("teams::unshare", ask!(|ctx, things| teams::unshare(&ctx, TEAM, things.agent))),
        // There is nobody of that id in the team.
        nobodys("teams::member", ask!(|ctx, things| teams::member(&ctx, TEAM, NOBODY))),
        Row {
            owner: NOT_FOUND,
            ..owned(
                "teams::set_role",
                ask!(|ctx, things| teams::set_role(&ctx, TEAM, NOBODY, TeamRole::Viewer)),
            )
        },
        Row {
            owner: NOT_FOUND,
            ..owned("teams::remove", ask!(|ctx, things| teams::remove(&ctx, TEAM, NOBODY)))
        },
        owned("teams::delete", ask!(|ctx, things| teams::delete(&ctx, TEAM))),
        internal("knowledge::read_next", ask!(|ctx, things| knowledge::read_next(&ctx))),
        internal("knowledge::forget_others", ask!(|ctx, things| knowledge::forget_others(&ctx))),
        internal("sessions::resume_guests", ask!(|ctx, things| sessions::resume_guests(&ctx))),
        internal("work::reap", ask!(|ctx, things| work::reap(&ctx))),
        internal("work::claim", ask!(|ctx, things| work::claim(&ctx, "worker"))),
        owned("agents::delete", ask!(|ctx, things| agents::delete(&ctx, things.agent, None))),
        owned(
            "agents::delete_for_good",
            ask!(|ctx, things| agents::delete_for_good(&ctx, things.agent)),
        ),
    ]
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
