//! `/admin/service-levels`: the service targets beside what was measured.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::UserId;
use resonant_domain::slo::Report;

use super::admin_frame::{AdminHead, PERIODS, PeriodSwitch, Refused, chosen_period};
use super::api::get_service_levels;
use super::level_table::{Agents, BehindTable, LevelTable, RankingTable, SlowTable};
use super::refresh::Refresh;
use crate::error::AppError;
use crate::language::tr;
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::state::use_viewer;
use crate::ui::{Skeleton, Time, kept};

/// The page of the service levels.
pub struct ServiceLevelsRoute {
    period: Memo<&'static str>,
    report: Resource<Result<Report, AppError>>,
}

impl LazyPage for ServiceLevelsRoute {
    fn data() -> Self {
        let query = use_query_map();
        let period = Memo::new(move |_| chosen_period(query.read().get("period").as_deref()));
        let report = Resource::new_blocking(
            move || period.get(),
            |period| get_service_levels(period.to_owned()),
        );
        Self { period, report }
    }

    fn view(this: Self) -> AnyView {
        let ServiceLevelsRoute { period, report } = this;
        let viewer = use_viewer();
        let ask = Callback::new(move |()| report.refetch());
        let when = Signal::derive(move || report.with(|answer| matches!(answer, Some(Ok(_)))));
        view! {
            <Title text=tr("Service levels") />
            <Meta
                name="description"
                content=tr("The service targets beside what was measured")
            />
            <Transition fallback=|| {
                view! { <Skeleton lines=12 /> }
            }>
                {kept(move || async move {
                    match report.await {
                        Ok(report) => {
                            let period = period.try_get_untracked().unwrap_or(PERIODS[0].0);
                            let viewer = viewer.load().await.map(|viewer| viewer.id);
                            view! { <Levels period report viewer /> }.into_any()
                        }
                        Err(error) => view! { <Refused error /> }.into_any(),
                    }
                })}
            </Transition>
            <Refresh ask when />
        }
        .into_any()
    }
}

#[component]
fn Levels(period: &'static str, report: Report, viewer: Option<UserId>) -> impl IntoView {
    let Report { at, mut levels, worst, agents, slow, .. } = report;
    let agents = Agents { named: agents, viewer };
    let behind = levels
        .iter_mut()
        .map(|level| {
            let rows = std::mem::take(&mut level.behind);
            let (title, unit) = (level.title.clone(), level.unit.clone());
            let (is_floor, agents) = (level.target > level.critical, agents.clone());
            view! { <BehindTable title unit is_floor rows agents /> }
        })
        .collect_view();
    let worst = worst
        .into_iter()
        .map(|ranking| view! { <RankingTable ranking agents=agents.clone() /> })
        .collect_view();
    view! {
        <AdminHead
            title=tr("Service levels")
            lead=tr("What people are promised, beside what was measured over all processes")
            here=paths::SERVICE_LEVELS
        />
        <PeriodSwitch path=paths::SERVICE_LEVELS period />
        <LevelTable levels />
        <h2>{tr("What lies behind each number")}</h2>
        {behind}
        <h2>{tr("What took the most time")}</h2>
        {worst}
        <h2>{tr("Slow requests and statements")}</h2>
        <SlowTable slow />
        <p class="admin-note">{tr("Measured until ")} <Time at /></p>
    }
}
