//! What the backend needs to know of its surroundings.

use std::time::Duration;

use resonant_runtime::mcp::StdioCommand;
use resonant_runtime::models::ModelSettings;
use resonant_runtime::tools::knowledge::PdfReader;

use crate::budgets::GuestLimits;
use crate::database::DatabaseSettings;
use crate::keyring::SealingKeys;
use crate::mail::MailSettings;
use crate::metrics::Metrics;
use crate::payments::PaymentSettings;

/// How hard passwords are to guess from their hashes (argon2id).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordWork {
    /// Memory of one hash, in kibibytes.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
}

impl Default for PasswordWork {
    /// The least that OWASP's password storage cheat sheet recommends for argon2id.
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2 }
    }
}

/// How many sessions run at the same time, over all workers of the installation. 0: any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Of one user.
    pub per_user: u32,
    /// Of one agent.
    pub per_agent: u32,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { per_user: 16, per_agent: 8 }
    }
}

/// What the backend needs to know of its surroundings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where PostgreSQL is, and how it is used.
    pub database: DatabaseSettings,
    /// Where Redis is. Without it, cache and live events stay within this process.
    pub redis_url: Option<String>,
    /// The language models that may answer.
    pub models: ModelSettings,
    /// For how long a worker holds a session without a sign of life.
    pub lease: Duration,
    /// How many sessions run at the same time.
    pub queue: QueueLimits,
    /// How deep agents may call agents.
    pub agent_depth: u32,
    /// What guests may use.
    pub guests: GuestLimits,
    /// The commands of this machine that agents may use as MCP servers.
    pub mcp_commands: Vec<StdioCommand>,
    /// The program that reads PDFs. Without it this process does, and a file that is made for it may end it.
    pub pdf_reader: Option<PdfReader>,
    /// Whether tools may reach private addresses. For tests alone.
    pub allow_private_egress: bool,
    /// How hard passwords are to guess.
    pub password_work: PasswordWork,
    /// Under which keys secrets are kept.
    pub sealing_keys: SealingKeys,
    /// Where this process counts.
    pub metrics: Metrics,
    /// For how many days what was measured is kept, and 90 at least.
    pub metrics_days: u32,
    /// For how many days entries of the audit log are kept. 0: for ever.
    pub audit_days: u32,
    /// How mail is sent. Without it, none is.
    pub mail: Option<MailSettings>,
    /// Who takes the money for listings. Without it, all of them are free.
    pub payments: Option<PaymentSettings>,
    /// Where people find the pages, such as `https://resonant.example.org`. Without it, no message leads there.
    pub public_origin: Option<String>,
}

impl Settings {
    /// The settings of an installation that has PostgreSQL alone.
    pub fn new(database_url: impl Into<String>) -> Self {
        Self {
            database: DatabaseSettings::new(database_url),
            redis_url: None,
            models: ModelSettings::default(),
            lease: Duration::from_secs(15),
            queue: QueueLimits::default(),
            agent_depth: resonant_domain::agent_tool::DEPTH_DEFAULT,
            guests: GuestLimits::default(),
            mcp_commands: Vec::new(),
            pdf_reader: None,
            allow_private_egress: false,
            password_work: PasswordWork::default(),
            sealing_keys: SealingKeys::default(),
            metrics: Metrics::default(),
            metrics_days: 400,
            audit_days: 400,
            mail: None,
            payments: None,
            public_origin: None,
        }
    }
}
