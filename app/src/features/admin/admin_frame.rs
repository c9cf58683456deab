//! What the pages of the administration have in common: their head, the ways between them, and what
//! everyone else sees.

use leptos::prelude::*;
use resonant_domain::FaultKind;

use crate::app::NotFoundPage;
use crate::error::AppError;
use crate::language::{key, tr};
use crate::paths;
use crate::ui::{ErrorPanel, PageHead};

/// The periods that can be chosen, with their titles.
pub(super) const PERIODS: [(&str, &str); 3] =
    [("1h", key("1 hour")), ("24h", key("24 hours")), ("7d", key("7 days"))];

/// The period that an address asks for: one of [`PERIODS`].
pub(super) fn chosen_period(asked: Option<&str>) -> &'static str {
    let known = PERIODS.iter().find(|(period, _)| Some(*period) == asked);
    known.map_or(PERIODS[0].0, |(period, _)| period)
}

/// The title of a page and the ways to the others.
#[component]
pub(super) fn AdminHead(
    /// The page's title.
    title: &'static str,
    /// What it shows.
    lead: &'static str,
    /// The page's own address.
    here: &'static str,
) -> impl IntoView {
    let links = [
        (paths::ADMIN, tr("Overview")),
        (paths::SERVICE_LEVELS, tr("Service levels")),
        (paths::ALERTS, tr("Alerts")),
        (paths::MODERATION, tr("Review queue")),
        (paths::ALL_AUDIT, tr("Audit log")),
    ];
    let links = links
        .map(|(href, text)| {
            let current = (href == here).then_some("page");
            view! {
                <a class="admin-ways__way" href=href aria-current=current>
                    {text}
                </a>
            }
        })
        .collect_view();
    view! {
        <PageHead title lead />
        <nav class="admin-ways" aria-label=tr("Administration")>
            {links}
        </nav>
    }
}

/// The choice of a period, by links.
#[component]
pub(super) fn PeriodSwitch(
    /// The page's address.
    path: &'static str,
    /// The chosen period.
    period: &'static str,
) -> impl IntoView {
    let links = PERIODS
        .map(|(own, title)| {
            let current = (own == period).then_some("true");
            view! {
                <a class="admin-ways__way" href=paths::with_period(path, own) aria-current=current>
                    {tr(title)}
                </a>
            }
        })
        .collect_view();
    view! {
        <nav class="admin-ways" aria-label=tr("Period")>
            {links}
        </nav>
    }
}

/// What is shown in place of a page: to whoever is no admin, that there is none.
#[component]
pub(super) fn Refused(
    /// Why.
    error: AppError,
) -> impl IntoView {
    if matches!(error.kind, FaultKind::NotFound | FaultKind::Unauthenticated) {
        return view! { <NotFoundPage /> }.into_any();
    }
    view! {
        <h1>{tr("This cannot be shown")}</h1>
        <ErrorPanel error />
    }
    .into_any()
}

/// A table that can be scrolled sideways where there is little room.
#[component]
pub(super) fn WideTable(
    /// What the table holds.
    #[prop(into)]
    label: String,
    /// The titles of its columns.
    #[prop(into)]
    columns: Vec<&'static str>,
    /// Its rows.
    children: Children,
) -> impl IntoView {
    let columns =
        columns.into_iter().map(|title| view! { <th scope="col">{title}</th> }).collect_view();
    view! {
        <div class="admin-table" tabindex="0" role="region" aria-label=label>
            <table class="admin-table__table">
                <thead>
                    <tr>{columns}</tr>
                </thead>
                <tbody>{children()}</tbody>
            </table>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_period_is_the_first() {
        assert_eq!(chosen_period(Some("24h")), "24h");
        for asked in [None, Some(""), Some("2y")] {
            assert_eq!(chosen_period(asked), "1h");
        }
    }
}
