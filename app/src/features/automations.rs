//! What starts agents by itself: schedules and triggers; and webhooks, which hear of the end.

use crate::lazy_page::lazy_pages;

pub(crate) mod api;

mod automations_route;
mod schedule_form;
mod schedules;
mod triggers;
mod webhook_route;
mod webhooks;

pub use automations_route::AutomationsRoute;
pub use webhook_route::WebhookRoute;

// They are reached from the Studio: a chunk of their own would move what both use into the main module.
lazy_pages!(studio: automations = AutomationsRoute, webhook = WebhookRoute);
