//! How much one caller, and all of them, may ask of this process.

use std::net::IpAddr;
use std::time::Duration;

use resonant_backend::RateLimit;

use super::{SettingError, Variables};

/// The window of every rate limit.
const WINDOW: Duration = Duration::from_mins(1);
/// Requests a minute of one member or key, and of one address.
const REQUESTS: u32 = 600_000;
/// Sign-ins, sign-ups and forgotten passwords a minute of one address.
const SIGN_INS: u32 = 60;
/// Requests that are answered at the same time.
const IN_FLIGHT: usize = 1_024;
/// Event streams that one member or key holds in this process: a tab has one or two.
const STREAMS_OF_CALLER: usize = 200;
/// The same of an address, which an office of many people may share.
const STREAMS_OF_ADDRESS: usize = 1_000;

/// How much may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How often.
    pub rate: RateLimits,
    /// Whose word on a request's origin is taken.
    pub proxies: TrustedProxies,
    /// How many requests are answered at the same time; 0: any number.
    pub in_flight: usize,
    /// How many event streams may be open.
    pub streams: StreamLimits,
}

impl Limits {
    /// No limit at all. For tests.
    #[must_use]
    pub fn none() -> Self {
        let rate = RateLimits { caller: None, address: None, sign_in: None };
        let streams = StreamLimits { caller: 0, address: 0 };
        Self { rate, proxies: TrustedProxies::default(), in_flight: 0, streams }
    }

    pub(super) fn read(vars: &Variables<'_>) -> Result<Self, SettingError> {
        let rate = RateLimits {
            caller: rate(vars, "RATE_LIMIT_CALLER", "caller", REQUESTS)?,
            address: rate(vars, "RATE_LIMIT_ADDRESS", "address", REQUESTS)?,
            sign_in: rate(vars, "RATE_LIMIT_SIGN_IN", "sign-in", SIGN_INS)?,
        };
        let count = |name, default: usize| -> Result<usize, SettingError> {
            Ok(vars.parsed(name, "a whole number, or 0 for any")?.unwrap_or(default))
        };
        let in_flight = count("REQUESTS_IN_FLIGHT", IN_FLIGHT)?;
        let streams = StreamLimits {
            caller: count("STREAMS_PER_CALLER", STREAMS_OF_CALLER)?,
            address: count("STREAMS_PER_ADDRESS", STREAMS_OF_ADDRESS)?,
        };
        Ok(Self { rate, proxies: TrustedProxies::read(vars)?, in_flight, streams })
    }
}

/// How often callers may ask; `None`: as often as they like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// One member, or one key.
    pub caller: Option<RateLimit>,
    /// All guests and strangers of one address together.
    pub address: Option<RateLimit>,
    /// Sign-ins, sign-ups and forgotten passwords of one address.
    pub sign_in: Option<RateLimit>,
}

/// How many event streams may be open in this process; 0: any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Those of one member, or of one key.
    pub caller: usize,
    /// Those of all guests and strangers of one address together.
    pub address: usize,
}

fn rate(
    vars: &Variables<'_>,
    variable: &'static str,
    name: &'static str,
    default: u32,
) -> Result<Option<RateLimit>, SettingError> {
    let requests = vars.parsed(variable, "requests a minute, or 0 for any")?.unwrap_or(default);
    Ok((requests > 0).then_some(RateLimit { name, requests, window: WINDOW }))
}

/// The networks whose hosts tell the truth in `X-Forwarded-For`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    fn read(vars: &Variables<'_>) -> Result<Self, SettingError> {
        let text = vars.text("TRUSTED_PROXIES").unwrap_or_default();
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(Network::parse).collect::<Option<_>>().map(Self).ok_or_else(|| {
            let reason = "must be addresses or networks such as 10.0.0.0/8, 2001:db8::1";
            SettingError::new("TRUSTED_PROXIES", reason)
        })
    }

    /// Where a request comes from, whose `peer` says that it was `forwarded` by those, the nearest one
    /// first: the first host that is no trusted proxy.
    #[must_use]
    pub fn client(&self, peer: IpAddr, forwarded: impl Iterator<Item = IpAddr>) -> IpAddr {
        let mut client = peer;
        for next in forwarded {
            if !self.0.iter().any(|network| network.holds(client)) {
                break;
            }
            client = next;
        }
        client
    }
}

/// The addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (first, bits) = match text.split_once('/') {
            Some((first, bits)) => (first, Some(bits.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let first: IpAddr = first.parse().ok()?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { first, bits })
    }

    fn holds(self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                (first.to_bits() ^ other.to_bits()) & mask == 0
            }
            (IpAddr::V6(first), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                (first.to_bits() ^ other.to_bits()) & mask == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let proxies = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"].map(Network::parse);
        let proxies = TrustedProxies(proxies.into_iter().flatten().collect());
        for (peer, forwarded, client) in [
            ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
            ("10.1.2.3", "203.0.113.9", "203.0.113.9"),
            ("10.1.2.3", "192.0.2.7,203.0.113.9,10.9.9.9", "203.0.113.9"),
            ("2001:db8::5", "2001:db9::1", "2001:db9::1"),
            ("10.1.2.3", "", "10.1.2.3"),
        ] {
            let forwarded = forwarded.split(',').filter_map(|part| part.parse().ok());
            let found = proxies.client(peer.parse().unwrap(), forwarded);
            assert_eq!(found.to_string(), client, "{peer}");
        }
        for text in ["10.0.0.0/33", "host", "10.0.0.0/", "::/129"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
