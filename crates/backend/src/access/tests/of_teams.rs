//! Secrets, teams, the work of the installation; and at the end the agent goes.

use super::*;

pub(super) fn rows() -> Vec<Row> {
    vec![
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
        internal("sessions::resume_renewed", ask!(|ctx, things| sessions::resume_renewed(&ctx))),
        internal("work::reap", ask!(|ctx, things| work::reap(&ctx))),
        internal("work::claim", ask!(|ctx, things| work::claim(&ctx, "worker"))),
        owned("agents::delete", ask!(|ctx, things| agents::delete(&ctx, things.agent, None))),
        owned(
            "agents::delete_for_good",
            ask!(|ctx, things| agents::delete_for_good(&ctx, things.agent)),
        ),
    ]
}
