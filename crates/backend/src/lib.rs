#![doc = include_str!("../README.md")]

mod access;
pub mod agents;
pub mod api_keys;
mod backend;
mod cache;
mod ctx;
mod cursor;
mod database;
mod error;
#[cfg(any(test, feature = "fakes"))]
pub mod fresh_database;
pub mod idempotency;
mod keyring;
pub mod listings;
pub mod members;
mod passwords;
pub mod rate_limits;
#[cfg(any(test, feature = "fakes"))]
pub mod sample;
pub mod schedules;
pub mod secrets;
pub mod sessions;
mod signature;
mod store;
mod tool_backing;
pub mod tools;
pub mod triggers;
pub mod upkeep;
pub mod webhooks;
pub mod work;

pub use backend::{Backend, PasswordWork, Settings};
pub use cache::rate_limit::{RateLimit, Standing};
pub use ctx::{Actor, Ctx, RequestId, SignInChange, SignInToken};
pub use database::{DatabaseSettings, Pooler};
pub use error::{Error, Result, Source};
pub use keyring::{SealingKey, SealingKeys};
pub use resonant_runtime::clock;
pub use resonant_runtime::models::{ModelSettings, OpenAiSettings, Secret};
#[cfg(any(test, feature = "fakes"))]
pub use store::MIGRATOR;
