//! A list of any length of which only a few rows are drawn: a grid that is scrolled by wheel, finger,
//! scrollbar and keyboard, and that fetches what comes into view.
//!
//! The server draws the first rows in the flow of the page, so the list can be read without
//! JavaScript; once the page is live, the same row elements are used again and again: whoever scrolls
//! down has the uppermost element placed below the last, and in it changes what differs. Nodes are neither
//! made nor thrown away. While the list moves they are placed by their style; when it rests they are put into
//! the order in which they are seen. So a list is never drawn on the elements of another one: see
//! [`made_anew`](super::made_anew).

mod blocks;
mod elements;
mod geometry;
mod keys;
mod rows;

use std::cell::RefCell;
use std::time::Duration;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use resonant_domain::page::Window;

pub use elements::Shown;
pub use rows::{Answer, Picked, Rows, Span};

use self::elements::Slot;
use self::keys::{Move, TypeAhead};
use super::error_panel::ErrorPanel;
use crate::browser;
use crate::language::tr;

/// How long nothing may have moved until the place is remembered.
const PAUSE: Duration = Duration::from_millis(150);

/// What the server drew.
#[derive(Debug, Clone)]
pub struct FirstWindow<T> {
    /// How many rows the list has.
    pub count: usize,
    /// The rank of the first row of the window.
    pub rank: usize,
    /// The rows.
    pub window: Window<T>,
}

/// A list of any length. What it is drawn in is [`made_anew`](super::made_anew) with it.
#[component]
pub fn VirtualList<T, R, S>(
    /// The id of its element.
    id: &'static str,
    /// What it is a list of.
    label: &'static str,
    /// The rows, made by [`Rows::new`].
    rows: Rows<T>,
    /// Draws the cells of a row: elements with the role `gridcell`, a check box that selects it among
    /// them. They are drawn once for one row after the other: what they say of it is read of [`Shown`] where
    /// it stands. The second argument tells whether the page is live: from then on nothing in them is a stop
    /// of the Tab key, since the list as a whole is one. Arrows lead from the row to what can be focused there.
    row: R,
    /// Whether a row is selected.
    is_selected: S,
    /// Enter was pressed on a row.
    #[prop(into)]
    on_open: Callback<T>,
    /// A row shall be selected or no longer; with the rows from the last one that was, if Shift was
    /// held, or all of them. Answers by [`Rows::span`].
    #[prop(into)]
    on_select: Callback<Picked>,
    /// Letters were typed: answers by [`Rows::go_to`].
    #[prop(into)]
    on_type: Callback<String>,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
    R: Fn(Shown<T>, RwSignal<bool>) -> AnyView + Copy + Send + Sync + 'static,
    S: Fn(&T) -> bool + Copy + Send + Sync + 'static,
{
    let is_live = RwSignal::new(false);
    let typed = StoredValue::new(TypeAhead::default());
    Effect::new(move || {
        // By the next frame the elements are in the document.
        request_animation_frame(move || {
            if rows.attach(id) {
                is_live.set(true);
                request_animation_frame(move || rows.finish());
            }
        });
        let resize = window_event_listener(leptos::ev::resize, move |_| rows.resize());
        on_cleanup(move || resize.remove());
    });

    let paused = RefCell::new(debounce(PAUSE, move |()| rows.rest()));
    let scroll = move |_| {
        if is_live.get_untracked() {
            rows.scrolled();
            request_animation_frame(move || rows.finish());
            (paused.borrow_mut())(());
        }
    };
    let select = move |rank: usize, with_range: bool| on_select.run(rows.pick(rank, with_range));
    let keydown = move |event: KeyboardEvent| {
        let now_ms = browser::now_ms();
        let is_typing = typed.with_value(|typed| typed.is_under_way(now_ms));
        let moved = Move::of(&event).filter(|moved| !is_typing || *moved != Move::Select);
        let Some(moved) = moved else {
            if let Some(text) = typed.try_update_value(|typed| typed.take(&event, now_ms)).flatten()
            {
                event.prevent_default();
                on_type.run(text);
            }
            return;
        };
        event.prevent_default();
        match moved {
            Move::Open => {
                if let Some(item) = rows.active_item() {
                    rows.remember();
                    on_open.run(item);
                }
            }
            Move::Select => select(rows.active_untracked(), event.shift_key()),
            Move::SelectAll => {
                if let Some(all) = rows.pick_all() {
                    on_select.run(all);
                }
            }
            Move::Left | Move::Right => rows.step(moved == Move::Right),
            step => {
                rows.go_to(rows.target(step));
                if event.shift_key() {
                    select(rows.active_untracked(), true);
                }
            }
        }
    };
    let on_check = Callback::new(move |(rank, with_range)| select(rank, with_range));
    let slots = rows
        .slots()
        .into_iter()
        .map(|place| view! { <Row id rows place row is_selected is_live on_check /> })
        .collect_view();
    view! {
        <div
            id=id
            class="virtual-list"
            class:is-live=is_live
            role="grid"
            aria-label=label
            aria-rowcount=move || rows.count().to_string()
            aria-multiselectable="true"
            aria-activedescendant=move || {
                is_live.get().then(|| rows.active_id(id)).flatten()
            }
            tabindex="0"
            on:scroll=scroll
            on:keydown=keydown
        >
            <div class="virtual-list__space" role="presentation">
                <div class="virtual-list__rows" role="rowgroup">
                    {slots}
                </div>
            </div>
        </div>
        {move || {
            rows.error()
                .map(|error| {
                    view! {
                        <ErrorPanel error=error is_aside=true />
                        <button type="button" class="button" on:click=move |_| rows.retry()>
                            {tr("Try again")}
                        </button>
                    }
                })
        }}
    }
}

/// A row element, which shows one row after the other.
#[component]
fn Row<T, R, S>(
    id: &'static str,
    rows: Rows<T>,
    place: Slot<T>,
    row: R,
    is_selected: S,
    is_live: RwSignal<bool>,
    /// The check box of the row of this rank was used, with Shift or without.
    on_check: Callback<(usize, bool)>,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
    R: Fn(Shown<T>, RwSignal<bool>) -> AnyView + Copy + Send + Sync + 'static,
    S: Fn(&T) -> bool + Copy + Send + Sync + 'static,
{
    let Slot { rank, item } = place;
    let is_there = Memo::new(move |_| item.with(Option::is_some));
    let selected = move || item.with(|item| item.as_ref().is_some_and(is_selected));
    let with_shift = StoredValue::new(false);
    // Whichever rank it has later, it is told by the list: see `Scroller::set_rank`.
    let first = rank.get_untracked();
    view! {
        <div
            class="virtual-list__row"
            class:is-active=move || rows.is_active(rank.get())
            role="row"
            id=format!("{id}-{first}")
            aria-rowindex=(first + 1).to_string()
            aria-selected=move || {
                if selected() { "true" } else { "false" }
            }
            hidden=rows.lacks(first)
            on:focusin=move |_| rows.set_active(rank.get_untracked())
            on:click=move |event| {
                with_shift.set_value(event.shift_key());
                rows.set_active(rank.get_untracked());
                rows.remember();
            }
            on:change=move |event| {
                on_check.run((rank.get_untracked(), with_shift.get_value()));
                browser::tick(&event, untrack(selected));
            }
        >
            {move || {
                if is_there.get() { row(place.shown(), is_live) } else { placeholder().into_any() }
            }}
        </div>
    }
}

/// Stands in for a row that is on its way.
fn placeholder() -> impl IntoView {
    view! {
        <div class="virtual-list__placeholder" role="gridcell">
            <span class="visually-hidden">{tr("Loading")}</span>
        </div>
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use std::sync::Arc;

    use resonant_domain::page::Place;

    use super::*;

    #[test]
    fn the_server_draws_every_row_whole_and_hides_what_is_to_spare() {
        Owner::new().with(|| {
            let window = Window { items: vec!["one", "two"], start: None, end: None };
            let first = FirstWindow { count: 2, rank: 0, window };
            let load = |_: Place, _: u32| -> Answer<&'static str> {
                Box::pin(async { Ok(Window::empty()) })
            };
            let rows = Rows::new(first, Arc::new(load), |one, other| one == other);
            let row = |shown: Shown<&'static str>, _: RwSignal<bool>| {
                view! { <b>{move || shown.read(|text| format!("The {text}"))}</b> }.into_any()
            };
            let html = view! {
                <VirtualList
                    id="list"
                    label="Numbers"
                    rows
                    row
                    is_selected=|text: &&'static str| *text == "two"
                    on_open=|_: &'static str| {}
                    on_select=|_: Picked| {}
                    on_type=|_: String| {}
                />
            }
            .to_html();
            let row = |text: &str| {
                let at = html.find(text).unwrap_or_else(|| panic!("{text} in {html}"));
                html[..at].rsplit_once("<div").unwrap().1.to_owned()
            };
            for (text, id, index, is_selected) in [
                ("The one", "id=\"list-0\"", "aria-rowindex=\"1\"", "aria-selected=\"false\""),
                ("The two", "id=\"list-1\"", "aria-rowindex=\"2\"", "aria-selected=\"true\""),
            ] {
                let row = row(text);
                assert!([id, index, is_selected].iter().all(|part| row.contains(part)), "{row}");
                assert!(!row.contains(" hidden"), "{row}");
            }
            assert_eq!(html.matches("role=\"row\"").count(), 12, "{html}");
            assert_eq!(html.matches(" hidden").count(), 10, "{html}");
        });
    }
}
