//! A list of any length of which only a few rows are drawn: a grid that is scrolled by wheel, finger,
//! scrollbar and keyboard, and that fetches what comes into view.
//!
//! The server draws the first rows in the flow of the page, so the list can be read without
//! JavaScript; once the page is live, the same row elements are used again and again: whoever scrolls
//! down has the uppermost element placed below the last and filled anew. Nodes are neither made nor
//! thrown away. While the list moves they are placed by their style; when it rests they are put into the
//! order in which they are seen.

mod blocks;
mod elements;
mod geometry;
mod keys;
mod rows;

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use resonant_domain::page::Window;

pub use rows::{Answer, Picked, Rows, Span};

use self::elements::Slot;
use self::keys::{Move, TypeAhead};
use super::error_panel::ErrorPanel;
use crate::browser;
use crate::language::tr;

/// How long nothing may have moved until the place is remembered.
const PAUSE: Duration = Duration::from_millis(150);

/// How many lists were made.
static MADE: AtomicUsize = AtomicUsize::new(0);

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

/// A list of any length.
#[component]
pub fn VirtualList<T, R>(
    /// The id of its element.
    id: &'static str,
    /// What it is a list of.
    label: &'static str,
    /// The rows, made by [`Rows::new`].
    rows: Rows<T>,
    /// Draws the cells of a row: elements with the role `gridcell`, a check box that selects it among
    /// them. Its second argument is the `tabindex` of all that can be focused: the list as a whole is
    /// one stop of the Tab key. Called with the row as it is now and again whenever it changes.
    row: R,
    /// Whether a row is selected.
    #[prop(into)]
    is_selected: Callback<T, bool>,
    /// Enter was pressed on a row.
    #[prop(into)]
    on_open: Callback<T>,
    /// A row shall be selected or no longer; with the rows from the last one that was, if Shift was
    /// held. Answers by [`Rows::span`].
    #[prop(into)]
    on_select: Callback<Picked>,
    /// Letters were typed: answers by [`Rows::go_to`].
    #[prop(into)]
    on_type: Callback<String>,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
    R: Fn(T, Option<&'static str>) -> AnyView + Copy + Send + Sync + 'static,
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
    let list = view! {
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
    };
    // Two in a row are of two types, so that the second one is made of elements of its own: those of the first
    // are scrolled, out of order, and some of them not in the document.
    if MADE.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
        (list.into_any(),).into_any()
    } else {
        ((list.into_any(),),).into_any()
    }
}

/// A row element, which shows one row after the other.
#[component]
fn Row<T, R>(
    id: &'static str,
    rows: Rows<T>,
    place: Slot<T>,
    row: R,
    is_selected: Callback<T, bool>,
    is_live: RwSignal<bool>,
    /// The check box of the row of this rank was used, with Shift or without.
    on_check: Callback<(usize, bool)>,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
    R: Fn(T, Option<&'static str>) -> AnyView + Copy + Send + Sync + 'static,
{
    let Slot { rank, item } = place;
    let is_unused = move || rank.get() >= rows.count();
    let with_shift = StoredValue::new(false);
    let selected = move || item.get().is_some_and(|item| is_selected.run(item)).to_string();
    view! {
        <div
            class="virtual-list__row"
            class:is-active=move || rows.is_active(rank.get())
            role="row"
            id=move || format!("{id}-{}", rank.get())
            aria-rowindex=move || (rank.get() + 1).to_string()
            aria-selected=selected
            hidden=is_unused
            on:focusin=move |_| rows.set_active(rank.get_untracked())
            on:click=move |event| {
                with_shift.set_value(event.shift_key());
                rows.set_active(rank.get_untracked());
                rows.remember();
            }
            on:change=move |event| {
                on_check.run((rank.get_untracked(), with_shift.get_value()));
                let is_selected = |item| untrack(|| is_selected.run(item));
                browser::tick(&event, item.get_untracked().is_some_and(is_selected));
            }
        >
            {move || match item.get() {
                Some(item) => row(item, is_live.get().then_some("-1")),
                None => placeholder().into_any(),
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
