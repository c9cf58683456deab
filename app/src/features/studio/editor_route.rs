//! `/studio/agents/{id}`: an agent, to change and to run.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::page::Page;
use resonant_domain::session::SessionSummary;
use resonant_domain::{AgentId, FaultKind};

use super::api::{EditedAgent, get_agent};
use super::editor::{Editor, RECENT};
use super::run_panel::Task;
use crate::error::AppError;
use crate::features::sessions::api::{get_session, list_sessions};
use crate::language::{key, tr};
use crate::lazy_page::LazyPage;
use crate::ui::{ErrorPanel, Skeleton};
use crate::{paths, ssr};

/// The page of one agent.
#[derive(Debug)]
pub struct EditorRoute {
    agent: Resource<Result<EditedAgent, AppError>>,
    recent: Resource<Result<Page<SessionSummary>, AppError>>,
    task: Resource<Task>,
}

impl LazyPage for EditorRoute {
    fn data() -> Self {
        let (params, query) = (use_params_map(), use_query_map());
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let again = Memo::new(move |_| query.read().get("again"));
        Self {
            agent: Resource::new_blocking(
                move || id.get(),
                |id| async move { get_agent(agent_id(&id)?).await },
            ),
            recent: Resource::new_blocking(
                move || id.get(),
                |id| async move { list_sessions(Some(agent_id(&id)?), None, Some(RECENT)).await },
            ),
            task: Resource::new_blocking(move || again.get(), task_of),
        }
    }

    fn view(this: Self) -> AnyView {
        let EditorRoute { agent, recent, task } = this;
        view! {
            <Meta name="description" content=tr("Change an AI agent and set it on a goal") />
            <Suspense fallback=|| {
                view! { <Skeleton lines=12 /> }
            }>
                {move || Suspend::new(async move {
                    match agent.await {
                        Ok(edited) => {
                            let recent = recent.await;
                            view! { <Editor edited=edited recent=recent task=task.await /> }
                                .into_any()
                        }
                        Err(error) => {
                            if error.kind == FaultKind::NotFound {
                                ssr::not_found();
                            }
                            view! {
                                <Title text=tr("Agent") />
                                <h1>{tr("This agent cannot be shown")}</h1>
                                <ErrorPanel error=error />
                                <p>
                                    <a href=paths::STUDIO>{tr("Back to the studio")}</a>
                                </p>
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

/// What is no id names no agent.
pub(super) fn agent_id(text: &str) -> Result<AgentId, AppError> {
    text.parse().map_err(|_| AppError::not_found(key("There is no such agent")))
}

/// The goal of an earlier session, to run it again. Without one, or when it cannot be read, the
/// form starts empty.
async fn task_of(again: Option<String>) -> Task {
    let Some(id) = again.and_then(|id| id.parse().ok()) else {
        return Task::default();
    };
    let so_far = get_session(id).await;
    so_far.map_or_else(
        |_| Task::default(),
        |so_far| {
            let session = so_far.session;
            Task { goal: session.goal, context: session.context, variables: session.variables }
        },
    )
}
