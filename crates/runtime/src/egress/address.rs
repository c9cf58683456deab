//! Which addresses are on the public Internet.
//!
//! IPv6 is decided by what is allowed: only global unicast, without the ranges in it that stand for
//! something else. IPv4 is decided by the registries of special-purpose addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Address and length of the IPv4 ranges that are not the public Internet.
#[rustfmt::skip]
#[expect(clippy::ip_constant, reason = "a row of a table of ranges, each with its length")]
const CLOSED_V4: [(Ipv4Addr, u32); 18] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),         // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),        // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),     // carrier-grade NAT, and a cloud's metadata service
    (Ipv4Addr::new(127, 0, 0, 0), 8),       // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32),  // a cloud's host agent, although a public number
    (Ipv4Addr::new(169, 254, 0, 0), 16),    // link-local, and the clouds' metadata services
    (Ipv4Addr::new(172, 16, 0, 0), 12),     // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),      // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),      // documentation
    (Ipv4Addr::new(192, 31, 196, 0), 24),   // AS112
    (Ipv4Addr::new(192, 52, 193, 0), 24),   // multicast tunnels
    (Ipv4Addr::new(192, 88, 99, 0), 24),    // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),    // private
    (Ipv4Addr::new(192, 175, 48, 0), 24),   // AS112
    (Ipv4Addr::new(198, 18, 0, 0), 15),     // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24),   // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),    // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 3),       // multicast, reserved, broadcast
];

/// Address and length of the ranges within `2000::/3` that are not the public Internet.
#[rustfmt::skip]
const CLOSED_V6: [(Ipv6Addr, u32); 6] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, Teredo, benchmarks
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: an IPv4 address inside
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48), // AS112
    (Ipv6Addr::new(0x3ffe, 0, 0, 0, 0, 0, 0, 0), 16), // given back
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether an address is on the public Internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Whether an IPv4 address is on the public Internet.
#[must_use]
pub fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !CLOSED_V4.iter().any(|(network, length)| (bits ^ network.to_bits()) >> (32 - length) == 0)
}

/// Whether an IPv6 address is on the public Internet. Addresses that carry an IPv4 address (mapped,
/// compatible, NAT64, 6to4, Teredo) are not, whatever they carry.
#[must_use]
pub fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    bits >> 125 == 1
        && !CLOSED_V6.iter().any(|(network, length)| (bits ^ network.to_bits()) >> (128 - length) == 0)
        // ISATAP: the interface part 0:5efe or 200:5efe is followed by an IPv4 address.
        && (bits >> 32) & 0xfdff_ffff != 0x5efe
}

/// Whether a name never means a host on the public Internet, whatever a resolver says.
pub(super) fn is_reserved_name(name: &str) -> bool {
    const CLOSED: [&str; 9] = [
        "localhost",
        "local",
        "internal",
        "intranet",
        "lan",
        "home.arpa",
        "localdomain",
        "corp",
        "onion",
    ];
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name.is_empty()
        || CLOSED.iter().any(|closed| {
            name.strip_suffix(closed).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}
