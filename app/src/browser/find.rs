//! Words in the page: where they stand is marked without a change of the document, which others draw.

use js_sys::{Array, Function, Reflect};
use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Node, Range};

use super::words::places;

/// What holds no text that people read there, or holds it twice.
const ASIDE: &str = "script, style, noscript, template, textarea, select, button, svg, [hidden], \
    .visually-hidden, .without-script, [data-aside]";
/// What stands within a line of text. All else begins a new one.
const INLINE: [&str; 11] =
    ["A", "B", "CODE", "EM", "I", "MARK", "S", "SMALL", "SPAN", "STRONG", "TIME"];
/// How many places are marked at most.
const MARKED_MAX: usize = 5_000;
/// What the style sheet calls the marks: all of them, and the one that is shown.
const MARKS: [&str; 2] = ["found", "found-here"];

/// Marks all places of the words within the elements of these ids, and the one of that number apart from
/// the others. Where it `is_moved_to`, it is made to be seen: what is folded up around it is opened.
/// Answers how many there are.
pub fn mark_words(within: &[&str], words: &str, shown: usize, is_moved_to: bool) -> usize {
    let mut ranges = Vec::new();
    if !words.trim().is_empty() {
        let mut lines = vec![Vec::new()];
        for id in within {
            if let Some(root) = document().get_element_by_id(id) {
                collect(&root, &mut lines);
            }
        }
        for line in lines {
            find_in(&line, words, &mut ranges);
        }
    }
    let here = ranges.get(shown);
    if let Some(here) = here.filter(|_| is_moved_to) {
        show(here);
    }
    // Browsers that are too old for it go without.
    let _ = mark(MARKS[0], ranges.iter().take(MARKED_MAX));
    let _ = mark(MARKS[1], here);
    ranges.len()
}

/// The text nodes below an element, line by line.
fn collect(node: &Node, lines: &mut Vec<Vec<Node>>) {
    if node.node_type() == Node::TEXT_NODE {
        if let Some(line) = lines.last_mut() {
            line.push(node.clone());
        }
        return;
    }
    let Some(element) = node.dyn_ref::<Element>() else { return };
    if element.matches(ASIDE).unwrap_or(false) {
        return;
    }
    let is_line = !INLINE.contains(&element.tag_name().as_str());
    if is_line {
        lines.push(Vec::new());
    }
    let mut child = element.first_child();
    while let Some(node) = child {
        collect(&node, lines);
        child = node.next_sibling();
    }
    if is_line {
        lines.push(Vec::new());
    }
}

fn find_in(line: &[Node], words: &str, ranges: &mut Vec<Range>) {
    let pieces: Vec<_> = line.iter().map(|node| node.text_content().unwrap_or_default()).collect();
    for (from, to) in places(&pieces, words) {
        let unit = |unit: usize| u32::try_from(unit).unwrap_or(u32::MAX);
        if let Ok(range) = document().create_range()
            && range.set_start(&line[from.piece], unit(from.unit)).is_ok()
            && range.set_end(&line[to.piece], unit(to.unit)).is_ok()
        {
            ranges.push(range);
        }
    }
}

/// Marks these places and no others under a name.
fn mark<'a>(name: &str, ranges: impl IntoIterator<Item = &'a Range>) -> Result<JsValue, JsValue> {
    let window = window();
    let registry = Reflect::get(&Reflect::get(&window, &"CSS".into())?, &"highlights".into())?;
    let set = Reflect::get(&registry, &"set".into())?.dyn_into::<Function>()?;
    let highlight = Reflect::get(&window, &"Highlight".into())?.dyn_into::<Function>()?;
    let ranges: Array = ranges.into_iter().collect();
    let highlight = Reflect::construct(&highlight, &ranges)?;
    let arguments: Array = [JsValue::from_str(name), highlight].iter().collect();
    Reflect::apply(&set, &registry, &arguments)
}

/// Opens what is folded up around a place, and scrolls to it.
fn show(range: &Range) {
    let around = || range.start_container().ok().and_then(|node| node.parent_element());
    let (mut inner, mut outer) = (None::<Element>, around());
    while let Some(element) = outer {
        // The title of what is folded up is seen in any case.
        let is_title = inner.is_some_and(|inner| inner.tag_name() == "SUMMARY");
        if element.tag_name() == "DETAILS" && !is_title {
            let _ = element.set_attribute("open", "");
        }
        outer = element.parent_element();
        inner = Some(element);
    }
    let mut outer = around();
    while let Some(element) = outer.filter(|element| element.tag_name() != "BODY") {
        let height = element.client_height();
        if element.scroll_height() > height {
            let top = range.get_bounding_client_rect().top();
            let top = top - element.get_bounding_client_rect().top();
            if top < 0.0 || top > f64::from(height) {
                #[expect(clippy::cast_possible_truncation, reason = "no element is that high")]
                let way = (top - f64::from(height) / 2.0) as i32;
                element.set_scroll_top(element.scroll_top() + way);
            }
        }
        outer = element.parent_element();
    }
    let view = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(0.0);
    let top = range.get_bounding_client_rect().top();
    // Not behind what stays at the upper edge.
    if top < view / 4.0 || top > view * 0.9 {
        window().scroll_by_with_x_and_y(0.0, top - view / 2.0);
    }
}
