//! Sessions by day as bars: an SVG that the server draws. The same numbers stand in a table
//! below it.

use leptos::prelude::*;
use resonant_domain::agent_numbers::DAYS;

use super::version_api::DrawnDay;
use crate::language::{number, tr, tr_with};
use crate::ui::day_text;

/// The drawing's size, in its own units.
const WIDTH: u64 = 600;
const HEIGHT: u64 = 140;

/// Bars of the last days, one on top of the other: answered, failed, other.
#[component]
pub(super) fn DayChart(
    /// The days, in order; those without a session may be left out.
    days: Vec<DrawnDay>,
    /// The last of the days that are drawn, such as `2026-11-25`.
    today: String,
) -> impl IntoView {
    let most = days.iter().map(total).max().unwrap_or(0).max(1);
    let bars = days
        .iter()
        .filter_map(|day| {
            let place = (DAYS.unsigned_abs() - 1).checked_sub(day.ago)?;
            Some(bar(day, place, most))
        })
        .collect_view();
    let all: u64 = days.iter().map(total).sum();
    let failed: u64 = days.iter().map(|day| day.failed).sum();
    let until = day_text(&today);
    let (all, failed, busy) = (number(all), number(failed), number(most));
    let told = tr_with(
        "Sessions by day, the {days} days until {until}: {all} in all, {failed} of them failed, \
         {most} on the busiest day",
        &[("days", &DAYS), ("until", &until), ("all", &all), ("failed", &failed), ("most", &busy)],
    );
    let busiest = tr_with("Most on one day: {most}", &[("most", &busy)]);
    let span = tr_with("{days} days until {until}", &[("days", &DAYS), ("until", &until)]);
    let rows = days
        .iter()
        .rev()
        .map(|day| {
            view! {
                <tr>
                    <th scope="row">{day_text(&day.date)}</th>
                    <td>{number(day.completed)}</td>
                    <td>{number(day.failed)}</td>
                    <td>{number(day.other)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <figure class="day-chart">
            <svg
                class="day-chart__bars"
                viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                role="img"
                aria-label=told
            >
                {bars}
            </svg>
            <figcaption class="day-chart__legend">
                <span class="day-chart__key day-chart__key--completed">{tr("Answered")}</span>
                <span class="day-chart__key day-chart__key--failed">{tr("Failed")}</span>
                <span class="day-chart__key day-chart__key--other">
                    {tr("Running or cancelled")}
                </span>
                <span>{busiest}</span>
                <span>{span}</span>
            </figcaption>
        </figure>
        <details class="numbers__details">
            <summary>{tr("The days as a table")}</summary>
            <div
                class="numbers__table"
                tabindex="0"
                role="region"
                aria-label=tr("Sessions by day")
            >
                <table class="diff__table">
                    <thead>
                        <tr>
                            <th scope="col">{tr("Day")}</th>
                            <th scope="col">{tr("Answered")}</th>
                            <th scope="col">{tr("Failed")}</th>
                            <th scope="col">{tr("Other")}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </details>
    }
}

const fn total(day: &DrawnDay) -> u64 {
    day.completed + day.failed + day.other
}

fn bar(day: &DrawnDay, place: u64, most: u64) -> impl IntoView + use<> {
    let width = WIDTH / DAYS.unsigned_abs();
    let mut bottom = HEIGHT;
    let parts = [("completed", day.completed), ("failed", day.failed), ("other", day.other)]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| {
            let height = (count * HEIGHT / most).max(2);
            bottom = bottom.saturating_sub(height);
            view! {
                <rect
                    class=format!("day-chart__bar day-chart__bar--{name}")
                    x=(place * width + 1).to_string()
                    y=bottom.to_string()
                    width=(width - 2).to_string()
                    height=height.to_string()
                ></rect>
            }
        })
        .collect_view();
    view! {
        <g>
            <title>{format!("{}: {}", day_text(&day.date), number(total(day)))}</title>
            {parts}
        </g>
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn the_days_end_today_whenever_the_last_session_was() {
        Owner::new().with(|| {
            provide_context(Language::English);
            let date = "2026-11-05".to_owned();
            let days = vec![DrawnDay { date, ago: 20, completed: 3, failed: 1, other: 0 }];
            let today = "2026-11-25".to_owned();
            let told = format!("the 30 days until {}: 4 in all", day_text(&today));
            let html = view! { <DayChart days today /> }.to_html();
            assert!(html.contains(&told), "{told}: {html}");
            // Nine days stand before it, each twenty wide.
            assert!(html.contains("x=\"181\""), "{html}");
        });
    }
}
