//! The row elements of a virtual list: which of them are drawn, in which order, and what each shows.

use std::collections::VecDeque;
use std::ops::Range;

use leptos::prelude::*;

use super::geometry::Geometry;
use crate::browser::Scroller;

/// What a row element shows.
pub(super) struct Slot<T: Send + Sync + 'static> {
    pub(super) rank: RwSignal<usize>,
    pub(super) item: RwSignal<Option<T>>,
}

impl<T: Send + Sync + 'static> Clone for Slot<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Slot<T> {}

impl<T: Send + Sync + 'static> Slot<T> {
    /// Its row, for those who draw it.
    pub(super) fn shown(self) -> Shown<T> {
        Shown(self.item)
    }
}

/// The row that an element shows. The element is used again and again: whoever reads the row is told when it
/// is another one or has changed.
pub struct Shown<T: Send + Sync + 'static>(RwSignal<Option<T>>);

impl<T: Send + Sync + 'static> Clone for Shown<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Shown<T> {}

impl<T: Send + Sync + 'static> Shown<T> {
    /// What is read of the row; the default of that in the moment in which there is no row any more and what
    /// was drawn of it is still there.
    pub fn read<U: Default>(self, read: impl FnOnce(&T) -> U) -> U {
        self.0.try_with(|item| item.as_ref().map(read)).flatten().unwrap_or_default()
    }
}

/// The row elements.
pub(super) struct Elements<T: Send + Sync + 'static> {
    slots: Vec<Slot<T>>,
    /// Those that are drawn, from the uppermost to the lowest.
    order: VecDeque<usize>,
    /// Those that are not in the document: the view is too low for them.
    idle: Vec<usize>,
    /// Those that show something else since they were measured.
    unmeasured: Vec<usize>,
    /// The rank that each was told last, and whether there is a row of it.
    placed: Vec<Option<(usize, bool)>>,
}

impl<T: Clone + PartialEq + Send + Sync + 'static> Elements<T> {
    /// All of them drawn, each with its rank and its row.
    pub(super) fn new(rows: impl Iterator<Item = (usize, Option<T>)>) -> Self {
        let slots: Vec<_> = rows
            .map(|(rank, item)| Slot { rank: RwSignal::new(rank), item: RwSignal::new(item) })
            .collect();
        let order = (0..slots.len()).collect();
        let unmeasured = (0..slots.len()).collect();
        let placed = vec![None; slots.len()];
        Self { slots, order, idle: Vec::new(), unmeasured, placed }
    }

    pub(super) fn all(&self) -> &[Slot<T>] {
        &self.slots
    }

    /// How many are drawn.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Draws so many of them. Of those that go, so many are the uppermost; the others go and come below.
    pub(super) fn draw(&mut self, count: usize, above: usize, scroller: &Scroller) {
        self.put_in_order(scroller);
        let going = self.order.len().saturating_sub(count);
        for at in 0..going {
            let goes = if at < above { self.order.pop_front() } else { self.order.pop_back() };
            let Some(slot) = goes else { return };
            scroller.take_out(slot);
            self.unmeasured.retain(|unmeasured| *unmeasured != slot);
            self.idle.push(slot);
        }
        while self.order.len() < count {
            let Some(slot) = self.idle.pop() else { return };
            scroller.move_to_end(slot);
            self.order.push_back(slot);
        }
    }

    /// Moves so many of them from the beginning to the end, or below zero the other way round. Answers
    /// the places of those that moved.
    pub(super) fn shift(&mut self, rows: isize) -> Range<usize> {
        let (length, distance) = (self.order.len(), rows.unsigned_abs());
        for _ in 0..distance {
            let is_forward = rows > 0;
            let moved = if is_forward { self.order.pop_front() } else { self.order.pop_back() };
            let Some(moved) = moved else { break };
            if is_forward {
                self.order.push_back(moved);
            } else {
                self.order.push_front(moved);
            }
        }
        if rows > 0 { length - distance..length } else { 0..distance }
    }

    /// Leaves the focus to the list where an element has it that shows another row from now on.
    pub(super) fn take_focus(&self, places: impl Iterator<Item = usize>, scroller: &Scroller) {
        scroller.take_focus(places.map(|at| self.order[at]));
    }

    /// Places those that show another row by now, of so many that there are.
    pub(super) fn place(&mut self, scroller: &Scroller, count: usize) {
        for slot in &self.order {
            let rank = self.slots[*slot].rank.get_untracked();
            let now = (rank, rank < count);
            if self.placed[*slot] != Some(now) {
                self.placed[*slot] = Some(now);
                scroller.set_rank(*slot, rank, rank < count);
            }
        }
    }

    /// Puts the elements into the order in which they are seen.
    pub(super) fn put_in_order(&self, scroller: &Scroller) {
        if let Some(first) = self.order.front() {
            scroller.put_in_order(*first);
        }
    }

    /// Tells the element at a place from above which row it shows now.
    pub(super) fn bind(&mut self, at: usize, shown: usize, wanted: Option<&T>) {
        let slot = self.order[at];
        let Slot { rank, item } = self.slots[slot];
        if rank.get_untracked() != shown {
            rank.set(shown);
        }
        if item.with_untracked(|item| item.as_ref() != wanted) {
            item.set(wanted.cloned());
        }
        self.unmeasured.push(slot);
    }

    /// Tells the element at a place from above which row it shows now that those drawn have moved some
    /// `way`. What it shows stays as long as its row is the same one and not at hand.
    pub(super) fn keep(&mut self, at: usize, shown: usize, way: isize, wanted: Option<&T>) {
        let Slot { rank, .. } = self.slots[self.order[at]];
        let before = rank.get_untracked();
        if wanted.is_some() || before.checked_add_signed(way) != Some(shown) {
            self.bind(at, shown, wanted);
        } else if before != shown {
            rank.set(shown);
        }
    }

    /// What the element at a place from above shows.
    pub(super) fn item(&self, at: usize) -> RwSignal<Option<T>> {
        self.slots[self.order[at]].item
    }

    /// The element that shows the row of a rank, where it is drawn.
    pub(super) fn slot_of(&self, shown: usize) -> Option<usize> {
        let mut drawn = self.order.iter().copied();
        drawn.find(|slot| self.slots[*slot].rank.get_untracked() == shown)
    }

    /// Draws a row anew where it is drawn.
    pub(super) fn renew(&mut self, shown: usize, wanted: T) {
        if let Some(slot) = self.slot_of(shown) {
            self.slots[slot].item.set(Some(wanted));
            self.unmeasured.push(slot);
        }
    }

    /// The view is wider or narrower: every height may be another.
    pub(super) fn forget_heights(&mut self) {
        self.unmeasured = self.order.iter().copied().collect();
    }

    /// Tells the geometry the heights that it does not know.
    pub(super) fn measure(&mut self, scroller: &Scroller, geometry: &mut Geometry) {
        for slot in std::mem::take(&mut self.unmeasured) {
            let rank = self.slots[slot].rank.get_untracked();
            geometry.set_height(rank, scroller.height(slot));
        }
    }
}
