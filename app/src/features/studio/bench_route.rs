//! `/studio/agents/{id}/bench`: the test sets of an agent, and what became of them.

use std::time::Duration;

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::FaultKind;
use resonant_domain::agent_list::TRASH_DAYS;
use resonant_domain::ids::AgentId;
use resonant_domain::team::AgentRight;
use resonant_domain::test_set::{TestSet, TrashedSet};

use super::bench_api::{
    BenchPage, DeleteTestSet, RestoreTestSet, RunAllTestSets, RunTestSet, SetTestPolicy, get_bench,
    restore_test_set,
};
use super::bench_run::Shown;
use super::bench_sets::{RunAll, SetRow};
use super::editor_route::agent_id;
use super::team_panel::{StandingNote, may};
use crate::error::{AppError, action_error};
use crate::language::{key, tr, tr_text, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::state::use_toasts;
use crate::ui::{
    Button, ButtonKind, FormError, LinkButton, Notice, PageHead, Skeleton, Time, Tone,
    cannot_be_shown, kept,
};

/// While a run is under way the page asks anew after such a time.
const EVERY: Duration = Duration::from_secs(2);

/// The page of an agent's bench.
pub struct BenchRoute {
    actions: Actions,
    /// How many sets were brought back by their notes.
    restored: RwSignal<u32>,
    /// The page with a run under way, which is asked for again and again: what goes wrong once shall end neither
    /// that nor what is looked at.
    last: StoredValue<Option<BenchPage>>,
    page: Resource<Result<BenchPage, AppError>>,
}

/// Everything that the page's forms do.
#[derive(Clone, Copy)]
struct Actions {
    run: ServerAction<RunTestSet>,
    run_all: ServerAction<RunAllTestSets>,
    delete: ServerAction<DeleteTestSet>,
    restore: ServerAction<RestoreTestSet>,
    policy: ServerAction<SetTestPolicy>,
}

impl LazyPage for BenchRoute {
    fn data() -> Self {
        let actions = Actions {
            run: ServerAction::new(),
            run_all: ServerAction::new(),
            delete: ServerAction::new(),
            restore: ServerAction::new(),
            policy: ServerAction::new(),
        };
        let (params, query) = (use_params_map(), use_query_map());
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let shown = Memo::new(move |_| {
            let query = query.read();
            (query.get("set"), query.get("run"), query.get("runs"))
        });
        let Actions { run, run_all, delete, restore, policy } = actions;
        let restored = RwSignal::new(0);
        let last = StoredValue::new(None::<BenchPage>);
        let changes = [
            run.version(),
            run_all.version(),
            delete.version(),
            restore.version(),
            policy.version(),
        ];
        let versions = move || (changes.map(|version| version.get()), restored.get());
        let page = Resource::new_blocking(
            move || (id.get(), shown.get(), versions()),
            move |(id, (set, run, runs), _)| async move {
                let asked = (id.clone(), set.clone(), run.clone(), runs.clone());
                let parsed = set.map(|set| set.parse().map_err(|_| no_set())).transpose()?;
                let run = run.map(|run| run.parse().map_err(|_| no_set())).transpose()?;
                match get_bench(agent_id(&id)?, parsed, run, runs).await {
                    Err(error) if is_passing(error.kind) => {
                        let known = last.try_get_value().flatten();
                        known.filter(|page| is_at(page, &asked)).ok_or(error)
                    }
                    answer => answer,
                }
            },
        );
        Self { actions, restored, last, page }
    }

    fn view(this: Self) -> AnyView {
        let BenchRoute { actions, restored, last, page } = this;
        offer_way_back(actions.delete, restored);
        Effect::new(move || {
            let open = page.with(|page| match page {
                Some(Ok(page)) => Some(page.clone()).filter(BenchPage::is_open),
                _ => None,
            });
            let is_open = open.is_some();
            last.set_value(open);
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
                {kept(move || async move {
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

/// What the address of a bench asks for: the agent, the set, its run, and where its runs begin.
type Address = (String, Option<String>, Option<String>, Option<String>);

/// Whether a page is what an address asks for. Where older runs are listed nobody knows.
fn is_at(page: &BenchPage, (id, set, run, runs): &Address) -> bool {
    let shown = page.shown.as_ref();
    let shown_set = shown.map(|shown| shown.set.id.to_string());
    let shown_run = shown.and_then(|shown| Some(shown.run.as_ref()?.summary.id.to_string()));
    page.agent_id.to_string() == *id
        && shown_set == *set
        && (run.is_none() || shown_run == *run)
        && runs.is_none()
}

/// Whether the next try may fare better.
const fn is_passing(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::Unavailable | FaultKind::TooMany | FaultKind::Internal)
}

/// Says that a set is deleted, with a button that brings it back.
fn offer_way_back(delete: ServerAction<DeleteTestSet>, restored: RwSignal<u32>) {
    let toasts = use_toasts();
    Effect::new(move || {
        let Some(Ok(set)) = delete.value().get() else { return };
        let text = tr_with("The test set {name} is deleted", &[("name", &set.name)]);
        let (agent, id) = (set.agent_id, set.id);
        toasts.show_undo(text, move || {
            spawn_local(async move {
                match restore_test_set(agent, id).await {
                    Ok(()) => {
                        // The page may be left by then.
                        let _ = restored.try_update(|count| *count += 1);
                    }
                    Err(error) => toasts.show(Tone::Bad, tr_text(error.message)),
                }
            });
        });
    });
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
        newest,
        shown,
        trashed,
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
    let newest = newest.unwrap_or_default();
    // Of one set its own button is as good.
    let all = (may_edit && sets.len() > 1).then(|| {
        view! { <RunAll id newest run_all=actions.run_all /> }
    });
    let Actions { run, delete, .. } = actions;
    let row = move |set: TestSet| view! { <SetRow id set newest run delete may_edit /> };
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
            <FormError error=action_error(actions.run_all) />
            <FormError error=action_error(actions.delete) />
            <FormError error=action_error(actions.restore) />
            {shown.map(|shown| view! { <Shown id shown /> })}
            <section class="account__part" aria-labelledby="sets-title">
                <h2 id="sets-title">{tr("Test sets")}</h2>
                {nothing}
                {all}
                <ul class="secret-list">{sets.into_iter().map(row).collect_view()}</ul>
                {new}
                <Trash id trashed restore=actions.restore may_edit />
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

/// The sets that were deleted, for who wants one back.
#[component]
fn Trash(
    id: AgentId,
    trashed: Vec<TrashedSet>,
    restore: ServerAction<RestoreTestSet>,
    may_edit: bool,
) -> impl IntoView {
    let row = move |trashed: TrashedSet| {
        let TrashedSet { set, deleted_at } = trashed;
        view! {
            <li class="bench__deleted">
                <span>{set.name.clone()} " · " {tr("Deleted ")} <Time at=deleted_at /></span>
                <ActionForm action=restore>
                    <input type="hidden" name="id" value=id.to_string() />
                    <input type="hidden" name="set" value=set.id.to_string() />
                    <Button busy=restore.pending()>
                        {tr("Restore")} <span class="visually-hidden">" " {set.name}</span>
                    </Button>
                </ActionForm>
            </li>
        }
    };
    let note = tr_with(
        "They can be restored for {days} days, with all their runs.",
        &[("days", &TRASH_DAYS)],
    );
    (may_edit && !trashed.is_empty()).then(|| {
        view! {
            <details>
                <summary>{tr("Deleted test sets")}</summary>
                <p class="secret__about">{note}</p>
                <ul class="secret-list">{trashed.into_iter().map(row).collect_view()}</ul>
            </details>
        }
    })
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
