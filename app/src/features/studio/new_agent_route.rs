//! `/studio/new`: the form for a new agent.

use leptos::form::ActionForm;
use leptos::html;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::FaultKind;
use resonant_domain::proposal::{Proposal, WISH_MAX};

use super::agent_fields::AgentFields;
use super::agent_form::{AGENT_FIELDS, AgentForm, field_fault};
use super::agent_row::{Start, TemplateCards};
use super::api::{Blueprint, CreateAgent, get_blueprint};
use super::propose_api::ProposeAgent;
use crate::browser;
use crate::error::{AppError, last_error};
use crate::language::{tr, tr_text, tr_with};
use crate::lazy_page::LazyPage;
use crate::refused_form::refused_form;
use crate::ui::{
    Button, ButtonKind, ErrorPanel, FormError, Icon, IconName, LinkButton, Notice, PageHead,
    Skeleton, TextArea, Tone,
};
use crate::{paths, ssr};

/// The page with the form for a new agent.
#[derive(Debug)]
pub struct NewAgentRoute {
    blueprint: Resource<Result<Blueprint, AppError>>,
}

impl LazyPage for NewAgentRoute {
    fn data() -> Self {
        let query = use_query_map();
        let template = move || query.read().get("template").filter(|slug| !slug.is_empty());
        Self { blueprint: Resource::new_blocking(template, get_blueprint) }
    }

    fn view(this: Self) -> AnyView {
        let blueprint = this.blueprint;
        view! {
            <Title text=tr("New agent") />
            <Meta name="description" content=tr("Make an AI agent from a template or a blank form") />
            <PageHead title=tr("New agent") lead=tr("A name is enough to begin; everything can be changed later") />
            <Suspense fallback=|| {
                view! { <Skeleton lines=12 /> }
            }>
                {move || Suspend::new(async move {
                    match blueprint.await {
                        Ok(blueprint) => view! { <NewAgent blueprint=blueprint /> }.into_any(),
                        Err(error) => {
                            if error.kind == FaultKind::NotFound {
                                ssr::not_found();
                            }
                            view! {
                                <ErrorPanel error=error />
                                <LinkButton href=paths::NEW_AGENT.to_owned()>
                                    {tr("Start with a blank form")}
                                </LinkButton>
                            }
                                .into_any()
                        }
                    }
                })}
            </Suspense>
        }
        .into_any()
    }
}

#[component]
fn NewAgent(blueprint: Blueprint) -> impl IntoView {
    let Blueprint { spec, template, templates, language_model, callable, weight, proposal } =
        blueprint;
    let create = ServerAction::<CreateAgent>::new();
    let error = last_error(create);
    let is_blank = template.is_none() && proposal.is_none();
    let chosen =
        template.as_ref().map_or(Start::Blank, |template| Start::Template(template.slug.clone()));
    let from = template.map(|template| {
        view! {
            <Notice tone=Tone::Neutral>
                {tr("Copied from ")} <a href=paths::listing(&template.slug)>{template.name}</a>
                {tr(". Change what you like; the original stays as it is.")}
            </Notice>
        }
    });
    let form = AgentForm::refused().unwrap_or_else(|| AgentForm::from(&spec));
    // The fields hold what is typed, so a proposal makes them anew: each time under another number.
    let loaded = RwSignal::new((0_u32, form));
    let node = NodeRef::<html::Form>::new();
    let put = move |form: AgentForm| {
        loaded.update(|(turn, loaded)| (*turn, *loaded) = (*turn + 1, form));
    };
    let propose = ServerAction::<ProposeAgent>::new();
    let proposed = RwSignal::new(proposal);
    // What stood in the form before each proposal.
    let before = RwSignal::new(Vec::<AgentForm>::new());
    Effect::new(move || {
        if let Some(Ok(proposal)) = propose.value().get() {
            let typed = browser::form_values::<CreateAgent>(node).map(|create| create.form);
            before.update(|before| before.extend(typed.filter(|typed| !typed.is_blank())));
            put(AgentForm::from(&proposal.spec));
            proposed.set(Some(proposal));
        }
    });
    let go_back = Callback::new(move |()| {
        if let Some(form) = before.try_update(Vec::pop).flatten() {
            put(form);
            proposed.set(None);
        }
    });
    view! {
        <Describe propose proposed before go_back has_model=language_model.is_some() />
        <details class="templates" open=is_blank>
            <summary class="templates__title">{tr("Start from a template")}</summary>
            <TemplateCards templates=templates chosen=chosen />
        </details>
        {from}
        <div class="agent-form">
            <ActionForm action=create node_ref=node>
                <For
                    each=move || [loaded.get()]
                    key=|(turn, _)| *turn
                    children=move |(turn, form)| {
                        view! {
                            <AgentFields
                                form=form
                                error=error
                                language_model=language_model.clone()
                                callable=callable.clone()
                                agent=None
                                weight=weight.clone().filter(|_| turn == 0)
                            />
                        }
                    }
                />
                <FormError error=error fields=AGENT_FIELDS />
                <div class="agent-form__end">
                    <Button kind=ButtonKind::Primary busy=create.pending()>
                        {tr("Create agent")}
                    </Button>
                    <LinkButton href=paths::STUDIO.to_owned() kind=ButtonKind::Quiet>
                        {tr("Back to the studio")}
                    </LinkButton>
                </div>
            </ActionForm>
        </div>
    }
}

/// Says what the agent should do, and fills in the form below.
#[component]
fn Describe(
    propose: ServerAction<ProposeAgent>,
    proposed: RwSignal<Option<Proposal>>,
    before: RwSignal<Vec<AgentForm>>,
    go_back: Callback<()>,
    has_model: bool,
) -> impl IntoView {
    let error = last_error(propose);
    let wish = refused_form().text("wish").unwrap_or_default();
    let about = if has_model {
        tr(
            "The language model of this installation writes a draft into the form below. Nothing is made \
            before you create it.",
        )
    } else {
        tr(
            "The built-in planner writes a draft into the form below, by rules: it looks for words that name \
            tools. Nothing is made before you create it.",
        )
    };
    let told = move || {
        proposed.get().map(|proposal| {
            let by = match (proposal.model, proposal.refusal) {
                (Some(model), _) => tr_with("{model} wrote the draft below.", &[("model", &model)]),
                (None, None) => tr("The draft below is made by rules.").to_owned(),
                (None, Some(reason)) => tr_with(
                    "{reason}. The draft below is made by rules.",
                    &[("reason", &tr_text(reason))],
                ),
            };
            view! {
                <Notice tone=Tone::Good>
                    <p>{by} {tr(" Look at it, change what you like, and create the agent.")}</p>
                </Notice>
            }
        })
    };
    view! {
        <section class="describe" aria-labelledby="describe-title">
            <h2 class="agent-form__title" id="describe-title">{tr("Say what it should do")}</h2>
            <ActionForm action=propose>
                <TextArea
                    label=tr("What it should do")
                    name="wish"
                    value=wish
                    rows=3
                    required=true
                    maxlength=WISH_MAX
                    placeholder=tr("Read web pages that I name and sum them up in five sentences")
                    hint=about
                    error=field_fault(error, "wish")
                />
                <FormError error=error fields=&["wish"] />
                <Button busy=propose.pending()>{tr("Propose a draft")}</Button>
            </ActionForm>
            <div role="status">{told}</div>
            <Show when=move || before.with(|before| !before.is_empty())>
                <Button
                    type_="button"
                    on_click=Callback::new(move |_| go_back.run(()))
                >
                    <Icon name=IconName::Undo />
                    {tr("Back to what stood in the form before")}
                </Button>
            </Show>
        </section>
    }
}
