//! `/studio/shared`: the agents that others share with the viewer.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use resonant_domain::FaultKind;
use resonant_domain::team::SharedAgent;

use super::api::list_shared;
use super::team_route::role_badge;
use crate::error::AppError;
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Avatar, AvatarSize, ButtonKind, EmptyState, ErrorPanel, IconName, LinkButton, PageHead,
    Skeleton, not_signed_in,
};

/// The page of shared agents.
pub struct SharedAgentsRoute {
    agents: Resource<Result<Vec<SharedAgent>, AppError>>,
}

impl LazyPage for SharedAgentsRoute {
    fn data() -> Self {
        Self { agents: Resource::new_blocking(|| (), |()| list_shared()) }
    }

    fn view(this: Self) -> AnyView {
        let agents = this.agents;
        view! {
            <Title text="Shared with me" />
            <Meta name="description" content="Agents that people of your teams share with you" />
            <PageHead title="Shared with me" lead="Agents of others that you reach through your teams">
                <LinkButton href=paths::STUDIO>"Your own agents"</LinkButton>
                <LinkButton href=paths::TEAMS kind=ButtonKind::Quiet>
                    "Teams"
                </LinkButton>
            </PageHead>
            <Transition fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {move || Suspend::new(async move {
                    match agents.await {
                        Ok(agents) if agents.is_empty() => nothing(),
                        Ok(agents) => {
                            let rows = agents.into_iter().map(row).collect_view();
                            view! { <ul class="keys">{rows}</ul> }.into_any()
                        }
                        Err(error) if error.kind == FaultKind::Unauthenticated => {
                            not_signed_in(
                                "Agents are shared with people of a team: sign in to see yours.",
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

fn nothing() -> AnyView {
    view! {
        <EmptyState
            icon=IconName::Agent
            title="Nothing is shared with you"
            text="Somebody in a team of yours shares an agent from the agent's own page."
        >
            <LinkButton href=paths::TEAMS>"Your teams"</LinkButton>
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
                        <span>"Owned by " {agent.owner_name}</span>
                        <span>
                            "Through " <a href=paths::team(&agent.team_slug)>{agent.team_name}</a>
                        </span>
                    </p>
                </div>
            </div>
        </li>
    }
    .into_any()
}
