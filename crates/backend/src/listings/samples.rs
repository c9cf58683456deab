//! The sample listings that come with every installation: `content/listings.json`.

use resonant_domain::agent::AgentSpec;
use resonant_domain::listing::{Category, Example};
use serde::Deserialize;

use crate::{Error, Result};

/// A sample listing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) tagline: String,
    pub(super) category: Category,
    pub(super) is_template: bool,
    pub(super) tags: Vec<String>,
    pub(super) description: String,
    pub(super) agent: AgentSpec,
    pub(super) examples: Vec<Example>,
}

/// Every sample, in the order in which they are published.
pub(super) fn read() -> Result<Vec<Sample>> {
    serde_json::from_str(include_str!("../../content/listings.json")).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use resonant_domain::price::Price;
    use resonant_domain::publication::ListingTexts;
    use resonant_domain::scan::{FindingKind, scan};
    use resonant_domain::session::NewSession;

    use super::*;

    #[test]
    fn no_sample_raises_a_false_alarm() {
        for sample in read().unwrap() {
            let texts = ListingTexts {
                name: sample.name,
                tagline: sample.tagline,
                category: sample.category,
                description: sample.description,
                tags: sample.tags,
                change_log: String::new(),
                price: Price::FREE,
                examples: sample.examples,
            };
            let found = scan(&texts, &sample.agent);
            let is_alarm = |kind| matches!(kind, FindingKind::Secret | FindingKind::Injection);
            assert!(!found.iter().any(|it| is_alarm(it.kind)), "{}: {found:?}", sample.slug);
        }
    }

    #[test]
    fn every_sample_is_a_valid_agent_with_goals_to_try() {
        for sample in read().unwrap() {
            let slug = &sample.slug;
            assert_eq!(sample.agent.check(), Ok(()), "{slug}");
            assert!((2..=4).contains(&sample.examples.len()), "{slug}");
            for Example { goal, context } in sample.examples {
                let new = NewSession { goal, context, ..NewSession::default() };
                assert_eq!(new.check(), Ok(()), "{slug}");
            }
        }
    }

    #[test]
    fn every_sample_reads_well() {
        for sample in read().unwrap() {
            let slug = &sample.slug;
            assert!(slug.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{slug}");
            assert_eq!(sample.name, sample.agent.name, "{slug}");
            assert!((20..=120).contains(&sample.tagline.chars().count()), "{slug}");
            assert!((2..=4).contains(&sample.description.split("\n\n").count()), "{slug}");
            for text in [&sample.tagline, &sample.description, &sample.agent.system_prompt] {
                assert!(!text.contains(['"', '\'']), "straight quotes in {slug}");
            }
        }
    }

    #[test]
    fn every_prompt_tells_the_planner_what_to_do() {
        for sample in read().unwrap() {
            let lines = sample.agent.system_prompt.lines();
            assert_eq!(lines.filter(|line| line.starts_with("Do: ")).count(), 1, "{}", sample.slug);
        }
    }

    #[test]
    fn every_category_has_something_to_offer() {
        let samples = read().unwrap();
        let slugs: BTreeSet<_> = samples.iter().map(|sample| &sample.slug).collect();
        assert_eq!(slugs.len(), samples.len());
        for category in Category::ALL {
            let count = samples.iter().filter(|sample| sample.category == category).count();
            assert!(count >= 3, "{category:?}: {count}");
        }
        assert_eq!(samples.iter().filter(|sample| sample.is_template).count(), 6);
    }
}
