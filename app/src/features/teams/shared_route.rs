//! `/studio/shared`: the agents that others share with the viewer.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::FaultKind;
use resonant_domain::page::Page;
use resonant_domain::team::SharedAgent;

use super::api::list_shared;
use super::team_route::role_badge;
use crate::error::AppError;
use crate::language::tr;
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Avatar, AvatarSize, ButtonKind, EmptyState, ErrorPanel, IconName, LinkButton, PageHead,
    PageLinks, Skeleton, kept, not_signed_in,
};

/// The page of shared agents.
pub struct SharedAgentsRoute {
    /// Whether it is a later page, and what the server answered.
    agents: Resource<(bool, Result<Page<SharedAgent>, AppError>)>,
}

impl LazyPage for SharedAgentsRoute {
    fn data() -> Self {
        let query = use_query_map();
        let cursor = Memo::new(move |_| query.read().get("cursor"));
        let agents = Resource::new_blocking(
            move || cursor.get(),
            |cursor| async move { (cursor.is_some(), list_shared(cursor).await) },
        );
        Self { agents }
    }

    fn view(this: Self) -> AnyView {
        let agents = this.agents;
        view! {
            <Title text=tr("Shared with me") />
            <Meta name="description" content=tr("Agents that people of your teams share with you") />
            <PageHead
                title=tr("Shared with me")
                lead=tr("Agents of others that you reach through your teams")
            >
                <LinkButton href=paths::STUDIO>{tr("Your own agents")}</LinkButton>
                <LinkButton href=paths::TEAMS kind=ButtonKind::Quiet>
                    {tr("Teams")}
                </LinkButton>
            </PageHead>
            <Transition fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {kept(move || async move {
                    let (is_later, agents) = agents.await;
                    match agents {
                        Ok(page) => shown(page, is_later),
                        Err(error) if error.kind == FaultKind::Unauthenticated => {
                            not_signed_in(
                                tr("Agents are shared with people of a team: sign in to see yours."),
                                paths::SHARED_AGENTS,
                            )
                        }
                        Err(error) => view! { <ErrorPanel error /> }.into_any(),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn shown(page: Page<SharedAgent>, is_later: bool) -> AnyView {
    let Page { items, next_cursor } = page;
    // What is in the trash is left out: a page may be empty, and more come behind it.
    if items.is_empty() && next_cursor.is_none() && !is_later {
        return nothing();
    }
    view! {
        <ul class="keys">{items.into_iter().map(row).collect_view()}</ul>
        <PageLinks
            next=next_cursor.as_deref().map(paths::shared_agents_page)
            more=tr("Show more")
            first=is_later.then(|| paths::SHARED_AGENTS.to_owned())
            back=tr("Back to the newest")
        />
    }
    .into_any()
}

fn nothing() -> AnyView {
    view! {
        <EmptyState
            icon=IconName::Agent
            title=tr("Nothing is shared with you")
            text=tr("Somebody in a team of yours shares an agent from the agent's own page.")
        >
            <LinkButton href=paths::TEAMS>{tr("Your teams")}</LinkButton>
        </EmptyState>
    }
    .into_any()
}

fn row(agent: SharedAgent) -> AnyView {
    let about = (!agent.description.is_empty()).then(|| view! { <p>{agent.description}</p> });
    view! {
        <li class="keys__row">
            <div class="team__agent">
                <Avatar avatar=agent.avatar size=AvatarSize::Small />
                <div>
                    <h2 class="keys__name">
                        <a href=paths::agent(agent.id)>{agent.name}</a>
                        " "
                        {role_badge(agent.role)}
                    </h2>
                    {about}
                    <p class="keys__about">
                        <span>{tr("Owned by ")} {agent.owner_name}</span>
                        <span>
                            {tr("Through ")} <a href=paths::team(&agent.team_slug)>{agent.team_name}</a>
                        </span>
                    </p>
                </div>
            </div>
        </li>
    }
    .into_any()
}
