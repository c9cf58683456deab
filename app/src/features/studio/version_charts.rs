//! An agent's numbers by version as bars: SVG that the server draws, beside the numbers as text.

use leptos::prelude::*;
use resonant_domain::agent_numbers::VersionNumbers;
use resonant_domain::money::MicroUsd;

use crate::language::{cost_text, number, tr, tr_count, tr_with};
use crate::ui::duration_text;

/// So many of the newest versions are drawn.
const DRAWN: usize = 8;
/// How wide a bar can be, in the drawing's own units.
const WIDTH: u64 = 1_000;

/// A line of a chart: what it stands for, its bars one behind the other, and what they say.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    name: String,
    bars: Vec<Bar>,
    text: String,
}

/// A part of a line: where it begins and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bar {
    kind: &'static str,
    from: u64,
    width: u64,
}

/// What a version is called.
pub(super) fn version_name(numbers: &VersionNumbers) -> String {
    numbers.version.map_or_else(
        || tr("Drafts").to_owned(),
        |version| tr_with("Version {version}", &[("version", &version)]),
    )
}

/// A chart each for sessions, success, time, cost and thumbs, as far as something is known of it.
#[component]
pub(super) fn VersionCharts(
    /// The versions, the newest first.
    versions: Vec<VersionNumbers>,
) -> impl IntoView {
    let versions = &versions[..versions.len().min(DRAWN)];
    let is_rated = versions.iter().any(|numbers| numbers.thumbs_up + numbers.thumbs_down > 0);
    let charts = [
        (tr("Sessions"), tr("Answered, failed, others"), sessions(versions)),
        (tr("Success"), tr("Of those that came to an end"), success(versions)),
        (
            tr("Time"),
            tr(
                "Of those that were answered half took no longer than the dark bar, 99 of 100 than the light one",
            ),
            time(versions),
        ),
        (
            tr("Cost of a session"),
            tr("Half of those that were answered cost at most so much"),
            cost(versions),
        ),
    ];
    let thumbs =
        is_rated.then(|| (tr("Thumbs"), tr("What people think of the sessions"), thumbs(versions)));
    let shown = charts
        .into_iter()
        .chain(thumbs)
        .map(|(title, about, lines)| chart(title, about, lines))
        .collect_view();
    view! { <div class="version-charts">{shown}</div> }
}

fn chart(title: &'static str, about: &'static str, lines: Vec<Line>) -> AnyView {
    let lines = lines
        .into_iter()
        .map(|Line { name, bars, text }| {
            let bars = bars
                .into_iter()
                .map(|Bar { kind, from, width }| {
                    view! {
                        <rect
                            class=format!("version-chart__bar version-chart__bar--{kind}")
                            x=from.to_string()
                            y="0"
                            width=width.to_string()
                            height="10"
                        ></rect>
                    }
                })
                .collect_view();
            view! {
                <div class="version-chart__line">
                    <dt>{name}</dt>
                    <dd>
                        <svg
                            class="version-chart__bars"
                            viewBox=format!("0 0 {WIDTH} 10")
                            preserveAspectRatio="none"
                            aria-hidden="true"
                        >
                            {bars}
                        </svg>
                        <span class="version-chart__text">{text}</span>
                    </dd>
                </div>
            }
        })
        .collect_view();
    view! {
        <figure class="version-chart">
            <figcaption>
                <h3 class="version-chart__title">{title}</h3>
                <p class="version-chart__about">{about}</p>
            </figcaption>
            <dl class="version-chart__lines">{lines}</dl>
        </figure>
    }
    .into_any()
}

/// Bars one after the other, of which the longest line fills the width.
fn stacked(parts: &[(&'static str, u64)], most: u64) -> Vec<Bar> {
    let mut from = 0;
    let mut bars = Vec::new();
    for (kind, count) in parts.iter().copied().filter(|(_, count)| *count > 0) {
        // However few there are, they are seen.
        let width = (count * WIDTH / most.max(1)).clamp(4, WIDTH - from.min(WIDTH - 4));
        bars.push(Bar { kind, from, width });
        from += width;
    }
    bars
}

fn lines(
    versions: &[VersionNumbers],
    bars: impl Fn(&VersionNumbers) -> Vec<Bar>,
    text: impl Fn(&VersionNumbers) -> Option<String>,
) -> Vec<Line> {
    let line = |numbers: &VersionNumbers| Line {
        name: version_name(numbers),
        bars: bars(numbers),
        text: text(numbers).unwrap_or_else(|| "–".to_owned()),
    };
    versions.iter().map(line).collect()
}

fn sessions(versions: &[VersionNumbers]) -> Vec<Line> {
    let most = versions.iter().map(|numbers| numbers.sessions).max().unwrap_or_default();
    let bars = |numbers: &VersionNumbers| {
        let decided = numbers.completed + numbers.failed;
        let other = numbers.sessions.saturating_sub(decided);
        let parts = [("good", numbers.completed), ("bad", numbers.failed), ("other", other)];
        stacked(&parts, most)
    };
    let text = |numbers: &VersionNumbers| {
        let failed = (numbers.failed > 0)
            .then(|| tr_with(", {failed} failed", &[("failed", &number(numbers.failed))]));
        let all = tr_count("{n} session", "{n} sessions", numbers.sessions);
        Some(format!("{all}{}", failed.unwrap_or_default()))
    };
    lines(versions, bars, text)
}

fn success(versions: &[VersionNumbers]) -> Vec<Line> {
    let bars = |numbers: &VersionNumbers| {
        let percent = numbers.success_percent();
        percent.map_or_else(Vec::new, |percent| stacked(&[("good", percent)], 100))
    };
    lines(versions, bars, |numbers| numbers.success_percent().map(|percent| format!("{percent} %")))
}

fn time(versions: &[VersionNumbers]) -> Vec<Line> {
    let most = versions.iter().filter_map(|numbers| numbers.p99_ms).max().unwrap_or_default();
    let bars = |numbers: &VersionNumbers| {
        let long = numbers.p99_ms.map(|ms| stacked(&[("soft", ms)], most));
        let short = numbers.p50_ms.map(|ms| stacked(&[("accent", ms)], most));
        long.into_iter().chain(short).flatten().collect()
    };
    let text = |numbers: &VersionNumbers| {
        let (half, most) = (numbers.p50_ms?, numbers.p99_ms?);
        Some(tr_with(
            "{half}, up to {most}",
            &[("half", &duration_text(half)), ("most", &duration_text(most))],
        ))
    };
    lines(versions, bars, text)
}

fn cost(versions: &[VersionNumbers]) -> Vec<Line> {
    let amount = |cost: MicroUsd| u64::try_from(cost.0).unwrap_or_default();
    let of = |numbers: &VersionNumbers| numbers.median_cost.map(amount);
    let most = versions.iter().filter_map(of).max().unwrap_or_default();
    let bars = |numbers: &VersionNumbers| {
        of(numbers).map_or_else(Vec::new, |cost| stacked(&[("accent", cost)], most))
    };
    lines(versions, bars, |numbers| numbers.median_cost.map(cost_text))
}

fn thumbs(versions: &[VersionNumbers]) -> Vec<Line> {
    let most = versions.iter().map(|numbers| numbers.thumbs_up + numbers.thumbs_down).max();
    let bars = |numbers: &VersionNumbers| {
        let parts = [("good", numbers.thumbs_up), ("bad", numbers.thumbs_down)];
        stacked(&parts, most.unwrap_or_default())
    };
    let text = |numbers: &VersionNumbers| {
        let all = numbers.thumbs_up + numbers.thumbs_down;
        (all > 0).then(|| {
            tr_with(
                "{up} up, {down} down",
                &[("up", &number(numbers.thumbs_up)), ("down", &number(numbers.thumbs_down))],
            )
        })
    };
    lines(versions, bars, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(version: u32) -> VersionNumbers {
        VersionNumbers {
            version: Some(version),
            sessions: 10,
            completed: 6,
            failed: 2,
            p50_ms: Some(500),
            p99_ms: Some(2_000),
            median_cost: Some(MicroUsd(100)),
            cost: MicroUsd(1_000),
            thumbs_up: 3,
            thumbs_down: 1,
        }
    }

    fn widths(line: &Line) -> Vec<(&'static str, u64, u64)> {
        line.bars.iter().map(|bar| (bar.kind, bar.from, bar.width)).collect()
    }

    #[test]
    fn the_longest_line_fills_the_width() {
        let versions = [numbers(2), VersionNumbers { sessions: 20, ..numbers(1) }];
        let drawn = sessions(&versions);
        assert_eq!(widths(&drawn[0]), [("good", 0, 300), ("bad", 300, 100), ("other", 400, 100)]);
        assert_eq!(widths(&drawn[1]), [("good", 0, 300), ("bad", 300, 100), ("other", 400, 600)]);
        assert_eq!(drawn[0].text, "10 sessions, 2 failed");
    }

    #[test]
    fn the_short_bar_lies_before_the_long_one() {
        let drawn = time(&[numbers(1)]);
        assert_eq!(widths(&drawn[0]), [("soft", 0, 1_000), ("accent", 0, 250)]);
    }

    #[test]
    fn what_is_not_known_has_no_bar() {
        let nothing = VersionNumbers {
            completed: 0,
            failed: 0,
            p50_ms: None,
            p99_ms: None,
            median_cost: None,
            thumbs_up: 0,
            thumbs_down: 0,
            ..numbers(1)
        };
        let versions = [nothing];
        for drawn in [success(&versions), time(&versions), cost(&versions), thumbs(&versions)] {
            assert_eq!((drawn[0].bars.len(), drawn[0].text.as_str()), (0, "–"));
        }
    }

    #[test]
    fn a_free_agent_and_a_single_failure_are_drawn_within_the_width() {
        assert_eq!(
            cost(&[VersionNumbers { median_cost: Some(MicroUsd(0)), ..numbers(1) }])[0].bars,
            []
        );
        let bars = stacked(&[("good", 9_999), ("bad", 1)], 10_000);
        let end = bars.last().map(|bar| bar.from + bar.width);
        assert!(end.is_some_and(|end| end <= WIDTH + 4), "{end:?}");
    }
}
