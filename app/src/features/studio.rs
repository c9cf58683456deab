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
mod bench_api;
mod bench_route;
mod bench_run;
mod bench_sets;
mod bulk;
mod conflict_notice;
mod day_chart;
mod diff_view;
mod document_form;
mod document_route;
mod draft;
mod edit_form;
mod edition_field;
mod editor;
mod editor_route;
#[cfg(feature = "ssr")]
mod form_rules;
mod import_api;
mod import_route;
mod import_tools_route;
mod knowledge_api;
mod knowledge_route;
mod lineage;
mod lines;
mod list_bar;
mod live_list;
mod new_agent_route;
mod numbers_route;
mod past;
mod planner_notice;
mod prompt_field;
mod propose_api;
mod publish_panel;
mod rename;
mod run_panel;
mod saving;
mod status_panel;
mod team_panel;
mod test_set_form;
mod test_set_route;
mod tool_form;
mod tool_route;
#[cfg(feature = "ssr")]
mod tool_rules;
mod tools_api;
mod tools_route;
mod trash_route;
mod variable_fields;
mod variables_editor;
mod version_api;
mod version_charts;
mod versions_route;
mod weigh_api;

pub(crate) use agent_form::dollars;
pub use agents_route::AgentsRoute;
pub use bench_route::BenchRoute;
pub(crate) use conflict_notice::{ConflictNotice, is_conflict};
pub(crate) use diff_view::DiffView;
pub use document_route::DocumentRoute;
pub use editor_route::EditorRoute;
#[cfg(feature = "ssr")]
pub(crate) use form_rules::{given, invalid, micro_usd};
pub use import_route::ImportRoute;
pub use import_tools_route::ImportToolsRoute;
pub use knowledge_route::KnowledgeRoute;
#[cfg(feature = "ssr")]
pub(crate) use lines::read_values;
pub(crate) use lines::write_values;
pub use new_agent_route::NewAgentRoute;
pub use numbers_route::NumbersRoute;
pub(crate) use numbers_route::presumed_note;
pub use test_set_route::TestSetRoute;
pub(crate) use tool_form::fault_within;
pub use tool_route::ToolRoute;
pub use tools_route::ToolsRoute;
pub use trash_route::TrashRoute;
pub(crate) use variable_fields::VariableFields;
pub use versions_route::VersionsRoute;

lazy_pages!(
    studio: agents = AgentsRoute,
    trash = TrashRoute,
    new_agent = NewAgentRoute,
    import = ImportRoute,
);
lazy_pages!(
    editor: editor = EditorRoute,
    versions = VersionsRoute,
    numbers = NumbersRoute,
    tools = ToolsRoute,
    tool = ToolRoute,
    import_tools = ImportToolsRoute,
    knowledge = KnowledgeRoute,
    bench = BenchRoute,
    test_set = TestSetRoute,
    document = DocumentRoute,
);
