//! What moves a virtual list: takes in scrolling, keys and answers, and tells each row element which
//! row it shows.

mod fetch;
mod pick;
mod renew;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use leptos::prelude::*;
use resonant_domain::page::{Place, Window};

pub use self::pick::{Picked, Span};
use super::FirstWindow;
use super::blocks::{BLOCK, Blocks};
use super::elements::{Elements, Slot};
use super::geometry::{Geometry, Shift};
use super::keys::Move;
use crate::browser::{self, Scroller};
use crate::error::AppError;

/// So many row elements more than rows has a short list.
const SPARE: usize = 10;

/// What fetches a window of the list: its place and how many rows.
pub type Loader<T> = Arc<dyn Fn(Place, u32) -> Answer<T> + Send + Sync>;
/// A window on its way.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<Window<T>, AppError>>>>;

/// The rows of a virtual list.
pub struct Rows<T: Send + Sync + 'static> {
    state: StoredValue<State<T>>,
    /// `None` on the server: what is local to a thread must not be dropped by another one.
    scroller: Option<StoredValue<Option<Scroller>, LocalStorage>>,
    count: RwSignal<usize>,
    /// The first row that is drawn.
    first: RwSignal<usize>,
    active: RwSignal<usize>,
    /// The row that was picked last, where a range begins.
    picked: StoredValue<Option<usize>>,
    error: RwSignal<Option<AppError>>,
    /// Reads the list anew.
    on_off: StoredValue<Option<Callback<()>>>,
}

impl<T: Send + Sync + 'static> Clone for Rows<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Rows<T> {}

struct State<T: Send + Sync + 'static> {
    geometry: Geometry,
    blocks: Blocks<T>,
    elements: Elements<T>,
    load: Loader<T>,
    is_same: fn(&T, &T) -> bool,
    jumped_ms: f64,
}

impl<T: Clone + PartialEq + Send + Sync + 'static> Rows<T> {
    /// The rows of a list of which the first window is known; `is_same` tells whether two rows are one
    /// and the same thing at different times. Call it inside a component.
    pub fn new(first: FirstWindow<T>, load: Loader<T>, is_same: fn(&T, &T) -> bool) -> Self {
        let FirstWindow { count, rank, window } = first;
        // A short list may grow by a few rows while it is looked at.
        let slots = BLOCK.min(count + SPARE);
        let blocks = Blocks::new(count, rank, window);
        let mut geometry = Geometry::new(count, slots);
        geometry.go_to(rank, 0.0);
        geometry.begin_at(rank);
        let elements =
            Elements::new((rank..rank + slots).map(|rank| (rank, blocks.get(rank).cloned())));
        let state = State { geometry, blocks, elements, load, is_same, jumped_ms: 0.0 };
        Self {
            state: StoredValue::new(state),
            scroller: (!cfg!(feature = "ssr")).then(|| StoredValue::new_local(None)),
            count: RwSignal::new(count),
            first: RwSignal::new(rank),
            active: RwSignal::new(rank),
            picked: StoredValue::new(None),
            error: RwSignal::new(None),
            on_off: StoredValue::new(None),
        }
    }

    /// How many rows there are.
    pub fn count(self) -> usize {
        self.count.get()
    }

    /// Whether there is no row of this rank, as the list is drawn.
    pub(super) fn lacks(self, rank: usize) -> bool {
        rank >= self.count.get_untracked()
    }

    /// What each row element shows, also those that are not drawn.
    pub(super) fn slots(self) -> Vec<Slot<T>> {
        self.state.with_value(|state| state.elements.all().to_vec())
    }

    pub(super) fn is_active(self, rank: usize) -> bool {
        self.active.get() == rank
    }

    pub(super) fn active_untracked(self) -> usize {
        self.active.get_untracked()
    }

    pub(super) fn set_active(self, rank: usize) {
        self.active.set(rank);
    }

    /// The element id of the active row, when it is drawn.
    pub(super) fn active_id(self, list: &str) -> Option<String> {
        let (active, first) = (self.active.get(), self.first.get());
        let drawn = self.state.with_value(|state| state.elements.len());
        let is_drawn = active >= first && active < first + drawn;
        is_drawn.then(|| format!("{list}-{active}"))
    }

    pub(super) fn active_item(self) -> Option<T> {
        let active = self.active_untracked();
        self.state.with_value(|state| state.blocks.get(active).cloned())
    }

    /// The first row at hand that is like that.
    pub fn find(self, wanted: impl Fn(&T) -> bool) -> Option<T> {
        let found = self.state.try_with_value(|state| {
            let mut rows = state.blocks.iter();
            rows.find(|row| wanted(row)).cloned()
        });
        found.flatten()
    }

    pub(super) fn target(self, step: Move) -> usize {
        let (count, seen) =
            self.state.with_value(|state| (state.geometry.count(), state.geometry.seen()));
        step.target(self.active_untracked(), count, seen)
    }

    /// Changes rows at hand; `change` answers whether it changed the row. Only row elements that show
    /// a changed row are drawn anew.
    pub fn update(self, change: impl Fn(&mut T) -> bool) {
        self.state.try_update_value(|state| {
            let mut changed = Vec::new();
            for (rank, item) in state.blocks.iter_mut() {
                if change(item) {
                    changed.push((rank, item.clone()));
                }
            }
            for (rank, item) in changed {
                state.elements.renew(rank, item);
            }
        });
        self.finish_soon();
    }

    /// Moves to a row and shows it. What has the focus in another row leaves it to the list.
    pub fn go_to(self, rank: usize) {
        self.active.set(rank);
        self.with_scroller(|scroller, state| {
            if state.geometry.reveal(rank) {
                self.follow(scroller, state);
                settle(scroller, &mut state.geometry, Geometry::rest);
            }
            let first = state.geometry.first();
            let others = (0..state.elements.len()).filter(|at| first + at != rank);
            state.elements.take_focus(others, scroller);
        });
        self.finish_soon();
    }

    /// Moves the focus within the active row: to the next of what can have it there, or back, at last to the list.
    pub(super) fn step(self, is_forward: bool) {
        let active = self.active_untracked();
        self.go_to(active);
        let slot = self.state.with_value(|state| state.elements.slot_of(active));
        // Not while the rows are being changed: a row hears that it has the focus.
        let Some((slot, known)) = slot.zip(self.scroller) else { return };
        known.with_value(|scroller| {
            if let Some(scroller) = scroller {
                scroller.step(slot, is_forward);
            }
        });
    }

    /// Finds the elements, measures them and goes back to where someone left. `false` when there are
    /// no elements.
    pub(super) fn attach(self, id: &str) -> bool {
        if self.state.try_with_value(|_| ()).is_none() {
            // The page is another one by now.
            return false;
        }
        let Some(scroller) = Scroller::find(id) else { return false };
        self.state.update_value(|state| {
            let all = 0..state.elements.len();
            let heights: Vec<_> = all.map(|at| scroller.height(at)).collect();
            let shown: Vec<_> = heights.iter().copied().filter(|height| *height > 0.0).collect();
            #[expect(clippy::cast_precision_loss, reason = "a few dozen rows")]
            let estimate = (shown.iter().sum::<f64>() / shown.len().max(1) as f64).round();
            state.geometry.measure(scroller.view(), estimate);
            scroller.set_estimate(state.geometry.estimate());
            if state.geometry.is_virtual() {
                scroller.set_space(state.geometry.space());
            }
        });
        if let Some(known) = self.scroller {
            known.set_value(Some(scroller));
        }
        let place = browser::remembered_place();
        let place = place.as_deref().and_then(parse_place);
        self.with_scroller(|scroller, state| {
            state.elements.measure(scroller, &mut state.geometry);
            if let Some((rank, past, active)) = place {
                state.geometry.go_to(rank, past);
                // There may be fewer rows by now.
                self.active.set(active.min(state.geometry.count().saturating_sub(1)));
            }
            self.draw_enough(scroller, state);
            settle(scroller, &mut state.geometry, Geometry::rest);
            scroller.place_rows(state.geometry.rows_top());
        });
        true
    }

    /// The list was scrolled: row elements move along and show what comes next.
    pub(super) fn scrolled(self) {
        self.with_scroller(|scroller, state| {
            state.geometry.scroll(scroller.top());
            self.follow(scroller, state);
        });
    }

    pub(super) fn resize(self) {
        self.with_scroller(|scroller, state| {
            let estimate = state.geometry.estimate();
            state.geometry.measure(scroller.view(), estimate);
            self.draw_enough(scroller, state);
            state.elements.forget_heights();
        });
        self.finish_soon();
    }

    /// Whether the elements were found.
    fn is_attached(self) -> bool {
        let found = self.scroller.and_then(|scroller| scroller.try_with_value(Option::is_some));
        found == Some(true)
    }

    fn finish_soon(self) {
        if self.is_attached() {
            request_animation_frame(move || self.finish());
        }
    }

    /// Measures what was drawn, places the rows and fetches what is missing. For the frame in which
    /// the changes are in the document.
    pub(super) fn finish(self) {
        self.with_scroller(|scroller, state| {
            state.elements.measure(scroller, &mut state.geometry);
            settle(scroller, &mut state.geometry, Geometry::settle);
            scroller.place_rows(state.geometry.rows_top());
        });
        self.fetch();
    }

    /// Scrolling has paused: the scrollbar is put right, the elements stand in the order in which they are
    /// seen, and the place is remembered.
    pub(super) fn rest(self) {
        self.with_scroller(|scroller, state| {
            state.elements.put_in_order(scroller);
            settle(scroller, &mut state.geometry, Geometry::rest);
            scroller.place_rows(state.geometry.rows_top());
        });
        self.remember();
        self.fetch();
    }

    /// Remembers the place for whoever comes back.
    pub(super) fn remember(self) {
        let place = self.state.try_with_value(|state| state.geometry.anchor());
        if let Some((rank, past)) = place {
            browser::remember_place(&format!("{rank} {past:.0} {}", self.active_untracked()));
        }
    }

    fn with_scroller(self, act: impl FnOnce(&Scroller, &mut State<T>)) {
        let Some(known) = self.scroller else { return };
        known.try_with_value(|scroller| {
            if let Some(scroller) = scroller {
                self.state.try_update_value(|state| act(scroller, state));
            }
        });
    }

    /// Draws as many row elements as the view wants, each with its row.
    fn draw_enough(self, scroller: &Scroller, state: &mut State<T>) {
        let before = state.elements.len();
        let wanted = state.geometry.wanted(state.elements.all().len());
        let above = state.geometry.draw(wanted);
        state.elements.draw(wanted, above, scroller);
        for at in before..wanted {
            state.bind(at);
        }
        self.follow(scroller, state);
        state.elements.place(scroller, state.geometry.count());
        // Nothing may be scrolled afterwards, and so nothing come to rest.
        state.elements.put_in_order(scroller);
        // Also when nothing was shifted: which row is drawn depends on how many are.
        self.first.set(state.geometry.first());
    }

    /// Moves row elements along with the view and tells them what to show.
    fn follow(self, scroller: &Scroller, state: &mut State<T>) {
        let changed = match state.geometry.follow() {
            Shift::None => return,
            Shift::Anew => {
                state.jumped_ms = browser::now_ms();
                0..state.elements.len()
            }
            Shift::By(rows) => state.elements.shift(rows),
        };
        state.elements.take_focus(changed.clone(), scroller);
        for at in changed {
            state.bind(at);
        }
        state.elements.place(scroller, state.geometry.count());
        self.first.set(state.geometry.first());
    }
}

impl<T: Clone + PartialEq + Send + Sync + 'static> State<T> {
    /// Tells the row element at a place from above which row it shows now.
    fn bind(&mut self, at: usize) {
        let shown = self.geometry.first() + at;
        self.elements.bind(at, shown, self.blocks.get(shown));
    }
}

/// Scrolls to where the geometry wants to be, and takes over where the browser went.
fn settle(scroller: &Scroller, geometry: &mut Geometry, wanted: fn(&mut Geometry) -> Option<f64>) {
    if let Some(top) = wanted(geometry) {
        scroller.set_top(top);
        geometry.correct(scroller.top());
    }
}

/// Reads rank, pixels past it and the active row.
fn parse_place(text: &str) -> Option<(usize, f64, usize)> {
    let mut parts = text.split(' ');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
