use std::sync::Arc;

use resonant_domain::FaultKind;
use resonant_domain::api_key::Scope;
use sqlx::PgPool;

use super::*;
use crate::cache::tests::until;
use crate::clock::FixedClock;
use crate::{agents, sample};

fn new(scopes: &[Scope]) -> NewApiKey {
    sample::key("CI", scopes)
}

async fn by_key(backend: &Backend, text: &ApiKeyText) -> Option<Ctx> {
    let actor = authenticate(backend, text.as_str()).await.unwrap()?;
    Some(backend.ctx(actor, crate::RequestId::new("test")))
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_key_acts_for_its_owner_within_its_scopes(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let agent = agents::create(&ada, sample::spec("Reader")).await.unwrap();
    let (made, text) = create(&ada, new(&[Scope::AgentsRead])).await.unwrap();
    assert!(text.as_str().starts_with(&made.prefix) && made.prefix.len() == 12);
    let ctx = by_key(&backend, &text).await.unwrap();
    assert_eq!(agents::get(&ctx, agent.id).await.unwrap(), agent);
    let refused = agents::delete(&ctx, agent.id, None).await.unwrap_err();
    assert_eq!(refused.message(), "The key has not the scope agents:write");
    assert_eq!(refused.kind(), FaultKind::Forbidden);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_revoked_key_is_nobodys_in_every_process(pool: PgPool) {
    let (one, other) = (Backend::for_tests(pool.clone()), Backend::for_tests(pool));
    let ada = sample::member(&one, "ada").await.unwrap();
    let (made, text) = create(&ada, new(&[Scope::AgentsRead])).await.unwrap();
    for backend in [&one, &other] {
        assert!(by_key(backend, &text).await.is_some());
    }
    let bob = sample::member(&one, "bob").await.unwrap();
    assert_eq!(revoke(&bob, made.id).await.unwrap_err().kind(), FaultKind::NotFound);
    revoke(&ada, made.id).await.unwrap();
    assert!(by_key(&one, &text).await.is_none());
    until("the other hears of it", async || by_key(&other, &text).await.is_none()).await;
    assert_eq!(list(&ada, PageRequest::default()).await.unwrap().items, []);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_use_of_a_key_is_noted_to_the_minute(pool: PgPool) {
    let clock = Arc::new(FixedClock::new("2026-11-24T12:00:00Z".parse().unwrap()));
    let backend = Backend::for_tests_at(pool, clock.clone());
    let ada = sample::member(&backend, "ada").await.unwrap();
    let (_, text) = create(&ada, new(&[Scope::KeysRead])).await.unwrap();
    // Before that nothing is kept: a look-up just before the minute is over would count from then on.
    until("the ear opens", async || backend.cache().hears()).await;
    let used = async || {
        list(&ada, PageRequest::default()).await.unwrap().items[0]
            .last_used_at
            .map(|at| at.to_string())
    };
    assert_eq!(used().await, None);
    for (seconds, seen) in [(0, "12:00:00"), (59, "12:00:00"), (1, "12:01:00")] {
        clock.advance(SignedDuration::from_secs(seconds));
        assert!(by_key(&backend, &text).await.is_some());
        assert_eq!(used().await.unwrap(), format!("2026-11-24T{seen}Z"));
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_key_ends_at_its_time(pool: PgPool) {
    let clock = Arc::new(FixedClock::new("2026-11-24T12:00:00Z".parse().unwrap()));
    let backend = Backend::for_tests_at(pool, clock.clone());
    let ada = sample::member(&backend, "ada").await.unwrap();
    let hour = SignedDuration::from_hours(1);
    let short = NewApiKey { expires_at: Some(backend.now() + hour), ..new(&[Scope::AgentsRead]) };
    let (_, text) = create(&ada, short).await.unwrap();
    assert!(by_key(&backend, &text).await.is_some());
    clock.advance(hour);
    assert!(by_key(&backend, &text).await.is_none());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_key_makes_no_wider_key(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let (_, text) = create(&ada, new(&[Scope::KeysWrite, Scope::AgentsRead])).await.unwrap();
    let ctx = by_key(&backend, &text).await.unwrap();
    assert!(create(&ctx, new(&[Scope::AgentsRead])).await.is_ok());
    let wider = create(&ctx, new(&[Scope::AgentsRead, Scope::AgentsWrite])).await.unwrap_err();
    assert!(matches!(wider, Error::MissingScope(Scope::AgentsWrite)), "{wider:?}");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_key_makes_no_key_that_outlives_it(pool: PgPool) {
    let clock = Arc::new(FixedClock::new("2026-11-24T12:00:00Z".parse().unwrap()));
    let backend = Backend::for_tests_at(pool, clock);
    let ada = sample::guest(&backend).await.unwrap();
    let end = backend.now() + SignedDuration::from_hours(1);
    let lasting = |expires_at| NewApiKey { expires_at, ..new(&[Scope::KeysWrite]) };
    let (made, text) = create(&ada, lasting(Some(end))).await.unwrap();
    let ctx = by_key(&backend, &text).await.unwrap();
    for longer in [None, Some(end + SignedDuration::from_secs(1))] {
        let refused = create(&ctx, lasting(longer)).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "expires_at", "{longer:?}");
    }
    assert!(create(&ctx, lasting(made.expires_at)).await.is_ok());
    // Nor one when it is revoked, though this process took it a moment ago.
    revoke(&ada, made.id).await.unwrap();
    let late = create(&ctx, lasting(made.expires_at)).await.unwrap_err();
    assert_eq!(late.kind(), FaultKind::Unauthenticated);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_kept_of_a_key_does_not_give_it_away(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let ada = sample::member(&backend, "ada").await.unwrap();
    let (_, text) = create(&ada, new(&[Scope::AgentsRead])).await.unwrap();
    let row = sqlx::query_scalar!(r#"SELECT to_jsonb(k)::TEXT AS "row!" FROM api_keys k"#)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(!row.contains(&text.as_str()[PREFIX..]), "{row}");
    assert!(!format!("{text:?}").contains(&text.as_str()[PREFIX..]));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn keys_have_a_number_that_is_not_passed(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    for _ in 0..KEYS_MAX {
        create(&ada, new(&[Scope::AgentsRead])).await.unwrap();
    }
    let answer = create(&ada, new(&[Scope::AgentsRead])).await;
    assert_eq!(answer.unwrap_err().kind(), FaultKind::Conflict);
}
