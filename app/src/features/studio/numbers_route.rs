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
use crate::language::{cost_text, number, tr, tr_count, tr_text, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    EmptyState, IconName, LinkButton, Notice, PageHead, Skeleton, Time, Tone, cannot_be_shown,
    duration_text,
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
            <Title text=tr("Numbers") />
            <Meta name="description" content=tr("What an AI agent did lately") />
            <Suspense fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {move || Suspend::new(async move {
                    match (numbers.await, agent_id(&id.get_untracked())) {
                        (Ok(numbers), Ok(id)) => {
                            view! { <Numbers id=id numbers=numbers /> }.into_any()
                        }
                        (Err(error), _) | (_, Err(error)) => cannot_be_shown(tr("These numbers cannot be shown"), error),
                    }
                })}
            </Suspense>
        }
        .into_any()
    }
}

#[component]
fn Numbers(id: AgentId, numbers: NumbersPage) -> impl IntoView {
    let NumbersPage { today, versions, days, failures, standing, presumed_prices } = numbers;
    // A month's budget is the owner's alone.
    let budget = standing.is_none().then(|| {
        view! { <LinkButton href=paths::usage_of(id)>{tr("Its budget")}</LinkButton> }
    });
    let note = standing.map(|standing| view! { <StandingNote standing=standing /> });
    let head = view! {
        <PageHead title=tr("Numbers") lead=tr("What the agent did lately")>
            <LinkButton href=paths::agent(id)>{tr("Back to the editor")}</LinkButton>
            {budget}
        </PageHead>
        {note}
    };
    if versions.is_empty() {
        return view! {
            {head}
            <EmptyState
                icon=IconName::Chart
                title=tr("No sessions yet")
                text=tr("Run the agent, and its success, time and cost are counted here, version by version.")
            >
                <LinkButton href=paths::run_agent(id)>{tr("Run the agent")}</LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    let failed = (!failures.is_empty()).then(|| {
        let row = |failure: Failure| {
            let nothing = || tr("It ended without an answer").to_owned();
            let reason = failure.reason.map_or_else(nothing, tr_text);
            view! {
                <li class="numbers__failure">
                    <a href=paths::session(failure.id)>{reason}</a>
                    " "
                    <Time at=failure.ended_at />
                </li>
            }
        };
        view! {
            <h2>{tr("Last failures")}</h2>
            <ul class="numbers__failures">{failures.into_iter().map(row).collect_view()}</ul>
        }
    });
    view! {
        {head}
        {presumed_note(&presumed_prices)}
        <h2>{tr("Sessions by day")}</h2>
        <Days days today />
        <h2>{tr("By version")}</h2>
        <VersionCharts versions=versions.clone() />
        <details class="numbers__details">
            <summary>{tr("All numbers by version, as a table")}</summary>
            <VersionTable versions=versions />
        </details>
        {failed}
        <p class="numbers__note">
            {tr("Counted are the newest ")}
            {tr_count("{n} session", "{n} sessions", COUNTED_MAX.unsigned_abs())}
            {tr(". Days are in UTC.")}
        </p>
    }
    .into_any()
}

/// Names the models whose price nobody has told, where there are any: what they cost is an estimate.
pub(crate) fn presumed_note(models: &[String]) -> Option<AnyView> {
    let names = models.join(", ");
    (!models.is_empty()).then(|| {
        let text = tr_with(
            "Costs are estimates: nobody has told the price of {models}. It is counted at the dearest of its \
             provider's models.",
            &[("models", &names)],
        );
        view! { <Notice tone=Tone::Info>{text}</Notice> }.into_any()
    })
}

#[component]
fn Days(days: Vec<DrawnDay>, today: String) -> impl IntoView {
    if days.is_empty() {
        return view! { <p>{tr("No session within the last 30 days.")}</p> }.into_any();
    }
    view! { <DayChart days today /> }.into_any()
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
                <td>{number(numbers.sessions)}</td>
                <td>{success.map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"))}</td>
                <td>{time(numbers.p50_ms)}</td>
                <td>{time(numbers.p99_ms)}</td>
                <td>{numbers.median_cost.map_or_else(|| "–".to_owned(), cost_text)}</td>
                <td>{cost_text(numbers.cost)}</td>
                <td>{number(numbers.thumbs_up)}</td>
                <td>{number(numbers.thumbs_down)}</td>
            </tr>
        }
    };
    view! {
        <div class="numbers__table" tabindex="0" role="region" aria-label=tr("Numbers by version")>
            <table class="diff__table">
                <thead>
                    <tr>
                        <th scope="col">{tr("Version")}</th>
                        <th scope="col">{tr("Sessions")}</th>
                        <th scope="col">{tr("Success")}</th>
                        <th scope="col">{tr("Time, median")}</th>
                        <th scope="col">{tr("Time, p99")}</th>
                        <th scope="col">{tr("Cost, median")}</th>
                        <th scope="col">{tr("Cost, all")}</th>
                        <th scope="col">{tr("Thumbs up")}</th>
                        <th scope="col">{tr("Thumbs down")}</th>
                    </tr>
                </thead>
                <tbody>{versions.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}
