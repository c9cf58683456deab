use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use resonant_domain::FaultKind;
use resonant_runtime::clock::FixedClock;
use sqlx::PgPool;

use super::*;
use crate::cache::tests::until;
use crate::sessions::SessionFilter;
use crate::{Backend, DatabaseSettings, agents, sample, sessions, work};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A backend at an instant, which keeps sessions for `days`.
fn backend(pool: &PgPool, now: &str, days: u16) -> Backend {
    let mut settings = sample::settings();
    settings.database =
        DatabaseSettings { session_retention_days: days, ..settings.database.clone() };
    Backend::for_tests_at_with(pool.clone(), Arc::new(FixedClock::new(at(now))), &settings)
}

async fn names(pool: &PgPool, table: &str) -> Vec<String> {
    let mut conn = pool.acquire().await.unwrap();
    let all = partitions::list(&mut conn, table).await.unwrap();
    // Without a gap: each begins where the one before ends.
    for pair in all.windows(2) {
        assert!(pair[0].to.is_some() && pair[0].to == pair[1].from, "{pair:?}");
    }
    assert_eq!((all[0].from, all[all.len() - 1].to), (None, None));
    let prefix = format!("{table}_");
    all.iter().map(|partition| partition.name.replacen(&prefix, "", 1)).collect()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_coming_months_have_their_partitions(pool: PgPool) {
    let this_month = at("2126-11-24T12:00:00Z");
    let start = months_from(first_id_at(this_month), this_month).unwrap();
    let suffixes: Vec<_> = start.iter().map(|month| month.suffix.as_str()).collect();
    assert_eq!(suffixes, ["2126_11", "2126_12", "2127_01", "2127_02"]);

    let before = names(&pool, "sessions").await;
    assert_eq!(before, ["earlier", "later"]);
    let now = jiff::Timestamp::from_second(sqlx_now(&pool).await).unwrap();
    let backend = backend(&pool, &now.to_string(), 0);
    renew_partitions(&backend.system()).await.unwrap();
    let made = names(&pool, "sessions").await;
    assert_eq!(made.len(), 6, "{made:?}");
    assert_eq!(names(&pool, "session_events").await, made);
    renew_partitions(&backend.system()).await.unwrap();
    assert_eq!(names(&pool, "sessions").await, made, "once is enough");
}

/// The seconds of the database's clock, by which the first partitions were made.
async fn sqlx_now(pool: &PgPool) -> i64 {
    sqlx::query_scalar!(r#"SELECT extract(EPOCH FROM now())::BIGINT AS "now!""#)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn two_processes_may_renew_at_once(pool: PgPool) {
    let backends =
        [backend(&pool, "2027-03-09T00:00:00Z", 0), backend(&pool, "2027-03-09T00:00:00Z", 0)];
    let renewals = backends.iter().cycle().take(6).map(|backend| {
        let ctx = backend.system();
        async move { renew_partitions(&ctx).await }
    });
    for renewed in futures::future::join_all(renewals).await {
        renewed.unwrap();
    }
    assert!(names(&pool, "sessions").await.contains(&"2027_06".to_owned()));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn sessions_move_into_their_month_when_it_was_made_late(pool: PgPool) {
    let late = backend(&pool, "2027-08-10T00:00:00Z", 0);
    let ctx = sample::guest(&late).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let session = sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
    sessions::cancel(&ctx, session.id).await.unwrap();
    let log = sessions::events(&ctx, session.id, 0).await.unwrap();
    renew_partitions(&late.system()).await.unwrap();
    let place = |table: &'static str| {
        let pool = pool.clone();
        async move {
            sqlx::query_scalar!(
                r#"
                SELECT tableoid::REGCLASS::TEXT AS "name!" FROM sessions WHERE $1 = 'sessions'
                UNION ALL
                SELECT tableoid::REGCLASS::TEXT FROM session_events WHERE $1 = 'session_events'
                "#,
                table
            )
            .fetch_all(&pool)
            .await
            .unwrap()
        }
    };
    assert_eq!(place("sessions").await, ["sessions_2027_08"]);
    assert_eq!(place("session_events").await, ["session_events_2027_08"]);
    assert_eq!(sessions::events(&ctx, session.id, 0).await.unwrap(), log);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn old_sessions_go_with_their_month_and_open_ones_stay(pool: PgPool) {
    let mut started = Vec::new();
    let first = backend(&pool, "2027-01-15T00:00:00Z", 0);
    let ctx = sample::guest(&first).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    for (now, is_over) in [
        ("2027-01-15T00:00:00Z", true),
        ("2027-02-15T00:00:00Z", true),
        ("2027-03-15T00:00:00Z", false),
        ("2027-04-15T00:00:00Z", true),
    ] {
        let backend = backend(&pool, now, 0);
        renew_partitions(&backend.system()).await.unwrap();
        let ctx = backend.ctx(ctx.actor(), crate::RequestId::new("test"));
        let session = sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
        if is_over {
            sessions::cancel(&ctx, session.id).await.unwrap();
        }
        started.push(session.id);
    }
    let later = backend(&pool, "2027-09-20T00:00:00Z", 90);
    let ctx = later.ctx(ctx.actor(), crate::RequestId::new("test"));
    renew_partitions(&later.system()).await.unwrap();
    let listed = sessions::list(&ctx, SessionFilter::default()).await.unwrap();
    let ids: Vec<_> = listed.items.iter().map(|session| session.id).collect();
    assert_eq!(ids, [started[3], started[2]], "the open one keeps its month and those after it");
    let left = names(&pool, "sessions").await;
    assert!(!left.contains(&"2027_02".to_owned()) && left.contains(&"2027_03".to_owned()));
    assert_eq!(names(&pool, "session_events").await, left);

    sessions::cancel(&ctx, started[2]).await.unwrap();
    renew_partitions(&later.system()).await.unwrap();
    assert!(sessions::list(&ctx, SessionFilter::default()).await.unwrap().items.is_empty());
    let error = sessions::get(&ctx, started[3]).await.unwrap_err();
    assert_eq!(error.kind(), FaultKind::NotFound);
    assert!(work::claim(&later.system(), "worker").await.unwrap().is_none());
}

/// Nobody calls out that a month goes, so that what is kept of it must not be answered.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_dropped_with_its_month_is_not_answered_from_what_is_kept(pool: PgPool) {
    let clock = Arc::new(FixedClock::new(at("2027-01-15T00:00:00Z")));
    let mut settings = sample::settings();
    settings.database.session_retention_days = 30;
    let backend = Backend::for_tests_at_with(pool.clone(), clock.clone(), &settings);
    until("the ear opens", async || backend.cache().hears()).await;
    renew_partitions(&backend.system()).await.unwrap();
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let session = sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
    sessions::cancel(&ctx, session.id).await.unwrap();
    let hits = || {
        let figures = backend.cache_figures().into_iter();
        figures.filter(|figures| figures.kind == "session").map(|figures| figures.hits).sum()
    };
    let before: u64 = hits();
    until("it is kept", async || {
        sessions::get(&ctx, session.id).await.unwrap();
        hits() > before
    })
    .await;
    clock.advance(SignedDuration::from_hours(24 * 100));
    sessions::get(&ctx, session.id).await.unwrap();
    renew_partitions(&backend.system()).await.unwrap();
    let gone = sessions::get(&ctx, session.id).await.unwrap_err();
    assert_eq!(gone.kind(), FaultKind::NotFound);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_long_statement_is_not_waited_for(pool: PgPool) {
    let backend = backend(&pool, "2027-03-09T00:00:00Z", 0);
    let mut busy = pool.begin().await.unwrap();
    sqlx::query_scalar!("SELECT count(*) FROM sessions").fetch_one(&mut *busy).await.unwrap();
    let system = backend.system();
    let renewed = tokio::time::timeout(Duration::from_secs(20), renew_partitions(&system));
    assert_eq!(renewed.await.unwrap().unwrap_err().kind(), FaultKind::Unavailable);
    assert_eq!(names(&pool, "sessions").await, ["earlier", "later"]);
    busy.commit().await.unwrap();
    renew_partitions(&backend.system()).await.unwrap();
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn upkeep_is_the_systems_alone(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let member = sample::member(&backend, "ada").await.unwrap();
    let kind = |result: Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(renew_partitions(&member).await), FaultKind::Forbidden);
    assert_eq!(kind(renew_partitions(&backend.anonymous()).await), FaultKind::Unauthenticated);
}
