//! `/studio/agents/{id}/bench`: the test sets of an agent, and what became of them.

use std::time::Duration;

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::ids::AgentId;
use resonant_domain::page::Page;
use resonant_domain::team::AgentRight;
use resonant_domain::test_set::{CaseResult, CheckResult, RunSummary, TestRun, TestSet};

use super::bench_api::{BenchPage, DeleteTestSet, RunTestSet, SetTestPolicy, ShownSet, get_bench};
use super::editor_route::agent_id;
use super::team_panel::{StandingNote, may};
use crate::error::{AppError, action_error};
use crate::language::{cost_text, key, tr, tr_count, tr_text, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Badge, Button, ButtonKind, FormError, LinkButton, Notice, PageHead, PageLinks, Select,
    Skeleton, Time, Tone, cannot_be_shown, duration_text,
};

/// While a run is under way the page asks anew after such a time.
const EVERY: Duration = Duration::from_secs(2);

/// The page of an agent's bench.
pub struct BenchRoute {
    actions: Actions,
    page: Resource<Result<BenchPage, AppError>>,
}

/// Everything that the page's forms do.
#[derive(Clone, Copy)]
struct Actions {
    run: ServerAction<RunTestSet>,
    delete: ServerAction<DeleteTestSet>,
    policy: ServerAction<SetTestPolicy>,
}

impl LazyPage for BenchRoute {
    fn data() -> Self {
        let actions = Actions {
            run: ServerAction::new(),
            delete: ServerAction::new(),
            policy: ServerAction::new(),
        };
        let (params, query) = (use_params_map(), use_query_map());
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let shown = Memo::new(move |_| {
            let query = query.read();
            (query.get("set"), query.get("run"), query.get("runs"))
        });
        let Actions { run, delete, policy } = actions;
        let versions =
            move || [run.version().get(), delete.version().get(), policy.version().get()];
        let page = Resource::new_blocking(
            move || (id.get(), shown.get(), versions()),
            |(id, (set, run, runs), _)| async move {
                let parsed = set.map(|set| set.parse().map_err(|_| no_set())).transpose()?;
                let run = run.map(|run| run.parse().map_err(|_| no_set())).transpose()?;
                get_bench(agent_id(&id)?, parsed, run, runs).await
            },
        );
        Self { actions, page }
    }

    fn view(this: Self) -> AnyView {
        let BenchRoute { actions, page } = this;
        Effect::new(move || {
            let is_open = page.with(|page| match page {
                Some(Ok(page)) => page.is_open(),
                _ => false,
            });
            if is_open && let Ok(handle) = set_timeout_with_handle(move || page.refetch(), EVERY) {
                on_cleanup(move || handle.clear());
            }
        });
        view! {
            <Title text=tr("Bench") />
            <Meta
                name="description"
                content=tr("What an AI agent should do, and whether it does")
            />
            <Transition fallback=|| {
                view! { <Skeleton lines=12 /> }
            }>
                {move || Suspend::new(async move {
                    match page.await {
                        Ok(page) => view! { <Bench page actions /> }.into_any(),
                        Err(error) => cannot_be_shown(tr("These tests cannot be shown"), error),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn no_set() -> AppError {
    AppError::not_found(key("There is no such test set"))
}

#[component]
fn Bench(page: BenchPage, actions: Actions) -> impl IntoView {
    let BenchPage {
        agent_id: id,
        agent_name,
        sets,
        requires_tests,
        missing,
        published,
        shown,
        standing,
    } = page;
    let may_edit = may(standing.as_ref(), AgentRight::Edit);
    let note = standing.map(|standing| view! { <StandingNote standing=standing /> });
    let new = may_edit.then(|| {
        view! {
            <p>
                <LinkButton href=paths::new_test_set(id) kind=ButtonKind::Primary>
                    {tr("Add a test set")}
                </LinkButton>
            </p>
        }
    });
    let policy = may_edit.then(|| {
        view! {
            <ActionForm action=actions.policy>
                <input type="hidden" name="id" value=id.to_string() />
                <input type="hidden" name="requires_tests" value=(!requires_tests).to_string() />
                <Button busy=actions.policy.pending()>
                    {if requires_tests {
                        tr("Publish without tests")
                    } else {
                        tr("Require them to pass")
                    }}
                </Button>
            </ActionForm>
        }
    });
    let nothing = sets.is_empty().then(|| {
        view! {
            <p>
                {tr(
                    "None yet. A test set holds goals and what their answers must say; run it before you \
                    publish, and see what has changed.",
                )}
            </p>
        }
    });
    let row = move |set: TestSet| view! { <SetRow id set published actions may_edit /> };
    view! {
        <div class="account">
            <PageHead
                title=tr_with("Bench of {agent}", &[("agent", &agent_name)])
                lead=tr("Test sets run as real sessions that count in none of the agent's numbers.")
            >
                <LinkButton href=paths::agent(id)>{tr("Back to the editor")}</LinkButton>
            </PageHead>
            {note}
            <FormError error=action_error(actions.run) />
            <FormError error=action_error(actions.delete) />
            {shown.map(|shown| view! { <Shown id shown /> })}
            <section class="account__part" aria-labelledby="sets-title">
                <h2 id="sets-title">{tr("Test sets")}</h2>
                {nothing}
                <ul class="secret-list">{sets.into_iter().map(row).collect_view()}</ul>
                {new}
            </section>
            <section class="account__part" aria-labelledby="policy-title">
                <h2 id="policy-title">{tr("Before a version")}</h2>
                <p>
                    {if requires_tests {
                        tr(
                            "A version can be published only when all test sets pass on the draft as it is.",
                        )
                    } else {
                        tr("Versions can be published whether the test sets pass or not.")
                    }}
                </p>
                <Missing missing />
                <FormError error=action_error(actions.policy) />
                {policy}
            </section>
        </div>
    }
}

/// What is still missing to publish, as far as tests are concerned.
#[component]
fn Missing(missing: Vec<resonant_domain::FieldFault>) -> impl IntoView {
    (!missing.is_empty()).then(|| {
        let line = |fault: resonant_domain::FieldFault| view! { <li>{tr_text(fault.reason)}</li> };
        let lines = missing.into_iter().map(line).collect_view();
        view! {
            <Notice tone=Tone::Warn>
                <p>{tr("To be published, the agent")}</p>
                <ul>{lines}</ul>
            </Notice>
        }
    })
}

#[component]
fn SetRow(
    id: AgentId,
    set: TestSet,
    published: Option<u32>,
    actions: Actions,
    may_edit: bool,
) -> impl IntoView {
    let cases = tr_count("{n} case", "{n} cases", set.cases.len() as u64);
    // Beside the word on each button, for those who hear it alone.
    let hidden = StoredValue::new(format!(" {}", set.name));
    let last = match &set.last_run {
        None => view! { <span class="secret__about">{tr("has not run yet")}</span> }.into_any(),
        Some(run) => {
            view! { <Verdict run=run.clone() /> " " <Time at=run.started_at /> }.into_any()
        }
    };
    let options = std::iter::once((String::new(), tr("The draft").to_owned()))
        .chain(published.map(|number| {
            (number.to_string(), tr_with("Version {number}", &[("number", &number)]))
        }))
        .collect::<Vec<_>>();
    let select = format!("version-{}", set.id);
    let forms = may_edit.then(|| {
        view! {
            <div class="tools__actions">
                <ActionForm action=actions.run attr:class="bench__run">
                    <input type="hidden" name="id" value=id.to_string() />
                    <input type="hidden" name="set" value=set.id.to_string() />
                    <Select label=tr("Against") name="version" id=select options />
                    <Button kind=ButtonKind::Primary busy=actions.run.pending()>
                        {tr("Run")} <span class="visually-hidden">{hidden.get_value()}</span>
                    </Button>
                </ActionForm>
                <LinkButton href=paths::edit_test_set(id, set.id)>
                    {tr("Edit")} <span class="visually-hidden">{hidden.get_value()}</span>
                </LinkButton>
                <ActionForm action=actions.delete>
                    <input type="hidden" name="id" value=id.to_string() />
                    <input type="hidden" name="set" value=set.id.to_string() />
                    <Button kind=ButtonKind::Danger busy=actions.delete.pending()>
                        {tr("Delete")} <span class="visually-hidden">{hidden.get_value()}</span>
                    </Button>
                </ActionForm>
            </div>
        }
    });
    view! {
        <li class="secret">
            <div class="secret__head">
                <h3 class="secret__name">
                    <a href=paths::test_set(id, set.id)>{set.name.clone()}</a>
                </h3>
                <span class="secret__about">{cases}</span>
                <span>{last}</span>
            </div>
            {forms}
        </li>
    }
}

/// What a run came to, in a word.
#[component]
fn Verdict(run: RunSummary) -> impl IntoView {
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
fn Shown(id: AgentId, shown: ShownSet) -> impl IntoView {
    let ShownSet { set, runs, is_later, run } = shown;
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
        Some(run) => view! { <Run run /> }.into_any(),
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
fn Run(run: TestRun) -> impl IntoView {
    let TestRun { summary, results, previous, .. } = run;
    let compared = previous.map(|previous| {
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
        {compared}
        {turned}
        <ol class="secret-list">
            {results.into_iter().map(|result| view! { <Case result /> }).collect_view()}
        </ol>
    }
}

#[component]
fn Case(result: CaseResult) -> impl IntoView {
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
