//! What a scan found, field by field.

use leptos::prelude::*;
use resonant_domain::scan::{Finding, FindingKind};

use crate::language::{key, tr, tr_text, tr_with};
use crate::ui::{Badge, Notice, Tone};

/// The findings of a scan as a table.
#[component]
pub fn Findings(
    /// What was found.
    findings: Vec<Finding>,
) -> impl IntoView {
    if findings.is_empty() {
        return view! {
            <Notice tone=Tone::Good>
                <p>{tr("The scan found no secrets, no hostile wording and no wide permissions.")}</p>
            </Notice>
        }
        .into_any();
    }
    let rows = findings
        .into_iter()
        .map(|finding| {
            let tone = if finding.is_blocking() { Tone::Bad } else { Tone::Warn };
            let kind = tr(finding.kind.title());
            let weight = match finding.kind {
                FindingKind::Secret | FindingKind::Missing => tr("Must go"),
                FindingKind::Injection | FindingKind::Permission => tr("Worth a look"),
            };
            view! {
                <tr>
                    <th scope="row">
                        <code>{finding.field}</code>
                    </th>
                    <td>
                        <Badge tone>{kind}</Badge>
                    </td>
                    <td>{reason_text(finding.reason)}</td>
                    <td>{weight}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="diff__fields" tabindex="0" role="region" aria-label=tr("What the scan found")>
            <table class="diff__table">
                <thead>
                    <tr>
                        <th scope="col">{tr("Where")}</th>
                        <th scope="col">{tr("Kind")}</th>
                        <th scope="col">{tr("What")}</th>
                        <th scope="col">{tr("Weight")}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// What was found, in the reader's language: a whole sentence of the scan, or its words around what it
/// found there.
fn reason_text(reason: String) -> String {
    const AROUND: [&str; 10] = [
        key("Asks for secrets of whoever installs it: {found}"),
        key("Calls the MCP server at {found} without asking"),
        key("Holds what looks like {found}"),
        key("May reach every host of {found}"),
        key("Says in base64 “{found}”"),
        key("Says “{found}”"),
        key("Sends DELETE requests to {found} without asking"),
        key("Sends PATCH requests to {found} without asking"),
        key("Sends POST requests to {found} without asking"),
        key("Sends PUT requests to {found} without asking"),
    ];
    let whole = tr_text(reason.clone());
    if whole != reason {
        return whole;
    }
    let around = AROUND.into_iter().find_map(|around| {
        let (before, after) = around.split_once("{found}")?;
        let found = reason.strip_prefix(before)?.strip_suffix(after)?;
        Some((around, found.to_owned()))
    });
    match around {
        Some((around, found)) => tr_with(around, &[("found", &tr_text(found))]),
        None => reason,
    }
}
