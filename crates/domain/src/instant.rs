//! Instants as callers write them.

use std::fmt;

use jiff::Timestamp;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

/// The text is not an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an instant such as 2026-11-30T12:00:00Z")]
pub struct InstantError;

/// An instant that a caller names. What is none is told in our words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant(pub Timestamp);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Instant;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an instant such as 2026-11-30T12:00:00Z")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Instant, E> {
                text.parse().map(Instant).map_err(|_| E::custom(InstantError))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// Reads an instant that a caller need not name.
pub(crate) fn read<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let named = Option::<Instant>::deserialize(deserializer)?;
    Ok(named.map(|Instant(at)| at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_instant_is_told_in_our_words() {
        let read = |json: &str| serde_json::from_str::<Option<Instant>>(json);
        let day = "2026-11-30T12:00:00Z".parse().unwrap();
        assert_eq!(read(r#""2026-11-30T13:00:00+01:00""#).unwrap(), Some(Instant(day)));
        assert_eq!(read("null").unwrap(), None);
        for json in [r#""2026-13-45""#, r#""2026-11-30""#, r#""""#, "5", "[]"] {
            let told = read(json).unwrap_err().to_string();
            assert!(told.contains("an instant such as 2026-11-30T12:00:00Z"), "{json}: {told}");
        }
    }
}
