#![doc = include_str!("../README.md")]

mod access;
pub mod agents;
pub mod alerts;
mod apart;
pub mod api_keys;
pub mod audit;
mod backend;
mod boards;
pub mod budgets;
mod cache;
pub mod cards;
mod checks;
#[cfg(test)]
mod clock_jumps;
pub mod collections;
mod ctx;
mod cursor;
mod database;
mod effects;
mod entitlements;
mod error;
#[cfg(test)]
mod faults;
pub mod follows;
#[cfg(any(test, feature = "fakes"))]
pub mod fresh_database;
pub mod idempotency;
pub mod images;
pub mod inbox;
mod keyring;
pub mod knowledge;
pub mod leadership;
pub mod listings;
mod mail;
#[cfg(any(test, feature = "fakes"))]
pub mod mail_server;
pub mod mcp_calls;
pub mod members;
pub mod memories;
pub mod metrics;
pub mod moderation;
pub mod news;
pub mod operations;
#[cfg(any(test, feature = "fakes"))]
pub mod own_cluster;
mod passwords;
mod payments;
pub mod processes;
pub mod proposals;
pub mod publications;
pub mod publishers;
pub mod purchases;
pub mod rate_limits;
#[cfg(test)]
mod receiver;
pub mod reviews;
#[cfg(any(test, feature = "fakes"))]
pub mod sample;
pub mod schedules;
pub mod secrets;
mod seen;
pub mod service_levels;
pub mod sessions;
pub mod shards;
mod signature;
pub mod site_map;
mod store;
pub mod teams;
pub mod test_sets;
mod tool_backing;
pub mod tools;
pub mod triggers;
pub mod upkeep;
pub mod usage;
pub mod webhooks;
pub mod work;

pub use apart::apart;
pub use backend::{Backend, PasswordWork, QueueLimits, Settings};
pub use budgets::GuestLimits;
pub use cache::rate_limit::{RateLimit, Standing};
pub use cache::{CacheFigures, Document, PageCounters};
pub use checks::{DatabaseFacts, DatabaseLook, Schema, SecretKeys};
pub use ctx::{Actor, Ctx, RequestId, SignInChange, SignInToken};
pub use database::{DatabaseSettings, Pooler};
pub use error::{Error, Result, Source, chain, whole_seconds};
pub use keyring::{SealingKey, SealingKeys};
pub use mail::{MailFault, MailSettings};
pub use metrics::Metrics;
pub use payments::PaymentSettings;
pub use resonant_runtime::clock;
pub use resonant_runtime::egress::CollectorClient;
pub use resonant_runtime::mcp::StdioCommand;
pub use resonant_runtime::models::{
    EmbeddingSettings, ModelFacts, ModelName, ModelSettings, OpenAiSettings, Provider,
    ProviderSettings, Secret,
};
pub use resonant_runtime::tools::knowledge::{PdfReader, answer_pdf};
pub use resonant_runtime::trace::{TRACEPARENT, TraceParent, carried, kept_request};
pub use seen::{Changeable, Seen, Versions, version_of};
#[cfg(any(test, feature = "fakes"))]
pub use store::MIGRATOR;
