//! The marketplace, and people.

use super::*;

/// A token of no link.
const TOKEN: &str = "bm8gc3VjaCB0b2tlbiwgYnV0IG9mIHRoZSBsZW5ndGg";

/// Of people, whoever they are; none of them gets through here.
const fn in_person(name: &'static str, fault: FaultKind, ask: Ask) -> Row {
    let (owner, stranger, anonymous) = (Some(fault), Some(fault), Some(fault));
    Row { name, ask, owner, stranger, anonymous, system: FORBIDDEN, keyless: FORBIDDEN }
}

fn letter() -> members::Letter {
    members::Letter { subject: "Your account".to_owned(), text: "{link}".to_owned() }
}

#[expect(clippy::too_many_lines, reason = "a row for each use case")]
pub(super) fn rows() -> Vec<Row> {
    vec![
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
        // Nothing of it is mailed here: whoever may ask is refused all the same.
        Row {
            owner: Some(FaultKind::Conflict),
            stranger: Some(FaultKind::Conflict),
            ..own(
                "members::ask_for_address",
                ask!(|ctx, things| async {
                    members::ask_for_address(&ctx, String::new(), "a@b.example", &letter()).await
                }),
            )
        },
        in_person(
            "members::ask_for_password",
            FaultKind::Conflict,
            ask!(|ctx, things| async {
                members::ask_for_password(&ctx, "a@b.example", &letter()).await
            }),
        ),
        // Whoever has the token of a link may do what it is for.
        public("members::find_forgotten", ask!(|ctx, things| members::find_forgotten(&ctx, TOKEN))),
        public("members::find_address", ask!(|ctx, things| members::find_address(&ctx, TOKEN))),
        in_person(
            "members::set_forgotten",
            FaultKind::NotFound,
            ask!(|ctx, things| members::set_forgotten(&ctx, TOKEN, "a pass phrase".to_owned())),
        ),
        in_person(
            "members::confirm_address",
            FaultKind::NotFound,
            ask!(|ctx, things| async { members::confirm_address(&ctx, TOKEN, &letter()).await }),
        ),
        internal("members::send_letters", ask!(|ctx, things| members::send_letters(&ctx))),
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
    ]
}
