//! How often a caller may ask.

use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use resonant_domain::UserId;
use resonant_domain::member::{Email, UserKind};
use resonant_domain::metric::Family;
use sha2::{Digest as _, Sha256};

use crate::{Actor, Ctx, RateLimit, Standing};

/// What the names of those begin with who are told apart by an address of mail.
const EMAIL: &str = "email:";

/// Who shares a limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sharer(String);

impl Sharer {
    /// The caller as far as they are known: a key, a member, else all who come from the address. A guest
    /// is made by asking, so that guests have no limit of their own.
    #[must_use]
    pub fn caller(ctx: &Ctx, address: Option<IpAddr>) -> (Self, Known) {
        match ctx.actor() {
            Actor::Key { key, .. } => (Self(format!("key:{key}")), Known::Caller),
            Actor::User { id, kind: UserKind::Member } => (Self::owner(id), Known::Caller),
            Actor::System => (Self("system".to_owned()), Known::Caller),
            Actor::User { kind: UserKind::Guest, .. } | Actor::Anonymous => {
                (Self::address(address), Known::Address)
            }
        }
    }

    /// A person, by themselves and by their keys.
    pub(crate) fn owner(id: UserId) -> Self {
        Self(format!("user:{id}"))
    }

    /// A person, or whoever says so, from one place.
    pub(crate) fn owner_at(id: UserId, place: &Self) -> Self {
        Self(format!("user:{id} {}", place.0))
    }

    /// All who say that an address is theirs. It stands in no figure and in no cache itself.
    pub(crate) fn email(email: &Email) -> Self {
        Self(format!("{EMAIL}{}", BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(email.as_str()))))
    }

    /// The name under which they are counted.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// All who come from an address. An IPv6 network of 64 bits is one household's.
    #[must_use]
    pub fn address(address: Option<IpAddr>) -> Self {
        Self(match address.map(|address| address.to_canonical()) {
            None => "address:unknown".to_owned(),
            Some(IpAddr::V4(address)) => format!("address:{address}"),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("address:{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        })
    }
}

/// What of a caller is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Who it is.
    Caller,
    /// Where it comes from.
    Address,
}

/// Counts a request and tells where that leaves those who share the limit.
#[tracing::instrument(name = "rate_limits.count", level = "debug", parent = ctx.span(), skip_all)]
pub async fn count(ctx: &Ctx, limit: &RateLimit, sharer: &Sharer) -> Standing {
    let standing = ctx.backend().rate_limits().count(limit, &sharer.0).await;
    if standing.retry_after.is_some() {
        note_refusal(ctx, limit.name, sharer);
    }
    standing
}

/// Notes that a request was one too many for a limit.
pub fn note_refusal(ctx: &Ctx, limit: &str, sharer: &Sharer) {
    // What an address of mail was made to stands for it: a list of addresses finds out whose.
    let whose = sharer.0.strip_prefix(EMAIL).map_or(&*sharer.0, |_| "email");
    let label = format!("{limit} {whose}");
    ctx.backend().metrics().add(Family::Limited, &label, 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_shares_its_network() {
        for (one, other, is_same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ] {
            let sharer = |text: &str| Sharer::address(Some(text.parse().unwrap()));
            assert_eq!(sharer(one) == sharer(other), is_same, "{one} {other}");
        }
    }
}
