//! `/studio/agents/{id}/bench`: the test sets of an agent, and what became of them.

use std::time::Duration;

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::agent_list::TRASH_DAYS;
use resonant_domain::ids::AgentId;
use resonant_domain::team::AgentRight;
use resonant_domain::test_set::{TestSet, TrashedSet};

use super::bench_api::{
    BenchPage, DeleteTestSet, RestoreTestSet, RunTestSet, SetTestPolicy, get_bench,
    restore_test_set,
};
use super::bench_run::{Shown, Verdict};
use super::edition_field::EditionField;
use super::editor_route::agent_id;
use super::team_panel::{StandingNote, may};
use crate::error::{AppError, action_error};
use crate::language::{key, tr, tr_count, tr_text, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::state::use_toasts;
use crate::ui::{
    Button, ButtonKind, FormError, LinkButton, Notice, PageHead, Skeleton, Time, Tone,
    cannot_be_shown, kept,
};

/// While a run is under way the page asks anew after such a time.
const EVERY: Duration = Duration::from_secs(2);
/// So many versions can be chosen from a list, which each set has.
const LISTED: u32 = 50;

/// The page of an agent's bench.
pub struct BenchRoute {
    actions: Actions,
    /// How many sets were brought back by their notes.
    restored: RwSignal<u32>,
    page: Resource<Result<BenchPage, AppError>>,
}

/// Everything that the page's forms do.
#[derive(Clone, Copy)]
struct Actions {
    run: ServerAction<RunTestSet>,
    delete: ServerAction<DeleteTestSet>,
    restore: ServerAction<RestoreTestSet>,
    policy: ServerAction<SetTestPolicy>,
}

impl LazyPage for BenchRoute {
    fn data() -> Self {
        let actions = Actions {
            run: ServerAction::new(),
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
        let Actions { run, delete, restore, policy } = actions;
        let restored = RwSignal::new(0);
        let changes = [run.version(), delete.version(), restore.version(), policy.version()];
        let versions = move || (changes.map(|version| version.get()), restored.get());
        let page = Resource::new_blocking(
            move || (id.get(), shown.get(), versions()),
            |(id, (set, run, runs), _)| async move {
                let parsed = set.map(|set| set.parse().map_err(|_| no_set())).transpose()?;
                let run = run.map(|run| run.parse().map_err(|_| no_set())).transpose()?;
                get_bench(agent_id(&id)?, parsed, run, runs).await
            },
        );
        Self { actions, restored, page }
    }

    fn view(this: Self) -> AnyView {
        let BenchRoute { actions, restored, page } = this;
        offer_way_back(actions.delete, restored);
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
    let row = move |set: TestSet| view! { <SetRow id set newest actions may_edit /> };
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
            <FormError error=action_error(actions.restore) />
            {shown.map(|shown| view! { <Shown id shown /> })}
            <section class="account__part" aria-labelledby="sets-title">
                <h2 id="sets-title">{tr("Test sets")}</h2>
                {nothing}
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

#[component]
fn SetRow(
    id: AgentId,
    set: TestSet,
    newest: u32,
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
    let against = format!("version-{}", set.id);
    let forms = may_edit.then(|| {
        view! {
            <div class="tools__actions">
                <ActionForm action=actions.run attr:class="bench__run">
                    <input type="hidden" name="id" value=id.to_string() />
                    <input type="hidden" name="set" value=set.id.to_string() />
                    <EditionField
                        label=tr("Against")
                        name="version"
                        id=against
                        draft=""
                        newest
                        most=LISTED
                        value=Signal::stored(String::new())
                    />
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
