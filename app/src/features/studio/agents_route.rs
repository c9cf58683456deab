//! `/studio`: the viewer's agents.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::FaultKind;
use resonant_domain::agent::{AgentStatus, AgentSummary};
use resonant_domain::listing::ListingSummary;
use resonant_domain::page::Page;

use super::agent_row::{AgentRow, Start, TemplateCards, title};
use super::api::{list_agents, list_templates};
use crate::error::AppError;
use crate::features::sessions::session_list::{LaterPages, LoadMore};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    ButtonKind, EmptyState, ErrorPanel, Icon, IconName, LinkButton, Notice, PageHead, Skeleton,
    Tone,
};

/// The page of the viewer's agents.
#[derive(Debug)]
pub struct AgentsRoute {
    page: Resource<(Wanted, Result<Page<AgentSummary>, AppError>)>,
    templates: Resource<Result<Vec<ListingSummary>, AppError>>,
}

/// What the address asks for: a status and a cursor.
type Wanted = (Option<AgentStatus>, Option<String>);

impl LazyPage for AgentsRoute {
    fn data() -> Self {
        let query = use_query_map();
        let wanted = move || {
            let query = query.read();
            let status = query.get("status").and_then(|status| AgentStatus::parse(&status));
            (status, query.get("cursor"))
        };
        let page = Resource::new_blocking(wanted, |(status, cursor)| async move {
            let page = list_agents(status, cursor.clone()).await;
            ((status, cursor), page)
        });
        Self { page, templates: Resource::new_blocking(|| (), |()| list_templates()) }
    }

    fn view(this: Self) -> AnyView {
        let AgentsRoute { page, templates } = this;
        view! {
            <Title text="Studio" />
            <Meta name="description" content="Make AI agents, change them and set them on a goal" />
            <PageHead title="Studio" lead="Your agents: make them, run them, watch them work">
                <LinkButton href=paths::AUTOMATIONS.to_owned()>"Automations"</LinkButton>
                <LinkButton href=paths::NEW_AGENT.to_owned() kind=ButtonKind::Primary>
                    <Icon name=IconName::Plus />
                    "New agent"
                </LinkButton>
            </PageHead>
            <Suspense fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {move || Suspend::new(async move {
                    let (wanted, page) = page.await;
                    let templates = templates.await.unwrap_or_default();
                    match page {
                        Ok(page) => {
                            view! { <Agents wanted=wanted page=page templates=templates /> }.into_any()
                        }
                        Err(error) if error.kind == FaultKind::Unauthenticated => {
                            view! { <Welcome templates=templates /> }.into_any()
                        }
                        Err(error) => view! { <ErrorPanel error=error /> }.into_any(),
                    }
                })}
            </Suspense>
        }
        .into_any()
    }
}

#[component]
fn Agents(
    wanted: Wanted,
    page: Page<AgentSummary>,
    templates: Vec<ListingSummary>,
) -> impl IntoView {
    let (status, cursor) = wanted;
    if page.items.is_empty() && cursor.is_none() {
        return match status {
            None => view! { <NoAgents templates=templates /> }.into_any(),
            Some(status) => {
                let empty = format!("No agent of yours is {}", title(status).to_lowercase());
                view! {
                    <StatusFilter status=Some(status) />
                    <EmptyState
                        icon=IconName::Filter
                        title=empty
                        text="Agents with another status are not shown here."
                    >
                        <LinkButton href=paths::STUDIO.to_owned()>"Show all agents"</LinkButton>
                    </EmptyState>
                }
                .into_any()
            }
        };
    }
    let later: LaterPages<AgentSummary> = LaterPages::new(page.next_cursor);
    let first_page = cursor.map(|_| {
        view! {
            <p>
                <a href=paths::agents_page(status, None)>"Back to the first agents"</a>
            </p>
        }
    });
    let row = |agent| view! { <AgentRow agent=agent /> };
    view! {
        <StatusFilter status=status />
        {first_page}
        <ul class="agent-list">
            {page.items.into_iter().map(row).collect_view()}
            <For each=move || later.items() key=|agent| agent.id children=row />
        </ul>
        <LoadMore
            pages=later
            href=move |cursor: String| paths::agents_page(status, Some(&cursor))
            on_more=move |cursor: String| later.load(list_agents(status, Some(cursor)))
        />
    }
    .into_any()
}

/// Which agents are shown, as links.
#[component]
fn StatusFilter(status: Option<AgentStatus>) -> impl IntoView {
    let choice = |shown: Option<AgentStatus>| {
        let is_current = shown == status;
        view! {
            <li>
                <a
                    class="status-filter__choice"
                    class:is-selected=is_current
                    aria-current=is_current.then_some("true")
                    href=paths::agents_page(shown, None)
                >
                    {shown.map_or("All", title)}
                </a>
            </li>
        }
    };
    let choices =
        std::iter::once(None).chain(AgentStatus::ALL.map(Some)).map(choice).collect_view();
    view! {
        <nav class="status-filter" aria-label="Status">
            <ul class="status-filter__choices">{choices}</ul>
        </nav>
    }
}

/// Somebody who is known but has made nothing yet.
#[component]
fn NoAgents(templates: Vec<ListingSummary>) -> impl IntoView {
    view! {
        <EmptyState
            icon=IconName::Agent
            title="No agents yet"
            text="An agent is a prompt, a few tools and limits. Start from a template below, or from a blank form."
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
                <strong>"No account needed. "</strong>
                "Pick a start below. With your first agent you become a guest: no form, no e-mail \
                address. You can turn that into a full account later and keep everything."
            </p>
            <p>
                "Been here before? " <a href=paths::sign_in(paths::STUDIO)>"Sign in"</a>
                " to see your agents."
            </p>
        </Notice>
        <Beginning templates=templates />
    }
}

#[component]
fn Beginning(templates: Vec<ListingSummary>) -> impl IntoView {
    view! {
        <section class="studio-start" aria-labelledby="studio-start">
            <h2 id="studio-start">"Start from a template"</h2>
            <TemplateCards templates=templates chosen=Start::Open />
            <p>
                "Or take a finished agent from the " <a href=paths::MARKETPLACE>"marketplace"</a> "."
            </p>
        </section>
    }
}
