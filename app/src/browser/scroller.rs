//! A list that scrolls within itself: a box, in it the space that all rows would take, in that the
//! rows that are drawn.

use std::cell::Cell;

use leptos::prelude::document;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, FocusOptions, HtmlElement};

/// What in a row can have the focus.
const STOPS: &str = ":is(a[href], button, input):not([hidden], :disabled)";

/// The elements of such a list.
#[derive(Debug)]
pub struct Scroller {
    id: String,
    outer: HtmlElement,
    space: HtmlElement,
    rows: HtmlElement,
    /// The elements of the rows, in the order in which they were drawn first, also those that are
    /// taken out.
    slots: Vec<HtmlElement>,
    /// Where the rows were placed last; no number where they lie in the flow.
    rows_top: Cell<f64>,
}

impl Scroller {
    /// The list whose box has this id; its first child is the space and that one's first the rows.
    pub fn find(id: &str) -> Option<Self> {
        let outer: HtmlElement = document().get_element_by_id(id)?.dyn_into().ok()?;
        let space: HtmlElement = outer.first_element_child()?.dyn_into().ok()?;
        let rows: HtmlElement = space.first_element_child()?.dyn_into().ok()?;
        let children = rows.children();
        let slots = (0..children.length())
            .filter_map(|at| children.item(at)?.dyn_into::<HtmlElement>().ok())
            .collect();
        let rows_top = Cell::new(f64::NAN);
        Some(Self { id: id.to_owned(), outer, space, rows, slots, rows_top })
    }

    /// How far it is scrolled, in pixels.
    pub fn top(&self) -> f64 {
        self.outer.scroll_top().into()
    }

    /// The height of what is seen, in pixels.
    pub fn view(&self) -> f64 {
        self.outer.client_height().into()
    }

    /// Scrolls to a place.
    pub fn set_top(&self, top: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the space is at most 12 million pixels"
        )]
        self.outer.set_scroll_top(top.round() as i32);
    }

    /// The height of a row, in pixels; 0 when it is not shown.
    pub fn height(&self, slot: usize) -> f64 {
        self.slots.get(slot).map_or(0.0, |row| row.get_bounding_client_rect().height())
    }

    /// Tells the style sheet what a row measures on average.
    pub fn set_estimate(&self, height: f64) {
        let _ = self.outer.style().set_property("--row-height", &format!("{height}px"));
    }

    /// Sets the height of the space and takes the rows out of the flow.
    pub fn set_space(&self, height: f64) {
        let _ = self.space.style().set_property("block-size", &format!("{height}px"));
    }

    /// Lets the rows lie in the flow again.
    pub fn clear_space(&self) {
        let _ = self.space.style().remove_property("block-size");
        let _ = self.rows.style().remove_property("transform");
        self.rows_top.set(f64::NAN);
    }

    /// Places the rows within the space.
    pub fn place_rows(&self, top: f64) {
        // While the same rows are drawn they stay where they are, but for what sums of heights are off.
        if (top - self.rows_top.get()).abs() < 0.01 {
            return;
        }
        self.rows_top.set(top);
        let _ = self.rows.style().set_property("transform", &format!("translateY({top}px)"));
    }

    /// Takes a row out of the document.
    pub fn take_out(&self, slot: usize) {
        if let Some(row) = self.slots.get(slot) {
            row.remove();
        }
    }

    /// Puts a row behind all others.
    pub fn move_to_end(&self, slot: usize) {
        if let Some(row) = self.slots.get(slot) {
            let _ = self.rows.append_child(row);
        }
    }

    /// Tells a row which one of the list it is, and whether there is such a one. It has its place among the
    /// others by its style alone: an element that moves in the document is laid out as a new one.
    pub fn set_rank(&self, slot: usize, rank: usize, is_there: bool) {
        let Some(row) = self.slots.get(slot) else { return };
        let _ = row.style().set_property("order", &rank.to_string());
        row.set_id(&format!("{}-{rank}", self.id));
        let _ = row.set_attribute("aria-rowindex", &(rank + 1).to_string());
        row.set_hidden(!is_there);
    }

    /// Leaves the focus to the list where one of these rows has it: it will be another one.
    pub fn take_focus(&self, mut slots: impl Iterator<Item = usize>) {
        let Some(focused) = document().active_element() else { return };
        let holds = |row: &HtmlElement| row.contains(Some(focused.as_ref()));
        if holds(&self.rows) && slots.any(|slot| self.slots.get(slot).is_some_and(holds)) {
            let options = FocusOptions::new();
            options.set_prevent_scroll(true);
            let _ = self.outer.focus_with_options(&options);
        }
    }

    /// Moves the focus within a row to the next of what can have it there, or back; what is before the first is the
    /// list itself.
    pub fn step(&self, slot: usize, is_forward: bool) {
        let Some(row) = self.slots.get(slot) else { return };
        let all = row.get_elements_by_tag_name("*");
        let stops: Vec<_> = (0..all.length())
            .filter_map(|at| all.item(at)?.dyn_into::<HtmlElement>().ok())
            .filter(|stop| stop.matches(STOPS).unwrap_or(false))
            .collect();
        let focused = document().active_element();
        let here = focused.and_then(|focused| {
            stops.iter().position(|stop| stop.is_same_node(Some(focused.as_ref())))
        });
        let next = match (here, is_forward) {
            (None, true) => stops.first(),
            (None, false) => None,
            (Some(at), true) => stops.get(at + 1),
            (Some(at), false) => at.checked_sub(1).map_or(Some(&self.outer), |at| stops.get(at)),
        };
        if let Some(next) = next {
            let options = FocusOptions::new();
            options.set_prevent_scroll(true);
            let _ = next.focus_with_options(&options);
        }
    }

    /// Puts the elements themselves into the order in which they are seen, for those who read them one after
    /// the other; the uppermost is this one. What has the focus is not moved, since it would lose it.
    pub fn put_in_order(&self, first: usize) {
        let Some(first) = self.slots.get(first) else { return };
        let children = self.rows.children();
        let drawn: Vec<_> = (0..children.length()).filter_map(|at| children.item(at)).collect();
        let is_first = |row: &Element| row.is_same_node(Some(first.as_ref()));
        let Some(at) = drawn.iter().position(is_first).filter(|at| *at > 0) else { return };
        // The lower ones stand before the upper ones.
        let (lower, upper) = drawn.split_at(at);
        let has_focus =
            |rows: &[Element]| rows.iter().any(|row| row.matches(":focus-within").unwrap_or(false));
        if has_focus(lower) || (upper.len() < lower.len() && !has_focus(upper)) {
            for row in upper {
                let _ = self.rows.insert_before(row, lower.first().map(AsRef::as_ref));
            }
        } else {
            for row in lower {
                let _ = self.rows.append_child(row);
            }
        }
    }
}

/// Remembers a text with this entry of the browser's history, for when someone comes back to it.
pub fn remember_place(text: &str) {
    let Ok(history) = leptos::prelude::window().history() else { return };
    let state = history.state().ok().filter(JsValue::is_object);
    // What others keep there stays.
    let state = state.unwrap_or_else(|| js_sys::Object::new().into());
    if js_sys::Reflect::set(&state, &PLACE.into(), &text.into()).is_ok() {
        let _ = history.replace_state(&state, "");
    }
}

/// The text that was remembered with this entry of the browser's history.
pub fn remembered_place() -> Option<String> {
    let state = leptos::prelude::window().history().ok()?.state().ok()?;
    js_sys::Reflect::get(&state, &PLACE.into()).ok()?.as_string()
}

const PLACE: &str = "resonantPlace";
