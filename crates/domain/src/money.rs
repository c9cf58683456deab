//! Money, in whole millionths of a US dollar, so that sums are exact.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// An amount in millionths of a US dollar: `1_000_000` is one dollar.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct MicroUsd(pub i64);

impl Add for MicroUsd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for MicroUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for MicroUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self(0), Add::add)
    }
}

impl fmt::Display for MicroUsd {
    /// Writes as many decimals as a small amount needs: `$0.0004`, `$1.25`, `$0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 1_000_000, (self.0 % 1_000_000).unsigned_abs());
        let sign = if self.0 < 0 && whole == 0 { "-" } else { "" };
        if part == 0 {
            return write!(f, "${sign}{whole}");
        }
        let digits = format!("{part:06}");
        let keep = digits.trim_end_matches('0').len().max(2);
        write!(f, "${sign}{whole}.{}", &digits[..keep])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_dollars() {
        for (micro, text) in [
            (0, "$0"),
            (1_000_000, "$1"),
            (1_250_000, "$1.25"),
            (1_200_000, "$1.20"),
            (400, "$0.0004"),
            (-400, "$-0.0004"),
        ] {
            assert_eq!(MicroUsd(micro).to_string(), text);
        }
    }
}
