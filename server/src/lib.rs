#![doc = include_str!("../README.md")]

pub mod commands;
mod conditional;
pub mod extract;
pub mod fault;
mod inline_scripts;
mod jobs;
pub mod middleware;
mod openapi;
mod packed;
mod reply;
mod router;
mod routes;
mod serve;
pub mod settings;
pub mod state;
mod streams;
pub mod telemetry;
mod threads;
mod timekeeper;
mod upkeep;
pub mod worker;

pub use jobs::Jobs;
pub use router::{router, router_of_worker};
pub use serve::{Role, Told, serve, serve_until_stopped};
pub use settings::Settings;
pub use state::{AppState, Process};
pub use threads::run_to_end;
