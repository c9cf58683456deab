//! Agent Studio: where a person makes agents, changes them and sets them on a goal.

use crate::lazy_page::lazy_pages;

pub(crate) mod api;

mod agent_fields;
mod agent_form;
mod agent_line;
mod agent_list;
mod agent_picker;
mod agent_row;
mod agents_route;
mod bulk;
mod day_chart;
mod diff_view;
mod document_form;
mod edit_form;
mod editor;
mod editor_route;
#[cfg(feature = "ssr")]
mod form_rules;
mod import_api;
mod import_route;
mod knowledge_api;
mod knowledge_route;
mod list_bar;
mod new_agent_route;
mod numbers_route;
mod planner_notice;
mod publish_panel;
mod run_panel;
mod trash_route;
mod version_api;
mod versions_route;

pub use agents_route::AgentsRoute;
pub(crate) use diff_view::DiffView;
pub use editor_route::EditorRoute;
pub use import_route::ImportRoute;
pub use knowledge_route::KnowledgeRoute;
pub use new_agent_route::NewAgentRoute;
pub use numbers_route::NumbersRoute;
pub use trash_route::TrashRoute;
pub use versions_route::VersionsRoute;

lazy_pages!(
    studio: agents = AgentsRoute,
    trash = TrashRoute,
    editor = EditorRoute,
    new_agent = NewAgentRoute,
    versions = VersionsRoute,
    numbers = NumbersRoute,
    import = ImportRoute,
    knowledge = KnowledgeRoute,
);
