//! Rows that are picked: one, or all from one rank to another, whether they are at hand or not.

use std::ops::Range;

use leptos::prelude::*;

use super::{Answer, Rows};

/// Rows that were picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picked {
    /// The rank at which the range begins: that of the row which was picked before.
    pub from: usize,
    /// The rank of the row that was picked now.
    pub to: usize,
    /// Whether those in between are meant, too, and the one at which it begins.
    pub is_range: bool,
}

impl Picked {
    /// How many there are.
    pub const fn count(self) -> usize {
        self.from.abs_diff(self.to) + 1
    }

    /// The ranks of those at which the range begins, at most so many.
    fn ranks(self, most: usize) -> Range<usize> {
        let count = self.count().min(most);
        let end = if self.to < self.from { self.from + 1 } else { self.from + count };
        end - count..end
    }
}

/// The rows of some ranks.
pub enum Span<T> {
    /// They were at hand.
    AtHand(Vec<T>),
    /// They are on their way.
    Asked(Answer<T>),
}

impl<T: Clone + PartialEq + Send + Sync + 'static> Rows<T> {
    /// A row is picked; with those from the one that was picked before, if it is to be a range.
    pub(in super::super) fn pick(self, rank: usize, is_range: bool) -> Picked {
        let from = self.picked.get_value().filter(|_| is_range).unwrap_or(rank);
        self.picked.set_value(Some(rank));
        Picked { from, to: rank, is_range }
    }

    /// All rows are picked, where there are any.
    pub(in super::super) fn pick_all(self) -> Option<Picked> {
        let to = self.count.get_untracked().checked_sub(1)?;
        Some(Picked { from: 0, to, is_range: true })
    }

    /// The rows that were picked, at most so many; those that are not at hand are fetched.
    pub fn span(self, picked: Picked, most: usize) -> Span<T> {
        let ranks = picked.ranks(most);
        self.state.with_value(|state| {
            let at_hand = ranks.clone().map(|rank| state.blocks.get(rank).cloned());
            if let Some(rows) = at_hand.collect::<Option<Vec<_>>>() {
                return Span::AtHand(rows);
            }
            let limit = u32::try_from(ranks.len()).unwrap_or(u32::MAX);
            Span::Asked((state.load)(state.blocks.place_of(ranks), limit))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_is_cut_keeps_those_at_which_it_begins() {
        for (from, to, ranks) in
            [(3, 3, 3..4), (3, 7, 3..8), (7, 3, 3..8), (10, 500, 10..210), (500, 10, 301..501)]
        {
            let picked = Picked { from, to, is_range: true };
            assert_eq!(picked.ranks(200), ranks, "{picked:?}");
        }
        assert_eq!(Picked { from: 7, to: 3, is_range: true }.count(), 5);
    }
}
