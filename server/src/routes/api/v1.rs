//! Version 1 of the REST interface: a thin door to the use cases.

pub(crate) mod agents;
pub(crate) mod keys;
pub(crate) mod listings;
pub(crate) mod session_files;
pub(crate) mod sessions;
pub(crate) mod tools;
pub(crate) mod versions;

use resonant_domain::api_key::Scope;
use resonant_domain::fields::{Choosable, Fields};
use resonant_domain::page::PageRequest;
use resonant_domain::session_event::SessionEvent;
use serde_json::Value;

use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::routes::session_stream::FollowQuery;

/// Every route of the interface that answers at once, with its description.
pub(crate) fn routes() -> Api {
    let resources = [
        agents::routes,
        versions::routes,
        sessions::routes,
        session_files::routes,
        listings::routes,
        keys::routes,
        tools::routes,
    ];
    let api = resources.into_iter().fold(Api::new(), |api, routes| routes(api));
    elsewhere().into_iter().fold(api, Api::mention)
}

/// The routes that answer without an end, and those for operators.
fn elsewhere() -> [Operation; 5] {
    let session = Operation::get("/sessions/{id}/stream", "Follows a session as it runs");
    let agents = Operation::get("/agents/stream", "Follows the caller's agents as they change");
    let shared = Operation::get("/shared/{token}/stream", "Follows a session that was shared");
    [
        session.scope(Scope::SessionsRead).query::<FollowQuery>().answers_events::<SessionEvent>(),
        agents.scope(Scope::AgentsRead).answers_events::<Value>(),
        shared.open().query::<FollowQuery>().answers_events::<SessionEvent>(),
        Operation::get("/health", "Tells that the process lives").open().answers::<Value>(200),
        Operation::get("/health/ready", "Tells that the process can serve")
            .open()
            .answers::<Value>(200),
    ]
}

/// The page that query parameters ask for. An empty cursor asks for the first page.
fn page(cursor: Option<String>, limit: Option<u32>) -> PageRequest {
    PageRequest { cursor: cursor.filter(|cursor| !cursor.is_empty()), limit }
}

/// The fields that a query parameter names; `None` without one.
fn chosen<T: Choosable>(fields: Option<&str>) -> Result<Option<Fields<T>>, Fault> {
    fields.map(Fields::parse).transpose().map_err(|fault| Fault::invalid(vec![fault]))
}
