//! Agent Studio: where a person makes agents, changes them and sets them on a goal.

use crate::lazy_page::lazy_pages;

pub(crate) mod api;

mod agent_fields;
mod agent_form;
mod agent_row;
mod agents_route;
mod editor;
mod editor_route;
#[cfg(feature = "ssr")]
mod form_rules;
mod new_agent_route;
mod planner_notice;
mod run_panel;

pub use agents_route::AgentsRoute;
pub use editor_route::EditorRoute;
pub use new_agent_route::NewAgentRoute;

lazy_pages!(studio: agents = AgentsRoute, editor = EditorRoute, new_agent = NewAgentRoute);
