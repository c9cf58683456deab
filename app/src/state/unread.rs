//! How many notices the viewer has not read, as it changes.

use leptos::prelude::*;

use crate::browser::{self, LiveStream};
use crate::paths;

/// The number of unread notices, kept up to date by one live stream: the page's own where it has one that
/// tells it, otherwise one of the bell's.
#[derive(Clone, Copy)]
pub struct UnreadState {
    count: RwSignal<Option<i64>>,
    carriers: RwSignal<usize>,
}

impl UnreadState {
    /// The number that was told last; `None` before any was.
    pub fn count(self) -> Option<i64> {
        self.count.get()
    }

    /// Takes over what was told.
    pub fn tell(self, count: i64) {
        if self.count.try_get_untracked() != Some(Some(count)) {
            self.count.try_set(Some(count));
        }
    }

    /// Says that the component that calls this has a stream of its own that tells the number.
    pub fn carry(self) {
        self.carriers.update(|carriers| *carriers += 1);
        on_cleanup(move || {
            self.carriers.try_update(|carriers| *carriers = carriers.saturating_sub(1));
        });
    }

    /// Follows the number for as long as the component that calls this is there, while somebody looks at
    /// the page and the browser has a network: a browser keeps few connections to one place, and what a
    /// hidden page would hear it hears when it is shown.
    pub fn follow(self) {
        let is_shown = RwSignal::new(false);
        // Only what the browser calls out counts: one without any network may have the server beside it.
        let is_cut_off = RwSignal::new(false);
        Effect::new(move || {
            is_shown.set(browser::is_shown());
            let shown = window_event_listener_untyped("visibilitychange", move |_| {
                is_shown.try_set(browser::is_shown());
            });
            let away = window_event_listener_untyped("offline", move |_| {
                is_cut_off.try_set(true);
            });
            let back = window_event_listener_untyped("online", move |_| {
                is_cut_off.try_set(false);
            });
            on_cleanup(move || {
                shown.remove();
                away.remove();
                back.remove();
            });
        });
        let is_wanted =
            Memo::new(move |_| is_shown.get() && !is_cut_off.get() && self.carriers.get() == 0);
        // Goes away with the component, and the stream with it.
        let stream = StoredValue::new(None::<LiveStream>);
        Effect::new(move || {
            let follow = is_wanted.get().then(|| {
                browser::follow_unread(paths::NOTICE_STREAM, move |count| self.tell(count))
            });
            stream.set_value(follow);
        });
    }
}

/// Makes the number known below this component.
pub fn provide_unread() {
    provide_context(UnreadState { count: RwSignal::new(None), carriers: RwSignal::new(0) });
}

/// How many notices the viewer has not read. Every component of the app may ask.
pub fn use_unread() -> UnreadState {
    expect_context()
}
