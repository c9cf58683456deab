//! The items of a virtual grid as they are drawn: which element shows which of them, and where it lies.

use std::collections::BTreeMap;
use std::ops::Range;

use leptos::prelude::*;

use super::PageLoader;
use crate::browser::PageGrid;
use crate::ui::virtual_grid::geometry::Geometry;
use crate::ui::virtual_grid::pages::Pages;

/// What a grid knows of its items and of the elements that show them.
pub(super) struct State<T: Send + Sync + 'static> {
    pub(super) geometry: Geometry,
    pub(super) pages: Pages<T>,
    /// The elements in use, and from the number of those on the ones that can be added.
    pub(super) slots: Vec<Slot<T>>,
    pub(super) used: usize,
    /// The element of each rank that is drawn.
    pub(super) order: BTreeMap<usize, usize>,
    /// The ranks that are drawn in the flow of the grid.
    pub(super) window: Range<usize>,
    /// The elements that have to be put in their places.
    pub(super) unplaced: Vec<usize>,
    /// The rank that holds the focus.
    pub(super) focus: Option<usize>,
    /// The item at the upper edge, and how far it is scrolled past.
    pub(super) anchor: (usize, f64),
    /// An item that shall stay where it is seen, and where that is.
    pub(super) held: Option<(usize, f64)>,
    /// An item that shall be at the upper edge, scrolled past so far, as soon as it is drawn.
    pub(super) target: Option<(usize, f64)>,
    /// The width for which the heights were measured.
    pub(super) width: f64,
    /// So many pages come by themselves.
    pub(super) allowed: usize,
    /// The address that the list belongs to.
    pub(super) address: String,
    pub(super) load: PageLoader<T>,
}

/// What an element shows.
pub(in super::super) struct Slot<T: Send + Sync + 'static> {
    /// `None` for one that is not needed at present.
    pub(in super::super) rank: RwSignal<Option<usize>>,
    pub(in super::super) item: RwSignal<Option<T>>,
    /// Whether it is drawn apart from the others.
    pub(in super::super) is_aside: RwSignal<bool>,
}

impl<T: Send + Sync + 'static> Clone for Slot<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Slot<T> {}

impl<T: Send + Sync + 'static> Slot<T> {
    pub(super) fn new(rank: Option<usize>, item: Option<T>) -> Self {
        Self {
            rank: RwSignal::new(rank),
            item: RwSignal::new(item),
            is_aside: RwSignal::new(false),
        }
    }
}

impl<T: Clone + PartialEq + Send + Sync + 'static> State<T> {
    /// The item with the focus and its neighbours, as far as they are not in the window: the focus
    /// stays, and the Tab key leads on from it.
    pub(super) fn aside(&self, window: &Range<usize>) -> Vec<usize> {
        let Some(focus) = self.focus else { return Vec::new() };
        (focus.saturating_sub(1)..=focus + 1)
            .filter(|rank| !window.contains(rank) && *rank < self.pages.count())
            .collect()
    }

    pub(super) fn drawn_aside(&self) -> Vec<usize> {
        self.order.keys().copied().filter(|rank| !self.window.contains(rank)).collect()
    }

    /// Puts the elements that show something else in their places; all others stay in theirs, and keep
    /// the focus.
    pub(super) fn place(&mut self, scroller: &PageGrid) {
        let rank = |at: &usize| self.slots[*at].rank.get_untracked();
        let mut unplaced = std::mem::take(&mut self.unplaced);
        unplaced.retain(|at| rank(at).is_some());
        unplaced.sort_unstable_by_key(|at| std::cmp::Reverse(rank(at)));
        unplaced.dedup();
        unplaced.retain(|at| {
            let behind = rank(at).map_or(0, |rank| rank + 1);
            let next = self.order.range(behind..).next().map(|(_, next)| *next);
            !scroller.put_before(*at, next)
        });
        self.unplaced = unplaced;
    }

    /// Tells the elements whose items have arrived.
    pub(super) fn fill(&mut self, page: usize) {
        for rank in self.pages.ranks(page) {
            if let Some(at) = self.order.get(&rank) {
                let (item, wanted) = (self.slots[*at].item, self.pages.get(rank));
                if item.with_untracked(|item| item.as_ref() != wanted) {
                    item.set(wanted.cloned());
                }
            }
        }
    }

    pub(super) fn guess(&mut self, scroller: &PageGrid) {
        let estimate = self.geometry.guess();
        scroller.set_layout(self.geometry.columns(), estimate);
    }
}

/// Takes over how the style sheet lays out the items. Answers whether their heights have to be
/// measured anew.
pub(super) fn lay_out<T: Send + Sync>(scroller: &PageGrid, state: &mut State<T>) -> bool {
    let (columns, gap) = scroller.layout();
    let width = scroller.width();
    let is_other = state.geometry.lay_out(columns, gap);
    let is_wider = (width - state.width).abs() >= 1.0;
    state.width = width;
    if is_wider && !is_other {
        state.geometry.forget_heights();
    }
    is_other || is_wider
}

/// Takes over the heights of the rows that are drawn.
pub(super) fn measure<T: Send + Sync>(scroller: &PageGrid, state: &mut State<T>) {
    let columns = state.geometry.columns();
    for rank in state.window.clone().step_by(columns) {
        // After another number of columns the window begins somewhere within a row.
        if rank.is_multiple_of(columns)
            && let Some(slot) = state.order.get(&rank)
        {
            state.geometry.set_height(rank / columns, scroller.height(*slot));
        }
    }
}
