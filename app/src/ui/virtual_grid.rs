//! A list of cards without end that scrolls with the page, of which only some are drawn.
//!
//! The server draws the first page as a plain list, and nothing of that changes when the page comes to
//! life. As soon as somebody scrolls, further pages come before the end is seen, and the same elements
//! are used again and again: those that have left the window show what comes next. The style sheet
//! alone decides how many columns there are. The card with the focus and its neighbours stay, however
//! far one scrolls; the cards stand in the document in the order in which they are seen.

mod geometry;
mod grid;
mod pages;

use std::cell::RefCell;
use std::time::Duration;

use leptos::prelude::*;

pub use grid::{Grid, PageAnswer};

use crate::language::tr;
use crate::ui::error_panel::ErrorPanel;

/// How long nothing may have moved until the place is remembered.
const PAUSE: Duration = Duration::from_millis(150);

/// A list of cards without end.
#[component]
pub fn VirtualGrid<T, C>(
    /// The id of its element.
    id: &'static str,
    /// The classes of the list.
    class: &'static str,
    /// The classes of its items.
    item_class: &'static str,
    /// The items, made by [`Grid::new`].
    grid: Grid<T>,
    /// How many items the whole list has and that it is seen from its beginning; `None` where either
    /// is not known.
    set_size: Option<i64>,
    /// Draws an item. Called with the item as it is now and again whenever the element shows another.
    card: C,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
    C: Fn(T) -> AnyView + Copy + Send + Sync + 'static,
{
    Effect::new(move || {
        grid.prepare(id);
        let paused = RefCell::new(debounce(PAUSE, move |()| grid.remember()));
        let scroll = window_event_listener(leptos::ev::scroll, move |_| {
            grid.scrolled(id);
            (paused.borrow_mut())(());
        });
        let resize = window_event_listener(leptos::ev::resize, move |_| grid.resized());
        on_cleanup(move || {
            scroll.remove();
            resize.remove();
        });
    });
    view! {
        <ul
            id=id
            class=format!("virtual-grid {class}")
            class:is-live=move || grid.is_live()
            aria-busy=move || grid.is_growing().then_some("true")
            // The place is known even to whoever leaves at once.
            on:click=move |_| grid.remember()
        >
            <For each=move || 0..grid.drawn() key=|at| *at let:at>
                <Item id at class=item_class grid set_size card />
            </For>
        </ul>
        {move || grid.error().map(|error| view! { <ErrorPanel error=error is_aside=true /> })}
    }
}

/// An element, which shows one item after the other.
#[component]
fn Item<T, C>(
    id: &'static str,
    at: usize,
    class: &'static str,
    grid: Grid<T>,
    set_size: Option<i64>,
    card: C,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
    C: Fn(T) -> AnyView + Copy + Send + Sync + 'static,
{
    let slot = grid.slot(at);
    let place = move || Some((slot.rank.get()? + 1).to_string()).filter(|_| set_size.is_some());
    view! {
        <li
            id=format!("{id}-{at}")
            class=class
            class:is-aside=move || slot.is_aside.get()
            aria-posinset=place
            aria-setsize=set_size.map(|size| size.to_string())
            hidden=move || slot.rank.get().is_none()
            on:focusin=move |_| grid.focused(at, true)
            on:focusout=move |_| grid.focused(at, false)
        >
            {move || match slot.item.get() {
                Some(item) => card(item),
                None => placeholder().into_any(),
            }}
        </li>
    }
}

/// Stands in for a card that is on its way.
fn placeholder() -> impl IntoView {
    view! {
        <div class="virtual-grid__placeholder">
            <span class="visually-hidden">{tr("Loading")}</span>
        </div>
    }
}
