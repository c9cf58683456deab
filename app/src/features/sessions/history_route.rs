//! `/sessions`: the viewer's sessions, newest first, as they begin, go on and end.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::page::Page;
use resonant_domain::session::SessionSummary;
use resonant_domain::{AgentId, FaultKind};

use super::api::list_sessions;
use super::live_history::LiveHistory;
use super::session_list::{AgentNames, LaterPages, LoadMore, SessionRow};
use crate::error::AppError;
use crate::language::{key, tr};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    ButtonKind, EmptyState, ErrorPanel, IconName, LinkButton, Notice, PageHead, Skeleton, Tone,
};

/// The page of past sessions.
#[derive(Debug)]
pub struct HistoryRoute {
    page: Resource<(Wanted, Result<Page<SessionSummary>, AppError>)>,
}

/// What the address asks for.
type Wanted = (Option<String>, Option<String>);

impl LazyPage for HistoryRoute {
    fn data() -> Self {
        let query = use_query_map();
        let wanted = move || {
            let query = query.read();
            (query.get("agent"), query.get("cursor"))
        };
        let page = Resource::new_blocking(wanted, |(agent, cursor)| async move {
            let page = fetch(agent.clone(), cursor.clone()).await;
            ((agent, cursor), page)
        });
        Self { page }
    }

    fn view(this: Self) -> AnyView {
        let page = this.page;
        view! {
            <Title text=tr("Sessions") />
            <Meta name="description" content=tr("Past and running sessions of your agents") />
            <PageHead title=tr("Sessions") lead=tr("What your agents did, newest first") />
            <Suspense fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {move || Suspend::new(async move {
                    match page.await {
                        (wanted, Ok(page)) => view! { <History wanted=wanted page=page /> }.into_any(),
                        (_, Err(error)) if error.kind == FaultKind::Unauthenticated => {
                            view! { <Nothing /> }.into_any()
                        }
                        (_, Err(error)) => view! { <ErrorPanel error=error /> }.into_any(),
                    }
                })}
            </Suspense>
        }
        .into_any()
    }
}

async fn fetch(
    agent: Option<String>,
    cursor: Option<String>,
) -> Result<Page<SessionSummary>, AppError> {
    let agent: Option<AgentId> = match agent.filter(|agent| !agent.is_empty()) {
        None => None,
        // What is no id names no agent.
        Some(agent) => {
            Some(agent.parse().map_err(|_| AppError::not_found(key("There is no such agent")))?)
        }
    };
    list_sessions(agent, cursor, None).await
}

#[component]
fn History(wanted: Wanted, page: Page<SessionSummary>) -> impl IntoView {
    let (agent, cursor) = wanted;
    let agent_id = agent.and_then(|agent| agent.parse::<AgentId>().ok());
    let is_empty = page.items.is_empty() && cursor.is_none();
    let later: LaterPages<SessionSummary> = LaterPages::new(page.next_cursor);
    let live = LiveHistory::new(agent_id, cursor.clone(), &page.items, later);
    live.follow();
    let filter = agent_id.filter(|_| !is_empty).map(|id| {
        let name =
            page.items.first().map_or_else(String::new, |session| session.agent_name.clone());
        view! {
            <Notice tone=Tone::Neutral>
                <p class="history__filter">
                    <span>{tr("Sessions of ")} <a href=paths::agent(id)>{name}</a></span>
                    <a href=paths::SESSIONS>{tr("Show those of all agents")}</a>
                </p>
            </Notice>
        }
    });
    let first_page = cursor.map(|_| {
        view! {
            <p>
                <a href=paths::sessions_page(agent_id, None)>{tr("Back to the newest")}</a>
            </p>
        }
    });
    let items = StoredValue::new(page.items);
    // Each is drawn by itself.
    let row = move |session: SessionSummary| {
        let now = Memo::new(move |_| live.now(&session));
        view! { <SessionRow session=now names=AgentNames::Shown /> }
    };
    view! {
        {filter}
        {first_page}
        <Show
            when=move || !is_empty || live.has_come()
            fallback=move || view! { <NoneYet agent_id=agent_id /> }
        >
            <ul class="session-list">
                <For each=move || live.came() key=|session| session.id children=row />
                <For each=move || items.get_value() key=|session| session.id children=row />
                <For each=move || later.items() key=|session| session.id children=row />
            </ul>
        </Show>
        <LoadMore
            pages=later
            href=move |cursor: String| paths::sessions_page(agent_id, Some(&cursor))
            on_more=move |cursor: String| later.load(list_sessions(agent_id, Some(cursor), None))
        />
    }
}

/// Says that no session was started yet, of any agent or of this one.
#[component]
fn NoneYet(agent_id: Option<AgentId>) -> impl IntoView {
    match agent_id {
        None => view! { <Nothing /> }.into_any(),
        Some(id) => view! {
            <EmptyState
                icon=IconName::History
                title=tr("No sessions yet")
                text=tr("This agent has not been run. Give it a goal and watch it work.")
            >
                <LinkButton href=paths::run_agent(id) kind=ButtonKind::Primary>
                    {tr("Run the agent")}
                </LinkButton>
                <LinkButton href=paths::SESSIONS.to_owned()>{tr("All sessions")}</LinkButton>
            </EmptyState>
        }
        .into_any(),
    }
}

#[component]
fn Nothing() -> impl IntoView {
    view! {
        <EmptyState
            icon=IconName::History
            title=tr("No sessions yet")
            text=tr("A session is one run of an agent on a goal. Start one and it appears here, step by step.")
        >
            <LinkButton href=paths::STUDIO.to_owned() kind=ButtonKind::Primary>
                {tr("Go to the studio")}
            </LinkButton>
            <LinkButton href=paths::MARKETPLACE.to_owned()>{tr("Find an agent")}</LinkButton>
        </EmptyState>
    }
}
