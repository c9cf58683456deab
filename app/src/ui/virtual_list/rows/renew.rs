//! A list that is another one by now, because rows came, went or changed: what is seen stays where it is.

use leptos::prelude::*;

use super::{BLOCK, Rows, State};
use crate::ui::virtual_list::FirstWindow;

impl<T: Clone + PartialEq + Send + Sync + 'static> Rows<T> {
    /// The rank of the row at the upper edge of what is seen; `None` once the page is another one.
    pub fn edge(self) -> Option<usize> {
        self.state.try_with_value(|state| state.geometry.anchor().0)
    }

    /// Takes over the list as it is now: how many rows it has, and the window around what is seen. All
    /// others are fetched anew when they are needed. `false` when there are more rows than a list
    /// that was short can draw: it has to be made anew.
    pub fn renew(self, now: FirstWindow<T>) -> bool {
        let FirstWindow { count, rank, window } = now;
        let is_attached = self.is_attached();
        let active = self.active.try_get_untracked();
        let picked = self.picked.try_get_value().flatten();
        let renewed = self.state.try_update_value(|state| {
            let way = if is_attached { state.way(rank, &window.items) } else { 0 };
            let stay = |before| state.stay(before, way, rank, &window.items, count);
            let (active, picked) = (active.map(stay), picked.map(stay));
            let was_virtual = state.geometry.is_virtual();
            let lost = state.geometry.renew(count, way);
            state.blocks.renew(count, rank, window, way);
            (way, lost, was_virtual, active, picked)
        });
        let Some((way, lost, was_virtual, active, picked)) = renewed else { return true };
        self.state.update_value(|state| {
            if is_attached {
                state.elements.shift(lost.cast_signed());
            }
            for at in 0..state.elements.len() {
                state.keep(at, way);
            }
        });
        if self.count.get_untracked() != count {
            self.count.set(count);
        }
        if let Some(active) = active.filter(|active| *active != self.active.get_untracked()) {
            self.active.set(active);
        }
        self.picked.set_value(picked);
        if self.error.with_untracked(Option::is_some) {
            self.error.set(None);
        }
        self.with_scroller(|scroller, state| {
            self.draw_enough(scroller, state);
            if state.geometry.is_virtual() {
                scroller.set_space(state.geometry.space());
            } else if was_virtual {
                scroller.clear_space();
            }
        });
        self.finish_soon();
        self.state.with_value(|state| {
            let elements = state.elements.all().len();
            elements >= BLOCK.min(count)
        })
    }
}

impl<T: Clone + PartialEq + Send + Sync + 'static> State<T> {
    /// How far the rows that are seen have moved, by the window that begins at a rank now.
    fn way(&self, rank: usize, now: &[T]) -> isize {
        let (edge, past) = self.geometry.anchor();
        if edge == 0 && past < 1.0 {
            // Whoever looks at the beginning sees what comes there.
            return 0;
        }
        self.blocks.way(edge, rank, now, self.is_same)
    }

    /// Where the row of a rank is now, as far as is known.
    fn stay(&self, before: usize, way: isize, rank: usize, now: &[T], count: usize) -> usize {
        let known = self.blocks.get(before);
        let found = known.and_then(|known| now.iter().position(|item| (self.is_same)(item, known)));
        let stays = match found {
            Some(at) => rank + at,
            None if before < self.geometry.anchor().0 => before,
            None => before.saturating_add_signed(way),
        };
        stays.min(count.saturating_sub(1))
    }

    /// Tells the row element at a place from above which row it shows now that rows have moved.
    fn keep(&mut self, at: usize, way: isize) {
        let shown = self.geometry.first() + at;
        if shown < self.geometry.count() {
            self.elements.keep(at, shown, way, self.blocks.get(shown));
        } else {
            self.elements.bind(at, shown, None);
        }
    }
}
