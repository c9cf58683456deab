//! What starts agents by itself: schedules and triggers; and webhooks, which hear of the end.

use crate::lazy_page::lazy_pages;

pub(crate) mod api;

mod automations_route;

pub use automations_route::AutomationsRoute;

lazy_pages!(automations: automations = AutomationsRoute);
