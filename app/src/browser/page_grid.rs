//! A grid of cards that scrolls with the page: a list element, in it the cards that are drawn, and
//! before and after them the room that the others would take.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, ScrollBehavior, ScrollToOptions};

/// The elements of such a grid.
#[derive(Debug)]
pub struct PageGrid {
    id: &'static str,
    list: HtmlElement,
}

impl PageGrid {
    /// The grid whose list has this id; its items have that id with a dash and their number.
    pub fn find(id: &'static str) -> Option<Self> {
        Some(Self { id, list: document().get_element_by_id(id)?.dyn_into().ok()? })
    }

    fn item(&self, slot: usize) -> Option<HtmlElement> {
        document().get_element_by_id(&format!("{}-{slot}", self.id))?.dyn_into().ok()
    }

    /// How far the upper edge of the list is scrolled past; below zero while it is further down.
    pub fn top(&self) -> f64 {
        -self.list.get_bounding_client_rect().top()
    }

    /// Whether the lower edge of the list is seen.
    pub fn is_end_seen(&self) -> bool {
        self.list.get_bounding_client_rect().bottom() <= Self::view()
    }

    /// The height of the window.
    pub fn view() -> f64 {
        let height = window().inner_height().ok();
        height.and_then(|height| height.as_f64()).unwrap_or(0.0)
    }

    /// The width of the list.
    pub fn width(&self) -> f64 {
        self.list.client_width().into()
    }

    /// How many columns the style sheet makes, and the gap between rows.
    pub fn layout(&self) -> (usize, f64) {
        let style = window().get_computed_style(&self.list).ok().flatten();
        let value = |name: &str| {
            style.as_ref().and_then(|style| style.get_property_value(name).ok()).unwrap_or_default()
        };
        let columns = value("grid-template-columns").split_ascii_whitespace().count();
        let gap = value("row-gap").trim_end_matches("px").parse().unwrap_or(0.0);
        (columns.max(1), gap)
    }

    /// The height of an item; 0 when it is not shown.
    pub fn height(&self, slot: usize) -> f64 {
        self.item(slot).map_or(0.0, |item| item.get_bounding_client_rect().height())
    }

    /// Where the upper edge of an item is within the window.
    pub fn edge(&self, slot: usize) -> Option<f64> {
        Some(self.item(slot)?.get_bounding_client_rect().top())
    }

    /// Sets the room before and after what is drawn.
    pub fn set_room(&self, before: f64, after: f64) {
        let style = self.list.style();
        let _ = style.set_property("--room-before", &format!("{before}px"));
        let _ = style.set_property("--room-after", &format!("{after}px"));
    }

    /// Tells the style sheet how many columns there are and what a row measures on average.
    pub fn set_layout(&self, columns: usize, estimate: f64) {
        let style = self.list.style();
        let _ = style.set_property("--columns", &columns.to_string());
        let _ = style.set_property("--row-height", &format!("{estimate}px"));
    }

    /// Puts an item before another one, or behind all; one that stands there already is left alone. `false`
    /// when either is not in the document yet.
    pub fn put_before(&self, slot: usize, next: Option<usize>) -> bool {
        let Some(item) = self.item(slot) else { return false };
        let next = next.map(|next| self.item(next));
        if next.as_ref().is_some_and(Option::is_none) {
            return false;
        }
        let next = next.flatten();
        if item.next_element_sibling().as_ref() == next.as_deref() {
            return true;
        }
        self.list.insert_before(&item, next.as_ref().map(AsRef::as_ref)).is_ok()
    }

    /// Tells the style sheet where an item lies that is drawn apart from the others.
    pub fn put_aside(&self, slot: usize, top: f64, column: usize) {
        if let Some(item) = self.item(slot) {
            let style = item.style();
            let _ = style.set_property("--aside-top", &format!("{top}px"));
            let _ = style.set_property("--aside-column", &column.to_string());
        }
    }

    /// Scrolls the page on by so many pixels.
    pub fn scroll_by(way: f64) {
        let options = ScrollToOptions::new();
        options.set_top(way);
        options.set_behavior(ScrollBehavior::Instant);
        window().scroll_by_with_scroll_to_options(&options);
    }
}
