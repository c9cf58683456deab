//! What an agent did lately, for its owner.

use jiff::SignedDuration;
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
    let since = ctx.backend().now() - SignedDuration::from_hours(24 * DAYS);
    Ok(AgentNumbers {
        versions: store::agent_numbers::list_by_version(&mut conn, owner, id).await?,
        days: store::agent_numbers::list_by_day(&mut conn, owner, id, since).await?,
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
    use resonant_domain::agent_version::NewVersion;
    use sqlx::PgPool;

    use super::*;
    use crate::{agents, sample, sessions, work};

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn sessions_are_counted_by_version_and_day(pool: PgPool) {
        let backend = sample::with_parrot(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let id = agents::create(&ctx, sample::spec("Parrot")).await.unwrap().id;
        assert_eq!(numbers(&ctx, id).await.unwrap(), AgentNumbers::default());
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
}
