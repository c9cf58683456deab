//! The service targets beside what was measured, and what lies behind each number.

use leptos::prelude::*;
use resonant_domain::operations::figure_text;
use resonant_domain::slo::{Level, Ranking, Slow, Standing};

use super::admin_frame::WideTable;
use super::sparkline::Sparkline;
use crate::ui::{Badge, Time, Tone};

/// The guide's table.
#[component]
pub(super) fn LevelTable(levels: Vec<Level>) -> impl IntoView {
    let row = |level: Level| {
        let Level { title, unit, target, critical, value, standing, burn_rate, points, .. } = level;
        // Of a rate that shall be high the critical value is the lower one.
        let sign = if target > critical { "≥" } else { "≤" };
        let limit = |value: f64| format!("{sign} {}", figure_text(Some(value), &unit));
        view! {
            <tr>
                <th scope="row">{title}</th>
                <td>{limit(target)}</td>
                <td>{limit(critical)}</td>
                <td>
                    <b>{figure_text(value, &unit)}</b>
                </td>
                <td>
                    <Badge tone=tone(standing)>{standing.title()}</Badge>
                </td>
                <td>{burn_rate.map_or_else(|| "–".to_owned(), |rate| format!("{rate:.2} ×"))}</td>
                <td>
                    <Sparkline points target unit />
                </td>
            </tr>
        }
    };
    view! {
        <WideTable
            label="Service levels"
            columns=&["Level", "Target", "Critical", "Measured", "Standing", "Burn rate", "Course"]
        >
            {levels.into_iter().map(row).collect_view()}
        </WideTable>
        <p class="admin-note">
            "A burn rate of 1 uses up exactly what may be bad over the period; 10 does so ten times as fast."
        </p>
    }
}

const fn tone(standing: Standing) -> Tone {
    match standing {
        Standing::Unknown => Tone::Neutral,
        Standing::Kept => Tone::Good,
        Standing::Missed => Tone::Warn,
        Standing::Critical => Tone::Bad,
    }
}

/// Routes, agents or statements that took the most time.
#[component]
pub(super) fn RankingTable(ranking: Ranking) -> impl IntoView {
    let Ranking { title, rows } = ranking;
    let ms = |value| figure_text(Some(value), "ms");
    let label = match title.as_str() {
        "Routes" => "Routes that took the most time",
        "Agents" => "Agents that took the most time",
        _ => "Statements that took the most time",
    };
    if rows.is_empty() {
        return view! {
            <h2>{title}</h2>
            <p>"Nothing measured in this period."</p>
        }
        .into_any();
    }
    let rows = rows
        .into_iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row">
                        <code>{row.name}</code>
                    </th>
                    <td>{row.count}</td>
                    <td>{ms(row.p50_ms)}</td>
                    <td>{ms(row.p99_ms)}</td>
                    <td>{ms(row.total_ms)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <h2>{title}</h2>
        <WideTable label columns=&["Name", "Times", "p50", "p99", "In sum"]>
            {rows}
        </WideTable>
    }
    .into_any()
}

/// The slowest requests and statements.
#[component]
pub(super) fn SlowTable(slow: Vec<Slow>) -> impl IntoView {
    if slow.is_empty() {
        return view! { <p>"No request and no statement was slow in this period."</p> }.into_any();
    }
    let row = |sample: Slow| {
        let id = |id: Option<String>| id.unwrap_or_else(|| "–".to_owned());
        view! {
            <tr>
                <td>
                    <Time at=sample.at />
                </td>
                <td>{sample.kind}</td>
                <th scope="row">
                    <code>{sample.name}</code>
                </th>
                <td>{figure_text(Some(sample.duration_ms), "ms")}</td>
                <td>
                    <code>{id(sample.request_id)}</code>
                </td>
                <td>
                    <code>{id(sample.trace_id)}</code>
                </td>
            </tr>
        }
    };
    view! {
        <WideTable
            label="Slow samples"
            columns=&["When", "What", "Name", "Took", "Request id", "Trace id"]
        >
            {slow.into_iter().map(row).collect_view()}
        </WideTable>
    }
    .into_any()
}
