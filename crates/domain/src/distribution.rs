//! How measured values are spread: counts in log-linear buckets, which can be added up across
//! processes and minutes and still tell any quantile.
//!
//! Every power of two is cut into [`CUTS`] buckets of one width. A bucket is at most 1/64 of its
//! values wide and stands for its middle, so a quantile is at most 0.8 % beside the value that was
//! measured. The layout is that of HDR histograms (Gil Tene).

use std::collections::BTreeMap;

/// Buckets of each power of two.
pub const CUTS: usize = 64;
/// All buckets. The last one takes everything from 2^40 on: twelve days in microseconds.
pub const BUCKETS: usize = 34 * CUTS + 2 * CUTS;

const CUT_BITS: u32 = CUTS.trailing_zeros();

/// The bucket of a value.
#[must_use]
pub fn bucket_of(value: u64) -> usize {
    let octave = (u64::BITS - value.leading_zeros()).saturating_sub(CUT_BITS + 1);
    // At most 127 is left of the value.
    let cut = usize::try_from(value >> octave).unwrap_or(0);
    (octave as usize * CUTS + cut).min(BUCKETS - 1)
}

/// The middle of a bucket.
#[must_use]
pub const fn middle_of(bucket: usize) -> u64 {
    if bucket < 2 * CUTS {
        return bucket as u64;
    }
    let octave = bucket / CUTS - 1;
    let first = ((bucket - octave * CUTS) as u64) << octave;
    first + ((1 << octave) >> 1)
}

/// Measured values, added up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distribution {
    /// How many there are.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The greatest.
    pub max: u64,
    /// How many fell into each bucket; empty where only count and sum are kept.
    pub buckets: BTreeMap<u16, u64>,
}

impl Distribution {
    /// Adds one value.
    pub fn record(&mut self, value: u64) {
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
        self.max = self.max.max(value);
        *self.buckets.entry(narrow(bucket_of(value))).or_default() += 1;
    }

    /// Adds all values of another.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
    }

    /// Whether nothing was measured.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The value below or at which so many thousandths of all values lie (nearest rank).
    #[must_use]
    pub fn quantile(&self, thousandths: u16) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let rank = (self.count * u64::from(thousandths)).div_ceil(1_000).max(1);
        if rank >= self.count {
            return Some(self.max);
        }
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += count;
            if seen >= rank {
                return Some(middle_of((*bucket).into()).min(self.max));
            }
        }
        Some(self.max)
    }

    /// The mean of all values.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts and sums stay far below 2^52")]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// How many values lie above `limit`, to the width of a bucket.
    #[must_use]
    pub fn count_above(&self, limit: u64) -> u64 {
        let first = narrow(bucket_of(limit)).saturating_add(1);
        self.buckets.range(first..).map(|(_, count)| count).sum()
    }

    /// The buckets as the store keeps them: pairs of gap and count in LEB128.
    #[must_use]
    pub fn encode_buckets(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.buckets.len() * 3);
        let mut before = 0;
        for (bucket, count) in &self.buckets {
            push_number(&mut bytes, u64::from(*bucket - before));
            push_number(&mut bytes, *count);
            before = *bucket;
        }
        bytes
    }

    /// Reads buckets back; `None` when the bytes are none.
    #[must_use]
    pub fn decode_buckets(mut bytes: &[u8]) -> Option<BTreeMap<u16, u64>> {
        let mut buckets = BTreeMap::new();
        let mut bucket = 0_u64;
        while !bytes.is_empty() {
            bucket = bucket.checked_add(take_number(&mut bytes)?)?;
            let fits = usize::try_from(bucket).is_ok_and(|bucket| bucket < BUCKETS);
            let key = fits.then(|| u16::try_from(bucket).ok()).flatten()?;
            buckets.insert(key, take_number(&mut bytes)?);
        }
        Some(buckets)
    }
}

/// A bucket's number as the map keeps it; [`BUCKETS`] fits.
fn narrow(bucket: usize) -> u16 {
    u16::try_from(bucket).unwrap_or(u16::MAX)
}

fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push((number & 0x7f) as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..u64::BITS).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f).checked_shl(shift)?;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3,000 values as uneven as response times are: most near two thousand, a few far above.
    const UNEVEN: &str = include_str!("distribution/uneven.txt");

    /// Microseconds that 3,000 answers took a release on 2026-12-01, as two clients saw them beside a compiler: two
    /// in three an agent that the process kept, the others a page of sessions from the database.
    const RECORDED: &str = include_str!("distribution/recorded.txt");

    fn values_of(text: &str) -> Vec<u64> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.parse().unwrap()).collect()
    }

    fn uneven() -> Vec<u64> {
        values_of(UNEVEN)
    }

    fn exact(values: &[u64], thousandths: u16) -> u64 {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        let rank = (sorted.len() * usize::from(thousandths)).div_ceil(1_000);
        sorted[rank.max(1) - 1]
    }

    fn of(values: &[u64]) -> Distribution {
        let mut all = Distribution::default();
        for value in values {
            all.record(*value);
        }
        all
    }

    #[test]
    fn every_value_has_a_bucket_near_it() {
        let mut before = 0;
        for value in (0..100_000).chain((17..40).flat_map(|bit| [(1 << bit) - 1, 1 << bit])) {
            let bucket = bucket_of(value);
            assert!(bucket >= before || value < 131_072, "{value}");
            before = bucket;
            let error = middle_of(bucket).abs_diff(value);
            assert!(error * 1_000 <= value * 8, "{value} in {bucket}: {error}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_within_two_percent() {
        for values in [uneven(), values_of(RECORDED)] {
            quantiles_are_near(&values);
        }
    }

    fn quantiles_are_near(values: &[u64]) {
        assert!(values.len() >= 3_000);
        // As processes and minutes would have split them.
        let mut whole = Distribution::default();
        for part in values.chunks(97) {
            let mut part = of(part);
            part.buckets = Distribution::decode_buckets(&part.encode_buckets()).unwrap();
            whole.merge(&part);
        }
        assert_eq!(whole, of(values));
        for thousandths in [10, 500, 900, 950, 990, 999, 1_000] {
            let told = whole.quantile(thousandths).unwrap();
            let exact = exact(values, thousandths);
            assert!(told.abs_diff(exact) * 100 <= exact * 2, "{thousandths}: {told} for {exact}");
        }
    }

    #[test]
    fn nothing_measured_has_no_quantile() {
        let none = Distribution::default();
        assert_eq!((none.quantile(500), none.mean(), none.count_above(0)), (None, None, 0));
        assert!(none.encode_buckets().is_empty());
    }

    #[test]
    fn values_above_a_limit_are_counted() {
        let all = of(&[10, 20, 500_000, 500_001, 900_000]);
        assert_eq!(all.count_above(20), 3);
        assert_eq!(all.count_above(600_000), 1);
        assert_eq!(all.quantile(1_000), Some(900_000));
    }

    #[test]
    fn foreign_bytes_are_no_buckets() {
        for bytes in [&[0x80][..], &[1], &[0xff; 12], &[0xff, 0x7f, 1]] {
            assert_eq!(Distribution::decode_buckets(bytes), None, "{bytes:?}");
        }
    }
}
