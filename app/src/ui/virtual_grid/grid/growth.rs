//! A virtual grid that grows: fetches what comes into view, and what comes behind the end of the list.

use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::page::Page;

use super::{Grid, State};
use crate::browser::PageGrid;
use crate::error::AppError;
use crate::ui::virtual_grid::pages::Order;

/// So many pages come by themselves; then somebody has to ask, so that what stands below the list can
/// be reached.
pub(super) const PAGES_AT_ONCE: usize = 10;
/// So many views before the end of the list the next page is fetched.
const VIEWS_AHEAD: f64 = 1.5;

/// Whether the list grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Growth {
    /// When its end is near.
    Ahead,
    /// Because somebody asks.
    Now,
}

impl<T: Clone + PartialEq + Send + Sync + 'static> Grid<T> {
    /// Fetches the next page, and lets more come by themselves. Also tries again what has failed.
    pub fn show_more(self, id: &'static str) {
        self.error.set(None);
        self.state.try_update_value(|state| state.allowed = state.pages.len() + PAGES_AT_ONCE);
        if self.is_live.get_untracked() {
            self.fetch(Growth::Now);
        } else {
            self.wake(id, Growth::Now);
        }
    }

    /// Fetches what is missing, and the next page when the end is near.
    pub(super) fn fetch(self, growth: Growth) {
        if self.error.try_with_untracked(Option::is_some) != Some(false) {
            return;
        }
        let orders = self.with(|scroller, state| {
            let view = PageGrid::view();
            let is_near = state.geometry.is_near_end(scroller.top(), view, view * VIEWS_AHEAD);
            let shall_grow =
                growth == Growth::Now || (is_near && state.pages.len() < state.allowed);
            let window = state.window.clone();
            let orders = state.pages.order(&window, shall_grow);
            self.tell(state);
            let ask = |order: Order| ((state.load)(order.cursor.clone()), order);
            orders.into_iter().map(ask).collect::<Vec<_>>()
        });
        for (asked, order) in orders.unwrap_or_default() {
            spawn_local(async move { self.take(order, asked.await) });
        }
    }

    fn take(self, order: Order, answer: Result<Page<T>, AppError>) {
        let is_taken = self.state.try_update_value(|state| match answer {
            Ok(page) => {
                let near = state.window.start + state.window.len() / 2;
                let number = order.page;
                state.pages.put(order, page, near);
                state.geometry.set_count(state.pages.count());
                state.fill(number);
                true
            }
            Err(error) => {
                state.pages.fail(order.page);
                self.error.set(Some(error));
                false
            }
        });
        let Some(is_taken) = is_taken else { return };
        self.state.with_value(|state| self.tell(state));
        if is_taken {
            self.look_again();
            self.fetch(Growth::Ahead);
        }
    }

    /// Tells those who watch what is under way and what follows.
    pub(super) fn tell(self, state: &State<T>) {
        let is_growing = state.pages.is_growing();
        if self.is_growing.get_untracked() != is_growing {
            self.is_growing.set(is_growing);
        }
        if self.next.with_untracked(|next| next.as_ref() != state.pages.next()) {
            self.next.set(state.pages.next().cloned());
        }
    }

    /// Draws what is seen now, with the room of items that have come.
    fn look_again(self) {
        self.with(|scroller, state| {
            let (top, view) = (scroller.top(), PageGrid::view());
            let window = state.geometry.window(top, view, &state.window);
            self.show(scroller, state, window);
        });
        request_animation_frame(move || self.finish());
    }
}
