//! A test set with its runs, and one of them case by case.

use leptos::prelude::*;
use resonant_domain::ids::AgentId;
use resonant_domain::page::Page;
use resonant_domain::spec_diff::Piece;
use resonant_domain::test_set::{CaseResult, CheckResult, RunSummary, TestRun};

use super::bench_api::ShownSet;
use super::diff_view::WordDiff;
use crate::language::{cost_text, key, tr, tr_count, tr_text, tr_with};
use crate::paths;
use crate::ui::{Badge, PageLinks, Time, Tone, duration_text};

/// What a run came to, in a word.
#[component]
pub(super) fn Verdict(run: RunSummary) -> impl IntoView {
    let (tone, text) = if run.ended_at.is_none() {
        let decided = run.passed + run.failed;
        (
            Tone::Info,
            tr_with(
                "Runs: {decided} of {cases} decided",
                &[("decided", &decided), ("cases", &run.cases)],
            ),
        )
    } else if run.has_passed() {
        (Tone::Good, tr_with("All {cases} passed", &[("cases", &run.cases)]))
    } else {
        (
            Tone::Bad,
            tr_with(
                "{failed} of {cases} failed",
                &[("failed", &run.failed), ("cases", &run.cases)],
            ),
        )
    };
    view! { <Badge tone>{text}</Badge> }
}

/// What a run was made against.
fn against(run: &RunSummary) -> String {
    run.agent_version.map_or_else(
        || tr("Against the draft").to_owned(),
        |number| tr_with("Against version {number}", &[("number", &number)]),
    )
}

/// What a check asked for: the words that the domain puts around a text are told in the language of
/// the page.
fn check_text(title: String) -> String {
    let forms = [key("Contains “{text}”"), key("Does not contain “{text}”"), key("Judged: {text}")];
    for form in forms {
        let (before, after) = form.split_once("{text}").unwrap_or((form, ""));
        let text = title.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        if let Some(text) = text {
            return tr_with(form, &[("text", &text)]);
        }
    }
    tr_text(title)
}

/// A set with its runs, and one of them case by case.
#[component]
pub(super) fn Shown(id: AgentId, shown: ShownSet) -> impl IntoView {
    let ShownSet { set, runs, is_later, run, compared } = shown;
    let set_id = set.id;
    let Page { items: runs, next_cursor } = runs;
    let others = (is_later || runs.len() > 1).then(|| {
        let line = |run: RunSummary| {
            let href = paths::test_run(id, set_id, run.id);
            view! {
                <li>
                    <a href=href>{against(&run)}</a>
                    " " <Time at=run.started_at /> " " <Verdict run />
                </li>
            }
        };
        view! {
            <details open=is_later>
                <summary>{tr("Its last runs")}</summary>
                <ul>{runs.into_iter().map(line).collect_view()}</ul>
                <PageLinks
                    next=next_cursor.map(|cursor| paths::test_runs_page(id, set_id, &cursor))
                    more=tr("Older runs")
                    first=is_later.then(|| paths::test_set(id, set_id))
                    back=tr("Back to the newest")
                />
            </details>
        }
    });
    let run = match run {
        None => view! { <p>{tr("It has not run yet.")}</p> }.into_any(),
        Some(run) => view! { <Run run compared /> }.into_any(),
    };
    view! {
        <section class="account__part" aria-labelledby="shown-title">
            <h2 id="shown-title">{set.name}</h2>
            {run}
            {others}
        </section>
    }
}

#[component]
fn Run(run: TestRun, compared: Vec<Vec<Piece>>) -> impl IntoView {
    let TestRun { summary, results, previous, .. } = run;
    let before = previous.map(|previous| {
        let sentence = if previous.agent_version.is_some() {
            key("The run before, against version {number}: {passed} of {cases} passed, {cost} and {time}.")
        } else {
            key("The run before, against the draft: {passed} of {cases} passed, {cost} and {time}.")
        };
        let text = tr_with(
            sentence,
            &[
                ("number", &previous.agent_version.unwrap_or_default()),
                ("passed", &previous.passed),
                ("cases", &previous.cases),
                ("cost", &cost_text(previous.cost)),
                ("time", &duration_text(previous.duration_ms)),
            ],
        );
        view! { <p class="secret__about">{text}</p> }
    });
    let turned = results.iter().filter(|result| result.has_turned()).count();
    let turned = (turned > 0).then(|| {
        let text = tr_count(
            "{n} case has turned since the run before.",
            "{n} cases have turned since the run before.",
            turned as u64,
        );
        view! { <p>{text}</p> }
    });
    let (cost, time) = (cost_text(summary.cost), duration_text(summary.duration_ms));
    let took = tr_with(" {cost} and {time}", &[("cost", &cost), ("time", &time)]);
    view! {
        <p role="status">
            {against(&summary)} " " <Time at=summary.started_at /> ": "
            <Verdict run=summary.clone() />
            {took}
        </p>
        {before}
        {turned}
        <ol class="secret-list">
            {results
                .into_iter()
                .zip(compared)
                .map(|(result, pieces)| view! { <Case result pieces /> })
                .collect_view()}
        </ol>
    }
}

#[component]
fn Case(result: CaseResult, pieces: Vec<Piece>) -> impl IntoView {
    let turned = result.has_turned();
    let CaseResult { case, session_id, outcome, passed_before } = result;
    let before =
        passed_before.map(|passed| if passed { tr("passed before") } else { tr("failed before") });
    let (tone, word) = match outcome.as_ref().map(|outcome| outcome.passed) {
        None => (Tone::Info, tr("Under way")),
        Some(true) => (Tone::Good, tr("Passed")),
        Some(false) => (Tone::Bad, tr("Failed")),
    };
    let about = outcome.as_ref().map(|outcome| {
        format!("{} · {}", cost_text(outcome.cost), duration_text(outcome.duration_ms))
    });
    let details = outcome.map(|outcome| {
        let check = |check: CheckResult| {
            let mark = if check.passed { tr("Passed: ") } else { tr("Failed: ") };
            let reason = check.reason.map(|reason| format!(" ({})", tr_text(reason)));
            view! { <li>{mark} {check_text(check.title)} {reason}</li> }
        };
        view! {
            {outcome.reason.map(|reason| view! { <p>{tr_text(reason)}</p> })}
            <ul class="bench__checks">{outcome.checks.into_iter().map(check).collect_view()}</ul>
            <details>
                <summary>{tr("Its answer")}</summary>
                <p class="session__text">{outcome.answer}</p>
            </details>
            {(!pieces.is_empty())
                .then(|| {
                    view! {
                        <details open=true>
                            <summary>{tr("Its answer beside the expected one")}</summary>
                            <WordDiff pieces />
                        </details>
                    }
                })}
        }
    });
    view! {
        <li class="secret">
            <div class="secret__head">
                <h3 class="secret__name">{case.title()}</h3>
                <Badge tone>{word}</Badge>
                {before
                    .map(|before| {
                        let tone = if turned { Tone::Warn } else { Tone::Neutral };
                        view! { <Badge tone>{before}</Badge> }
                    })}
                <span class="secret__about">{about}</span>
                <a href=paths::session(session_id)>{tr("Session")}</a>
            </div>
            {details}
        </li>
    }
}
