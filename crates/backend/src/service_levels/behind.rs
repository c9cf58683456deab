//! What lies behind each level: the routes, agents, statements and kinds of keys that were bad the most
//! often, with the agents' names.

use std::collections::BTreeMap;

use resonant_domain::AgentId;
use resonant_domain::distribution::Distribution;
use resonant_domain::metric::Family;
use resonant_domain::slo::{Behind, Good, Level, NamedAgent, Objective, Ranking};

use super::{known, limit_of};
use crate::database::Shard;
use crate::metrics::Board;
use crate::store::agent_names::AgentName;
use crate::{Backend, Result, store};

/// What was bad the most often of an objective, at most so many; among those that were equally often the
/// ones that took the most in sum.
pub(super) fn of(board: &Board, objective: &Objective, most: usize) -> Vec<Behind> {
    let mut rows = match objective.good {
        Good::Fast(family) => {
            let limit = limit_of(objective);
            let labels = board.worst(family).iter();
            labels
                .map(|(name, all)| Behind {
                    name: name.clone(),
                    count: all.count,
                    bad: all.count_above(limit),
                    value: value(objective, &[(family, all)]),
                })
                .collect::<Vec<_>>()
        }
        Good::Counted(good, bad) => {
            let mut both: BTreeMap<String, [Distribution; 2]> = BTreeMap::new();
            for (side, family) in [good, bad].into_iter().enumerate() {
                for (name, all) in board.worst(family) {
                    both.entry(name.clone()).or_default()[side].merge(all);
                }
            }
            both.into_iter()
                .map(|(name, [hits, misses])| Behind {
                    name,
                    count: hits.sum + misses.sum,
                    bad: misses.sum,
                    value: value(objective, &[(good, &hits), (bad, &misses)]),
                })
                .collect()
        }
    };
    // Stable: the order by sum stays among equals.
    rows.sort_by_key(|row| std::cmp::Reverse(row.bad));
    rows.truncate(most);
    rows
}

/// The value of an objective's metric for one label alone.
fn value(objective: &Objective, measured: &[(Family, &Distribution)]) -> Option<f64> {
    let of = |family| {
        let found = measured.iter().find(|(known, _)| *known == family);
        found.map(|(_, all)| (*all).clone())
    };
    // No rate is an objective: how long it was measured for does not matter.
    known(&[objective.metric]).first()?.value(&of, 1.0)
}

/// Names the agents that levels and rankings tell of by their ids. One that is deleted, or on a database that
/// is away, stays an id.
pub(super) async fn name_agents(
    backend: &Backend,
    levels: &[Level],
    rankings: &[Ranking],
) -> Result<Vec<NamedAgent>> {
    let behind = levels.iter().flat_map(|level| level.behind.iter().map(|row| &row.name));
    let ranked = rankings.iter().flat_map(|ranking| ranking.rows.iter().map(|row| &row.name));
    let mut ids: Vec<AgentId> = behind.chain(ranked).filter_map(|name| name.parse().ok()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (found, _) = backend.on_each(|shard| list_names_on(backend, shard, &ids)).await;
    let found: Vec<_> = found.into_iter().flatten().collect();
    let mut conn = backend.catalogue_read().await?;
    Ok(store::agent_names::list_published(&mut conn, &found).await?)
}

async fn list_names_on(backend: &Backend, shard: Shard, ids: &[AgentId]) -> Result<Vec<AgentName>> {
    let mut conn = backend.begin_on(shard).await?;
    Ok(store::agent_names::list(&mut conn, ids, backend.owners()).await?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use resonant_domain::metric::{Family, Period};
    use sqlx::PgPool;

    use crate::metrics::Keeper;
    use crate::{Backend, agents, members, sample, service_levels};

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn agents_are_told_by_name(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let root = sample::member(&backend, "root").await.unwrap();
        members::appoint_admin(&backend.system(), "root@example.org").await.unwrap();
        let ada = sample::member(&backend, "ada").await.unwrap();
        let agent = agents::create(&ada, sample::spec("Reckoner")).await.unwrap();
        let gone = backend.new_id().unwrap().to_string();
        for (label, seconds) in [(agent.id.to_string(), 9), (gone.clone(), 1)] {
            let took = Duration::from_secs(seconds);
            backend.metrics().observe(Family::AgentExecution, &label, took);
        }
        Keeper::default().keep(&backend.system()).await.unwrap();
        let report = service_levels::report(&root, Period::HOUR).await.unwrap();
        let behind: Vec<_> =
            report.levels[2].behind.iter().map(|row| (row.name.as_str(), row.bad)).collect();
        assert_eq!(behind, [(agent.id.to_string().as_str(), 1), (gone.as_str(), 0)]);
        let [named] = &report.agents[..] else { panic!("{:?}", report.agents) };
        assert_eq!((named.id, named.name.as_str()), (agent.id, "Reckoner"));
        assert_eq!((named.owner_id, named.owner.as_str()), (agent.owner_id, "ada"));
        assert_eq!(named.listing, None, "it is not published");
    }
}
