//! `/studio/agents/{id}/bench/edit`: the form of a test set.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::ids::{AgentId, SessionId};
use resonant_domain::session::GOAL_MAX;
use resonant_domain::test_set::{CASES_MAX, EXPECTED_MAX, NAME_MAX, TestSet};

use super::bench_api::{BenchPage, SaveTestSet, get_bench, get_case_of};
use super::conflict_notice::{ConflictNotice, is_conflict};
use super::editor_route::agent_id;
use super::test_set_form::{CaseForm, TestSetForm};
use crate::error::{AppError, action_error, field_error};
use crate::language::{key, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{
    Button, ButtonKind, Field, FormError, Icon, IconName, LinkButton, PageHead, Skeleton, TextArea,
    cannot_be_shown,
};

/// The page of one test set.
pub struct TestSetRoute {
    set: Memo<Option<String>>,
    page: Resource<Result<BenchPage, AppError>>,
    /// The session of which a case is made, with that case.
    added: Resource<Option<Result<Added, AppError>>>,
}

/// A case to be added, and the session that went so.
type Added = (SessionId, CaseForm);

impl LazyPage for TestSetRoute {
    fn data() -> Self {
        let (params, query) = (use_params_map(), use_query_map());
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let set = Memo::new(move |_| query.read().get("set").filter(|set| !set.is_empty()));
        let page = Resource::new_blocking(
            move || id.get(),
            |id| async move { get_bench(agent_id(&id)?, None, None, None).await },
        );
        let from = Memo::new(move |_| query.read().get("from").filter(|from| !from.is_empty()));
        let added = Resource::new_blocking(
            move || from.get(),
            |from| async move {
                // What is no id names no session.
                let no_session = |_| AppError::not_found(key("There is no such session"));
                let from = match from?.parse::<SessionId>().map_err(no_session) {
                    Ok(from) => from,
                    Err(error) => return Some(Err(error)),
                };
                Some(get_case_of(from).await.map(|case| (from, case)))
            },
        );
        Self { set, page, added }
    }

    fn view(this: Self) -> AnyView {
        let TestSetRoute { set, page, added } = this;
        view! {
            <Title text=tr("Test set") />
            <Meta name="description" content=tr("Goals for an AI agent, and what their answers must say") />
            <Suspense fallback=|| {
                view! { <Skeleton lines=12 /> }
            }>
                {move || {
                    let set = set.get();
                    Suspend::new(async move {
                        match (page.await, added.await.transpose()) {
                            (Ok(page), Ok(added)) => shown(page, set, added),
                            (Err(error), _) | (_, Err(error)) => {
                                cannot_be_shown(tr("These tests cannot be shown"), error)
                            }
                        }
                    })
                }}
            </Suspense>
        }
        .into_any()
    }
}

fn shown(page: BenchPage, wanted: Option<String>, added: Option<Added>) -> AnyView {
    let BenchPage { agent_id: id, agent_name, sets, .. } = page;
    let from = added.as_ref().filter(|_| wanted.is_none()).map(|(from, _)| *from);
    let others = from.and_then(|from| others(id, &sets, from));
    let (mut found, version, theirs) = match &wanted {
        None => (TestSetForm::default(), String::new(), paths::bench(id)),
        Some(wanted) => match sets.iter().find(|set| set.id.to_string() == *wanted) {
            Some(set) => {
                let theirs = paths::edit_test_set(id, set.id);
                (TestSetForm::from(set), set.updated_at.to_string(), theirs)
            }
            None => {
                return cannot_be_shown(
                    tr("These tests cannot be shown"),
                    AppError::not_found(key("There is no such test set")),
                );
            }
        },
    };
    found.cases.extend(added.map(|(_, case)| case));
    let title = if wanted.is_none() { tr("New test set") } else { tr("Test set") };
    let form = TestSetForm::refused().unwrap_or(found);
    // A refused form goes on from the set that it was made for.
    let seen = refused_form().text("seen").unwrap_or(version);
    view! {
        <div class="account">
            <PageHead title lead=tr_with("Of the agent {agent_name}", &[("agent_name", &agent_name)])>
                <LinkButton href=paths::bench(id)>{tr("Back to the bench")}</LinkButton>
            </PageHead>
            {others}
            <Form id replaces=wanted.unwrap_or_default() seen theirs form />
        </div>
    }
    .into_any()
}

/// The sets to which the case can be added instead.
fn others(id: AgentId, sets: &[TestSet], from: SessionId) -> Option<AnyView> {
    let link = |set: &TestSet| {
        let href = paths::add_test_of(id, set.id, from);
        // The fields hold what is typed: another form is another page.
        view! {
            <li>
                <a href=href rel="external">
                    {set.name.clone()}
                </a>
            </li>
        }
    };
    (!sets.is_empty()).then(|| {
        view! {
            <section aria-labelledby="others-title">
                <h2 id="others-title">{tr("Or add the case to a test set that is there")}</h2>
                <ul>{sets.iter().map(link).collect_view()}</ul>
            </section>
        }
        .into_any()
    })
}

#[component]
fn Form(
    id: AgentId,
    replaces: String,
    seen: String,
    theirs: String,
    form: TestSetForm,
) -> impl IntoView {
    let save = ServerAction::<SaveTestSet>::new();
    let error = action_error(save);
    // Of a new set there is nothing else to be loaded.
    let is_new = replaces.is_empty();
    let is_conflict = is_conflict(error);
    let is_conflict = Signal::derive(move || !is_new && is_conflict.try_get() == Some(true));
    let other = Signal::derive(move || {
        error.try_get().flatten().filter(|_| is_conflict.try_get() != Some(true))
    });
    let TestSetForm { name, cases } = form;
    let fixed = cases.len();
    let more = RwSignal::new(1_usize);
    let given: Vec<_> =
        cases.into_iter().enumerate().map(|(index, case)| view! { <Case index case /> }).collect();
    view! {
        <ActionForm action=save>
            <div class="form">
                <FormError error=other fields=&["name"] />
                <ConflictNotice
                    text=tr(
                        "This was changed elsewhere after you opened it. Nothing of yours is lost: it still \
                        stands in the form.",
                    )
                    is_there=is_conflict
                    busy=save.pending()
                    theirs
                />
                <input type="hidden" name="id" value=id.to_string() />
                <input type="hidden" name="replaces" value=replaces />
                <input type="hidden" name="seen" value=seen />
                <Field
                    label=tr("Name")
                    name="set[name]"
                    value=name
                    required=true
                    maxlength=NAME_MAX
                    autocomplete="off"
                    placeholder=tr("Basics")
                    error=field_error(error, "name")
                />
                {given}
                <For
                    each=move || fixed..(fixed + more.get()).min(CASES_MAX)
                    key=|index| *index
                    children=|index| view! { <Case index case=CaseForm::default() /> }
                />
                <div class="tools__actions">
                    <Button kind=ButtonKind::Primary busy=save.pending()>
                        {tr("Save test set")}
                    </Button>
                    <span class="with-script">
                        <Button
                            type_="button"
                            on_click=Callback::new(move |_| more.update(|more| *more += 1))
                        >
                            <Icon name=IconName::Plus />
                            {tr("Another case")}
                        </Button>
                    </span>
                </div>
            </div>
        </ActionForm>
    }
}

#[component]
fn Case(index: usize, case: CaseForm) -> impl IntoView {
    let name = move |field: &str| format!("set[cases][{index}][{field}]");
    let CaseForm {
        name: called,
        goal,
        context,
        variables,
        expected,
        contains,
        lacks,
        schema,
        judge,
    } = case;
    let has_more = [&context, &variables, &schema, &judge].iter().any(|text| !text.is_empty());
    view! {
        <fieldset class="bench__case">
            <legend class="field__label">{tr_with("Case {number}", &[("number", &(index + 1))])}</legend>
            <TextArea
                label=tr("Goal")
                name=name("goal")
                value=goal
                rows=2
                maxlength=GOAL_MAX
                hint=tr("What the agent is set on. A case without a goal counts for nothing")
            />
            <TextArea
                label=tr("Expected answer")
                name=name("expected")
                value=expected
                rows=2
                optional=true
                maxlength=EXPECTED_MAX
                hint=tr(
                    "What an answer may look like: shown beside the real one and told to the judge. It \
                    decides nothing by itself",
                )
            />
            <TextArea
                label=tr("The answer contains")
                name=name("contains")
                value=contains
                rows=2
                optional=true
                hint=tr(
                    "A text on each line, in whatever case. An indented line belongs to the one above it",
                )
            />
            <TextArea
                label=tr("The answer does not contain")
                name=name("lacks")
                value=lacks
                rows=2
                optional=true
                hint=tr("A text on each line. An indented line belongs to the one above it")
            />
            <details open=has_more>
                <summary>{tr("More: name, material, variables, schema, judge")}</summary>
                <Field
                    label=tr("Name")
                    name=name("name")
                    value=called
                    optional=true
                    maxlength=NAME_MAX
                    autocomplete="off"
                />
                <TextArea label=tr("Material") name=name("context") value=context rows=3 optional=true />
                <TextArea
                    label=tr("Variables")
                    name=name("variables")
                    value=variables
                    rows=2
                    optional=true
                    is_code=true
                    hint=tr("name = value on each line. An indented line belongs to the one above it")
                />
                <TextArea
                    label=tr("The answer is JSON of this schema")
                    name=name("schema")
                    value=schema
                    rows=3
                    optional=true
                    is_code=true
                />
                <TextArea
                    label=tr("A model judges")
                    name=name("judge")
                    value=judge
                    rows=2
                    optional=true
                    hint=tr(
                        "A criterion on each line, such as: It names no price. An indented line belongs to \
                        the one above it. Needs a language model",
                    )
                />
            </details>
        </fieldset>
    }
}
