//! Sessions: one at work, seen live, and the ones before it.

use crate::lazy_page::lazy_pages;

pub(crate) mod api;
pub(crate) mod glance;
pub(crate) mod session_list;

mod brief;
mod call_view;
mod citations;
mod compare_route;
mod compare_view;
mod decision_form;
mod decision_panel;
#[cfg(feature = "ssr")]
mod decision_rules;
mod door;
mod ending;
mod figures;
mod find_inside;
mod follow;
mod fork_form;
mod fork_panel;
mod glance_api;
mod happened;
mod history_route;
mod input_panel;
mod live_history;
mod live_session;
mod markdown;
mod markdown_view;
mod message_panel;
mod pin_button;
mod raw_view;
mod reading;
mod replay_route;
mod retry_form;
mod session_facts;
mod session_parts;
mod session_route;
mod session_view;
mod settled_news;
mod share_panel;
mod shared_route;
mod step_view;
mod step_ways;
mod thumb_panel;
mod wait_words;

pub use compare_route::CompareRoute;
pub use history_route::HistoryRoute;
#[cfg(feature = "ssr")]
pub(crate) use markdown_view::markdown_html;
pub use replay_route::ReplayRoute;
pub use session_route::SessionRoute;
pub use shared_route::SharedRoute;

lazy_pages!(
    sessions: history = HistoryRoute,
    session = SessionRoute,
    shared = SharedRoute,
    compare = CompareRoute,
    replay = ReplayRoute,
);
