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
    ///
    /// An element that has the focus in it and shows another row from now on leaves it to the list: what a key
    /// does there would be done to that one.
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
        let others = self.state.try_update_value(|state| {
            if is_attached {
                state.elements.shift(lost.cast_signed());
            }
            (0..state.elements.len()).filter(|at| state.keep(*at, way)).collect::<Vec<_>>()
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
            state.elements.take_focus(others.into_iter().flatten(), scroller);
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

    /// Where the row of a rank is now, as far as is known. What goes out of sight by itself is not followed there:
    /// who goes on from it by keys goes on from where it was.
    fn stay(&self, before: usize, way: isize, rank: usize, now: &[T], count: usize) -> usize {
        let edge = self.geometry.anchor().0;
        let is_near = |rank: usize| (edge..edge + self.elements.len()).contains(&rank);
        let was_near = is_near(before);
        let goes_along = |at: &usize| !was_near || is_near((rank + at).saturating_add_signed(-way));
        let known = self.blocks.get(before);
        let found = known.and_then(|known| now.iter().position(|item| (self.is_same)(item, known)));
        let stays = match found.filter(goes_along) {
            Some(at) => rank + at,
            None if before < edge => before,
            None => before.saturating_add_signed(way),
        };
        stays.min(count.saturating_sub(1))
    }

    /// Tells the row element at a place from above which row it shows now that rows have moved. Answers
    /// whether that is another one than it showed.
    fn keep(&mut self, at: usize, way: isize) -> bool {
        let item = self.elements.item(at);
        let before = item.get_untracked();
        let shown = self.geometry.first() + at;
        if shown < self.geometry.count() {
            self.elements.keep(at, shown, way, self.blocks.get(shown));
        } else {
            self.elements.bind(at, shown, None);
        }
        let Some(before) = before else { return false };
        item.with_untracked(|now| now.as_ref().is_none_or(|now| !(self.is_same)(&before, now)))
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use std::sync::Arc;

    use resonant_domain::page::{Place, Window};

    use super::*;
    use crate::ui::virtual_list::Answer;

    #[test]
    fn who_is_at_a_row_goes_along_with_it_but_not_out_of_sight() {
        Owner::new().with(|| {
            let window = |items| FirstWindow {
                count: 200,
                rank: 0,
                window: Window { items, start: None, end: None },
            };
            let load =
                |_: Place, _: u32| -> Answer<usize> { Box::pin(async { Ok(Window::empty()) }) };
            let first = window((0..50).collect());
            let rows = Rows::new(first, Arc::new(load), |one, other| one == other);
            rows.state.update_value(|state| state.geometry.go_to(20, 0.0));
            rows.set_active(30);
            // One from below goes to between.
            let mut items: Vec<_> = (0..50).collect();
            items[25..=40].rotate_right(1);
            rows.renew(window(items.clone()));
            assert_eq!(rows.active_untracked(), 31);
            // The row itself goes to the top.
            items[..=31].rotate_right(1);
            rows.renew(window(items));
            assert_eq!(rows.active_untracked(), 31);
        });
    }
}
