//! What a scan found, field by field.

use leptos::prelude::*;
use resonant_domain::scan::{Finding, FindingKind};

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
                <p>"The scan found no secrets, no hostile wording and no wide permissions."</p>
            </Notice>
        }
        .into_any();
    }
    let rows = findings
        .into_iter()
        .map(|finding| {
            let tone = if finding.is_blocking() { Tone::Bad } else { Tone::Warn };
            let kind = finding.kind.title();
            let weight = match finding.kind {
                FindingKind::Secret | FindingKind::Missing => "Must go",
                FindingKind::Injection | FindingKind::Permission => "Worth a look",
            };
            view! {
                <tr>
                    <th scope="row">
                        <code>{finding.field}</code>
                    </th>
                    <td>
                        <Badge tone>{kind}</Badge>
                    </td>
                    <td>{finding.reason}</td>
                    <td>{weight}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="diff__fields" tabindex="0" role="region" aria-label="What the scan found">
            <table class="diff__table">
                <thead>
                    <tr>
                        <th scope="col">"Where"</th>
                        <th scope="col">"Kind"</th>
                        <th scope="col">"What"</th>
                        <th scope="col">"Weight"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}
