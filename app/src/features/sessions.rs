//! Sessions: one at work, seen live, and the ones before it.

use crate::lazy_page::lazy_pages;

pub(crate) mod api;
pub(crate) mod session_list;

mod call_view;
mod compare_route;
mod compare_view;
mod ending;
mod figures;
mod history_route;
mod live_session;
mod markdown;
mod markdown_view;
mod replay_route;
mod session_route;
mod session_view;
mod share_panel;
mod shared_route;
mod step_view;

pub use compare_route::CompareRoute;
pub(crate) use figures::counted;
pub use history_route::HistoryRoute;
pub use replay_route::ReplayRoute;
pub use session_route::SessionRoute;
pub use shared_route::SharedRoute;

lazy_pages!(
    sessions: history = HistoryRoute,
    session = SessionRoute,
    compare = CompareRoute,
    replay = ReplayRoute,
    shared = SharedRoute,
);
