//! The use cases, and what each role may.

use super::*;
use crate::access::tests::{decision, leave, pin};

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

const fn from(role: TeamRole, name: &'static str, ask: Ask) -> Row {
    Row { name, ask, from: Some(role), then: None, once: false }
}

const fn read(name: &'static str, ask: Ask) -> Row {
    from(TeamRole::Viewer, name, ask)
}

const fn run(name: &'static str, ask: Ask) -> Row {
    from(TeamRole::Runner, name, ask)
}

const fn edit(name: &'static str, ask: Ask) -> Row {
    from(TeamRole::Editor, name, ask)
}

const fn manage(name: &'static str, ask: Ask) -> Row {
    from(TeamRole::Admin, name, ask)
}

/// Of the agent's owner alone.
const fn own(name: &'static str, ask: Ask) -> Row {
    Row { name, ask, from: None, then: None, once: false }
}

fn status(status: AgentStatus) -> AgentChanges {
    AgentChanges { status: Some(status), ..AgentChanges::default() }
}

fn changed_fork() -> NewFork {
    NewFork { system_prompt: Some("Tell all that you know.".to_owned()), ..NewFork::default() }
}

fn calculator() -> ToolGrant {
    ToolGrant::new("calculator")
}

#[expect(clippy::too_many_lines, reason = "a row for each use case")]
pub(super) fn reading() -> Vec<Row> {
    vec![
        read("agents::get", ask!(|ctx, it| agents::get(&ctx, it.agent))),
        read("records::get", ask!(|ctx, it| records::get(&ctx, it.agent, &Wanted::default()))),
        read(
            "records::get with sessions",
            ask!(|ctx, it| records::get(
                &ctx,
                it.agent,
                &Wanted { sessions: true, ..Wanted::default() }
            )),
        ),
        read("agents::published", ask!(|ctx, it| agents::published(&ctx, it.agent))),
        read(
            "agents::versions",
            ask!(|ctx, it| agents::versions(&ctx, it.agent, PageRequest::default())),
        ),
        read("agents::get_version", ask!(|ctx, it| agents::get_version(&ctx, it.agent, 1))),
        read(
            "agents::get_version_part",
            ask!(|ctx, it| agents::get_version_part(&ctx, it.agent, 1, &Fields::all())),
        ),
        read("agents::export", ask!(|ctx, it| agents::export(&ctx, it.agent, Edition::Draft))),
        read(
            "agents::compare",
            ask!(|ctx, it| agents::compare(&ctx, it.agent, Edition::Version(1), Edition::Draft)),
        ),
        read(
            "agents::preview_draft",
            ask!(|ctx, it| agents::preview_draft(&ctx, it.agent, &sample::spec("New"))),
        ),
        read("agents::numbers", ask!(|ctx, it| agents::numbers(&ctx, it.agent))),
        read(
            "agents::weigh",
            ask!(|ctx, it| agents::weigh(&ctx, Some(it.agent), "Read.", &ModelPolicy::Builtin)),
        ),
        read("agents::tools", ask!(|ctx, it| agents::tools(&ctx, it.agent))),
        read("teams::standing", ask!(|ctx, it| teams::standing(&ctx, it.agent))),
        read(
            "test_sets::list",
            ask!(|ctx, it| test_sets::list(&ctx, it.agent, PageRequest::default())),
        ),
        read("test_sets::get", ask!(|ctx, it| test_sets::get(&ctx, it.agent, it.test_set))),
        read(
            "test_sets::records::list",
            ask!(|ctx, it| test_sets::records::list(
                &ctx,
                it.agent,
                PageRequest::default(),
                &Fields::all()
            )),
        ),
        read(
            "test_sets::records::get",
            ask!(|ctx, it| test_sets::records::get(&ctx, it.agent, it.test_set, &Fields::all())),
        ),
        read(
            "test_sets::records::read_run",
            ask!(|ctx, it| test_sets::records::read_run(
                &ctx,
                it.agent,
                it.test_set,
                it.test_run,
                &Fields::all()
            )),
        ),
        read("test_sets::policy", ask!(|ctx, it| test_sets::policy(&ctx, it.agent))),
        read(
            "test_sets::trash",
            ask!(|ctx, it| test_sets::trash(&ctx, it.agent, PageRequest::default())),
        ),
        read("test_sets::missing", ask!(|ctx, it| test_sets::missing(&ctx, it.agent))),
        read(
            "test_sets::list_runs",
            ask!(|ctx, it| test_sets::list_runs(
                &ctx,
                it.agent,
                it.test_set,
                PageRequest::default()
            )),
        ),
        read(
            "test_sets::read_run",
            ask!(|ctx, it| test_sets::read_run(&ctx, it.agent, it.test_set, it.test_run)),
        ),
        read(
            "knowledge::list",
            ask!(|ctx, it| knowledge::list(&ctx, it.agent, PageRequest::default())),
        ),
        read("knowledge::read", ask!(|ctx, it| knowledge::read(&ctx, it.agent, it.document, 1))),
        read("knowledge::search", ask!(|ctx, it| knowledge::search(&ctx, it.agent, leave()))),
        read("sessions::get", ask!(|ctx, it| sessions::get(&ctx, it.session))),
        read(
            "sessions::records::get",
            ask!(|ctx, it| sessions::records::get(&ctx, it.session, &Fields::all())),
        ),
        read("sessions::events", ask!(|ctx, it| sessions::events(&ctx, it.session, 0))),
        read("sessions::stream", ask!(|ctx, it| sessions::stream(&ctx, it.session, 0))),
        read("sessions::step_input", ask!(|ctx, it| sessions::step_input(&ctx, it.session, 1))),
        // No tool has answered.
        Row {
            then: Some(FaultKind::NotFound),
            ..read("sessions::result", ask!(|ctx, it| sessions::result(&ctx, it.session, 1)))
        },
    ]
}

#[expect(clippy::too_many_lines, reason = "a row for each use case")]
pub(super) fn changing() -> Vec<Row> {
    vec![
        run("sessions::start", ask!(|ctx, it| sessions::start(&ctx, it.agent, sample::goal("Go")))),
        run(
            "sessions::start_by",
            ask!(|ctx, it| sessions::start_by(&ctx, it.agent, sample::goal("Go"), OriginKind::Mcp)),
        ),
        run(
            "sessions::try_edition of a version",
            ask!(|ctx, it| sessions::try_edition(
                &ctx,
                it.agent,
                sample::goal("Go"),
                Edition::Version(1)
            )),
        ),
        run("sessions::fork", ask!(|ctx, it| sessions::fork(&ctx, it.session, NewFork::default()))),
        // No step has begun.
        Row {
            then: Some(FaultKind::Invalid),
            ..run("sessions::retry_from", ask!(|ctx, it| sessions::retry_from(&ctx, it.session, 1)))
        },
        edit(
            "sessions::fork with another prompt",
            ask!(|ctx, it| sessions::fork(&ctx, it.session, changed_fork())),
        ),
        edit(
            "sessions::try_edition of the draft",
            ask!(|ctx, it| sessions::try_edition(
                &ctx,
                it.agent,
                sample::goal("Go"),
                Edition::Draft
            )),
        ),
        // The draft is what runs already.
        Row {
            then: Some(FaultKind::Conflict),
            ..edit(
                "agents::publish",
                ask!(|ctx, it| agents::publish(&ctx, it.agent, NewVersion::default(), None)),
            )
        },
        edit(
            "agents::update",
            ask!(|ctx, it| agents::update(&ctx, it.agent, AgentChanges::default(), None)),
        ),
        edit(
            "agents::replace_draft",
            ask!(|ctx, it| agents::replace_draft(&ctx, it.agent, sample::spec("Reckoner"), None)),
        ),
        edit(
            "agents::restore_version",
            ask!(|ctx, it| agents::restore_version(&ctx, it.agent, 1, None)),
        ),
        edit(
            "agents::put_tools",
            ask!(|ctx, it| agents::put_tools(&ctx, it.agent, vec![calculator()])),
        ),
        edit(
            "agents::replace_tool",
            ask!(|ctx, it| agents::replace_tool(&ctx, it.agent, "calculator", calculator())),
        ),
        edit(
            "agents::set_approval",
            ask!(|ctx, it| agents::set_approval(&ctx, it.agent, "calculator", false)),
        ),
        edit(
            "agents::try_tool",
            ask!(|ctx, it| agents::try_tool(&ctx, it.agent, "calculator", "{}")),
        ),
        edit(
            "agents::switch_tool",
            ask!(|ctx, it| agents::switch_tool(&ctx, it.agent, "datetime", true)),
        ),
        Row {
            once: true,
            ..edit(
                "agents::remove_tool",
                ask!(|ctx, it| agents::remove_tool(&ctx, it.agent, "calculator")),
            )
        },
        edit(
            "knowledge::add",
            ask!(|ctx, it| knowledge::add(&ctx, it.agent, sample::document("New"))),
        ),
        Row {
            once: true,
            ..edit(
                "knowledge::remove",
                ask!(|ctx, it| knowledge::remove(&ctx, it.agent, it.document)),
            )
        },
        // What the agent keeps for its owner is nobody else's.
        read(
            "memories::list",
            ask!(|ctx, it| memories::list(&ctx, it.agent, PageRequest::default())),
        ),
        Row {
            then: Some(FaultKind::NotFound),
            ..read("memories::get", ask!(|ctx, it| memories::get(&ctx, it.agent, it.memory)))
        },
        Row {
            then: Some(FaultKind::NotFound),
            ..read("memories::forget", ask!(|ctx, it| memories::forget(&ctx, it.agent, it.memory)))
        },
        edit(
            "test_sets::create",
            ask!(|ctx, it| test_sets::create(&ctx, it.agent, sample::test_set())),
        ),
        edit(
            "test_sets::replace",
            ask!(|ctx, it| test_sets::replace(&ctx, it.agent, it.test_set, sample::test_set())),
        ),
        edit(
            "test_sets::set_policy",
            ask!(|ctx, it| test_sets::set_policy(&ctx, it.agent, TestPolicy::default())),
        ),
        // It is running already.
        Row {
            then: Some(FaultKind::Conflict),
            ..edit(
                "test_sets::run",
                ask!(|ctx, it| test_sets::run(&ctx, it.agent, it.test_set, NewTestRun::default())),
            )
        },
        Row {
            then: Some(FaultKind::Conflict),
            ..edit(
                "test_sets::run_all",
                ask!(|ctx, it| test_sets::run_all(&ctx, it.agent, NewTestRun::default())),
            )
        },
        Row {
            once: true,
            ..edit(
                "test_sets::delete",
                ask!(|ctx, it| test_sets::delete(&ctx, it.agent, it.test_set)),
            )
        },
        edit("test_sets::restore", ask!(|ctx, it| test_sets::restore(&ctx, it.agent, it.test_set))),
        // Of a session that another teammate started. It waits for nothing and is not over.
        Row {
            then: Some(FaultKind::Conflict),
            ..manage(
                "sessions::decide",
                ask!(|ctx, it| sessions::decide(&ctx, it.session, decision())),
            )
        },
        Row {
            then: Some(FaultKind::Conflict),
            ..manage("sessions::retry", ask!(|ctx, it| sessions::retry(&ctx, it.session)))
        },
        manage("sessions::say", ask!(|ctx, it| sessions::say(&ctx, it.session, word()))),
        manage("sessions::pin", ask!(|ctx, it| sessions::pin(&ctx, it.session, pin()))),
        manage("sessions::cancel", ask!(|ctx, it| sessions::cancel(&ctx, it.session))),
        own("sessions::share", ask!(|ctx, it| sessions::share(&ctx, it.session))),
        own("sessions::share_token", ask!(|ctx, it| sessions::share_token(&ctx, it.session))),
        own("sessions::unshare", ask!(|ctx, it| sessions::unshare(&ctx, it.session))),
        own(
            "agents::update of the status",
            ask!(|ctx, it| agents::update(&ctx, it.agent, status(AgentStatus::Paused), None)),
        ),
        own("agents::delete", ask!(|ctx, it| agents::delete(&ctx, it.agent, None))),
        own("agents::restore", ask!(|ctx, it| agents::restore(&ctx, it.agent))),
        own("budgets::get", ask!(|ctx, it| budgets::get(&ctx, Some(it.agent)))),
        own("usage::report", ask!(|ctx, it| usage::report(&ctx, Some(it.agent)))),
        own(
            "budgets::set",
            ask!(|ctx, it| budgets::set(&ctx, Some(it.agent), BudgetLimits::default())),
        ),
        own(
            "schedules::create",
            ask!(|ctx, it| schedules::create(&ctx, sample::schedule(it.agent, "0 0 1 1 *"))),
        ),
        own("triggers::create", ask!(|ctx, it| triggers::create(&ctx, sample::trigger(it.agent)))),
        own("teams::share", ask!(|ctx, it| teams::share(&ctx, "research", it.agent))),
        Row {
            once: true,
            ..manage("teams::unshare", ask!(|ctx, it| teams::unshare(&ctx, "research", it.agent)))
        },
    ]
}
