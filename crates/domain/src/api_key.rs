//! API keys: what a program shows in place of a sign-in, and what it may do by it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;
use crate::ids::ApiKeyId;
use crate::instant;
#[cfg(feature = "schema")]
use crate::text::NAME_PATTERN;
use crate::text::check_name;

/// The longest name, in characters.
pub const NAME_MAX: usize = 80;
/// The most keys that a person may have.
pub const KEYS_MAX: usize = 50;
/// How every key begins, so that people and secret scanners know one when they see it.
pub const KEY_START: &str = "rk_live_";

/// A key as its owner sees it. The key itself is shown once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApiKey {
    /// Its identity.
    pub id: ApiKeyId,
    /// What its owner calls it.
    pub name: String,
    /// How it begins, to tell it from others.
    pub prefix: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it stops working; never when absent.
    pub expires_at: Option<Timestamp>,
}

/// What a caller writes to make a key: the JSON of `POST /api/v1/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// 1 to [`NAME_MAX`] characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = NAME_MAX), regex(pattern = NAME_PATTERN)))]
    pub name: String,
    /// What it may do, at least one thing.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub scopes: Vec<Scope>,
    /// When it shall stop working; never when absent.
    #[serde(default, deserialize_with = "instant::read")]
    pub expires_at: Option<Timestamp>,
}

impl NewApiKey {
    /// Checks every rule at the instant `now` and reports all that are broken.
    pub fn check(&self, now: Timestamp) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_name(&mut faults, "name", &self.name, 1, NAME_MAX);
        if self.scopes.is_empty() {
            faults.push(FieldFault::new("scopes", "must name at least one scope"));
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            faults.push(FieldFault::new("expires_at", "must lie in the future"));
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// One thing that a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Scope {
    /// Read agents.
    #[serde(rename = "agents:read")]
    AgentsRead,
    /// Make, change and delete agents.
    #[serde(rename = "agents:write")]
    AgentsWrite,
    /// Read sessions and follow them live.
    #[serde(rename = "sessions:read")]
    SessionsRead,
    /// Start and cancel sessions.
    #[serde(rename = "sessions:run")]
    SessionsRun,
    /// Install listings. Reading them needs no scope: anyone may.
    #[serde(rename = "listings:install")]
    ListingsInstall,
    /// Read metrics.
    #[serde(rename = "metrics:read")]
    MetricsRead,
    /// Read alerts.
    #[serde(rename = "alerts:read")]
    AlertsRead,
    /// Make, change and delete alerts.
    #[serde(rename = "alerts:write")]
    AlertsWrite,
    /// Read which keys there are.
    #[serde(rename = "keys:read")]
    KeysRead,
    /// Make keys of no wider scope, and revoke keys.
    #[serde(rename = "keys:write")]
    KeysWrite,
    /// Read the audit log.
    #[serde(rename = "audit:read")]
    AuditRead,
    /// Read teams, who is in them, and what is shared with them.
    #[serde(rename = "teams:read")]
    TeamsRead,
    /// Make, change and delete teams, invite people, share agents.
    #[serde(rename = "teams:write")]
    TeamsWrite,
}

impl Scope {
    /// Every scope, in the order in which people see them.
    pub const ALL: [Self; 13] = [
        Self::AgentsRead,
        Self::AgentsWrite,
        Self::SessionsRead,
        Self::SessionsRun,
        Self::ListingsInstall,
        Self::MetricsRead,
        Self::AlertsRead,
        Self::AlertsWrite,
        Self::KeysRead,
        Self::KeysWrite,
        Self::AuditRead,
        Self::TeamsRead,
        Self::TeamsWrite,
    ];

    /// The scope as it stands in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgentsRead => "agents:read",
            Self::AgentsWrite => "agents:write",
            Self::SessionsRead => "sessions:read",
            Self::SessionsRun => "sessions:run",
            Self::ListingsInstall => "listings:install",
            Self::MetricsRead => "metrics:read",
            Self::AlertsRead => "alerts:read",
            Self::AlertsWrite => "alerts:write",
            Self::KeysRead => "keys:read",
            Self::KeysWrite => "keys:write",
            Self::AuditRead => "audit:read",
            Self::TeamsRead => "teams:read",
            Self::TeamsWrite => "teams:write",
        }
    }

    /// The scope as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::AgentsRead => "Read agents",
            Self::AgentsWrite => "Make, change and delete agents",
            Self::SessionsRead => "Read and follow sessions",
            Self::SessionsRun => "Start and cancel sessions",
            Self::ListingsInstall => "Install listings",
            Self::MetricsRead => "Read metrics",
            Self::AlertsRead => "Read alerts",
            Self::AlertsWrite => "Make, change and delete alerts",
            Self::KeysRead => "See which keys there are",
            Self::KeysWrite => "Make and revoke keys",
            Self::AuditRead => "Read the audit log",
            Self::TeamsRead => "Read teams",
            Self::TeamsWrite => "Manage teams and share agents",
        }
    }

    /// Reads a scope from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// All that a key may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "Vec<Scope>", into = "Vec<Scope>")]
pub struct Scopes(u16);

impl Scopes {
    /// Whether this scope is among them.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The scopes one by one, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl From<Vec<Scope>> for Scopes {
    fn from(scopes: Vec<Scope>) -> Self {
        scopes.into_iter().collect()
    }
}

impl From<Scopes> for Vec<Scope> {
    fn from(scopes: Scopes) -> Self {
        scopes.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_read_back() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        assert_eq!(Scope::parse("agents"), None);
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let some = Scopes::from(vec![Scope::KeysWrite, Scope::AgentsRead, Scope::AgentsRead]);
        for scope in Scope::ALL {
            assert_eq!(some.has(scope), matches!(scope, Scope::AgentsRead | Scope::KeysWrite));
        }
        assert_eq!(serde_json::to_string(&some).unwrap(), r#"["agents:read","keys:write"]"#);
    }

    #[test]
    fn each_broken_rule_names_its_field() {
        let now = Timestamp::UNIX_EPOCH;
        let new = NewApiKey { name: " ".into(), scopes: vec![], expires_at: Some(now) };
        let fields: Vec<_> = new.check(now).unwrap_err().into_iter().map(|f| f.field).collect();
        assert_eq!(fields, ["name", "scopes", "expires_at"]);
        let new =
            NewApiKey { name: "CI".into(), scopes: vec![Scope::AgentsRead], expires_at: None };
        assert_eq!(new.check(now), Ok(()));
    }
}
