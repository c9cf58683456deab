//! Sessions: one at work, seen live, and the ones before it.

use crate::lazy_page::lazy_pages;

pub(crate) mod api;
pub(crate) mod session_list;

mod call_view;
mod decision_form;
mod decision_panel;
#[cfg(feature = "ssr")]
mod decision_rules;
mod ending;
mod figures;
mod fork_form;
mod fork_panel;
mod history_route;
mod live_session;
mod markdown;
mod markdown_view;
mod message_panel;
mod retry_form;
mod session_route;
mod session_view;
mod step_view;

pub use history_route::HistoryRoute;
pub use session_route::SessionRoute;

lazy_pages!(sessions: history = HistoryRoute, session = SessionRoute);
