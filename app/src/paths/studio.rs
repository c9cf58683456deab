//! The studio: agents with all that belongs to them, and what starts them by itself.

use resonant_domain::agent::AgentStatus;
use resonant_domain::agent_list::{AgentQuery, AgentSort};
use resonant_domain::agent_version::Edition;
use resonant_domain::{AgentId, DocumentId, SessionId, TestRunId, TestSetId, WebhookId};

use super::{escape, with_query};

/// The viewer's agents.
pub const STUDIO: &str = "/studio";
/// The form for a new agent.
pub const NEW_AGENT: &str = "/studio/new";
/// Where a file becomes a new agent.
pub const IMPORT: &str = "/studio/import";
/// The viewer's schedules, triggers and webhooks.
pub const AUTOMATIONS: &str = "/studio/automations";
/// The deleted agents of the viewer.
pub const TRASH: &str = "/studio/trash";
/// The agents that others share with the viewer.
pub const SHARED_AGENTS: &str = "/studio/shared";
/// The live changes of the viewer's agents, and of how many notices they have not read.
pub const AGENT_STREAM: &str = "/api/v1/agents/stream";

/// A list of the viewer's agents, from the one of a rank on.
pub fn agents_list(query: &AgentQuery, from: usize) -> String {
    let sort = (query.sort != AgentSort::default()).then(|| query.sort.as_str());
    let from = (from > 0).then(|| from.to_string());
    with_query(
        STUDIO,
        &[
            ("status", query.status.map(AgentStatus::as_str)),
            ("text", query.text.as_deref()),
            ("sort", sort),
            ("from", from.as_deref()),
        ],
    )
}

/// The deleted agents of the viewer, from a cursor on.
pub fn trash_page(cursor: &str) -> String {
    with_query(TRASH, &[("cursor", Some(cursor))])
}

/// The agents that others share with the viewer, from a cursor on.
pub fn shared_agents_page(cursor: &str) -> String {
    with_query(SHARED_AGENTS, &[("cursor", Some(cursor))])
}

/// The form for a new agent that starts as a copy of a template.
pub fn new_agent_from(slug: &str) -> String {
    format!("{NEW_AGENT}?template={}", escape(slug))
}

/// Where a file becomes an agent's draft.
pub fn import_into(id: AgentId) -> String {
    with_query(IMPORT, &[("agent", Some(&id.to_string()))])
}

/// One of the viewer's agents.
pub fn agent(id: AgentId) -> String {
    format!("{STUDIO}/agents/{id}")
}

/// The form that sets an agent on a goal.
pub fn run_agent(id: AgentId) -> String {
    format!("{}#run", agent(id))
}

/// The form that sets an agent on the goal of an earlier session.
pub fn run_again(id: AgentId, session: SessionId) -> String {
    format!("{}?again={session}#run", agent(id))
}

/// An agent's draft as a file.
pub fn agent_file(id: AgentId) -> String {
    format!("/api/v1/agents/{id}/export")
}

/// What an agent did lately, in numbers.
pub fn numbers(id: AgentId) -> String {
    format!("{}/numbers", agent(id))
}

/// The published versions of an agent.
pub fn versions(id: AgentId) -> String {
    format!("{}/versions", agent(id))
}

/// The published versions of an agent, from a cursor on.
pub fn versions_page(id: AgentId, cursor: &str) -> String {
    with_query(&versions(id), &[("cursor", Some(cursor))])
}

/// Two editions of an agent side by side.
pub fn compare_versions(id: AgentId, before: Edition, after: Edition) -> String {
    let (before, after) = (before.to_string(), after.to_string());
    with_query(&versions(id), &[("before", Some(&before)), ("after", Some(&after))])
}

/// The tools of an agent.
pub fn tools(id: AgentId) -> String {
    format!("{}/tools", agent(id))
}

/// The form of a new tool of an agent's own.
pub fn new_tool(id: AgentId) -> String {
    format!("{}/edit", tools(id))
}

/// The form of one of an agent's own tools.
pub fn tool(id: AgentId, name: &str) -> String {
    with_query(&new_tool(id), &[("tool", Some(name))])
}

/// Where tools are read from a document or a server.
pub fn import_tools(id: AgentId) -> String {
    format!("{}/import", tools(id))
}

/// What an agent looks things up in, and what it remembers.
pub fn knowledge(id: AgentId) -> String {
    format!("{}/knowledge", agent(id))
}

/// A document of an agent, from its first passage on.
pub fn document(id: AgentId, document: DocumentId) -> String {
    format!("{}/{document}", knowledge(id))
}

/// A document of an agent, from the page on where a passage stands.
pub fn document_page(id: AgentId, of: DocumentId, from: u32) -> String {
    with_query(&document(id, of), &[("from", Some(&from.to_string()))])
}

/// The test sets of an agent.
pub fn bench(id: AgentId) -> String {
    format!("{}/bench", agent(id))
}

/// A test set and its newest run.
pub fn test_set(id: AgentId, set: TestSetId) -> String {
    with_query(&bench(id), &[("set", Some(&set.to_string()))])
}

/// A test set and its runs, from a cursor on.
pub fn test_runs_page(id: AgentId, set: TestSetId, cursor: &str) -> String {
    with_query(&bench(id), &[("set", Some(&set.to_string())), ("runs", Some(cursor))])
}

/// A run of a test set.
pub fn test_run(id: AgentId, set: TestSetId, run: TestRunId) -> String {
    let (set, run) = (set.to_string(), run.to_string());
    with_query(&bench(id), &[("set", Some(&set)), ("run", Some(&run))])
}

/// The form of a new test set.
pub fn new_test_set(id: AgentId) -> String {
    format!("{}/edit", bench(id))
}

/// The form of a test set.
pub fn edit_test_set(id: AgentId, set: TestSetId) -> String {
    with_query(&new_test_set(id), &[("set", Some(&set.to_string()))])
}

/// The form of a new test set whose first case is as a session went.
pub fn new_test_of(id: AgentId, session: SessionId) -> String {
    with_query(&new_test_set(id), &[("from", Some(&session.to_string()))])
}

/// The form of a test set, with such a case more.
pub fn add_test_of(id: AgentId, set: TestSetId, session: SessionId) -> String {
    let (set, session) = (set.to_string(), session.to_string());
    with_query(&new_test_set(id), &[("set", Some(&set)), ("from", Some(&session))])
}

/// The messages of a webhook.
pub fn webhook(id: WebhookId) -> String {
    format!("{AUTOMATIONS}/webhooks/{id}")
}

/// The messages of a webhook, from a cursor on.
pub fn webhook_page(id: WebhookId, cursor: &str) -> String {
    with_query(&webhook(id), &[("cursor", Some(cursor))])
}
