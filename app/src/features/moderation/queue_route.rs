//! `/admin/reviews`: what waits for a moderator.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use resonant_domain::FaultKind;
use resonant_domain::listing::ListingState;
use resonant_domain::publication::{CaseSummary, Report};

use super::api::{CloseReport, Waiting, get_queue};
use crate::app::NotFoundPage;
use crate::error::{AppError, action_error, successes};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Badge, Button, ButtonKind, EmptyState, ErrorPanel, FormError, IconName, LinkButton, PageHead,
    Skeleton, Time, Tone, not_signed_in_page,
};

/// The moderators' queue.
pub struct QueueRoute {
    close: ServerAction<CloseReport>,
    queue: Resource<Result<Waiting, AppError>>,
}

impl LazyPage for QueueRoute {
    fn data() -> Self {
        let close = ServerAction::new();
        let changes = successes(close);
        Self { close, queue: Resource::new_blocking(move || changes.get(), |_| get_queue()) }
    }

    fn view(this: Self) -> AnyView {
        let QueueRoute { close, queue } = this;
        view! {
            <Transition fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {move || Suspend::new(async move {
                    match queue.await {
                        Ok(waiting) => view! { <Queue waiting close /> }.into_any(),
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
            <Title text="Review queue" />
            {not_signed_in_page(
                "Review queue",
                "Moderators sign in to see what waits for them.",
                &path,
            )}
        }
        .into_any(),
        _ => view! {
            <Title text="Review queue" />
            <h1 class="visually-hidden">"Review queue"</h1>
            <ErrorPanel error=error />
        }
        .into_any(),
    }
}

#[component]
fn Queue(waiting: Waiting, close: ServerAction<CloseReport>) -> impl IntoView {
    let Waiting { cases, reports } = waiting;
    let nothing = (cases.is_empty() && reports.is_empty()).then(|| {
        view! {
            <EmptyState
                icon=IconName::Inbox
                title="Nothing waits"
                text="What people hand in for the marketplace and what they report comes here."
            >
                <LinkButton href=paths::MARKETPLACE>"Open the marketplace"</LinkButton>
            </EmptyState>
        }
    });
    let cases = (!cases.is_empty()).then(|| {
        let rows = cases.into_iter().map(case_row).collect_view();
        view! {
            <section class="account__part" aria-labelledby="cases-title">
                <h2 id="cases-title">"Handed in"</h2>
                <ol class="reviews">{rows}</ol>
            </section>
        }
    });
    let reports = (!reports.is_empty()).then(|| {
        let rows =
            reports.into_iter().map(|report| view! { <ReportRow report close /> }).collect_view();
        view! {
            <section class="account__part" aria-labelledby="reports-title">
                <h2 id="reports-title">"Reported"</h2>
                <FormError error=action_error(close) />
                <ol class="reviews">{rows}</ol>
            </section>
        }
    });
    view! {
        <Title text="Review queue" />
        <Meta name="description" content="Listings that wait for a moderator, and reports" />
        <div class="publish-page">
            <PageHead
                title="Review queue"
                lead="What people hand in for the marketplace, and what they report."
            >
                <LinkButton href=paths::COLLECTIONS>"Collections"</LinkButton>
                <LinkButton href=paths::ADMIN>"Administration"</LinkButton>
            </PageHead>
            {nothing}
            {cases}
            {reports}
        </div>
    }
}

fn case_row(case: CaseSummary) -> impl IntoView {
    let kind = if case.is_first { "First version" } else { "New version" };
    view! {
        <li class="review">
            <p class="review__head">
                <a href=paths::case(case.id)>{case.name}</a>
                <Badge tone=Tone::Info>{kind}</Badge>
                <span class="review__about">
                    {format!("by {}, ", case.publisher)} <Time at=case.submitted_at />
                </span>
            </p>
            <p>{case.tagline}</p>
        </li>
    }
}

#[component]
fn ReportRow(report: Report, close: ServerAction<CloseReport>) -> impl IntoView {
    let id = report.id;
    let is_gone = report.state == ListingState::Removed;
    let is_seen = matches!(report.state, ListingState::Published | ListingState::Paused);
    let name = if is_seen {
        view! { <a href=paths::listing(&report.slug)>{report.listing.clone()}</a> }.into_any()
    } else {
        view! { <b>{report.listing.clone()}</b> }.into_any()
    };
    let about = &report.listing;
    let button = |is_removed: bool, kind: ButtonKind, text: &'static str| {
        let about = format!(": {about}");
        view! {
            <ActionForm action=close>
                <input type="hidden" name="id" value=id.to_string() />
                <input type="hidden" name="is_removed" value=is_removed.to_string() />
                <Button kind busy=close.pending()>
                    {text}
                    <span class="visually-hidden">{about}</span>
                </Button>
            </ActionForm>
        }
    };
    let dismiss = button(false, ButtonKind::Secondary, "Dismiss the report");
    let remove = (!is_gone).then(|| button(true, ButtonKind::Danger, "Remove the listing"));
    view! {
        <li class="review">
            <p class="review__head">
                {name}
                <Badge tone=Tone::Warn>{report.reason.title()}</Badge>
                <Badge>{report.state.title()}</Badge>
                <span class="review__about">
                    {format!("reported by {}, ", report.reporter)} <Time at=report.created_at />
                </span>
            </p>
            <p class="review__text">{report.text}</p>
            <div class="publish__buttons">
                {dismiss}
                {remove}
            </div>
        </li>
    }
}
