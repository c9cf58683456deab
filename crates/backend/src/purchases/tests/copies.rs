//! Copies of what was paid for: what they need, and where they do not go.

use resonant_domain::agent::AgentChanges;
use resonant_domain::agent_list::TRASH_DAYS;
use resonant_domain::agent_version::Edition;
use resonant_domain::team::{NewInvitation, NewTeam, TeamRole};

use super::*;
use crate::listings::updates::Taking;
use crate::teams::{self, Invited};

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_came_for_nothing_stays_and_what_comes_after_costs(pool: PgPool) {
    let shop = Shop::open(pool, Price::FREE).await;
    let copy = listings::install(&shop.bob, "reader").await.unwrap();
    let changes = AgentChanges {
        system_prompt: Some("Answer at length.".to_owned()),
        ..AgentChanges::default()
    };
    agents::update(&shop.ada, shop.agent, changes, None).await.unwrap();
    agents::publish(&shop.ada, shop.agent, NewVersion::default(), None).await.unwrap();
    shop.publish(price(PriceKind::OneTime)).await;
    sessions::start(&shop.bob, copy.id, sample::goal("Read")).await.unwrap();
    let update = listings::updates::find(&shop.bob, copy.id).await;
    assert_eq!(kind(update), Some(FaultKind::Conflict));
    let bought = shop.buy(1).await;
    let second = Taking { revision: 1, to: 2, ..Taking::default() };
    let taken = listings::updates::take(&shop.bob, copy.id, second).await.unwrap();
    assert_eq!(taken.spec.system_prompt, "Answer at length.");
    refund(&shop.ada, bought.id).await.unwrap();
    let refused = sessions::start(&shop.bob, copy.id, sample::goal("Read")).await;
    assert_eq!(kind(refused), Some(FaultKind::Conflict), "the newer version was paid for");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_newer_version_comes_with_its_price_or_not_at_all(pool: PgPool) {
    let shop = Shop::open(pool.clone(), Price::FREE).await;
    let copy = listings::install(&shop.bob, "reader").await.unwrap();
    let system_prompt = Some("Answer at length.".to_owned());
    let changes = AgentChanges { system_prompt, ..AgentChanges::default() };
    agents::update(&shop.ada, shop.agent, changes, None).await.unwrap();
    agents::publish(&shop.ada, shop.agent, NewVersion::default(), None).await.unwrap();
    shop.publish(price(PriceKind::OneTime)).await;
    shop.buy(1).await;
    let broken = "
        CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the database is lost'; END $$;
        CREATE TRIGGER agents_refuse BEFORE UPDATE OF needs_entitlement ON agents
            FOR EACH ROW EXECUTE FUNCTION refuse()";
    sqlx::raw_sql(broken).execute(&pool).await.unwrap();
    let second = Taking { revision: 1, to: 2, ..Taking::default() };
    assert!(listings::updates::take(&shop.bob, copy.id, second.clone()).await.is_err());
    assert_eq!(agents::get(&shop.bob, copy.id).await.unwrap(), copy, "nothing came for nothing");
    sqlx::raw_sql("DROP TRIGGER agents_refuse ON agents").execute(&pool).await.unwrap();
    let taken = listings::updates::take(&shop.bob, copy.id, second).await.unwrap();
    assert_eq!(taken.spec.system_prompt, "Answer at length.");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_was_begun_with_an_erased_copy_still_needs_what_it_costs(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::OneTime)).await;
    let bought = shop.buy(1).await;
    let mut begun = Vec::new();
    for description in ["One", "Two"] {
        let copy = listings::install(&shop.bob, "reader").await.unwrap();
        let description = Some(description.to_owned());
        let changes = AgentChanges { description, ..AgentChanges::default() };
        agents::update(&shop.bob, copy.id, changes, None).await.unwrap();
        let session = sessions::start(&shop.bob, copy.id, sample::goal("Read")).await.unwrap();
        sessions::cancel(&shop.bob, session.id).await.unwrap();
        agents::delete(&shop.bob, copy.id, None).await.unwrap();
        begun.push((copy.id, session.id));
    }
    assert_ne!(begun[0].0, begun[1].0);
    // By hand, and by time.
    agents::delete_for_good(&shop.bob, begun[0].0).await.unwrap();
    shop.clock.advance(SignedDuration::from_hours(24 * TRASH_DAYS + 1));
    assert_eq!(agents::purge(&shop.backend.system()).await.unwrap(), 1);
    let fork = async |session| sessions::fork(&shop.bob, session, NewFork::default()).await;
    let mut forks = Vec::new();
    for (_, session) in &begun {
        let fork = fork(*session).await.unwrap();
        sessions::cancel(&shop.bob, fork.id).await.unwrap();
        forks.push(fork.id);
    }
    refund(&shop.ada, bought.id).await.unwrap();
    for session in begun.into_iter().map(|(_, session)| session).chain(forks) {
        assert_eq!(kind(fork(session).await), Some(FaultKind::Conflict));
        let again = sessions::retry(&shop.bob, session).await;
        assert_eq!(kind(again), Some(FaultKind::Conflict));
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_copy_that_was_paid_for_leaves_by_no_file_and_no_team(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::OneTime)).await;
    let bought = shop.buy(1).await;
    let copy = listings::install(&shop.bob, "reader").await.unwrap().id;
    agents::publish(&shop.bob, copy, NewVersion::default(), None).await.unwrap();
    let team = NewTeam { name: "Readers".to_owned(), slug: "readers".to_owned() };
    teams::create(&shop.bob, team).await.unwrap();
    teams::share(&shop.bob, "readers", copy).await.unwrap();
    let eve = sample::member(&shop.backend, "eve").await.unwrap();
    let invitation = NewInvitation { role: TeamRole::Runner, email: None };
    let made = teams::invite(&shop.bob, "readers", invitation).await.unwrap();
    teams::accept(&eve, Invited::ByLink(&made.token.unwrap())).await.unwrap();
    for ctx in [&shop.bob, &eve] {
        for edition in [Edition::Draft, Edition::Version(1)] {
            let refused = agents::export(ctx, copy, edition).await.unwrap_err();
            assert_eq!(refused.kind(), FaultKind::Forbidden);
            assert!(refused.message().contains("cannot be taken along"), "{refused}");
        }
    }
    // The publisher's own leaves as it likes.
    agents::export(&shop.ada, shop.agent, Edition::Draft).await.unwrap();
    // A teammate runs it by what its owner has paid.
    let session = sessions::start(&eve, copy, sample::goal("Read")).await.unwrap();
    sessions::cancel(&eve, session.id).await.unwrap();
    refund(&shop.ada, bought.id).await.unwrap();
    let refused = sessions::start(&eve, copy, sample::goal("Read")).await;
    assert_eq!(kind(refused), Some(FaultKind::Conflict));
    let fork = sessions::fork(&eve, session.id, NewFork::default()).await;
    assert_eq!(kind(fork), Some(FaultKind::Conflict));
}
