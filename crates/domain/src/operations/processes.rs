//! The server processes as each tells of itself, and what all of them together say of what they share.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ModelUse;

/// One server process that told of itself within the last minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProcessStanding {
    /// Its identity, which no other start has.
    pub id: String,
    /// `all`, `web` or `worker`.
    pub role: String,
    /// The release that it runs.
    pub version: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it told of itself last.
    pub seen_at: Timestamp,
    /// How it stood then.
    pub state: ProcessState,
}

/// How a process stands, as it tells itself. What another release does not tell is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ProcessState {
    /// The machine or container that it runs on.
    pub host: String,
    /// Its number there.
    pub pid: u32,
    /// The memory that it holds, in bytes.
    pub memory_bytes: u64,
    /// Database connections in use.
    pub connections: u64,
    /// Database connections that may be open.
    pub connections_max: u64,
    /// Open event streams.
    pub streams: u64,
    /// Sessions that it may run at the same time.
    pub workers: u64,
    /// Sessions that it runs.
    pub at_work: u64,
    /// Whether events of other processes pass it by at present: streams then read the log.
    pub is_deaf: bool,
    /// Whether Redis answers it, where one is configured.
    pub has_redis: Option<bool>,
    /// Its cache, by kind of key, since it began.
    pub caches: Vec<CacheUse>,
    /// The replicas as it sees them.
    pub replicas: Vec<ReplicaSeen>,
    /// The providers of models as it sees them.
    pub providers: Vec<ProviderSeen>,
}

/// What the cache did for one kind of key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CacheUse {
    /// The kind.
    pub kind: String,
    /// Look-ups that it answered.
    pub hits: u64,
    /// Look-ups that it could not answer.
    pub misses: u64,
    /// Look-ups that were answered by what was past its lifetime, while it was read anew: of the
    /// processes that are there, since they began.
    pub stale: u64,
    /// Things that those processes have at present.
    pub entries: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

impl CacheUse {
    /// How many of a hundred look-ups it answered.
    #[must_use]
    pub fn hit_percent(&self) -> Option<u64> {
        (self.hits * 100).checked_div(self.hits + self.misses)
    }
}

/// A replica as one process sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReplicaSeen {
    /// Its name in the log.
    pub name: String,
    /// How far it is behind, in milliseconds; `None`: it is not in use.
    pub lag_ms: Option<u64>,
}

/// A provider of models as one process sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProviderSeen {
    /// Its name.
    pub name: String,
    /// Whether it is not asked for a while, because it failed several times in a row.
    pub is_resting: bool,
}

/// One replica, over all processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReplicaStanding {
    /// Its name in the log.
    pub name: String,
    /// How far it is behind at most where it is in use, in milliseconds; `None`: nobody uses it.
    pub lag_ms: Option<u64>,
    /// The processes that use it.
    pub used_by: u64,
    /// The processes that know it.
    pub known_to: u64,
}

impl ReplicaStanding {
    /// What all processes together see of the replicas, in the order of their names.
    #[must_use]
    pub fn of(processes: &[ProcessStanding]) -> Vec<Self> {
        let mut all = BTreeMap::<&str, Self>::new();
        for ReplicaSeen { name, lag_ms } in processes.iter().flat_map(|one| &one.state.replicas) {
            let new = || Self { name: name.clone(), lag_ms: None, used_by: 0, known_to: 0 };
            let known = all.entry(name).or_insert_with(new);
            known.known_to += 1;
            known.used_by += u64::from(lag_ms.is_some());
            known.lag_ms = known.lag_ms.max(*lag_ms);
        }
        all.into_values().collect()
    }
}

/// One provider of models, over all processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProviderStanding {
    /// Its name.
    pub name: String,
    /// The processes that do not ask it for a while, because it failed several times in a row.
    pub resting_in: u64,
    /// The processes that know it.
    pub known_to: u64,
    /// Whole replies of its models in the period.
    pub replies: u64,
    /// Replies that they failed to give.
    pub errors: u64,
}

impl ProviderStanding {
    /// What all processes together see of the providers, in the order of their names, and what their
    /// models did.
    #[must_use]
    pub fn of(processes: &[ProcessStanding], models: &[ModelUse]) -> Vec<Self> {
        let mut all = BTreeMap::<&str, Self>::new();
        let seen = processes.iter().flat_map(|one| &one.state.providers);
        for ProviderSeen { name, is_resting } in seen {
            let new =
                || Self { name: name.clone(), resting_in: 0, known_to: 0, replies: 0, errors: 0 };
            let known = all.entry(name).or_insert_with(new);
            known.known_to += 1;
            known.resting_in += u64::from(*is_resting);
        }
        for provider in all.values_mut() {
            // A model is named by its provider and its own name: `openai:gpt`.
            let is_own = |model: &&ModelUse| {
                let rest = model.name.strip_prefix(&provider.name);
                rest.is_some_and(|rest| rest.starts_with(':'))
            };
            let own: Vec<_> = models.iter().filter(is_own).collect();
            provider.replies = own.iter().map(|model| model.replies).sum();
            provider.errors = own.iter().map(|model| model.errors).sum();
        }
        all.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_that_nobody_asked_has_no_rate() {
        let used = |hits, misses| CacheUse { hits, misses, ..CacheUse::default() };
        assert_eq!(used(0, 0).hit_percent(), None);
        assert_eq!(used(3, 1).hit_percent(), Some(75));
    }

    fn process(replicas: &[(&str, Option<u64>)], providers: &[(&str, bool)]) -> ProcessStanding {
        let seen = |(name, lag_ms): &(&str, Option<u64>)| ReplicaSeen {
            name: (*name).to_owned(),
            lag_ms: *lag_ms,
        };
        let known = |(name, is_resting): &(&str, bool)| ProviderSeen {
            name: (*name).to_owned(),
            is_resting: *is_resting,
        };
        ProcessStanding {
            id: "one".to_owned(),
            role: "all".to_owned(),
            version: "1.0.0".to_owned(),
            started_at: Timestamp::UNIX_EPOCH,
            seen_at: Timestamp::UNIX_EPOCH,
            state: ProcessState {
                replicas: replicas.iter().map(seen).collect(),
                providers: providers.iter().map(known).collect(),
                ..ProcessState::default()
            },
        }
    }

    #[test]
    fn what_several_processes_see_is_one_figure() {
        let all = [
            process(&[("b", Some(3)), ("a", None)], &[("openai", true), ("ollama", false)]),
            process(&[("b", Some(7))], &[("openai", false)]),
        ];
        let replicas: Vec<_> = ReplicaStanding::of(&all)
            .into_iter()
            .map(|one| (one.name, one.lag_ms, one.used_by, one.known_to))
            .collect();
        assert_eq!(replicas, [("a".to_owned(), None, 0, 1), ("b".to_owned(), Some(7), 2, 2)]);
        let model = |name: &str, replies, errors| ModelUse {
            name: name.to_owned(),
            replies,
            p50_ms: None,
            p99_ms: None,
            errors,
        };
        let models = [model("openai:a", 3, 1), model("openai:b", 4, 0), model("openai2:c", 9, 9)];
        let providers: Vec<_> = ProviderStanding::of(&all, &models)
            .into_iter()
            .map(|one| (one.name, one.resting_in, one.known_to, one.replies, one.errors))
            .collect();
        let expected = [("ollama".to_owned(), 0, 1, 0, 0), ("openai".to_owned(), 1, 2, 7, 1)];
        assert_eq!(providers, expected);
    }

    #[test]
    fn what_another_release_tells_is_read() {
        let state: ProcessState =
            serde_json::from_str(r#"{"host":"a","streams":2,"unheard_of":[1]}"#).unwrap();
        assert_eq!((state.streams, state.workers), (2, 0));
    }
}
