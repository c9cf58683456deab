//! Where the page is scrolled to.

use web_sys::{ScrollBehavior, ScrollIntoViewOptions, ScrollLogicalPosition, ScrollToOptions};

/// Whether the window is scrolled to its end, within the given number of pixels.
pub fn is_near_end(within: f64) -> bool {
    let height = leptos::prelude::window().inner_height().ok();
    let seen = scroll_top() + height.and_then(|height| height.as_f64()).unwrap_or(0.0);
    page_height() - seen <= within
}

/// How far the window is scrolled down, in pixels.
pub fn scroll_top() -> f64 {
    leptos::prelude::window().scroll_y().unwrap_or(0.0)
}

/// Scrolls the window to its end.
pub fn scroll_to_end() {
    let options = ScrollToOptions::new();
    options.set_top(page_height());
    options.set_behavior(ScrollBehavior::Instant);
    leptos::prelude::window().scroll_to_with_scroll_to_options(&options);
}

/// Scrolls no further than needed for the element with this id to be seen.
pub fn reveal(id: &str) {
    if let Some(element) = leptos::prelude::document().get_element_by_id(id) {
        let options = ScrollIntoViewOptions::new();
        options.set_block(ScrollLogicalPosition::Nearest);
        element.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

fn page_height() -> f64 {
    leptos::prelude::document().document_element().map_or(0.0, |root| root.scroll_height().into())
}
