//! What was used day by day as bars: SVG that the server draws. The same numbers stand in a table below.

use leptos::prelude::*;
use resonant_domain::money::MicroUsd;
use resonant_domain::usage::DAYS;

use super::usage_api::UsedOnDay;
use crate::language::{cost_text, key, number, tr, tr_with};
use crate::ui::day_text;

/// The drawing's size, in its own units.
const WIDTH: u64 = 600;
const HEIGHT: u64 = 100;

/// Tokens and cost by day, each as bars, and both as a table.
#[component]
pub(super) fn UsageChart(
    /// The days, in order; those without a session may be left out.
    days: Vec<UsedOnDay>,
    /// Today, such as `2026-11-25`.
    today: String,
) -> impl IntoView {
    let until = day_text(&today);
    let sum: u64 = days.iter().map(|day| day.tokens).sum();
    let cost: MicroUsd = days.iter().map(|day| day.cost).sum();
    let told = |what: &'static str, all: String| {
        tr_with(what, &[("days", &DAYS), ("until", &until), ("all", &all)])
    };
    let tokens = bars(
        tr("Tokens by day"),
        told(key("{all} tokens in the {days} days until {until}"), number(sum)),
        &days,
        |day| (day.tokens, number(day.tokens)),
    );
    let costs = bars(
        tr("Cost by day"),
        told(key("{all} in the {days} days until {until}"), cost_text(cost)),
        &days,
        |day| (u64::try_from(day.cost.0).unwrap_or(0), cost_text(day.cost)),
    );
    let rows = days
        .iter()
        .rev()
        .map(|day| {
            view! {
                <tr>
                    <th scope="row">{day_text(&day.date)}</th>
                    <td>{number(day.tokens)}</td>
                    <td>{cost_text(day.cost)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        {tokens}
        {costs}
        <details class="numbers__details">
            <summary>{tr("The days as a table")}</summary>
            <div class="numbers__table" tabindex="0" role="region" aria-label=tr("Usage by day")>
                <table class="diff__table">
                    <thead>
                        <tr>
                            <th scope="col">{tr("Day")}</th>
                            <th scope="col">{tr("Tokens")}</th>
                            <th scope="col">{tr("Cost")}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </details>
    }
}

/// A bar for each day, the highest as high as the drawing.
fn bars(
    title: &'static str,
    told: String,
    days: &[UsedOnDay],
    value: impl Fn(&UsedOnDay) -> (u64, String),
) -> AnyView {
    let width = WIDTH / DAYS.unsigned_abs();
    let most = days.iter().map(|day| value(day).0).max().unwrap_or_default();
    let drawn = days
        .iter()
        .filter_map(|day| {
            let place = (DAYS.unsigned_abs() - 1).checked_sub(day.ago)?;
            let (amount, text) = value(day);
            let (top, height) = placed(amount, most)?;
            let label = format!("{}: {text}", day_text(&day.date));
            Some(view! {
                <rect
                    class="usage-chart__bar day-chart__bar"
                    x=(place * width + 1).to_string()
                    y=top.to_string()
                    width=(width - 2).to_string()
                    height=height.to_string()
                >
                    <title>{label}</title>
                </rect>
            })
        })
        .collect_view();
    let label = format!("{title}: {told}");
    view! {
        <figure class="day-chart">
            <svg
                class="day-chart__bars"
                viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                role="img"
                aria-label=label
            >
                {drawn}
            </svg>
            <figcaption class="day-chart__legend">
                <span>{title}</span>
                <span>{told}</span>
            </figcaption>
        </figure>
    }
    .into_any()
}

/// Where a bar begins and how high it is. However little it stands for, it is seen; nothing is none.
fn placed(amount: u64, most: u64) -> Option<(u64, u64)> {
    if amount == 0 {
        return None;
    }
    let share = u128::from(amount) * u128::from(HEIGHT) / u128::from(most.max(1));
    let height = u64::try_from(share).unwrap_or(HEIGHT).clamp(2, HEIGHT);
    Some((HEIGHT - height, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_fills_the_drawing_and_the_least_is_seen() {
        assert_eq!(placed(500, 500), Some((0, HEIGHT)));
        assert_eq!(placed(250, 500), Some((HEIGHT / 2, HEIGHT / 2)));
        assert_eq!(placed(1, 1_000_000), Some((HEIGHT - 2, 2)));
        assert_eq!(placed(0, 500), None);
        assert_eq!(placed(0, 0), None);
        assert_eq!(placed(u64::MAX, u64::MAX), Some((0, HEIGHT)));
    }
}
