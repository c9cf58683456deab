//! The tags of a listing, and what was new in its versions.

use leptos::prelude::*;
use resonant_domain::listing::ListingVersion;
use resonant_domain::review::ListingFacts;

use super::figures::counted;
use crate::language::{cost_text, key, tr, tr_with};
use crate::paths;
use crate::ui::{Time, duration_text};

/// Words to find the listing by.
#[component]
pub(super) fn Tags(
    /// The tags.
    tags: Vec<String>,
) -> impl IntoView {
    (!tags.is_empty()).then(|| {
        let tags = tags
            .into_iter()
            .map(|tag| view! { <li><a class="chip" href=paths::tag(&tag)>{tag.clone()}</a></li> });
        view! {
            <ul class="chips" aria-label=tr("Tags")>
                {tags.collect_view()}
            </ul>
        }
    })
}

/// What was new in each version, once there is more to tell than that the first one is there.
#[component]
pub(super) fn ChangeLog(
    /// The versions, the newest first.
    versions: Vec<ListingVersion>,
    /// What was measured about each of them, as far as it is told.
    figures: Vec<ListingFacts>,
) -> impl IntoView {
    let has_news = versions.iter().any(|version| !version.change_log.is_empty());
    (versions.len() > 1 || has_news).then(|| {
        let figures = figures.iter().map(measured).chain(std::iter::repeat(None));
        let rows = versions
            .into_iter()
            .zip(figures)
            .map(|(ListingVersion { version, change_log, created_at }, measured)| {
                let log = Some(change_log).filter(|log| !log.is_empty());
                view! {
                    <li class="change-log__version">
                        <p>
                            <b>{tr_with("Version {version}", &[("version", &version)])}</b>
                            " "
                            <span class="review__about">
                                <Time at=created_at />
                            </span>
                        </p>
                        {log.map(|log| view! { <p class="review__text">{log}</p> })}
                        {measured.map(|text| view! { <p class="review__about">{text}</p> })}
                    </li>
                }
            })
            .collect_view();
        view! {
            <section class="listing__section" aria-labelledby="changes-title">
                <h2 id="changes-title">{tr("Change log")}</h2>
                <ol class="change-log">{rows}</ol>
            </section>
        }
    })
}

/// What was measured about a version, as a sentence. Numbers without runs behind them are not told.
fn measured(facts: &ListingFacts) -> Option<String> {
    let (success, took, cost) = (facts.success_percent()?, facts.p50_ms?, facts.median_cost?);
    let sessions = i64::try_from(facts.sessions).unwrap_or(i64::MAX);
    let sessions = counted(sessions, key("{n} session"), key("{n} sessions"));
    Some(tr_with(
        "Measured on {sessions}: {success} % reached an answer; half took at most {took} and cost at most {cost}.",
        &[
            ("sessions", &sessions),
            ("success", &success),
            ("took", &duration_text(took)),
            ("cost", &cost_text(cost)),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use resonant_domain::money::MicroUsd;
    use resonant_domain::review::ListingRun;

    use super::*;

    #[test]
    fn a_version_is_told_by_its_figures_once_it_has_run() {
        assert_eq!(measured(&ListingFacts::default()), None);
        let run = |is_completed| ListingRun { is_completed, took_ms: 2_000, cost: MicroUsd(400) };
        let facts = ListingFacts::of(&[run(true), run(false)]);
        let text = measured(&facts).unwrap();
        assert!(text.starts_with("Measured on 2 sessions: 50 % reached an answer"), "{text}");
        assert!(text.ends_with("cost at most $0.0004."), "{text}");
    }
}
