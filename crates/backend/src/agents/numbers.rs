//! What an agent did lately, for its owner.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use resonant_domain::AgentId;
use resonant_domain::agent_numbers::{AgentNumbers, DAYS};
use resonant_domain::api_key::Scope;
use resonant_domain::team::AgentRight;

use crate::{Ctx, Result, access, store};

/// How many failures are told.
const FAILURES: i64 = 5;

/// What an agent did lately: sessions, success, time and cost by version, sessions by day, the last
/// failures.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::NotFound`].
#[tracing::instrument(name = "agents.numbers", level = "debug", parent = ctx.span(), skip_all)]
pub async fn numbers(ctx: &Ctx, id: AgentId) -> Result<AgentNumbers> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, id, AgentRight::Read).await?;
    let owner = reached.owner;
    let now = ctx.backend().now();
    let since = now - SignedDuration::from_hours(24 * DAYS);
    let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let mut days = store::agent_numbers::list_by_day(&mut conn, owner, id, since).await?;
    // Of the day that instant lies in there is a part alone.
    days.retain(|day| day.day > date(since));
    Ok(AgentNumbers {
        today: date(now),
        versions: store::agent_numbers::list_by_version(&mut conn, owner, id).await?,
        days,
        failures: if reached.is_own() {
            store::agent_numbers::list_failures(&mut conn, owner, id, FAILURES).await?
        } else {
            // They quote sessions, and not each of those is the teammate's to read.
            Vec::new()
        },
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use resonant_domain::agent_version::{Edition, NewVersion};
    use resonant_runtime::clock::FixedClock;
    use sqlx::PgPool;

    use super::*;
    use crate::{Backend, agents, sample, sessions, work};

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn sessions_are_counted_by_version_and_day(pool: PgPool) {
        let backend = sample::with_parrot(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let id = agents::create(&ctx, sample::spec("Parrot")).await.unwrap().id;
        let found = numbers(&ctx, id).await.unwrap();
        let nothing = AgentNumbers { today: found.today, ..AgentNumbers::default() };
        assert_eq!(found, nothing);
        let run = async || {
            sessions::start(&ctx, id, sample::goal("Polly")).await.unwrap();
            let claim = work::claim(&backend.system(), "worker").await.unwrap().unwrap();
            work::run(&backend.system(), claim, tokio_util::sync::CancellationToken::new())
                .await
                .unwrap();
        };
        run().await;
        agents::publish(&ctx, id, NewVersion::default(), None).await.unwrap();
        run().await;
        run().await;
        let open = sessions::start(&ctx, id, sample::goal("Polly")).await.unwrap();

        let found = numbers(&ctx, id).await.unwrap();
        let counts: Vec<_> = found
            .versions
            .iter()
            .map(|numbers| (numbers.version, numbers.sessions, numbers.completed))
            .collect();
        assert_eq!(counts, [(None, 1, 1), (Some(1), 3, 2)]);
        assert_eq!(found.versions[1].success_percent(), Some(100));
        assert!(found.versions[1].p50_ms <= found.versions[1].p99_ms);
        let days: u64 = found.days.iter().map(|day| day.completed + day.failed + day.other).sum();
        assert_eq!(days, 4);
        assert_eq!(found.failures, []);
        sessions::cancel(&ctx, open.id).await.unwrap();
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn what_never_began_says_nothing_of_time_and_cost(pool: PgPool) {
        let backend = sample::with_parrot(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let id = agents::create(&ctx, sample::spec("Parrot")).await.unwrap().id;
        agents::publish(&ctx, id, NewVersion::default(), None).await.unwrap();
        sessions::start(&ctx, id, sample::goal("Polly")).await.unwrap();
        sample::work_off(&backend).await;
        let draft = sessions::try_edition(&ctx, id, sample::goal("Polly"), Edition::Draft);
        sessions::cancel(&ctx, draft.await.unwrap().id).await.unwrap();

        let found = numbers(&ctx, id).await.unwrap();
        let [drafts, version] = &found.versions[..] else { panic!("{found:?}") };
        assert_eq!((drafts.version, drafts.sessions), (None, 1));
        assert_eq!((drafts.p50_ms, drafts.p99_ms, drafts.median_cost), (None, None, None));
        assert!(version.p50_ms.is_some() && version.median_cost.is_some());
        assert_eq!(found.typical(Some(1)), Some(version));
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn the_days_are_whole_ones_until_today(pool: PgPool) {
        let clock = Arc::new(FixedClock::new("2026-11-01T12:00:00Z".parse().unwrap()));
        let backend = Backend::for_tests_at(pool, clock.clone());
        let ctx = sample::guest(&backend).await.unwrap();
        let id = agents::create(&ctx, sample::spec("Parrot")).await.unwrap().id;
        let pass = |hours| clock.advance(SignedDuration::from_hours(hours));
        let days = async || {
            let found = numbers(&ctx, id).await.unwrap();
            let days: Vec<_> = found.days.iter().map(|day| day.day.to_string()).collect();
            (found.today.to_string(), days)
        };
        sessions::start(&ctx, id, sample::goal("Polly")).await.unwrap();
        pass(24);
        sessions::start(&ctx, id, sample::goal("Polly")).await.unwrap();
        pass(20 * 24);
        let (first, second) = ("2026-11-01".to_owned(), "2026-11-02".to_owned());
        assert_eq!(days().await, ("2026-11-22".to_owned(), vec![first, second.clone()]));
        // Thirty days ago it was earlier than when the first one was started.
        pass(9 * 24 - 1);
        assert_eq!(days().await, ("2026-12-01".to_owned(), vec![second]));
    }
}
