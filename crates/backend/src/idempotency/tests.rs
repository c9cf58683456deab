use std::sync::Arc;

use resonant_domain::FaultKind;
use resonant_domain::agent::Agent;
use sqlx::PgPool;

use super::*;
use crate::agents::{self, AgentFilter};
use crate::clock::FixedClock;
use crate::{access, effects, listings, sample, sessions};

fn named(key: &str, body: &str) -> Request {
    Request::new("POST /api/v1/agents".to_owned(), key.to_owned(), &[body.as_bytes()])
}

fn reply(body: &str) -> Reply {
    Reply { status: 201, headers: vec![("etag".into(), "\"1\"".into())], body: body.into() }
}

async fn ask(ctx: &Ctx, key: &str, body: &str) -> Verdict {
    claim(ctx, named(key, body)).await.unwrap().unwrap()
}

async fn run(ctx: &Ctx, key: &str, body: &str) -> Claim {
    match ask(ctx, key, body).await {
        Verdict::Run(claim) => claim,
        other => panic!("the request is not to be run: {other:?}"),
    }
}

async fn count(ctx: &Ctx) -> usize {
    agents::list(ctx, AgentFilter::default()).await.unwrap().items.len()
}

fn at_noon(pool: PgPool) -> (Arc<FixedClock>, Backend) {
    let clock = Arc::new(FixedClock::new("2026-11-24T12:00:00Z".parse().unwrap()));
    (clock.clone(), Backend::for_tests_at(pool, clock))
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_request_is_run_once_and_answered_again(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::guest(&backend).await.unwrap();
    let first = run(&ada, "k", "a").await;
    assert!(matches!(ask(&ada, "k", "a").await, Verdict::InFlight));
    assert!(matches!(ask(&ada, "k", "b").await, Verdict::OtherRequest));
    first.succeeded(&backend, reply("made")).await.unwrap();
    match ask(&ada, "k", "a").await {
        Verdict::Answered(kept) => assert_eq!(kept, reply("made")),
        other => panic!("{other:?}"),
    }
    assert!(matches!(ask(&ada, "k", "b").await, Verdict::OtherRequest));
    // Another key, route or caller is another request.
    run(&ada, "other", "a").await;
    let elsewhere = Request::new("POST /api/v1/keys".into(), "k".into(), &[b"a"]);
    assert!(matches!(claim(&ada, elsewhere).await.unwrap(), Some(Verdict::Run(_))));
    run(&sample::guest(&backend).await.unwrap(), "k", "a").await;
    assert!(claim(&backend.anonymous(), named("k", "a")).await.unwrap().is_none());
}

/// Whatever stands in a path is a part of what a request calls.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_route_of_any_length_is_told_from_others(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::guest(&backend).await.unwrap();
    let parts =
        (0..100_u32).map(|n| BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(n.to_be_bytes())));
    let long = parts.collect::<String>();
    let claim = async |end: &str| {
        let route = format!("POST /api/v1/teams/{long}/{end}");
        claim(&ada, Request::new(route, "k".to_owned(), &[b"a"])).await.unwrap().unwrap()
    };
    for end in ["invitations", "agents"] {
        assert!(matches!(claim(end).await, Verdict::Run(_)), "{end}");
        assert!(matches!(claim(end).await, Verdict::InFlight), "{end}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_refused_request_frees_its_key(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::guest(&backend).await.unwrap();
    run(&ada, "k", "wrong").await.refused(&backend).await.unwrap();
    run(&ada, "k", "right").await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_reply_is_forgotten_after_a_day(pool: PgPool) {
    let (clock, backend) = at_noon(pool.clone());
    let ada = sample::guest(&backend).await.unwrap();
    for key in ["k", "l"] {
        run(&ada, key, "a").await.succeeded(&backend, reply("made")).await.unwrap();
    }
    clock.advance(KEPT_FOR);
    assert!(matches!(ask(&ada, "k", "a").await, Verdict::Answered(_)));
    clock.advance(SignedDuration::from_secs(1));
    let fresh = run(&ada, "k", "b").await;
    assert!(!fresh.reserved.is_second_try && fresh.reserved.effect.is_none());
    let left = sqlx::query_scalar!(r#"SELECT key FROM idempotency_keys"#).fetch_all(&pool).await;
    assert_eq!(left.unwrap(), ["k"]);
}

/// What a process had done with a request when it died, and the one that comes after it.
mod faults {
    use super::*;

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_claim_outlives_its_process_by_a_lease(pool: PgPool) {
        let (clock, backend) = at_noon(pool);
        let ada = sample::guest(&backend).await.unwrap();
        let dead = run(&ada, "k", "a").await;
        clock.advance(LEASE - SignedDuration::from_secs(1));
        assert!(matches!(ask(&ada, "k", "a").await, Verdict::InFlight));
        clock.advance(SignedDuration::from_secs(1));
        assert!(matches!(ask(&ada, "k", "b").await, Verdict::OtherRequest));
        let heir = run(&ada, "k", "a").await;
        assert_eq!(heir.reserved.id, dead.reserved.id);
        // Should the first one only have slept, it changes nothing any more.
        dead.succeeded(&backend, reply("late")).await.unwrap();
        assert!(matches!(ask(&ada, "k", "a").await, Verdict::InFlight));
        heir.succeeded(&backend, reply("made")).await.unwrap();
        assert!(
            matches!(ask(&ada, "k", "a").await, Verdict::Answered(kept) if kept == reply("made"))
        );
    }

    /// What the claim's row says of the end of its lease.
    async fn lease(pool: &PgPool) -> String {
        let lease =
            sqlx::query_scalar!(r#"SELECT lease_until::TEXT AS "lease!" FROM idempotency_keys"#);
        lease.fetch_one(pool).await.unwrap()
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_claim_holds_for_as_long_as_its_work_takes(pool: PgPool) {
        let (clock, backend) = at_noon(pool.clone());
        let ada = sample::guest(&backend).await.unwrap();
        let slow = run(&ada, "k", "a").await;
        let work = async {
            let first = lease(&pool).await;
            clock.advance(LEASE - SignedDuration::from_secs(1));
            tokio::time::pause();
            tokio::time::advance(RENEW_AFTER).await;
            tokio::time::resume();
            let renewed = async {
                while lease(&pool).await == first {
                    tokio::task::yield_now().await;
                }
            };
            let renewed = tokio::time::timeout(Duration::from_secs(10), renewed).await;
            renewed.expect("the lease is renewed");
            clock.advance(LEASE - SignedDuration::from_secs(1));
            assert!(matches!(ask(&ada, "k", "a").await, Verdict::InFlight));
        };
        Box::pin(slow.hold(&backend, work)).await;
        // Once the work is over, nobody renews it any more.
        clock.advance(SignedDuration::from_secs(1));
        run(&ada, "k", "a").await;
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn what_was_made_before_the_end_is_not_made_again(pool: PgPool) {
        let (clock, backend) = at_noon(pool);
        backend.load_content().await.unwrap();
        let ada = sample::guest(&backend).await.unwrap();
        let agent = agents::create(&ada, sample::spec("Reader")).await.unwrap();
        let slug = listings::templates(&ada).await.unwrap()[0].summary.slug.clone();

        let create = async |ctx: &Ctx| agents::create(ctx, sample::spec("New")).await.unwrap();
        let install = async |ctx: &Ctx| listings::install(ctx, &slug).await.unwrap();
        let before = count(&ada).await;
        let made: [Agent; 2] = {
            let ctxs = [run(&ada, "a", "").await.ctx(&ada), run(&ada, "b", "").await.ctx(&ada)];
            [create(&ctxs[0]).await, install(&ctxs[1]).await]
        };
        let session = {
            let ctx = run(&ada, "c", "").await.ctx(&ada);
            sessions::start(&ctx, agent.id, sample::goal("Go")).await.unwrap()
        };
        clock.advance(LEASE);
        let ctxs = [run(&ada, "a", "").await.ctx(&ada), run(&ada, "b", "").await.ctx(&ada)];
        assert_eq!([create(&ctxs[0]).await, install(&ctxs[1]).await], made);
        assert_eq!(count(&ada).await, before + 2);
        let ctx = run(&ada, "c", "").await.ctx(&ada);
        let again = sessions::start(&ctx, agent.id, sample::goal("Go")).await.unwrap();
        assert_eq!(again, session);
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn who_was_taken_over_does_nothing_more(pool: PgPool) {
        let (clock, backend) = at_noon(pool);
        let ada = sample::guest(&backend).await.unwrap();
        let owner = access::user(&ada).unwrap();
        let asleep = run(&ada, "k", "a").await.ctx(&ada);
        clock.advance(LEASE);
        let heir = run(&ada, "k", "a").await.ctx(&ada);
        let mut tx = backend.catalogue_begin().await.unwrap();
        let late = effects::note_in_catalogue(&asleep, &mut tx, &1).await;
        assert_eq!(late.unwrap_err().kind(), FaultKind::Conflict);
        effects::note_in_catalogue(&heir, &mut tx, &2).await.unwrap();
        tx.commit().await.unwrap();
        clock.advance(LEASE);
        let third = run(&ada, "k", "a").await.ctx(&ada);
        assert_eq!(effects::find_in_catalogue::<i32>(&third).unwrap(), Some(2));

        // The same where the owner's things are.
        let mut tx = backend.begin(owner).await.unwrap();
        assert_eq!(effects::find::<i32>(&third, &mut tx, owner).await.unwrap(), None);
        effects::note(&third, &mut tx, owner, &3).await.unwrap();
        assert_eq!(effects::find::<i32>(&third, &mut tx, owner).await.unwrap(), Some(3));
        tx.commit().await.unwrap();
        let mut tx = backend.begin(owner).await.unwrap();
        let late = effects::note(&asleep, &mut tx, owner, &4).await;
        assert_eq!(late.unwrap_err().kind(), FaultKind::Conflict);
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_failure_of_unknown_effect_keeps_the_identity(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ada = sample::guest(&backend).await.unwrap();
        let first = run(&ada, "k", "a").await;
        let id = first.reserved.id;
        first.broke_off(&backend).await.unwrap();
        let second = run(&ada, "k", "a").await;
        assert_eq!(second.reserved.id, id);
        // Even a refusal does not free it: the first try may have made something.
        second.refused(&backend).await.unwrap();
        assert!(matches!(ask(&ada, "k", "b").await, Verdict::OtherRequest));
        assert_eq!(run(&ada, "k", "a").await.reserved.id, id);
    }
}
