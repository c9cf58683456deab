//! `/studio/agents/{id}/numbers`: what an agent did lately, drawn on the server.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_params_map;
use resonant_domain::AgentId;
use resonant_domain::agent_numbers::{COUNTED_MAX, Failure, VersionNumbers};

use super::day_chart::DayChart;
use super::editor_route::agent_id;
use super::team_panel::StandingNote;
use super::version_api::{DrawnDay, NumbersPage, get_numbers};
use super::version_charts::{VersionCharts, version_name};
use crate::error::AppError;
use crate::features::sessions::counted;
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    EmptyState, IconName, LinkButton, PageHead, Skeleton, Time, cannot_be_shown, duration_text,
};

/// The page of an agent's numbers.
#[derive(Debug)]
pub struct NumbersRoute {
    id: Memo<String>,
    numbers: Resource<Result<NumbersPage, AppError>>,
}

impl LazyPage for NumbersRoute {
    fn data() -> Self {
        let params = use_params_map();
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let numbers = Resource::new_blocking(
            move || id.get(),
            |id| async move { get_numbers(agent_id(&id)?).await },
        );
        Self { id, numbers }
    }

    fn view(this: Self) -> AnyView {
        let NumbersRoute { id, numbers } = this;
        view! {
            <Title text="Numbers" />
            <Meta name="description" content="What an AI agent did lately" />
            <Suspense fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {move || Suspend::new(async move {
                    match (numbers.await, agent_id(&id.get_untracked())) {
                        (Ok(numbers), Ok(id)) => {
                            view! { <Numbers id=id numbers=numbers /> }.into_any()
                        }
                        (Err(error), _) | (_, Err(error)) => cannot_be_shown("These numbers cannot be shown", error),
                    }
                })}
            </Suspense>
        }
        .into_any()
    }
}

#[component]
fn Numbers(id: AgentId, numbers: NumbersPage) -> impl IntoView {
    let NumbersPage { versions, days, failures, standing } = numbers;
    let note = standing.map(|standing| view! { <StandingNote standing=standing /> });
    let head = view! {
        <PageHead title="Numbers" lead="What the agent did lately">
            <LinkButton href=paths::agent(id)>"Back to the editor"</LinkButton>
        </PageHead>
        {note}
    };
    if versions.is_empty() {
        return view! {
            {head}
            <EmptyState
                icon=IconName::Chart
                title="No sessions yet"
                text="Run the agent, and its success, time and cost are counted here, version by version."
            >
                <LinkButton href=paths::run_agent(id)>"Run the agent"</LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    let failed = (!failures.is_empty()).then(|| {
        let row = |failure: Failure| {
            let reason = failure.reason.unwrap_or_else(|| "It ended without an answer".to_owned());
            view! {
                <li class="numbers__failure">
                    <a href=paths::session(failure.id)>{reason}</a>
                    " "
                    <Time at=failure.ended_at />
                </li>
            }
        };
        view! {
            <h2>"Last failures"</h2>
            <ul class="numbers__failures">{failures.into_iter().map(row).collect_view()}</ul>
        }
    });
    view! {
        {head}
        <h2>"Sessions by day"</h2>
        <Days days=days />
        <h2>"By version"</h2>
        <VersionCharts versions=versions.clone() />
        <details class="numbers__details">
            <summary>"All numbers by version, as a table"</summary>
            <VersionTable versions=versions />
        </details>
        {failed}
        <p class="numbers__note">
            "Counted are the newest "
            {counted(COUNTED_MAX.unsigned_abs(), "session", "sessions")}
            ". Days are in UTC."
        </p>
    }
    .into_any()
}

#[component]
fn Days(days: Vec<DrawnDay>) -> impl IntoView {
    if days.is_empty() {
        return view! { <p>"No session within the last 30 days."</p> }.into_any();
    }
    view! { <DayChart days=days /> }.into_any()
}

#[component]
fn VersionTable(versions: Vec<VersionNumbers>) -> impl IntoView {
    let row = |numbers: VersionNumbers| {
        let success = numbers.success_percent();
        let name = version_name(&numbers);
        let time = |ms: Option<u64>| ms.map_or_else(|| "–".to_owned(), duration_text);
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td>{numbers.sessions}</td>
                <td>{success.map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"))}</td>
                <td>{time(numbers.p50_ms)}</td>
                <td>{time(numbers.p99_ms)}</td>
                <td>{numbers.median_cost.map_or_else(|| "–".to_owned(), |cost| cost.to_string())}</td>
                <td>{numbers.cost.to_string()}</td>
                <td>{numbers.thumbs_up}</td>
                <td>{numbers.thumbs_down}</td>
            </tr>
        }
    };
    view! {
        <div class="numbers__table" tabindex="0" role="region" aria-label="Numbers by version">
            <table class="diff__table">
                <thead>
                    <tr>
                        <th scope="col">"Version"</th>
                        <th scope="col">"Sessions"</th>
                        <th scope="col">"Success"</th>
                        <th scope="col">"Time, median"</th>
                        <th scope="col">"Time, p99"</th>
                        <th scope="col">"Cost, median"</th>
                        <th scope="col">"Cost, all"</th>
                        <th scope="col">"Thumbs up"</th>
                        <th scope="col">"Thumbs down"</th>
                    </tr>
                </thead>
                <tbody>{versions.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}
