#![doc = include_str!("../README.md")]

pub mod extract;
pub mod fault;
pub mod middleware;
mod reply;
mod router;
mod routes;
mod serve;
pub mod settings;
pub mod state;
pub mod telemetry;
mod timekeeper;
mod upkeep;
pub mod worker;

pub use router::router;
pub use serve::{serve, serve_until_stopped};
pub use settings::Settings;
pub use state::AppState;
