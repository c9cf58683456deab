//! The keys under which secrets are kept.

use resonant_backend::{SealingKey, SealingKeys};

use super::{SettingError, Site, Variables};

const NAME: &str = "SECRETS_KEY";

/// The keys that `SECRETS_KEY` lists. Without them an installation that nobody reaches from outside
/// makes one for itself, and any other takes no secrets ([`Site::is_development`]).
pub(super) fn sealing_keys(vars: &Variables<'_>, site: &Site) -> Result<SealingKeys, SettingError> {
    let Some(text) = vars.text(NAME) else {
        return Ok(if site.is_development() { SealingKeys::Made } else { SealingKeys::Missing });
    };
    Ok(SealingKeys::Given(parse_all(&text)?))
}

/// The variable's value with another key before those that it lists.
pub(super) fn with_key(vars: &Variables<'_>, fresh: [u8; 32]) -> Result<String, SettingError> {
    let mut keys = fresh.iter().fold(String::new(), |text, byte| text + &*format!("{byte:02x}"));
    if let Some(text) = vars.text(NAME) {
        parse_all(&text)?;
        for key in text.split(',') {
            keys.push(',');
            keys.push_str(key.trim());
        }
    }
    Ok(keys)
}

fn parse_all(text: &str) -> Result<Vec<SealingKey>, SettingError> {
    let keys: Option<_> = text.split(',').map(|key| parse(key.trim())).collect();
    keys.ok_or_else(|| {
        SettingError::new(
            NAME,
            "must be 64 hexadecimal digits, such as `openssl rand -hex 32` gives; after a comma \
             may stand the keys before it",
        )
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
    fn a_new_key_comes_before_the_old_ones() {
        let after = |text: &str| {
            let text = text.to_owned();
            let look_up = move |_: &str| Some(text.clone());
            with_key(&Variables { look_up: &look_up }, [0xb1; 32])
        };
        let (one, two, fresh) = ("0f".repeat(32), "A0".repeat(32), "b1".repeat(32));
        assert_eq!(after(""), Ok(fresh.clone()));
        assert_eq!(after(&format!("{one}, {two}")), Ok(format!("{fresh},{one},{two}")));
        assert!(after("qq").is_err(), "what the program could not start with is not handed on");
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
