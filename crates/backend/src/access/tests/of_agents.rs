//! Agents, their sessions, and what those cost.

use super::*;

#[expect(clippy::too_many_lines, reason = "a row for each use case")]
pub(super) fn rows() -> Vec<Row> {
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
        owned(
            "sessions::start_by",
            ask!(|ctx, things| sessions::start_by(
                &ctx,
                things.agent,
                sample::goal("Go"),
                OriginKind::Mcp
            )),
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
    ]
}
