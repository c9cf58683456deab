//! What answers at each address.

pub(crate) mod account_file;
pub(crate) mod agent_stream;
pub(crate) mod alert_stream;
pub(crate) mod api;
pub(crate) mod audit_file;
pub(crate) mod cards;
pub(crate) mod crawlers;
pub(crate) mod health;
pub(crate) mod images;
pub(crate) mod languages;
pub(crate) mod level_stream;
pub(crate) mod mailed_link;
pub(crate) mod mcp;
pub(crate) mod notice_stream;
pub(crate) mod picture_form;
pub(crate) mod session_result;
pub(crate) mod session_stream;
