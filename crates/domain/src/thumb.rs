//! What a person thought of what an agent did.

use serde::{Deserialize, Serialize};

/// Good or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Thumb {
    /// It did well.
    Up,
    /// It did not.
    Down,
}

impl Thumb {
    /// What it adds to the liking of an agent.
    #[must_use]
    pub const fn weight(self) -> i16 {
        match self {
            Self::Up => 1,
            Self::Down => -1,
        }
    }

    /// Reads a thumb from what it adds; `None` for what no thumb adds.
    #[must_use]
    pub const fn from_weight(weight: i16) -> Option<Self> {
        match weight {
            1 => Some(Self::Up),
            -1 => Some(Self::Down),
            _ => None,
        }
    }

    /// The thumb as it stands in forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// What a person thinks of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewThumb {
    /// The thumb; absent to take it back.
    #[serde(default)]
    pub thumb: Option<Thumb>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumb_is_read_from_what_it_adds() {
        for thumb in [Thumb::Up, Thumb::Down] {
            assert_eq!(Thumb::from_weight(thumb.weight()), Some(thumb));
        }
        assert_eq!(Thumb::from_weight(0), None);
    }
}
