//! `/studio`: the viewer's agents.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::FaultKind;
use resonant_domain::agent::AgentStatus;
use resonant_domain::agent_list::{AgentQuery, AgentSort};
use resonant_domain::listing::ListingSummary;

use super::agent_list::AgentList;
use super::agent_row::{Start, TemplateCards};
use super::api::{ListPart, list_templates, open_list};
use super::list_bar::{ListBar, new_asking};
use crate::error::AppError;
use crate::language::tr;
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    ButtonKind, EmptyState, ErrorPanel, Icon, IconName, LinkButton, Notice, PageHead, Skeleton,
    Tone, kept, made_anew,
};

/// The page of the viewer's agents.
#[derive(Debug)]
pub struct AgentsRoute {
    query: Memo<AgentQuery>,
    part: Resource<(AgentQuery, Result<ListPart, AppError>)>,
    templates: Resource<Result<Vec<ListingSummary>, AppError>>,
}

impl LazyPage for AgentsRoute {
    fn data() -> Self {
        let asked = use_query_map();
        let query = Memo::new(move |_| {
            let asked = asked.read();
            AgentQuery {
                status: asked.get("status").and_then(|status| AgentStatus::parse(&status)),
                text: asked.get("text").filter(|text| !text.trim().is_empty()),
                sort: asked
                    .get("sort")
                    .and_then(|sort| AgentSort::parse(&sort))
                    .unwrap_or_default(),
            }
        });
        let from = Memo::new(move |_| {
            asked.read().get("from").and_then(|from| from.parse().ok()).unwrap_or(0)
        });
        let part = Resource::new_blocking(
            move || (query.get(), from.get()),
            |(query, from)| async move {
                let part = open_list(query.clone(), from).await;
                (query, part)
            },
        );
        Self { query, part, templates: Resource::new_blocking(|| (), |()| list_templates()) }
    }

    fn view(this: Self) -> AnyView {
        let AgentsRoute { query, part, templates } = this;
        let outgrown = Callback::new(move |()| part.refetch());
        let asking = new_asking(query);
        view! {
            <Title text=tr("Studio") />
            <Meta
                name="description"
                content=tr("Make AI agents, change them and set them on a goal")
            />
            <PageHead
                title=tr("Studio")
                lead=tr("Your agents: make them, run them, watch them work")
            >
                <LinkButton href=paths::SHARED_AGENTS.to_owned()>{tr("Shared with me")}</LinkButton>
                <LinkButton href=paths::AUTOMATIONS.to_owned()>{tr("Automations")}</LinkButton>
                <LinkButton href=paths::IMPORT.to_owned() kind=ButtonKind::Quiet>
                    {tr("Import a file")}
                </LinkButton>
                <LinkButton href=paths::TRASH.to_owned() kind=ButtonKind::Quiet>
                    <Icon name=IconName::Trash />
                    {tr("Trash")}
                </LinkButton>
                <LinkButton href=paths::NEW_AGENT.to_owned() kind=ButtonKind::Primary>
                    <Icon name=IconName::Plus />
                    {tr("New agent")}
                </LinkButton>
            </PageHead>
            <Transition fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                // What is typed there stays while the list below becomes another one.
                {kept(move || async move {
                    let (asked, part) = part.await;
                    let is_asked = part.is_ok_and(|part| part.count > 0 || !asked.is_whole());
                    is_asked.then(|| view! { <ListBar asking=asking /> })
                })}
                {made_anew(move || async move {
                    let (asked, part) = part.await;
                    let templates = templates.await.unwrap_or_default();
                    match part {
                        Ok(part) if part.count == 0 && asked.is_whole() => {
                            view! { <NoAgents templates=templates /> }.into_any()
                        }
                        Ok(part) => {
                            view! { <Found query=asked part=part on_outgrown=outgrown /> }
                                .into_any()
                        }
                        Err(error) if error.kind == FaultKind::Unauthenticated => {
                            view! { <Welcome templates=templates /> }.into_any()
                        }
                        Err(error) => view! { <ErrorPanel error=error /> }.into_any(),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

/// The agents that were asked for.
#[component]
fn Found(query: AgentQuery, part: ListPart, on_outgrown: Callback<()>) -> impl IntoView {
    if part.count > 0 {
        return view! { <AgentList query=query part=part on_outgrown=on_outgrown /> }.into_any();
    }
    view! {
        <EmptyState
            icon=IconName::Filter
            title=tr("No agent of yours is like that")
            text=tr("Agents with another name or status are not shown here.")
        >
            <LinkButton href=paths::STUDIO.to_owned()>{tr("Show all agents")}</LinkButton>
        </EmptyState>
    }
    .into_any()
}

/// Somebody who is known but has made nothing yet.
#[component]
fn NoAgents(templates: Vec<ListingSummary>) -> impl IntoView {
    view! {
        <EmptyState
            icon=IconName::Agent
            title=tr("No agents yet")
            text=tr(
                "An agent is a prompt, a few tools and limits. Start from a template below, or from a blank form.",
            )
        />
        <Beginning templates=templates />
    }
}

/// Somebody who is not known yet.
#[component]
fn Welcome(templates: Vec<ListingSummary>) -> impl IntoView {
    view! {
        <Notice tone=Tone::Info>
            <p>
                <strong>{tr("No account needed. ")}</strong>
                {tr(
                    "Pick a start below. With your first agent you become a guest: no form, no e-mail \
                    address. You can turn that into a full account later and keep everything.",
                )}
            </p>
            <p>
                {tr("Been here before? ")}
                <a href=paths::sign_in(paths::STUDIO)>{tr("Sign in")}</a>
                {tr(" to see your agents.")}
            </p>
        </Notice>
        <Beginning templates=templates />
    }
}

#[component]
fn Beginning(templates: Vec<ListingSummary>) -> impl IntoView {
    view! {
        <section class="studio-start" aria-labelledby="studio-start">
            <h2 id="studio-start">{tr("Start from a template")}</h2>
            <TemplateCards templates=templates chosen=Start::Open />
            <p>
                {tr("Or take a finished agent from the ")}
                <a href=paths::MARKETPLACE>{tr("marketplace")}</a> "."
            </p>
        </section>
    }
}
