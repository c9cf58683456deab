//! Rows that are fetched as they come into view.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::page::Window;

use super::{BLOCK, Rows, State};
use crate::browser;
use crate::error::AppError;
use crate::ui::virtual_list::blocks::Order;

/// Within so many milliseconds of a jump nothing is fetched: the next jump may follow.
const JUMP_MS: f64 = 60.0;

impl<T: Clone + PartialEq + Send + Sync + 'static> Rows<T> {
    /// Calls where it turns out that the list is another one by now, of which nobody has told: it has to be
    /// [renewed](Rows::renew).
    pub fn when_off(self, call: Callback<()>) {
        self.on_off.set_value(Some(call));
    }

    pub(in super::super) fn error(self) -> Option<AppError> {
        self.error.get()
    }

    pub(in super::super) fn retry(self) {
        self.error.set(None);
        self.fetch();
    }

    pub(super) fn fetch(self) {
        if self.error.try_with_untracked(Option::is_some) != Some(false) {
            return;
        }
        let since_ms = self.state.try_with_value(|state| browser::now_ms() - state.jumped_ms);
        let Some(since_ms) = since_ms else { return };
        if since_ms < JUMP_MS {
            set_timeout(move || self.fetch(), Duration::from_millis(80));
            return;
        }
        let orders = self.state.try_update_value(|state| {
            let first = state.geometry.first();
            state.blocks.order(first, first + state.elements.len())
        });
        for order in orders.unwrap_or_default() {
            let asked = self.state.try_with_value(|state| {
                let length = state.blocks.length(order.block);
                (state.load)(order.place.clone(), u32::try_from(length).unwrap_or(1))
            });
            if let Some(asked) = asked {
                spawn_local(async move { self.take(order, asked.await) });
            }
        }
    }

    fn take(self, order: Order, answer: Result<Window<T>, AppError>) {
        let is_off = self.state.try_update_value(|state| match answer {
            Ok(window) => {
                let is_short = window.items.len() != state.blocks.length(order.block);
                let near = state.geometry.first() + state.elements.len() / 2;
                let is_taken = state.blocks.put(&order, window, near);
                if is_taken {
                    for at in 0..state.elements.len() {
                        state.fill(at, order.block);
                    }
                }
                is_taken && is_short
            }
            Err(error) => {
                if state.blocks.fail(&order) {
                    self.error.try_set(Some(error));
                }
                false
            }
        });
        self.finish_soon();
        if is_off == Some(true)
            && let Some(call) = self.on_off.try_get_value().flatten()
        {
            call.try_run(());
        }
    }
}

impl<T: Clone + PartialEq + Send + Sync + 'static> State<T> {
    /// Tells the row element at a place from above what it shows when its row belongs to a block that has arrived.
    fn fill(&mut self, at: usize, block: usize) {
        if (self.geometry.first() + at) / BLOCK == block {
            self.bind(at);
        }
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use std::ops::Range;
    use std::sync::Arc;

    use resonant_domain::page::Place;

    use super::*;
    use crate::ui::virtual_list::{Answer, FirstWindow};

    #[test]
    fn a_part_that_is_shorter_than_it_should_be_tells_that_the_list_is_another_one() {
        Owner::new().with(|| {
            let window = |rows: Range<usize>| Window { items: rows.collect(), ..Window::empty() };
            let first = FirstWindow { count: 120, rank: 0, window: window(0..50) };
            let load =
                |_: Place, _: u32| -> Answer<usize> { Box::pin(async { Ok(Window::empty()) }) };
            let rows = Rows::new(first, Arc::new(load), |one, other| one == other);
            let times = StoredValue::new(0);
            rows.when_off(Callback::new(move |()| times.update_value(|times| *times += 1)));
            let ordered = rows.state.try_update_value(|state| state.blocks.order(0, 120)).unwrap();
            let [second, last] = <[Order; 2]>::try_from(ordered).unwrap();
            rows.take(second, Ok(window(50..100)));
            assert_eq!(times.get_value(), 0);
            // One of those that were there has gone up, past all that is at hand.
            rows.take(last.clone(), Ok(window(100..119)));
            assert_eq!(times.get_value(), 1);
            assert_eq!(rows.find(|row| *row == 118), Some(118), "what came is shown");
            // An answer for the list before tells nothing.
            rows.renew(FirstWindow { count: 120, rank: 0, window: window(0..50) });
            rows.take(last, Ok(window(100..119)));
            assert_eq!(times.get_value(), 1);
        });
    }
}
