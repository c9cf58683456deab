//! For how long a new key works.

use serde::{Deserialize, Serialize};

use crate::language::key;

/// What the form offers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyLife {
    /// A month.
    #[default]
    Days30,
    /// A quarter.
    Days90,
    /// A year.
    Days365,
    /// Until it is revoked.
    Endless,
}

impl KeyLife {
    /// Every choice.
    pub const ALL: [Self; 4] = [Self::Days30, Self::Days90, Self::Days365, Self::Endless];

    /// The choice as a form sends it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Days30 => "days30",
            Self::Days90 => "days90",
            Self::Days365 => "days365",
            Self::Endless => "endless",
        }
    }

    /// The choice as a person reads it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Days30 => key("30 days"),
            Self::Days90 => key("90 days"),
            Self::Days365 => key("A year"),
            Self::Endless => key("Until you revoke it"),
        }
    }

    /// The days; none where there is no end.
    #[cfg(feature = "ssr")]
    pub const fn days(self) -> Option<u32> {
        match self {
            Self::Days30 => Some(30),
            Self::Days90 => Some(90),
            Self::Days365 => Some(365),
            Self::Endless => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_sends_what_the_server_reads() {
        for life in KeyLife::ALL {
            assert_eq!(serde_json::to_value(life).unwrap(), life.as_str());
        }
    }
}
