//! What is scrolled: the window, a list within itself, a grid with the page.

/// Whether the window is scrolled to its end, within the given number of pixels.
pub fn is_near_end(_within: f64) -> bool {
    false
}

/// How far the window is scrolled down, in pixels.
pub fn scroll_top() -> f64 {
    0.0
}

/// Scrolls the window to its end.
pub fn scroll_to_end() {}

/// Scrolls no further than needed for the element with this id to be seen.
pub fn reveal(_id: &str) {}

/// A list that scrolls within itself. There is none on the server.
#[derive(Debug)]
pub enum Scroller {}

impl Scroller {
    /// The list whose box has this id.
    pub fn find(_id: &str) -> Option<Self> {
        None
    }

    /// How far it is scrolled, in pixels.
    pub fn top(&self) -> f64 {
        match *self {}
    }

    /// The height of what is seen, in pixels.
    pub fn view(&self) -> f64 {
        match *self {}
    }

    /// Scrolls to a place.
    pub fn set_top(&self, _top: f64) {
        match *self {}
    }

    /// The height of a row, in pixels.
    pub fn height(&self, _slot: usize) -> f64 {
        match *self {}
    }

    /// Tells the style sheet what a row measures on average.
    pub fn set_estimate(&self, _height: f64) {
        match *self {}
    }

    /// Sets the height of the space.
    pub fn set_space(&self, _height: f64) {
        match *self {}
    }

    /// Lets the rows lie in the flow again.
    pub fn clear_space(&self) {
        match *self {}
    }

    /// Places the rows within the space.
    pub fn place_rows(&self, _top: f64) {
        match *self {}
    }

    /// Takes a row out of the document.
    pub fn take_out(&self, _slot: usize) {
        match *self {}
    }

    /// Puts a row behind all others.
    pub fn move_to_end(&self, _slot: usize) {
        match *self {}
    }

    /// Leaves the focus to the list where one of these rows has it.
    pub fn take_focus(&self, _slots: impl Iterator<Item = usize>) {
        match *self {}
    }

    /// Moves the focus within a row.
    pub fn step(&self, _slot: usize, _is_forward: bool) {
        match *self {}
    }

    /// Tells a row which one of the list it is, and whether there is such a one.
    pub fn set_rank(&self, _slot: usize, _rank: usize, _is_there: bool) {
        match *self {}
    }

    /// Puts the elements themselves into the order in which they are seen.
    pub fn put_in_order(&self, _first: usize) {
        match *self {}
    }
}

/// A grid of cards that scrolls with the page. There is none on the server.
#[derive(Debug)]
pub enum PageGrid {}

impl PageGrid {
    /// The grid whose list has this id.
    pub fn find(_id: &'static str) -> Option<Self> {
        None
    }

    /// How far the upper edge of the list is scrolled past.
    pub fn top(&self) -> f64 {
        match *self {}
    }

    /// Whether the lower edge of the list is seen.
    pub fn is_end_seen(&self) -> bool {
        match *self {}
    }

    /// The height of the window.
    pub fn view() -> f64 {
        0.0
    }

    /// The width of the list.
    pub fn width(&self) -> f64 {
        match *self {}
    }

    /// How many columns there are, and the gap between rows.
    pub fn layout(&self) -> (usize, f64) {
        match *self {}
    }

    /// The height of an item.
    pub fn height(&self, _slot: usize) -> f64 {
        match *self {}
    }

    /// Where the upper edge of an item is within the window.
    pub fn edge(&self, _slot: usize) -> Option<f64> {
        match *self {}
    }

    /// Sets the room before and after what is drawn.
    pub fn set_room(&self, _before: f64, _after: f64) {
        match *self {}
    }

    /// Tells the style sheet how the grid is laid out.
    pub fn set_layout(&self, _columns: usize, _estimate: f64) {
        match *self {}
    }

    /// Puts an item before another one.
    pub fn put_before(&self, _slot: usize, _next: Option<usize>) -> bool {
        match *self {}
    }

    /// Tells the style sheet where an item lies that is drawn apart from the others.
    pub fn put_aside(&self, _slot: usize, _top: f64, _column: usize) {
        match *self {}
    }

    /// Scrolls the page on by so many pixels.
    pub fn scroll_by(_way: f64) {}
}

/// Remembers a text with this entry of the browser's history.
pub fn remember_place(_text: &str) {}

/// The text that was remembered with this entry of the browser's history.
pub fn remembered_place() -> Option<String> {
    None
}
