//! Whom a sign-in token stands for.
//!
//! Key: the token's SHA-256 in hex. Value: user, kind and end, or nobody. Lifetime: 60 s. Empty: one
//! look-up in PostgreSQL. Ending a sign-in leaves "nobody" here, which a look-up that began before
//! cannot overwrite.

use std::time::Duration;

use resonant_domain::UserId;
use resonant_domain::member::UserKind;
use serde::{Deserialize, Serialize};

use super::Entry;

pub(crate) struct SignInEntry;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct KnownSignIn {
    pub(crate) user_id: UserId,
    pub(crate) kind: UserKind,
    pub(crate) expires_at: jiff::Timestamp,
}

impl Entry for SignInEntry {
    type Key = str;
    type Value = Option<KnownSignIn>;
    const NAME: &'static str = "sign_in:1";
    const LIFETIME: Duration = Duration::from_mins(1);
}
