//! What a session used, in parts: by model and by tool. Beside it how far it might go, and how long people kept
//! it waiting.

use leptos::prelude::*;
use resonant_domain::agent::Limits;
use resonant_domain::breakdown::{Breakdown, ModelUse, ToolUse};
use resonant_domain::money::MicroUsd;
use resonant_domain::session::Usage;
use resonant_domain::tool::of_ours;

use super::figures::grouped;
use super::live_session::LiveSession;
use crate::language::{cost_text, key, tr, tr_with};
use crate::ui::duration_text;

/// Stands where there is no number.
const NONE: &str = "–";
/// For which model everything counts.
const COUNTED: &str = key(
    "All that a step used counts for the model that answered it: also attempts that failed, summaries, and \
    what the agents used that it called.",
);

/// The parts, folded up until they are asked for.
#[component]
pub(super) fn Parts(
    /// The session.
    live: LiveSession,
    /// How far it may go.
    limits: Limits,
) -> impl IntoView {
    let parts = Memo::new(move |_| live.breakdown());
    let people_ms = Memo::new(move |_| live.people_ms());
    let waited = move || {
        let ms = people_ms.get();
        (ms > 0).then(|| {
            let text = tr_with(
                "People kept it waiting for {time}. That is no part of its time.",
                &[("time", &duration_text(ms))],
            );
            view! { <p>{text}</p> }
        })
    };
    let has_more = Memo::new(move |_| parts.with(|parts| parts.has_more));
    view! {
        <details class="session__parts">
            <summary>{tr("What it used, in parts")}</summary>
            <p>{bounds(limits)}</p>
            {waited}
            {move || parts.with(models)}
            {move || has_more.get().then(|| view! { <p>{tr(COUNTED)}</p> })}
            {move || parts.with(tools)}
        </details>
    }
}

/// How far it may go, in words.
fn bounds(limits: Limits) -> String {
    let time = duration_text(u64::from(limits.timeout_seconds) * 1_000);
    let mut text = tr_with(
        "It may take {steps} steps, write {tokens} tokens and work for {time}.",
        &[
            ("steps", &limits.max_steps),
            ("tokens", &grouped(u64::from(limits.max_tokens))),
            ("time", &time),
        ],
    );
    if let Some(most) = limits.max_cost_micro_usd {
        let cost = cost_text(MicroUsd(i64::try_from(most).unwrap_or(i64::MAX)));
        text.push(' ');
        text.push_str(&tr_with("It may cost {cost}.", &[("cost", &cost)]));
    }
    text
}

fn models(parts: &Breakdown) -> Option<AnyView> {
    let row = |name: String, steps: String, usage: Usage| {
        let (read, written) = (grouped(usage.input_tokens), grouped(usage.output_tokens));
        (name, vec![steps, read, written, cost_text(usage.cost)])
    };
    let mut rows: Vec<_> = parts
        .models
        .iter()
        .map(|ModelUse { model, steps, usage }| {
            let name = model.clone().unwrap_or_else(|| NONE.to_owned());
            row(name, grouped(u64::from(*steps)), *usage)
        })
        .collect();
    if parts.rest != Usage::default() {
        let name = tr("Steps that have not ended").to_owned();
        rows.push(row(name, NONE.to_owned(), parts.rest));
    }
    let titles = [tr("Model"), tr("Steps"), tr("Tokens read"), tr("Tokens written"), tr("Cost")];
    table(tr("What it used, by model"), &titles, rows)
}

fn tools(parts: &Breakdown) -> Option<AnyView> {
    let row = |ToolUse { tool, calls, failed, duration_ms }: &ToolUse| {
        let name = of_ours(tool).map_or_else(|| tool.clone(), |known| tr(known.title).to_owned());
        let (calls, failed) = (grouped(u64::from(*calls)), grouped(u64::from(*failed)));
        (name, vec![calls, failed, duration_text(*duration_ms)])
    };
    let rows = parts.tools.iter().map(row).collect();
    let titles = [tr("Tool"), tr("Calls"), tr("Failed"), tr("Time")];
    table(tr("What it called, by tool"), &titles, rows)
}

/// A table of named rows; none where there are none.
fn table(
    label: &'static str,
    titles: &[&'static str],
    rows: Vec<(String, Vec<String>)>,
) -> Option<AnyView> {
    if rows.is_empty() {
        return None;
    }
    let titles: Vec<_> =
        titles.iter().map(|title| view! { <th scope="col">{*title}</th> }).collect();
    let row = |(name, cells): (String, Vec<String>)| {
        let cells: Vec<_> = cells.into_iter().map(|cell| view! { <td>{cell}</td> }).collect();
        view! {
            <tr>
                <th scope="row">{name}</th>
                {cells}
            </tr>
        }
    };
    let rows: Vec<_> = rows.into_iter().map(row).collect();
    Some(
        view! {
            <div class="numbers__table" tabindex="0" role="region" aria-label=label>
                <table class="diff__table">
                    <thead>
                        <tr>{titles}</tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .into_any(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_a_session_may_go_is_said_with_its_money_where_that_is_bounded() {
        let limits = Limits::default();
        let free = "It may take 10 steps, write 4,000 tokens and work for 2 min 0 s.";
        assert_eq!(bounds(limits), free);
        let limits = Limits { max_cost_micro_usd: Some(250_000), ..limits };
        assert_eq!(bounds(limits), format!("{free} It may cost $0.25."));
    }
}
