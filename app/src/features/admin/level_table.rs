//! The service targets beside what was measured, and what lies behind each number.

use leptos::prelude::*;
use resonant_domain::UserId;
use resonant_domain::slo::{Behind, Level, NamedAgent, Ranking, Slow, Standing};

use super::admin_frame::WideTable;
use super::figures::figure_text;
use super::sparkline::Sparkline;
use crate::language::{decimal, number, tr, tr_text, tr_with};
use crate::paths;
use crate::ui::{Badge, Time, Tone};

/// The guide's table.
#[component]
pub(super) fn LevelTable(levels: Vec<Level>) -> impl IntoView {
    let row = |level: Level| {
        let Level { title, unit, target, critical, value, standing, burn_rate, points, .. } = level;
        // Of a rate that shall be high the critical value is the lower one.
        let sign = if target > critical { "≥" } else { "≤" };
        let limit = |value: f64| format!("{sign} {}", figure_text(Some(value), &unit));
        let burn = burn_rate.map_or_else(|| "–".to_owned(), |rate| format!("{rate:.2} ×"));
        let burn = decimal(burn);
        view! {
            <tr>
                <th scope="row">{tr_text(title)}</th>
                <td>{limit(target)}</td>
                <td>{limit(critical)}</td>
                <td>
                    <b>{figure_text(value, &unit)}</b>
                </td>
                <td>
                    <Badge tone=tone(standing)>{tr(standing.title())}</Badge>
                </td>
                <td>{burn}</td>
                <td>
                    <Sparkline points target unit />
                </td>
            </tr>
        }
    };
    view! {
        <WideTable
            label=tr("Service levels")
            columns=[
                tr("Level"),
                tr("Target"),
                tr("Critical"),
                tr("Measured"),
                tr("Standing"),
                tr("Burn rate"),
                tr("Course"),
            ]
        >
            {levels.into_iter().map(row).collect_view()}
        </WideTable>
        <p class="admin-note">
            {tr(
                "A burn rate of 1 uses up exactly what may be bad over the period; 10 does so ten times as fast.",
            )}
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

/// The agents that are told by their ids, and who reads it.
#[derive(Clone)]
pub(super) struct Agents {
    /// The agents that are still there.
    pub(super) named: Vec<NamedAgent>,
    /// Who looks at the page.
    pub(super) viewer: Option<UserId>,
}

impl Agents {
    /// An agent by its name, with the way to where the viewer may see it: its listing, or the agent when
    /// it is the viewer's own. Whatever else has this name is shown as it is.
    fn cell(&self, name: String) -> AnyView {
        let Some(agent) = self.named.iter().find(|agent| agent.id.to_string() == name) else {
            return view! { <code>{name}</code> }.into_any();
        };
        let NamedAgent { id, name: title, owner_id, owner, listing } = agent.clone();
        let href = match listing {
            Some(slug) => Some(paths::listing(&slug)),
            None => (self.viewer == Some(owner_id)).then(|| paths::agent(id)),
        };
        let title = match href {
            Some(href) => view! { <a href=href>{title}</a> }.into_any(),
            None => view! { <span>{title}</span> }.into_any(),
        };
        let of_owner = tr_with(" of {owner}", &[("owner", &owner)]);
        view! {
            <span title=name>
                {title} <span class="admin-note">{of_owner}</span>
            </span>
        }
        .into_any()
    }
}

/// What lies behind the value of a level.
#[component]
pub(super) fn BehindTable(
    /// The level's title.
    title: String,
    /// What its value is told in.
    unit: String,
    /// Whether more is better.
    is_floor: bool,
    /// What was bad the most often comes first.
    rows: Vec<Behind>,
    /// The agents' names.
    agents: Agents,
) -> impl IntoView {
    let title = tr_text(title);
    if rows.is_empty() {
        return view! {
            <h3>{title}</h3>
            <p>{tr("Nothing measured in this period.")}</p>
        }
        .into_any();
    }
    let label = tr_with("Behind {title}", &[("title", &title)]);
    let columns = if is_floor {
        [tr("Name"), tr("Times"), tr("Not answered"), tr("Rate")]
    } else {
        [tr("Name"), tr("Times"), tr("Past the target"), tr("Own value")]
    };
    let rows = rows
        .into_iter()
        .map(|Behind { name, count, bad, value }| {
            view! {
                <tr>
                    <th scope="row">{agents.cell(name)}</th>
                    <td>{number(count)}</td>
                    <td>{number(bad)}</td>
                    <td>{figure_text(value, &unit)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <h3>{title}</h3>
        <WideTable label columns>
            {rows}
        </WideTable>
    }
    .into_any()
}

/// Routes, agents or statements that took the most time.
#[component]
pub(super) fn RankingTable(
    /// What took the most.
    ranking: Ranking,
    /// The agents' names.
    agents: Agents,
) -> impl IntoView {
    let Ranking { title, rows } = ranking;
    let ms = |value| figure_text(Some(value), "ms");
    let label = match title.as_str() {
        "Routes" => tr("Routes that took the most time"),
        "Agents" => tr("Agents that took the most time"),
        _ => tr("Statements that took the most time"),
    };
    let title = tr_text(title);
    if rows.is_empty() {
        return view! {
            <h3>{title}</h3>
            <p>{tr("Nothing measured in this period.")}</p>
        }
        .into_any();
    }
    let rows = rows
        .into_iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row">{agents.cell(row.name)}</th>
                    <td>{number(row.count)}</td>
                    <td>{ms(row.p50_ms)}</td>
                    <td>{ms(row.p99_ms)}</td>
                    <td>{ms(row.total_ms)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <h3>{title}</h3>
        <WideTable label columns=[tr("Name"), tr("Times"), "p50", "p99", tr("In sum")]>
            {rows}
        </WideTable>
    }
    .into_any()
}

/// The slowest requests and statements.
#[component]
pub(super) fn SlowTable(slow: Vec<Slow>) -> impl IntoView {
    if slow.is_empty() {
        return view! { <p>{tr("No request and no statement was slow in this period.")}</p> }
            .into_any();
    }
    let row = |sample: Slow| {
        let id = |id: Option<String>| id.unwrap_or_else(|| "–".to_owned());
        view! {
            <tr>
                <td>
                    <Time at=sample.at />
                </td>
                <td>{tr_text(sample.kind)}</td>
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
            label=tr("Slow samples")
            columns=[
                tr("When"),
                tr("What"),
                tr("Name"),
                tr("Took"),
                tr("Request id"),
                tr("Trace id"),
            ]
        >
            {slow.into_iter().map(row).collect_view()}
        </WideTable>
    }
    .into_any()
}
