#![doc = include_str!("../README.md")]

pub mod agent;
pub mod fault;
pub mod ids;
pub mod listing;
pub mod member;
pub mod money;
pub mod page;
pub mod session;
pub mod session_event;
pub mod text;
pub mod timeline;
pub mod tool;

pub use fault::{FaultKind, FieldFault};
pub use ids::{AgentId, ListingId, SessionId, UserId};
