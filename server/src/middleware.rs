//! What happens around every request.

pub mod body_limit;
pub mod callers;
pub mod entity_tags;
pub mod fields;
pub mod idempotency;
pub mod late_chunks;
pub mod load_shed;
pub mod problem;
pub mod public_pages;
pub mod rate_limit;
pub mod refused_form;
pub mod request_id;
pub mod security_headers;
pub mod sign_in;
pub mod static_cache;
