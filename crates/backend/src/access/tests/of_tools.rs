//! What agents have, and what starts them.

use super::*;

#[expect(clippy::too_many_lines, reason = "a row for each use case")]
pub(super) fn rows() -> Vec<Row> {
    vec![
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
        Row {
            owner: Some(FaultKind::Conflict),
            ..owned(
                "test_sets::run_all",
                ask!(|ctx, things| test_sets::run_all(&ctx, things.agent, NewTestRun::default())),
            )
        },
        internal("images::delete_unused", ask!(|ctx, things| images::delete_unused(&ctx))),
        internal("test_sets::settle_due", ask!(|ctx, things| test_sets::settle_due(&ctx))),
        owned(
            "test_sets::delete",
            ask!(|ctx, things| test_sets::delete(&ctx, things.agent, things.test_set)),
        ),
        owned(
            "test_sets::trash",
            ask!(|ctx, things| test_sets::trash(&ctx, things.agent, PageRequest::default())),
        ),
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
    ]
}
