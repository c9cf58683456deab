//! The pages of a list without end: those around what is drawn are held, and of all others it is known
//! how to ask for them again.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use resonant_domain::page::Page;

/// How many pages are held.
const KEPT: usize = 12;
/// How many requests are under way at once.
const AT_ONCE: usize = 2;

/// The pages that have been seen so far.
#[derive(Debug)]
pub(super) struct Pages<T> {
    held: BTreeMap<usize, Vec<T>>,
    /// What each page is asked for with.
    cursors: Vec<Option<String>>,
    /// The rank at which each page begins, and in the end how many items there are.
    starts: Vec<usize>,
    /// What the page behind the last one is asked for with.
    next: Option<String>,
    loading: BTreeSet<usize>,
}

/// A page that shall be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) page: usize,
    pub(super) cursor: Option<String>,
}

impl<T> Pages<T> {
    /// A list of which the first page is known, which was asked for with `cursor`.
    pub(super) fn new(cursor: Option<String>, first: Page<T>) -> Self {
        Self {
            starts: vec![0, first.items.len()],
            held: BTreeMap::from([(0, first.items)]),
            cursors: vec![cursor],
            next: first.next_cursor,
            loading: BTreeSet::new(),
        }
    }

    /// How many items have been seen.
    pub(super) fn count(&self) -> usize {
        self.starts.last().copied().unwrap_or_default()
    }

    /// How many pages have been seen.
    pub(super) fn len(&self) -> usize {
        self.cursors.len()
    }

    /// The page of a rank.
    pub(super) fn page_of(&self, rank: usize) -> usize {
        let behind = self.starts.partition_point(|start| *start <= rank);
        behind.saturating_sub(1).min(self.len() - 1)
    }

    pub(super) fn get(&self, rank: usize) -> Option<&T> {
        let page = self.page_of(rank);
        self.held.get(&page)?.get(rank - self.starts[page])
    }

    /// The ranks of a page.
    pub(super) fn ranks(&self, page: usize) -> Range<usize> {
        self.starts[page]..self.starts[page + 1]
    }

    pub(super) fn next(&self) -> Option<&String> {
        self.next.as_ref()
    }

    /// Whether the page behind the last one is under way.
    pub(super) fn is_growing(&self) -> bool {
        self.loading.contains(&self.len())
    }

    /// What to fetch for the ranks that are drawn, and, if the list shall grow, the page behind the
    /// last one. They count as under way from now on.
    pub(super) fn order(&mut self, drawn: &Range<usize>, shall_grow: bool) -> Vec<Order> {
        let mut orders = Vec::new();
        let (from, to) =
            (self.page_of(drawn.start), self.page_of(drawn.end.max(drawn.start + 1) - 1));
        for page in from..=to {
            if !self.held.contains_key(&page) {
                self.add(&mut orders, page, self.cursors[page].clone());
            }
        }
        if shall_grow && self.next.is_some() {
            self.add(&mut orders, self.len(), self.next.clone());
        }
        orders
    }

    fn add(&mut self, orders: &mut Vec<Order>, page: usize, cursor: Option<String>) {
        if self.loading.len() < AT_ONCE && self.loading.insert(page) {
            orders.push(Order { page, cursor });
        }
    }

    /// Takes in what was fetched, and keeps the pages that are nearest to the rank `near`.
    pub(super) fn put(&mut self, order: Order, answer: Page<T>, near: usize) {
        let Order { page, cursor } = order;
        self.loading.remove(&page);
        let mut items = answer.items;
        if page < self.len() {
            // The list may have changed since: what moved to the next page is seen there.
            let length = self.ranks(page).len();
            items.truncate(length);
            let missing = length - items.len();
            for start in &mut self.starts[page + 1..] {
                *start -= missing;
            }
        } else {
            self.starts.push(self.count() + items.len());
            self.cursors.push(cursor);
            self.next = answer.next_cursor;
        }
        self.held.insert(page, items);
        let near = self.page_of(near);
        while self.held.len() > KEPT {
            let farthest = self.held.keys().copied().max_by_key(|page| page.abs_diff(near));
            let Some(farthest) = farthest else { break };
            self.held.remove(&farthest);
        }
    }

    /// A page could not be fetched.
    pub(super) fn fail(&mut self, page: usize) {
        self.loading.remove(&page);
    }

    /// The way back to what has been seen, without what was seen: the cursors and lengths of all pages
    /// behind the first one.
    pub(super) fn way(&self) -> String {
        use std::fmt::Write as _;

        let mut text = String::new();
        for page in 1..self.len() {
            if let Some(cursor) = &self.cursors[page] {
                // Writing to a `String` does not fail.
                let _ = write!(text, " {} {cursor}", self.ranks(page).len());
            }
        }
        if let Some(next) = &self.next {
            let _ = write!(text, " {next}");
        }
        text
    }

    /// Takes up a way that was left earlier. The pages of it are fetched when they are seen.
    pub(super) fn take_up<'a>(&mut self, mut way: impl Iterator<Item = &'a str>) {
        if self.len() > 1 {
            return;
        }
        let mut next = None;
        while let Some(part) = way.next() {
            let (Ok(length), Some(cursor)) = (part.parse::<usize>(), way.next()) else {
                next = Some(part.to_owned());
                break;
            };
            self.starts.push(self.count() + length);
            self.cursors.push(Some(cursor.to_owned()));
        }
        self.next = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 24;

    fn page(number: usize, pages: usize) -> Page<usize> {
        Page {
            items: (number * PAGE..(number + 1) * PAGE).collect(),
            next_cursor: (number + 1 < pages).then(|| format!("c{}", number + 1)),
        }
    }

    fn grown(pages: usize) -> Pages<usize> {
        let mut list = Pages::new(None, page(0, pages));
        for number in 1..pages {
            let near = list.count() - 1;
            let orders = list.order(&(near..near + 1), true);
            assert_eq!(orders, [Order { page: number, cursor: Some(format!("c{number}")) }]);
            for order in orders {
                list.put(order, page(number, pages), near);
            }
        }
        list
    }

    #[test]
    fn a_list_grows_page_by_page_until_it_ends() {
        let mut list = grown(3);
        assert_eq!((list.count(), list.len(), list.next()), (72, 3, None));
        assert_eq!(list.get(71), Some(&71));
        assert_eq!(list.get(72), None);
        assert_eq!(list.order(&(0..72), true), [], "nothing more comes");
    }

    #[test]
    fn few_pages_are_held_and_the_others_asked_for_again() {
        let mut list = grown(40);
        assert_eq!(list.held.len(), KEPT);
        assert_eq!(list.get(0), None);
        let orders = list.order(&(20..50), false);
        assert_eq!(orders.len(), AT_ONCE);
        assert_eq!(orders[0], Order { page: 0, cursor: None });
        assert_eq!(list.order(&(20..50), false), [], "they are under way");
        for order in orders {
            let number = order.page;
            list.put(order, page(number, 40), 0);
        }
        assert_eq!((list.get(0), list.get(47)), (Some(&0), Some(&47)));
        assert_eq!(list.held.len(), KEPT);
        assert_eq!(list.count(), 40 * PAGE);
    }

    #[test]
    fn a_page_that_has_become_shorter_moves_what_follows() {
        let mut list = grown(3);
        list.held.remove(&1);
        let order = list.order(&(24..48), false).remove(0);
        let shorter = Page { items: (24..40).collect(), next_cursor: None };
        list.put(order, shorter, 30);
        assert_eq!(list.count(), 64);
        assert_eq!((list.get(39), list.get(40)), (Some(&39), Some(&48)));
    }

    #[test]
    fn a_failed_page_can_be_asked_for_again() {
        let mut list = Pages::new(None, page(0, 2));
        let order = list.order(&(0..24), true).remove(0);
        assert!(list.is_growing());
        list.fail(order.page);
        assert!(!list.is_growing());
        assert_eq!(list.order(&(0..24), true), [order]);
    }

    #[test]
    fn a_way_is_taken_up_where_it_was_left() {
        for (pages, seen) in [(5, 5), (6, 5)] {
            let mut left = Pages::new(None, page(0, pages));
            for number in 1..seen {
                let order = left.order(&(0..1), true).remove(0);
                left.put(order, page(number, pages), 0);
            }
            let way = left.way();
            let mut back = Pages::new(None, page(0, pages));
            back.take_up(way.split_ascii_whitespace());
            assert_eq!((back.count(), back.len()), (left.count(), left.len()));
            assert_eq!(back.next(), left.next());
            assert_eq!(back.cursors, left.cursors);
        }
    }
}
