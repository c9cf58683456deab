//! What answers at each address.

pub(crate) mod account_file;
pub(crate) mod agent_stream;
pub(crate) mod api;
pub(crate) mod crawlers;
pub(crate) mod health;
pub(crate) mod level_stream;
pub(crate) mod mcp;
pub(crate) mod session_stream;
