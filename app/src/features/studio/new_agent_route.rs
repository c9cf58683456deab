//! `/studio/new`: the form for a new agent.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::FaultKind;

use super::agent_fields::AgentFields;
use super::agent_form::{AGENT_FIELDS, AgentForm, action_error};
use super::agent_row::{Start, TemplateCards};
use super::api::{Blueprint, CreateAgent, get_blueprint};
use crate::error::AppError;
use crate::lazy_page::LazyPage;
use crate::ui::{
    Button, ButtonKind, ErrorPanel, FormError, LinkButton, Notice, PageHead, Skeleton, Tone,
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
            <Title text="New agent" />
            <Meta name="description" content="Make an AI agent from a template or a blank form" />
            <PageHead title="New agent" lead="A name is enough to begin; everything can be changed later" />
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
                                    "Start with a blank form"
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
    let Blueprint { spec, template, templates, language_model, callable } = blueprint;
    let create = ServerAction::<CreateAgent>::new();
    let error = action_error(create.value());
    let is_blank = template.is_none();
    let chosen =
        template.as_ref().map_or(Start::Blank, |template| Start::Template(template.slug.clone()));
    let from = template.map(|template| {
        view! {
            <Notice tone=Tone::Neutral>
                "Copied from " <a href=paths::listing(&template.slug)>{template.name}</a>
                ". Change what you like; the original stays as it is."
            </Notice>
        }
    });
    let form = AgentForm::refused().unwrap_or_else(|| AgentForm::from(&spec));
    view! {
        <details class="templates" open=is_blank>
            <summary class="templates__title">"Start from a template"</summary>
            <TemplateCards templates=templates chosen=chosen />
        </details>
        {from}
        <div class="agent-form">
            <ActionForm action=create>
                <AgentFields
                    form=form
                    error=error
                    language_model=language_model
                    callable=callable
                />
                <FormError error=error fields=AGENT_FIELDS />
                <div class="agent-form__end">
                    <Button kind=ButtonKind::Primary busy=create.pending()>
                        "Create agent"
                    </Button>
                    <LinkButton href=paths::STUDIO.to_owned() kind=ButtonKind::Quiet>
                        "Back to the studio"
                    </LinkButton>
                </div>
            </ActionForm>
        </div>
    }
}
