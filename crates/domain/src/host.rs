//! Hosts that something may be sent to.

use crate::fault::FieldFault;

/// The most hosts that one list may have.
pub const HOSTS_MAX: usize = 20;
/// What a list may hold, for its description: labels, perhaps below `*.`, or an address of IPv6.
#[cfg(feature = "schema")]
pub(crate) const PATTERN: &str = concat!(
    r"^((\*\.([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+)?",
    r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*",
    r"|\[[0-9A-Fa-f:.]{2,45}\])$",
);

/// Whether a host is the one that a pattern names: `api.example.org` is itself alone,
/// `*.example.org` every host below `example.org` but not itself. Letter case and a dot at the end do
/// not count.
#[must_use]
pub fn matches(pattern: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        Some(parent) => host
            .strip_suffix(parent)
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|rest| !rest.is_empty()),
        None => host == pattern,
    }
}

/// Reports a list that holds something else than hosts, as `<field>[<index>]`.
pub fn check_list(faults: &mut Vec<FieldFault>, field: &str, hosts: &[String], min: usize) {
    if hosts.len() < min || hosts.len() > HOSTS_MAX {
        let reason = if min == 0 {
            format!("must be at most {HOSTS_MAX} hosts")
        } else {
            format!("must be {min} to {HOSTS_MAX} hosts")
        };
        faults.push(FieldFault::new(field, reason));
    }
    for (index, host) in hosts.iter().enumerate() {
        if !is_pattern(host) {
            faults.push(FieldFault::new(
                format!("{field}[{index}]"),
                "must be a host such as api.example.org or *.example.org",
            ));
        }
    }
}

/// `*.` may stand before at least two labels: `*.org` would be half the world.
fn is_pattern(text: &str) -> bool {
    match text.strip_prefix("*.") {
        Some(parent) => is_name(parent) && parent.contains('.'),
        None => is_name(text) || is_v6(text),
    }
}

/// A name of labels as RFC 1123 section 2.1 has them; an IPv4 address looks the same.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_v6(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
}

/// The host of an `http` or `https` address, as it is written, without its port. `None` when there is
/// none, when a user name stands before it, or when it holds anything but a name or an address.
#[must_use]
pub fn of_url(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            port.parse::<u16>().ok()?;
            host
        }
        _ => authority,
    };
    (is_name(host) || is_v6(host)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_itself_or_what_is_below() {
        for (pattern, host, fits) in [
            ("api.example.org", "api.example.org", true),
            ("API.example.org", "api.Example.org.", true),
            ("example.org", "api.example.org", false),
            ("*.example.org", "api.example.org", true),
            ("*.example.org", "a.b.example.org", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", ".example.org", false),
            ("*.example.org", "evilexample.org", false),
            ("example.org", "example.org.evil.net", false),
            ("[::1]", "[::1]", true),
        ] {
            assert_eq!(matches(pattern, host), fits, "{pattern} {host}");
        }
    }

    #[test]
    fn what_is_no_host_is_named() {
        for text in
            ["", "*", "*.org", "a..b", "https://a.b", "a.b:80", "a b", "-a.b", "a.*.b", "é.org"]
        {
            let mut faults = Vec::new();
            check_list(&mut faults, "hosts", &["a.b".to_owned(), text.to_owned()], 1);
            assert_eq!(faults.len(), 1, "{text}");
            assert_eq!(faults[0].field, "hosts[1]");
        }
        let mut faults = Vec::new();
        check_list(&mut faults, "hosts", &[], 1);
        assert_eq!(faults[0].field, "hosts");
    }

    #[test]
    fn the_host_of_an_address_is_found() {
        for (url, host) in [
            ("https://api.example.org/v1?x=a@b", Some("api.example.org")),
            ("http://example.org:8080", Some("example.org")),
            ("https://[2606:4700::1]:443/", Some("[2606:4700::1]")),
            ("https://user@example.org/", None),
            // A backslash ends the host, as browsers and the URL standard have it.
            ("https://good.org\\@evil.org/", Some("good.org")),
            ("https://{{host}}/", None),
            ("https://example.org:port/", None),
            ("ftp://example.org/", None),
            ("https:///x", None),
            ("example.org", None),
        ] {
            assert_eq!(of_url(url), host, "{url}");
        }
    }
}
