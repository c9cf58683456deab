//! Version 1 of the REST interface: a thin door to the use cases.

pub(crate) mod agents;
pub(crate) mod listings;
pub(crate) mod session_files;
pub(crate) mod sessions;
pub(crate) mod tools;
pub(crate) mod versions;

use resonant_domain::page::PageRequest;

/// The page that query parameters ask for. An empty cursor asks for the first page.
fn page(cursor: Option<String>, limit: Option<u32>) -> PageRequest {
    PageRequest { cursor: cursor.filter(|cursor| !cursor.is_empty()), limit }
}
