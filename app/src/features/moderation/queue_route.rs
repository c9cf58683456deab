//! `/admin/reviews`: what waits for a moderator.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::FaultKind;
use resonant_domain::page::Page;
use resonant_domain::publication::CaseSummary;

use super::api::{CloseReport, Waiting, get_queue};
use super::report_row::ReportRow;
use crate::app::NotFoundPage;
use crate::error::{AppError, action_error, successes};
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Badge, EmptyState, ErrorPanel, FormError, IconName, LinkButton, PageHead, PageLinks, Skeleton,
    Time, Tone, kept, not_signed_in_page,
};

/// From where on each list is shown; from its beginning where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Asked {
    cases: Option<String>,
    reports: Option<String>,
}

/// The moderators' queue.
pub struct QueueRoute {
    close: ServerAction<CloseReport>,
    /// What was asked for, and what the server answered.
    queue: Resource<(Asked, Result<Waiting, AppError>)>,
}

impl LazyPage for QueueRoute {
    fn data() -> Self {
        let close = ServerAction::new();
        let changes = successes(close);
        let query = use_query_map();
        let asked = Memo::new(move |_| {
            let query = query.read();
            Asked { cases: query.get("cases"), reports: query.get("reports") }
        });
        let queue = Resource::new_blocking(
            move || (asked.get(), changes.get()),
            |(asked, _)| async move {
                let Asked { cases, reports } = asked.clone();
                (asked, get_queue(cases, reports).await)
            },
        );
        Self { close, queue }
    }

    fn view(this: Self) -> AnyView {
        let QueueRoute { close, queue } = this;
        view! {
            <Transition fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {kept(move || async move {
                    let (asked, waiting) = queue.await;
                    match waiting {
                        Ok(waiting) => view! { <Queue asked waiting close /> }.into_any(),
                        Err(error) => view! { <Refused error path=paths::MODERATION /> }.into_any(),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

/// What anyone but a moderator sees: for them there is no such page.
#[component]
pub(super) fn Refused(
    /// What the server answered.
    error: AppError,
    /// Where the visitor wanted to go.
    #[prop(into)]
    path: String,
) -> impl IntoView {
    match error.kind {
        FaultKind::NotFound => view! { <NotFoundPage /> }.into_any(),
        FaultKind::Unauthenticated => view! {
            <Title text=tr("Review queue") />
            {not_signed_in_page(
                tr("Review queue"),
                tr("Moderators sign in to see what waits for them."),
                &path,
            )}
        }
        .into_any(),
        _ => view! {
            <Title text=tr("Review queue") />
            <h1 class="visually-hidden">{tr("Review queue")}</h1>
            <ErrorPanel error=error />
        }
        .into_any(),
    }
}

#[component]
fn Queue(asked: Asked, waiting: Waiting, close: ServerAction<CloseReport>) -> impl IntoView {
    let Waiting { cases, reports } = waiting;
    let Page { items: cases, next_cursor: next_case } = cases;
    let Page { items: reports, next_cursor: next_report } = reports;
    let (is_later_case, is_later_report) = (asked.cases.is_some(), asked.reports.is_some());
    let shows_cases = is_later_case || !cases.is_empty();
    let shows_reports = is_later_report || !reports.is_empty();
    let nothing = (!shows_cases && !shows_reports).then(|| {
        view! {
            <EmptyState
                icon=IconName::Inbox
                title=tr("Nothing waits")
                text=tr("What people hand in for the marketplace and what they report comes here.")
            >
                <LinkButton href=paths::MARKETPLACE>{tr("Open the marketplace")}</LinkButton>
            </EmptyState>
        }
    });
    let cases = shows_cases.then(|| {
        let rows = cases.into_iter().map(case_row).collect_view();
        view! {
            <section class="account__part" aria-labelledby="cases-title">
                <h2 id="cases-title">{tr("Handed in")}</h2>
                <ol class="reviews">{rows}</ol>
                <PageLinks
                    next=next_case.as_deref().map(paths::cases_page)
                    more=tr("More submissions")
                    first=is_later_case.then(|| paths::MODERATION.to_owned())
                    back=tr("Back to the beginning of the list")
                />
            </section>
        }
    });
    let reports = shows_reports.then(|| {
        let rows =
            reports.into_iter().map(|report| view! { <ReportRow report close /> }).collect_view();
        view! {
            <section class="account__part" aria-labelledby="reports-title">
                <h2 id="reports-title">{tr("Reported")}</h2>
                <FormError error=action_error(close) />
                <ol class="reviews">{rows}</ol>
                <PageLinks
                    next=next_report.as_deref().map(paths::reports_page)
                    more=tr("More reports")
                    first=is_later_report.then(|| paths::MODERATION.to_owned())
                    back=tr("Back to the beginning of the list")
                />
            </section>
        }
    });
    view! {
        <Title text=tr("Review queue") />
        <Meta name="description" content=tr("Listings that wait for a moderator, and reports") />
        <div class="publish-page">
            <PageHead
                title=tr("Review queue")
                lead=tr("What people hand in for the marketplace, and what they report.")
            >
                <LinkButton href=paths::COLLECTIONS>{tr("Collections")}</LinkButton>
                <LinkButton href=paths::ADMIN>{tr("Administration")}</LinkButton>
            </PageHead>
            {nothing}
            {cases}
            {reports}
        </div>
    }
}

fn case_row(case: CaseSummary) -> impl IntoView {
    let kind = if case.is_first { tr("First version") } else { tr("New version") };
    view! {
        <li class="review">
            <p class="review__head">
                <a href=paths::case(case.id)>{case.name}</a>
                <Badge tone=Tone::Info>{kind}</Badge>
                <span class="review__about">
                    {tr_with("by {publisher}, ", &[("publisher", &case.publisher)])} <Time at=case.submitted_at />
                </span>
            </p>
            <p>{case.tagline}</p>
        </li>
    }
}
