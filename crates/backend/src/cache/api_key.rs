//! Whom an API key stands for.
//!
//! Key: the key's SHA-256. Value: owner, scopes and end. Lifetime: 60 s; forgotten when the key is
//! revoked. Empty: one look-up in PostgreSQL. A key that stands for nobody is looked up each time: it
//! costs as much to guess one as to remember that it was none.

use std::fmt;
use std::time::Duration;

use resonant_domain::api_key::Scopes;
use resonant_domain::{ApiKeyId, UserId};
use serde::{Deserialize, Serialize};

use super::{Entry, Kind, hex};
use crate::store::api_keys::KeyHash;
use crate::{Backend, Result, api_keys};

pub(crate) struct ApiKeyEntry;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct KnownApiKey {
    pub(crate) id: ApiKeyId,
    pub(crate) owner: UserId,
    pub(crate) scopes: Scopes,
    pub(crate) expires_at: Option<jiff::Timestamp>,
    /// When it was looked up, and thereby noted as used.
    pub(crate) seen_at: jiff::Timestamp,
}

/// The hash of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApiKeyKey(pub(crate) KeyHash);

impl fmt::Display for ApiKeyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl Entry for ApiKeyEntry {
    type Key = ApiKeyKey;
    type Value = KnownApiKey;
    const KIND: Kind = Kind::ApiKey;
    const SCHEMA: u16 = 1;
    const LIFETIME: Duration = Duration::from_mins(1);
    const STALE: Duration = Duration::ZERO;
    const ABSENT: Duration = Duration::ZERO;

    async fn load(backend: &Backend, key: &ApiKeyKey) -> Result<Option<KnownApiKey>> {
        api_keys::look_up(backend, &key.0).await
    }
}
