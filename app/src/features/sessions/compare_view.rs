//! Two sessions side by side: their facts, their answers word by word, their steps row by row.

use leptos::prelude::*;
use resonant_domain::session::Session;
use resonant_domain::spec_diff::{Piece, PieceKind, words};
use resonant_domain::timeline::{TimelineCall, TimelineStep};
use resonant_domain::tool::of_ours;

use super::api::SessionSoFar;
use super::figures::{clip, grouped, lay_out, lay_out_json};
use crate::language::{cost_text, tr, tr_with};
use crate::paths;
use crate::ui::{Code, StateBadge, duration_text};

/// Two sessions side by side.
#[component]
pub(super) fn CompareView(
    /// The one on the left.
    left: SessionSoFar,
    /// The one on the right.
    right: SessionSoFar,
) -> impl IntoView {
    let answers = (left.timeline.answer(), right.timeline.answer());
    let answers = match answers {
        (Some(before), Some(after)) if before == after => {
            view! { <p>{tr("Both gave the same answer.")}</p> }.into_any()
        }
        (Some(before), Some(after)) => {
            let pieces = words(before, after);
            view! {
                <div class="pair">
                    <p class="pair__text" tabindex="0">
                        {side(&pieces, PieceKind::Added)}
                    </p>
                    <p class="pair__text" tabindex="0">
                        {side(&pieces, PieceKind::Removed)}
                    </p>
                </div>
            }
            .into_any()
        }
        (before, after) => {
            let text = |answer: Option<&str>| answer.unwrap_or(tr("No answer")).to_owned();
            view! {
                <div class="pair">
                    <p class="pair__text" tabindex="0">
                        {text(before)}
                    </p>
                    <p class="pair__text" tabindex="0">
                        {text(after)}
                    </p>
                </div>
            }
            .into_any()
        }
    };
    let facts = facts(&left, &right);
    let count = left.timeline.steps.len().max(right.timeline.steps.len());
    let (left_steps, right_steps) = (left.timeline.steps, right.timeline.steps);
    let steps = (0..count)
        .map(|at| {
            let (left, right) = (left_steps.get(at), right_steps.get(at));
            let is_same = calls_of(left) == calls_of(right);
            view! {
                <li class="pair-step" class:is-different=!is_same>
                    <h3 class="pair-step__title">
                        {tr_with("Step {step} ", &[("step", &(at + 1))])}
                        <span class="pair-step__mark">
                            {if is_same { tr("same calls") } else { tr("differs") }}
                        </span>
                    </h3>
                    <div class="pair">{step_view(left)} {step_view(right)}</div>
                </li>
            }
        })
        .collect_view();
    view! {
        <article class="comparison">
            {facts}
            <h2>{tr("Answers")}</h2>
            {answers}
            <h2>{tr("Steps")}</h2>
            <ol class="pair-steps">{steps}</ol>
        </article>
    }
}

/// One side of a compared text: what the other side alone has is left out, its own is marked.
fn side(pieces: &[Piece], hidden: PieceKind) -> Vec<AnyView> {
    pieces
        .iter()
        .filter(|piece| piece.kind != hidden)
        .map(|piece| {
            let text = piece.text.clone();
            match piece.kind {
                PieceKind::Same => view! { <span>{text}</span> }.into_any(),
                PieceKind::Removed | PieceKind::Added => {
                    view! { <mark class="pair__mark">{text}</mark> }.into_any()
                }
            }
        })
        .collect()
}

/// What a step called, without what it was answered and how long that took.
fn calls_of(step: Option<&TimelineStep>) -> Vec<(&str, &serde_json::Value)> {
    step.map(|step| step.calls.iter().map(|call| (call.tool.as_str(), &call.arguments)).collect())
        .unwrap_or_default()
}

fn step_view(step: Option<&TimelineStep>) -> AnyView {
    let Some(step) = step else {
        return view! { <p class="pair-step__none">{tr("No such step")}</p> }.into_any();
    };
    let figures = [
        step.duration_ms.map(duration_text),
        step.usage.map(|usage| tr_with("{n} tokens", &[("n", &grouped(usage.total_tokens()))])),
        step.usage.map(|usage| cost_text(usage.cost)),
    ];
    let figures = figures.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let output = (!step.output.is_empty())
        .then(|| view! { <p class="pair-step__output">{step.output.clone()}</p> });
    view! {
        <div class="pair-step__side">
            <p class="pair-step__figures">{figures}</p>
            {step.calls.iter().map(call_view).collect_view()}
            {output}
        </div>
    }
    .into_any()
}

fn call_view(call: &TimelineCall) -> impl IntoView + use<> {
    let title =
        of_ours(&call.tool).map_or_else(|| call.tool.clone(), |tool| tr(tool.title).to_owned());
    let arguments = lay_out_json(&call.arguments);
    let result = call.result.as_ref().map(|result| {
        let laid = lay_out(&result.content);
        let text = clip(&laid.text).map_or(laid.text.clone(), |head| format!("{head}\n…"));
        view! { <Code text=text language=laid.language /> }
    });
    view! {
        <div class="pair-call">
            <p class="pair-call__title">{title}</p>
            <Code text=arguments.text language=arguments.language />
            {result}
        </div>
    }
}

/// What a fact is called, and how it is read from a session.
type Fact = (&'static str, fn(&Session) -> String);

/// State, goal, version, time, steps, tokens, cost and model of both; what differs is marked.
fn facts(left: &SessionSoFar, right: &SessionSoFar) -> impl IntoView + use<> {
    let rows: [Fact; 8] = [
        (tr("Goal"), |session| session.goal.clone()),
        (tr("Agent"), |session| session.agent_name.clone()),
        (tr("Version"), |session| {
            session
                .agent_version
                .map_or_else(|| tr("draft").to_owned(), |version| version.to_string())
        }),
        (tr("Time"), |session| {
            session.worked_ms().map_or_else(|| tr("not over").to_owned(), duration_text)
        }),
        (tr("Steps"), |session| session.steps.to_string()),
        (tr("Tokens"), |session| grouped(session.usage.total_tokens())),
        (tr("Cost"), |session| cost_text(session.usage.cost)),
        (tr("Answered by"), |session| session.model.clone().unwrap_or_default()),
    ];
    let (left, right) = (left.session.clone(), right.session.clone());
    let rows = rows
        .into_iter()
        .map(|(name, read)| {
            let (one, other) = (read(&left), read(&right));
            let is_different = one != other;
            view! {
                <tr class:is-different=is_different>
                    <th scope="row">{name}</th>
                    <td>{one}</td>
                    <td>{other}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="comparison__facts" tabindex="0" role="region" aria-label=tr("Facts")>
            <table class="comparison__table">
                <thead>
                    <tr>
                        <th scope="col">
                            <span class="visually-hidden">{tr("Fact")}</span>
                        </th>
                        <th scope="col">
                            <a href=paths::session(left.id)>{tr("Left")}</a>
                            " "
                            <StateBadge state=left.state />
                        </th>
                        <th scope="col">
                            <a href=paths::session(right.id)>{tr("Right")}</a>
                            " "
                            <StateBadge state=right.state />
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}
