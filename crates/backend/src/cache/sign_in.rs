//! Whom a sign-in token stands for.
//!
//! Key: the token's SHA-256. Value: user, kind and end. Lifetime: 60 s; forgotten when the sign-in
//! ends. Empty: one look-up in PostgreSQL. A token that stands for nobody is remembered for 60 s.

use std::fmt;
use std::time::Duration;

use resonant_domain::UserId;
use resonant_domain::member::UserKind;
use serde::{Deserialize, Serialize};

use super::{Entry, Kind, hex};
use crate::store::members::TokenHash;
use crate::{Backend, Result, members};

pub(crate) struct SignInEntry;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct KnownSignIn {
    pub(crate) user_id: UserId,
    pub(crate) kind: UserKind,
    pub(crate) expires_at: jiff::Timestamp,
}

/// The hash of a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignInKey(pub(crate) TokenHash);

impl fmt::Display for SignInKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl Entry for SignInEntry {
    type Key = SignInKey;
    type Value = KnownSignIn;
    const KIND: Kind = Kind::SignIn;
    const SCHEMA: u16 = 2;
    const LIFETIME: Duration = Duration::from_mins(1);
    const STALE: Duration = Duration::ZERO;
    const ABSENT: Duration = Duration::from_mins(1);

    async fn load(backend: &Backend, key: &SignInKey) -> Result<Option<KnownSignIn>> {
        members::look_up(backend, &key.0).await
    }
}
