//! What moves a virtual grid: takes in scrolling and focus, and tells each item's element which item it
//! shows.

mod growth;
mod state;

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::page::Page;

use self::growth::{Growth, PAGES_AT_ONCE};
use self::state::{Slot, State, lay_out, measure};
use super::geometry::{DRAWN_MAX, Geometry};
use super::pages::Pages;
use crate::browser::{self, PageGrid};
use crate::error::AppError;

/// Elements beyond those of the largest window: the item with the focus and its neighbours.
const ASIDE_MAX: usize = 3;

/// What fetches the page of a cursor.
pub type PageLoader<T> = Arc<dyn Fn(Option<String>) -> PageAnswer<T> + Send + Sync>;
/// A page on its way.
pub type PageAnswer<T> = Pin<Box<dyn Future<Output = Result<Page<T>, AppError>>>>;

/// The items of a virtual grid.
pub struct Grid<T: Send + Sync + 'static> {
    state: StoredValue<State<T>>,
    /// `None` on the server: what is local to a thread must not be dropped by another one.
    scroller: Option<StoredValue<Option<PageGrid>, LocalStorage>>,
    /// How many elements there are.
    drawn: RwSignal<usize>,
    next: RwSignal<Option<String>>,
    is_live: RwSignal<bool>,
    is_growing: RwSignal<bool>,
    error: RwSignal<Option<AppError>>,
}

impl<T: Send + Sync + 'static> Clone for Grid<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Grid<T> {}

impl<T: Clone + PartialEq + Send + Sync + 'static> Grid<T> {
    /// The items of a list of which the first page is known, which was asked for with `cursor`. Call
    /// it inside a component.
    pub fn new(cursor: Option<String>, first: Page<T>, load: PageLoader<T>) -> Self {
        let count = first.items.len();
        let next = first.next_cursor.clone();
        let slots: Vec<_> = first
            .items
            .iter()
            .enumerate()
            .map(|(rank, item)| Slot::new(Some(rank), Some(item.clone())))
            .collect();
        let state = State {
            geometry: Geometry::new(count),
            pages: Pages::new(cursor, first),
            used: slots.len(),
            order: (0..slots.len()).map(|at| (at, at)).collect(),
            window: 0..slots.len(),
            slots,
            unplaced: Vec::new(),
            focus: None,
            anchor: (0, 0.0),
            held: None,
            target: None,
            width: 0.0,
            allowed: PAGES_AT_ONCE,
            address: String::new(),
            load,
        };
        Self {
            state: StoredValue::new(state),
            scroller: (!cfg!(feature = "ssr")).then(|| StoredValue::new_local(None)),
            drawn: RwSignal::new(count),
            next: RwSignal::new(next),
            is_live: RwSignal::new(false),
            is_growing: RwSignal::new(false),
            error: RwSignal::new(None),
        }
    }

    /// The cursor of what follows the items seen so far; `None` at the end of the list.
    pub fn next(self) -> Option<String> {
        self.next.get()
    }

    /// Whether a further page is on its way.
    pub fn is_growing(self) -> bool {
        self.is_growing.get()
    }

    /// What went wrong when a page was fetched.
    pub fn error(self) -> Option<AppError> {
        self.error.get()
    }

    pub(super) fn drawn(self) -> usize {
        self.drawn.get()
    }

    pub(super) fn is_live(self) -> bool {
        self.is_live.get()
    }

    pub(super) fn slot(self, at: usize) -> Slot<T> {
        self.state.with_value(|state| state.slots[at])
    }

    /// Prepares what the browser alone needs. Call it inside an effect: the elements that can be added
    /// live as long as that.
    pub(super) fn prepare(self, id: &'static str) {
        self.state.update_value(|state| {
            let spare = (DRAWN_MAX + ASIDE_MAX).saturating_sub(state.slots.len());
            state.slots.extend((0..spare).map(|_| Slot::new(None, None)));
        });
        // By the next frame the elements are in the document.
        request_animation_frame(move || {
            if remembered().is_some() || PageGrid::find(id).is_some_and(|grid| grid.is_end_seen()) {
                self.wake(id, Growth::Ahead);
            }
        });
    }

    /// Begins to move along: nothing is measured before somebody scrolls.
    fn wake(self, id: &'static str, growth: Growth) {
        if self.is_live.try_get_untracked() != Some(false) {
            return;
        }
        self.is_live.set(true);
        // What the style sheet says of a live grid is measured.
        request_animation_frame(move || {
            let (Some(known), Some(scroller)) = (self.scroller, PageGrid::find(id)) else { return };
            if known.try_set_value(Some(scroller)).is_some() {
                // The page is another one by now.
                return;
            }
            let place = remembered();
            self.with(|scroller, state| {
                // Only now: the address of a new page is set when the page is there.
                state.address = browser::address();
                lay_out(scroller, state);
                measure(scroller, state);
                state.guess(scroller);
                if let Some(place) = place {
                    self.go_back(scroller, state, &place);
                }
            });
            self.look();
            self.fetch(growth);
            request_animation_frame(move || self.finish());
        });
    }

    /// Goes to where somebody left, as it was written by [`Grid::remember`].
    fn go_back(self, scroller: &PageGrid, state: &mut State<T>, place: &str) {
        let mut parts = place.split_ascii_whitespace();
        let rank = parts.next().and_then(|part| part.parse::<usize>().ok());
        let past = parts.next().and_then(|part| part.parse::<f64>().ok());
        let (Some(rank), Some(past)) = (rank, past) else { return };
        state.pages.take_up(parts);
        state.allowed = state.allowed.max(state.pages.len());
        state.geometry.set_count(state.pages.count());
        self.tell(state);
        self.go_to(scroller, state, rank, past);
    }

    /// Scrolls so that a rank is at the upper edge, scrolled past by so many pixels.
    fn go_to(self, scroller: &PageGrid, state: &mut State<T>, rank: usize, past: f64) {
        let geometry = &state.geometry;
        let row = geometry.row(rank).min(geometry.rows().saturating_sub(1));
        let top = geometry.offset(row) + past;
        let window = geometry.window(top, PageGrid::view(), &state.window);
        self.show(scroller, state, window);
        // The page may not be as long yet: what is drawn anew is in it by the next frame.
        state.target = Some((rank, past));
        PageGrid::scroll_by(top - scroller.top());
    }

    /// The page was scrolled.
    pub(super) fn scrolled(self, id: &'static str) {
        if self.is_live.try_get_untracked() == Some(false) {
            self.wake(id, Growth::Ahead);
            return;
        }
        self.look();
        self.fetch(Growth::Ahead);
    }

    /// The window has another size.
    pub(super) fn resized(self) {
        self.with(|scroller, state| {
            let (rank, past) = state.anchor;
            if lay_out(scroller, state) {
                measure(scroller, state);
                state.guess(scroller);
                // While the list begins further down, everything stays where it is.
                if past >= 0.0 {
                    self.go_to(scroller, state, rank, past);
                    request_animation_frame(move || self.finish());
                }
            }
        });
        self.look();
        self.fetch(Growth::Ahead);
    }

    /// The element has the focus now, or not any more.
    pub(super) fn focused(self, at: usize, is_focused: bool) {
        self.state.try_update_value(|state| {
            let rank = state.slots[at].rank.get_untracked();
            if is_focused {
                state.focus = rank;
            } else if state.focus == rank {
                state.focus = None;
            }
        });
        if is_focused {
            self.look();
        }
    }

    /// Draws what is seen now.
    fn look(self) {
        let is_changed = self.with(|scroller, state| {
            if state.target.is_some() {
                return false;
            }
            let (top, view) = (scroller.top(), PageGrid::view());
            state.anchor = state.geometry.anchor(top);
            let window = state.geometry.window(top, view, &state.window);
            let is_changed = window != state.window || state.aside(&window) != state.drawn_aside();
            if is_changed {
                self.show(scroller, state, window);
            }
            is_changed
        });
        if is_changed == Some(true) {
            request_animation_frame(move || self.finish());
        }
    }

    /// Tells the elements what to show, and moves those that show something else now.
    fn show(self, scroller: &PageGrid, state: &mut State<T>, window: Range<usize>) {
        let (seen, _) = state.geometry.anchor(scroller.top());
        state.held =
            state.order.get(&seen).and_then(|slot| scroller.edge(*slot)).map(|edge| (seen, edge));
        let aside = state.aside(&window);
        let wanted = |rank: &usize| window.contains(rank) || aside.contains(rank);
        let mut free: Vec<_> =
            state.order.iter().filter(|(rank, _)| !wanted(rank)).map(|(_, at)| *at).collect();
        let is_free = |at: &usize| state.slots[*at].rank.with_untracked(Option::is_none);
        free.extend((0..state.used).filter(is_free));
        state.order.retain(|rank, _| wanted(rank));
        for rank in window.clone().chain(aside.iter().copied()) {
            if state.order.contains_key(&rank) {
                continue;
            }
            let at = free.pop().unwrap_or(state.used);
            let Some(slot) = state.slots.get(at).copied() else { break };
            state.used = state.used.max(at + 1);
            slot.rank.set(Some(rank));
            slot.item.set(state.pages.get(rank).cloned());
            state.order.insert(rank, at);
            state.unplaced.push(at);
        }
        for at in free {
            state.slots[at].rank.set(None);
            state.slots[at].is_aside.set(false);
        }
        for (rank, at) in &state.order {
            let is_aside = !window.contains(rank);
            let slot = state.slots[*at];
            if is_aside {
                let geometry = &state.geometry;
                let top = geometry.offset(geometry.row(*rank));
                scroller.put_aside(*at, top, rank % geometry.columns());
            }
            if slot.is_aside.get_untracked() != is_aside {
                slot.is_aside.set(is_aside);
            }
        }
        let geometry = &state.geometry;
        let end = window.end.div_ceil(geometry.columns());
        scroller.set_room(geometry.offset(geometry.row(window.start)), geometry.after(end));
        state.window = window;
        if self.drawn.get_untracked() != state.used {
            self.drawn.set(state.used);
        }
        state.place(scroller);
        if !state.unplaced.is_empty() {
            // Elements that are new come into the document by an effect, in this same task: behind it
            // they are put in their places, so that nobody ever finds them elsewhere.
            spawn_local(async move {
                self.with(|scroller, state| state.place(scroller));
            });
        }
    }

    /// Measures what was drawn. For the frame in which the changes are in the document.
    fn finish(self) {
        let is_there = self.with(|scroller, state| {
            state.place(scroller);
            measure(scroller, state);
            if let Some((rank, past)) = state.target.take() {
                state.held = None;
                if let Some(edge) = state.order.get(&rank).and_then(|slot| scroller.edge(*slot)) {
                    PageGrid::scroll_by(edge + past);
                }
                return true;
            }
            // Rows above turn out taller or lower than was thought: what is seen stays.
            if let Some((rank, was)) = state.held.take()
                && let Some(is) = state.order.get(&rank).and_then(|slot| scroller.edge(*slot))
                && (is - was).abs() >= 1.0
            {
                PageGrid::scroll_by(is - was);
            }
            false
        });
        if is_there == Some(true) {
            self.look();
            self.fetch(Growth::Ahead);
        }
    }

    /// Remembers the place for whoever comes back.
    pub(super) fn remember(self) {
        let text = self.with(|scroller, state| {
            let (rank, past) = state.geometry.anchor(scroller.top());
            let way = state.pages.way();
            // An address in which another list is shown by now has a place of its own.
            (browser::address() == state.address)
                .then(|| format!("{} {rank} {past:.0}{way}", state.address))
        });
        if let Some(text) = text.flatten() {
            browser::remember_place(&text);
        }
    }

    fn with<R>(self, act: impl FnOnce(&PageGrid, &mut State<T>) -> R) -> Option<R> {
        let known = self.scroller?;
        known
            .try_with_value(|scroller| {
                let scroller = scroller.as_ref()?;
                self.state.try_update_value(|state| act(scroller, state))
            })
            .flatten()
    }
}

/// The place in the list of this address where somebody left it.
fn remembered() -> Option<String> {
    let text = browser::remembered_place()?;
    let (address, place) = text.split_once(' ')?;
    (address == browser::address()).then(|| place.to_owned())
}
