//! The keys under which secrets are kept.

use resonant_backend::{SealingKey, SealingKeys};

use super::{SettingError, Site, Variables};

const NAME: &str = "SECRETS_KEY";

/// The keys that `SECRETS_KEY` lists. Without them an installation that nobody reaches from outside
/// makes one for itself, and any other takes no secrets.
pub(super) fn sealing_keys(vars: &Variables<'_>, site: &Site) -> Result<SealingKeys, SettingError> {
    let Some(text) = vars.text(NAME) else {
        return Ok(if is_for_development(site) { SealingKeys::Made } else { SealingKeys::Missing });
    };
    let keys: Option<Vec<_>> = text.split(',').map(|key| parse(key.trim())).collect();
    keys.map(SealingKeys::Given).ok_or_else(|| {
        SettingError::new(
            NAME,
            "must be 64 hexadecimal digits, such as `openssl rand -hex 32` gives; after a comma \
             may stand the keys before it",
        )
    })
}

/// Whether only this machine reaches the installation, as far as it was told.
fn is_for_development(site: &Site) -> bool {
    let Some(origin) = site.public_origin() else { return true };
    let host = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| {
        host.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    })
}

fn parse(text: &str) -> Option<SealingKey> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(SealingKey::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, origin: Option<&str>) -> Result<SealingKeys, SettingError> {
        let look_up = |_: &str| Some(key.to_owned());
        let site = origin.map_or_else(Site::default, |origin| Site::at(origin).unwrap());
        sealing_keys(&Variables { look_up: &look_up }, &site)
    }

    #[test]
    fn keys_are_read_newest_first() {
        let (one, two) = ("0f".repeat(32), "A0".repeat(32));
        let keys = [SealingKey::new([0x0f; 32]), SealingKey::new([0xa0; 32])];
        assert_eq!(read(&one, None), Ok(SealingKeys::Given(keys[..1].to_vec())));
        assert_eq!(read(&format!("{one}, {two}"), None), Ok(SealingKeys::Given(keys.to_vec())));
        for broken in ["qq", &one[1..], &format!("{one},"), &"zz".repeat(32), &"+f".repeat(32)] {
            let error = read(broken, None).unwrap_err().to_string();
            assert!(error.starts_with(NAME) && !error.contains(broken), "{error}");
        }
    }

    #[test]
    fn without_a_key_only_an_installation_for_development_makes_one() {
        for (origin, expected) in [
            (None, SealingKeys::Made),
            (Some("http://127.0.0.1:3000"), SealingKeys::Made),
            (Some("http://localhost"), SealingKeys::Made),
            (Some("https://localhost.evil.example"), SealingKeys::Missing),
            (Some("https://resonant.example.org"), SealingKeys::Missing),
        ] {
            assert_eq!(read(" ", origin), Ok(expected), "{origin:?}");
        }
    }
}
