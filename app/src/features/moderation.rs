//! Moderation: what was handed in for the marketplace, and what people report.

use crate::lazy_page::lazy_pages;

pub(crate) mod api;

mod case_route;
mod collections_route;
mod queue_route;
mod report_row;

pub use case_route::CaseRoute;
pub use collections_route::CollectionsRoute;
pub use queue_route::QueueRoute;

// They show differences as the Studio does: a chunk of their own would move those into the main module.
lazy_pages!(
    admin: queue = QueueRoute,
    case = CaseRoute,
    collections = CollectionsRoute,
);
