//! Searches whose address follows what is typed.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

/// How long a pause in typing is before the search follows.
const PAUSE: Duration = Duration::from_millis(220);

/// The way from what is typed to another address of the same page. It outlives the fields that are drawn
/// where it was not made: what is typed while they are drawn anew counts.
#[derive(Clone, Copy)]
pub struct TypedSearch {
    /// The address that a text leads to; `None` where it was asked for already.
    next: Callback<String, Option<String>>,
    go: Callback<String>,
    timer: StoredValue<Option<TimeoutHandle>>,
}

impl TypedSearch {
    /// Nothing is typed yet. `next` answers the address that a text leads to, or `None` where it was asked
    /// for already. Call it inside a component.
    pub fn new(next: impl Fn(String) -> Option<String> + Send + Sync + 'static) -> Self {
        // A link that was followed while the search waited leads away: the search must not lead back.
        let pathname = use_location().pathname;
        let here = pathname.get_untracked();
        let navigate = use_navigate();
        let go = Callback::new(move |address: String| {
            if pathname.with_untracked(|now| *now == here) {
                let options =
                    NavigateOptions { replace: true, scroll: false, ..Default::default() };
                navigate(&address, options);
            }
        });
        let timer = StoredValue::new(None::<TimeoutHandle>);
        on_cleanup(move || {
            if let Some(timer) = timer.try_get_value().flatten() {
                timer.clear();
            }
        });
        Self { next: Callback::new(next), go, timer }
    }

    /// Goes to another address of the page, in the place of the one before.
    pub fn go(self, address: String) {
        self.go.run(address);
    }

    /// Searches now.
    pub fn ask(self, typed: String) {
        if let Some(timer) = self.timer.get_value() {
            timer.clear();
        }
        if let Some(address) = self.next.run(typed) {
            self.go(address);
        }
    }

    /// Searches once nothing more is typed.
    pub fn ask_soon(self, typed: String) {
        if let Some(timer) = self.timer.get_value() {
            timer.clear();
        }
        let due = move || self.ask(typed);
        self.timer.set_value(set_timeout_with_handle(due, PAUSE).ok());
    }
}
