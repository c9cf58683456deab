use std::sync::Arc;

use resonant_domain::FaultKind;
use resonant_runtime::clock::FixedClock;
use sqlx::PgPool;

use super::*;
use crate::cache::hex;
use crate::store::lock_waits::until_waiting;
use crate::{RequestId, SignInChange, agents, sample};

fn token(ctx: &Ctx) -> String {
    match ctx.sign_in_change() {
        Some(SignInChange::Issued(token)) => token.as_str().to_owned(),
        other => panic!("no token was issued: {other:?}"),
    }
}

/// The same browser in its next request.
async fn again(backend: &Backend, token: &str) -> Ctx {
    let actor = authenticate(backend, token).await.unwrap().unwrap_or(Actor::Anonymous);
    backend.ctx_signed_in(actor, RequestId::new("again"), token)
}

fn credentials(email: &str, password: &str) -> Credentials {
    Credentials { email: email.to_owned(), password: password.to_owned() }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_guest_begins_once(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = backend.anonymous();
    assert_eq!(viewer(&ctx).await.unwrap(), None);
    let guest = begin_guest(&ctx).await.unwrap();
    assert_eq!(guest.kind, UserKind::Guest);
    assert!(guest.display_name.starts_with("Guest "), "{}", guest.display_name);
    let first = token(&ctx);
    assert_eq!(begin_guest(&ctx).await.unwrap(), guest);
    assert_eq!(token(&ctx), first);

    let later = again(&backend, &first).await;
    assert_eq!(viewer(&later).await.unwrap(), Some(guest.clone()));
    assert_eq!(begin_guest(&later).await.unwrap(), guest);
    assert_eq!(later.sign_in_change(), None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn signing_up_keeps_a_guests_agents_and_renews_the_token(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = backend.anonymous();
    let guest = begin_guest(&ctx).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let before = token(&ctx);
    assert!(authenticate(&backend, &before).await.unwrap().is_some());

    let member = sign_up(&ctx, sample::new_member("Ada")).await.unwrap();
    assert_eq!((member.id, member.kind), (guest.id, UserKind::Member));
    assert_eq!(member.email.as_deref(), Some("ada@example.org"));
    let after = token(&ctx);
    assert_ne!(before, after);
    assert_eq!(authenticate(&backend, &before).await.unwrap(), None);
    let later = again(&backend, &after).await;
    assert_eq!(later.actor(), Actor::User { id: guest.id, kind: UserKind::Member });
    assert_eq!(agents::get(&later, agent.id).await.unwrap(), agent);

    let error = sign_up(&later, sample::new_member("other")).await.unwrap_err();
    assert_eq!(error.kind(), FaultKind::Conflict);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_address_signs_up_once(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    sample::member(&backend, "ada").await.unwrap();
    for ctx in [backend.anonymous(), sample::guest(&backend).await.unwrap()] {
        let before = ctx.actor();
        let error = sign_up(&ctx, sample::new_member("ADA")).await.unwrap_err();
        assert_eq!((error.kind(), error.fields()[0].field.as_str()), (FaultKind::Invalid, "email"));
        assert_eq!(ctx.actor(), before);
    }
    let bad =
        NewMember { email: "ada".into(), password: "short".into(), display_name: "  ".into() };
    let error = sign_up(&backend.anonymous(), bad).await.unwrap_err();
    let fields: Vec<_> = error.fields().iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["email", "password", "display_name"]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_member_signs_in_and_nobody_learns_who_is_one(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let member = viewer(&sample::member(&backend, "ada").await.unwrap()).await.unwrap().unwrap();
    let mut answers = Vec::new();
    for (email, password) in [
        ("ada@example.org", "wrong"),
        ("bob@example.org", "wrong"),
        ("no address", "wrong"),
        ("ada@example.org", ""),
    ] {
        let ctx = backend.anonymous();
        let error = sign_in(&ctx, credentials(email, password)).await.unwrap_err();
        assert_eq!((error.kind(), ctx.actor()), (FaultKind::Invalid, Actor::Anonymous));
        answers.push(error.message());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);

    let ctx = backend.anonymous();
    let found = sign_in(&ctx, credentials(" Ada@Example.org", "ada's password")).await.unwrap();
    assert_eq!(found, member);
    let first = token(&ctx);
    let ctx = again(&backend, &first).await;
    sign_in(&ctx, credentials("ada@example.org", "ada's password")).await.unwrap();
    assert_ne!(token(&ctx), first);
    assert_eq!(authenticate(&backend, &first).await.unwrap(), None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn nobody_gets_in_behind_another_password_by_the_one_before(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    sample::member(&backend, "ada").await.unwrap();
    let mut change = pool.begin().await.unwrap();
    let another = "UPDATE users SET password_hash = 'another' WHERE email = 'ada@example.org'";
    sqlx::raw_sql(another).execute(&mut *change).await.unwrap();
    // The password before was looked at, and found right, by then.
    let changes = async {
        until_waiting(&mut change, 1).await;
        change.commit().await.unwrap();
    };
    let ctx = backend.anonymous();
    let by_old = sign_in(&ctx, credentials("ada@example.org", "ada's password"));
    let (signed_in, ()) = tokio::join!(by_old, changes);
    assert_eq!(signed_in.unwrap_err().fields()[0].field, "password");
    assert_eq!((ctx.actor(), ctx.sign_in_change()), (Actor::Anonymous, None));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn signing_out_holds_at_once(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let token = token(&ctx);
    let ctx = again(&backend, &token).await;
    sign_out(&ctx).await.unwrap();
    assert_eq!((ctx.actor(), ctx.sign_in_change()), (Actor::Anonymous, Some(SignInChange::Ended)));
    assert_eq!(authenticate(&backend, &token).await.unwrap(), None);
    sign_out(&backend.anonymous()).await.unwrap();
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_token_is_not_kept_and_no_other_text_is_one(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let token = token(&sample::guest(&backend).await.unwrap());
    let kept =
        sqlx::query_scalar!("SELECT token_hash FROM sign_ins").fetch_one(&pool).await.unwrap();
    assert_eq!(kept, Sha256::digest(&token).to_vec());
    for text in ["", "x", &token[1..], &token.to_lowercase(), &hex(&kept), "ä", &"A".repeat(43)] {
        assert_eq!(authenticate(&backend, text).await.unwrap(), None, "{text}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn passwords_of_an_account_are_not_guessed_fast(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    for name in ["ada", "bob"] {
        sample::member(&backend, name).await.unwrap();
    }
    let ask = async |name: &str, password: &str| {
        let email = format!("{name}@example.org");
        sign_in(&backend.anonymous(), credentials(&email, password)).await.map(drop)
    };
    for name in ["ada", "nobody"] {
        for _ in 0..10 {
            let wrong = ask(name, "not it").await.unwrap_err();
            assert_eq!(wrong.fields()[0].field, "password", "{name}");
        }
        // Not even the right one is looked at now, and not for long.
        let refused = ask(name, "ada's password").await;
        let Err(Error::TooMany { retry_after }) = refused else { panic!("{name}: {refused:?}") };
        assert!(retry_after.as_secs() <= 60, "{retry_after:?}");
    }
    // Whoever gets in is not counted.
    for _ in 0..12 {
        ask("bob", "bob's password").await.unwrap();
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn nobody_is_kept_out_of_an_account_by_guesses_of_others(pool: PgPool) {
    let start = "2026-01-01T00:00:00Z".parse().unwrap();
    let clock = Arc::new(FixedClock::new(start));
    let backend = Backend::for_tests_at(pool, clock.clone());
    sample::member(&backend, "ada").await.unwrap();
    let ask = async |place: &str, password: &str| {
        let ctx = backend.anonymous().from_address(place.parse().ok());
        sign_in(&ctx, credentials("ada@example.org", password)).await.map(drop)
    };
    let is_bounded = |asked: Result<()>| matches!(asked, Err(Error::TooMany { .. }));
    let (home, cabin, away) = ("2001:db8:1:2::1", "198.51.100.3", "192.0.2.7");
    for known in [home, cabin] {
        ask(known, "ada's password").await.unwrap();
    }
    for _ in 0..10 {
        assert!(!is_bounded(ask("203.0.113.5", "not it").await));
    }
    for stranger in ["203.0.113.5", away] {
        assert!(is_bounded(ask(stranger, "ada's password").await), "{stranger}");
    }
    // Of the same household, by another address of it.
    ask("2001:db8:1:2::9", "ada's password").await.unwrap();
    for _ in 0..10 {
        assert!(!is_bounded(ask(home, "not it").await));
    }
    assert!(is_bounded(ask(home, "ada's password").await), "nor is it guessed fast there");

    clock.advance(SignedDuration::from_hours(91 * 24));
    assert!(is_bounded(ask(cabin, "ada's password").await), "that was long ago");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_sign_in_lasts_while_it_is_used(pool: PgPool) {
    let clock = Arc::new(FixedClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
    let token =
        token(&sample::guest(&Backend::for_tests_at(pool.clone(), clock.clone())).await.unwrap());
    // A new backend each time has an empty cache.
    for (days, stays) in [(29, true), (29, true), (31, false), (1, false)] {
        clock.advance(SignedDuration::from_hours(days * 24));
        let backend = Backend::for_tests_at(pool.clone(), clock.clone());
        let actor = authenticate(&backend, &token).await.unwrap();
        assert_eq!(actor.is_some(), stays, "{days} days later");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_cached_sign_in_runs_out_too(pool: PgPool) {
    let clock = Arc::new(FixedClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
    let backend = Backend::for_tests_at(pool, clock.clone());
    let token = token(&sample::guest(&backend).await.unwrap());
    assert!(authenticate(&backend, &token).await.unwrap().is_some());
    clock.advance(SIGN_IN_LASTS);
    assert_eq!(authenticate(&backend, &token).await.unwrap(), None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_person_chooses_a_name(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let renamed = update_profile(&ctx, "  Ada Lovelace ".to_owned()).await.unwrap();
    assert_eq!(renamed.display_name, "Ada Lovelace");
    assert_eq!(viewer(&ctx).await.unwrap(), Some(renamed));
    for refused in [&*"x".repeat(81), "nimda\u{202e}", "Ada\nAdmin", "\u{200b}", "\u{200d}"] {
        let error = update_profile(&ctx, refused.to_owned()).await.unwrap_err();
        assert_eq!(error.fields()[0].field, "display_name", "{refused:?}");
    }
}
