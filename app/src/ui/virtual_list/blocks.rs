//! The rows of a virtual list that are at hand: blocks around what is drawn, and no more.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use resonant_domain::page::{Place, Window};

/// How many rows are fetched at once.
pub(super) const BLOCK: usize = 50;
/// How many blocks are kept.
const KEPT: usize = 8;
/// How many requests are under way at once.
const AT_ONCE: usize = 2;

#[derive(Debug)]
pub(super) struct Blocks<T> {
    count: usize,
    held: BTreeMap<usize, Window<T>>,
    /// Those of the held that may be others by now: shown until they were fetched anew.
    stale: BTreeSet<usize>,
    loading: BTreeSet<usize>,
    /// Counts the times that the list was begun anew; an answer for the list before is dropped.
    edition: u32,
}

/// A block that shall be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) block: usize,
    pub(super) place: Place,
    pub(super) edition: u32,
}

impl<T> Blocks<T> {
    /// A list of `count` rows of which those of `first` are known, from rank `rank` on.
    pub(super) fn new(count: usize, rank: usize, first: Window<T>) -> Self {
        let (held, stale) = (BTreeMap::new(), BTreeSet::new());
        let mut blocks = Self { count, held, stale, loading: BTreeSet::new(), edition: 0 };
        blocks.hold(rank, first);
        blocks
    }

    fn hold(&mut self, rank: usize, window: Window<T>) {
        if rank.is_multiple_of(BLOCK) && !window.items.is_empty() {
            self.stale.remove(&(rank / BLOCK));
            self.held.insert(rank / BLOCK, window);
        }
    }

    /// The list is another one by now: one of `count` rows of which those of `first` are known, from rank
    /// `rank` on. All others are fetched anew when they are needed; until then they are shown as they
    /// were, unless they have moved some `way`.
    pub(super) fn renew(&mut self, count: usize, rank: usize, first: Window<T>, way: isize) {
        self.count = count;
        self.held.retain(|block, _| way == 0 && block * BLOCK < count);
        self.stale = self.held.keys().copied().collect();
        self.loading.clear();
        self.edition += 1;
        self.hold(rank, first);
    }

    /// How far the rows around one have moved, by those of a window that begins at a rank now. Those that
    /// are not at hand or not in the window tell nothing, and nor do those that have moved by themselves.
    pub(super) fn way(
        &self,
        near: usize,
        rank: usize,
        now: &[T],
        is_same: impl Fn(&T, &T) -> bool,
    ) -> isize {
        let around = near.saturating_sub(BLOCK)..near.saturating_add(BLOCK);
        let found: Vec<_> = around
            .filter_map(|before| {
                let known = self.get(before)?;
                let at = now.iter().position(|item| is_same(item, known))?;
                Some((before, rank + at))
            })
            .collect();
        let carried = carried(&found);
        let below = carried.iter().find(|(before, _)| *before >= near);
        let told = below.or_else(|| carried.last());
        told.map_or(0, |(before, now)| now.cast_signed() - before.cast_signed())
    }

    pub(super) fn get(&self, rank: usize) -> Option<&T> {
        self.held.get(&(rank / BLOCK))?.items.get(rank % BLOCK)
    }

    /// Every row at hand, with its rank.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut T)> {
        self.held.iter_mut().flat_map(|(block, window)| {
            window.items.iter_mut().enumerate().map(move |(at, item)| (block * BLOCK + at, item))
        })
    }

    /// Every row at hand.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.held.values().flat_map(|window| &window.items)
    }

    /// What to fetch for the rows from `first` to before `end`: what is missing there, then the block
    /// ahead on either side. They count as under way from now on.
    pub(super) fn order(&mut self, first: usize, end: usize) -> Vec<Order> {
        if self.count == 0 {
            return Vec::new();
        }
        let last_block = (self.count - 1) / BLOCK;
        let from = first / BLOCK;
        let to = (end.max(first + 1) - 1).min(self.count - 1) / BLOCK;
        let ahead = [Some(to + 1), from.checked_sub(1)].into_iter().flatten();
        let mut orders = Vec::new();
        for block in (from..=to).chain(ahead.filter(|block| *block <= last_block)) {
            if self.loading.len() >= AT_ONCE {
                break;
            }
            if self.fresh(block).is_some() || !self.loading.insert(block) {
                continue;
            }
            orders.push(Order { block, place: self.place(block), edition: self.edition });
        }
        orders
    }

    fn fresh(&self, block: usize) -> Option<&Window<T>> {
        self.held.get(&block).filter(|_| !self.stale.contains(&block))
    }

    /// The cheapest way to a block: from a neighbour, or else from the nearer end.
    fn place(&self, block: usize) -> Place {
        let before = block.checked_sub(1).and_then(|block| self.fresh(block));
        if let Some(mark) = before
            .filter(|window| window.items.len() == BLOCK)
            .and_then(|window| window.end.clone())
        {
            return Place::After(mark);
        }
        // A window that is read backwards from a mark is as long as the block only where that is whole.
        if let Some(mark) = self.fresh(block + 1).and_then(|window| window.start.clone()) {
            return Place::Before(mark);
        }
        let start = block * BLOCK;
        self.place_of(start..(start + BLOCK).min(self.count))
    }

    /// The place of these rows, counted from the nearer end.
    pub(super) fn place_of(&self, ranks: Range<usize>) -> Place {
        if ranks.start * 2 > self.count {
            Place::FromEnd(self.count.saturating_sub(ranks.end) as u64)
        } else {
            Place::FromStart(ranks.start as u64)
        }
    }

    /// How many rows a block has.
    pub(super) fn length(&self, block: usize) -> usize {
        self.count.saturating_sub(block * BLOCK).min(BLOCK)
    }

    /// Takes in what was fetched; `false` when it belongs to the list before. Keeps the blocks that
    /// are nearest to `near`.
    pub(super) fn put(&mut self, order: &Order, window: Window<T>, near: usize) -> bool {
        if order.edition != self.edition {
            return false;
        }
        self.loading.remove(&order.block);
        self.stale.remove(&order.block);
        self.held.insert(order.block, window);
        while self.held.len() > KEPT {
            let distance = |block: &usize| block.abs_diff(near / BLOCK);
            let Some(farthest) = self.held.keys().copied().max_by_key(distance) else { break };
            self.held.remove(&farthest);
            self.stale.remove(&farthest);
        }
        true
    }

    /// A block could not be fetched; `false` when it belongs to the list before.
    pub(super) fn fail(&mut self, order: &Order) -> bool {
        order.edition == self.edition && self.loading.remove(&order.block)
    }
}

/// Those of these rows, each with its rank before and its rank now, that stand in one order still, as many as can
/// be. The others have moved by themselves, and what moved these is that others came, went or moved.
fn carried(rows: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // Of the longest run in order that ends with a row: its length, and which one is before it.
    let mut runs: Vec<(usize, Option<usize>)> = Vec::with_capacity(rows.len());
    for (at, (_, now)) in rows.iter().enumerate() {
        let above = (0..at).rev().filter(|above| rows[*above].1 < *now);
        // Of those that are as long the uppermost: who overtakes another comes from below.
        let above = above.max_by_key(|above| runs[*above].0);
        runs.push((above.map_or(0, |above| runs[above].0) + 1, above));
    }
    let mut next = (0..rows.len()).rev().max_by_key(|at| runs[*at].0);
    let mut carried = Vec::new();
    while let Some(at) = next {
        carried.push(rows[at]);
        next = runs[at].1;
    }
    carried.reverse();
    carried
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(block: usize, count: usize) -> Window<usize> {
        let items: Vec<_> = (block * BLOCK..((block + 1) * BLOCK).min(count)).collect();
        Window { items, start: Some(format!("s{block}")), end: Some(format!("e{block}")) }
    }

    fn ordered(orders: &[Order]) -> Vec<(usize, Place)> {
        orders.iter().map(|order| (order.block, order.place.clone())).collect()
    }

    #[test]
    fn rows_ahead_are_fetched_from_the_mark_where_the_known_ones_end() {
        let mut blocks = Blocks::new(1_000, 0, window(0, 1_000));
        let orders = blocks.order(0, 50);
        assert_eq!(ordered(&orders), [(1, Place::After("e0".to_owned()))]);
        assert_eq!(blocks.order(0, 50), [], "it is under way");
        assert!(blocks.put(&orders[0], window(1, 1_000), 0));
        assert_eq!(blocks.get(99), Some(&99));
        assert_eq!(blocks.get(100), None);
    }

    #[test]
    fn a_jump_is_counted_from_the_nearer_end_and_the_way_back_from_the_mark() {
        let mut blocks = Blocks::new(1_020, 0, window(0, 1_020));
        let orders = blocks.order(970, 1_020);
        assert_eq!(ordered(&orders), [(19, Place::FromEnd(20)), (20, Place::FromEnd(0))]);
        assert_eq!(blocks.length(20), 20);
        assert!(blocks.put(&orders[0], window(19, 1_020), 1_000));
        let orders = blocks.order(970, 1_020);
        assert_eq!(ordered(&orders), [(18, Place::Before("s19".to_owned()))]);
        let orders = Blocks::new(1_020, 0, window(0, 1_020)).order(300, 350);
        assert_eq!(orders[0].place, Place::FromStart(300));
    }

    #[test]
    fn few_blocks_are_kept_however_far_one_scrolls() {
        let mut blocks = Blocks::new(1_000_000, 0, window(0, 1_000_000));
        for block in 1..200 {
            let order = Order { block, place: Place::FromStart(0), edition: 0 };
            blocks.put(&order, window(block, 1_000_000), block * BLOCK);
        }
        assert_eq!(blocks.held.len(), KEPT);
        assert_eq!(blocks.get(199 * BLOCK), Some(&(199 * BLOCK)));
        assert_eq!(blocks.get(0), None);
    }

    #[test]
    fn an_answer_for_the_list_before_is_dropped() {
        let mut blocks = Blocks::new(1_000, 0, window(0, 1_000));
        let orders = blocks.order(50, 100);
        blocks.renew(10, 0, Window::empty(), -1);
        assert!(!blocks.put(&orders[0], window(1, 1_000), 0));
        assert!(!blocks.fail(&orders[0]));
        assert_eq!(blocks.get(50), None);
        assert_eq!(ordered(&blocks.order(0, 50)), [(0, Place::FromStart(0))]);
    }

    #[test]
    fn what_may_have_changed_is_shown_until_it_was_fetched_anew() {
        let mut blocks = Blocks::new(1_000, 0, window(0, 1_000));
        let order = blocks.order(0, 50).remove(0);
        blocks.put(&order, window(1, 1_000), 0);
        blocks.renew(1_000, 0, window(0, 1_000), 0);
        assert_eq!(blocks.get(99), Some(&99));
        let orders = blocks.order(0, 50);
        assert_eq!(ordered(&orders), [(1, Place::After("e0".to_owned()))]);
        assert!(blocks.put(&orders[0], window(1, 1_000), 0));
        assert!(blocks.order(0, 50).is_empty(), "all of it is fresh");
        // Marks of what may have changed lead nowhere, and what has moved is not where it was.
        blocks.renew(1_000, 500, window(10, 1_000), 0);
        assert_eq!(ordered(&blocks.order(50, 100))[0], (1, Place::FromStart(50)));
        blocks.renew(999, 0, window(0, 999), -1);
        assert_eq!(blocks.get(50), None);
    }

    #[test]
    fn rows_that_moved_are_found_in_the_window_that_is_read_anew() {
        let blocks = Blocks::new(1_000, 100, window(2, 1_000));
        let way =
            |near, rank, now: &[usize]| blocks.way(near, rank, now, |one, other| one == other);
        let now: Vec<_> = (98..148).collect();
        assert_eq!(way(120, 100, &now), 2, "two came before them");
        let now: Vec<_> = (100..120).chain(121..151).collect();
        assert_eq!(way(120, 100, &now), -1, "the row itself has gone");
        assert_eq!(way(119, 100, &now), 0, "what went is below it");
        assert_eq!(way(120, 500, &[600, 601]), 0, "nobody is known");
        assert_eq!(way(700, 100, &now), 0, "nothing is at hand");
    }

    #[test]
    fn a_row_that_goes_elsewhere_takes_those_around_it_nowhere() {
        let blocks = Blocks::new(1_000, 0, window(0, 1_000));
        let way = |near, now: &[usize]| blocks.way(near, 0, now, |one, other| one == other);
        let to_the_top = |moved: Range<usize>| -> Vec<_> {
            let stayed = (0..BLOCK).filter(|row| !moved.contains(row));
            moved.clone().chain(stayed).collect()
        };
        assert_eq!(way(20, &to_the_top(20..21)), 0, "those below it are where they were");
        assert_eq!(way(19, &to_the_top(20..21)), 1, "those above it make room");
        assert_eq!(way(20, &to_the_top(20..24)), 0, "several at once");
        assert_eq!(way(20, &to_the_top(30..31)), 1);
        assert_eq!(way(20, &to_the_top(49..50)), 1);
        let mut overtaken: Vec<_> = (0..BLOCK).collect();
        overtaken.swap(19, 20);
        assert_eq!(way(20, &overtaken), 0);
        assert_eq!(way(19, &overtaken), 1);
    }

    #[test]
    fn rows_of_any_length_are_counted_from_the_nearer_end() {
        let blocks = Blocks::new(1_000, 0, window(0, 1_000));
        assert_eq!(blocks.place_of(30..180), Place::FromStart(30));
        assert_eq!(blocks.place_of(800..1_000), Place::FromEnd(0));
    }
}
