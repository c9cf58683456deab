//! Searching inside a session: every place of the words is marked in what is shown, however far it is
//! folded up, and one after the other is gone to.

use std::time::Duration;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::live_session::LiveSession;
use crate::browser;
use crate::language::{number, tr, tr_with};
use crate::ui::{Button, ButtonKind, Field};

/// The id of what tells what the session is for: it is searched.
pub(super) const HEAD: &str = "session-head";
/// The id of what tells what happened: it is searched, too.
pub(super) const LOG: &str = "session-log";
/// How long new text waits to be searched.
const PAUSE: Duration = Duration::from_millis(250);

/// The field in which the words are written, which of their places is shown, and the ways to the others.
#[component]
pub(super) fn FindInside(
    /// The session.
    live: LiveSession,
) -> impl IntoView {
    let wanted = RwSignal::new(String::new());
    let (at, count) = (RwSignal::new(0_usize), RwSignal::new(0_usize));
    let is_asked = Memo::new(move |_| wanted.with(|wanted| !wanted.trim().is_empty()));
    // Marks what is drawn by then, and answers how much it is.
    let mark = move |is_moved_to: bool| {
        let found = wanted.try_with_untracked(|wanted| {
            let at = at.try_get_untracked().unwrap_or_default();
            browser::mark_words(&[HEAD, LOG], wanted, at, is_moved_to)
        });
        let found = found.unwrap_or_default();
        count.try_set(found);
        found
    };
    let go = move |to: usize| {
        at.set(to);
        // The page stays where the reader has gone.
        live.at_end().set(false);
        mark(true);
    };
    let next = move || {
        let found = mark(false);
        go((at.get_untracked() + 1).checked_rem(found).unwrap_or_default());
    };
    let previous = move || {
        let found = mark(false);
        let here = at.get_untracked().min(found);
        go(here.checked_sub(1).unwrap_or(found.saturating_sub(1)));
    };
    let on_key = move |event: KeyboardEvent| {
        let is_in_field = browser::is_in_field(&event);
        if browser::key_of(&event) == "Enter" && is_in_field && is_asked.get_untracked() {
            event.prevent_default();
            if event.shift_key() { previous() } else { next() }
        }
    };
    let type_in = Callback::new(move |text: String| {
        wanted.set(text);
        if is_asked.get_untracked() {
            go(0);
        } else {
            mark(false);
        }
    });
    search_anew(live, is_asked, move || {
        mark(false);
    });
    on_cleanup(move || {
        browser::mark_words(&[], "", 0, false);
    });
    let told = move || {
        is_asked.get().then(|| match count.get() {
            0 => tr("Nothing found").to_owned(),
            found => {
                let (at, found) = (at.get().min(found - 1) as u64 + 1, found as u64);
                tr_with("{at} of {n}", &[("at", &number(at)), ("n", &number(found))])
            }
        })
    };
    let is_empty = Signal::derive(move || count.get() == 0);
    view! {
        <div
            class="session__find with-script"
            class:is-asked=move || is_asked.get()
            role="search"
            data-aside="true"
            on:keydown=on_key
        >
            <Field
                label=tr("Search in this session")
                name="find"
                type_="search"
                value=wanted
                on_input=type_in
                autocomplete="off"
                placeholder=tr("Anything that is shown")
            />
            <Show when=move || is_asked.get()>
                <div class="session__found">
                    <Button
                        kind=ButtonKind::Quiet
                        type_="button"
                        disabled=is_empty
                        on_click=Callback::new(move |_| previous())
                    >
                        {tr("Previous")}
                    </Button>
                    <Button
                        kind=ButtonKind::Quiet
                        type_="button"
                        disabled=is_empty
                        on_click=Callback::new(move |_| next())
                    >
                        {tr("Next")}
                    </Button>
                </div>
            </Show>
            <p class="session__count" role="status">
                {told}
            </p>
        </div>
    }
}

/// Searches anew when the session has gone on, a moment later.
fn search_anew(live: LiveSession, is_asked: Memo<bool>, mark: impl Fn() + Copy + 'static) {
    let is_due = StoredValue::new(false);
    Effect::new(move |_: Option<()>| {
        live.track_pulse();
        if is_due.get_value() || !is_asked.get_untracked() {
            return;
        }
        is_due.set_value(true);
        set_timeout(
            move || {
                if is_due.try_update_value(|is_due| *is_due = false).is_some() {
                    mark();
                }
            },
            PAUSE,
        );
    });
}
