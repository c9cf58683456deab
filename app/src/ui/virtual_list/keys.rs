//! What keys do in a list.

use leptos::ev::KeyboardEvent;

use crate::browser;

/// After such a pause, in milliseconds, a letter begins a new word.
const WORD_MS: f64 = 800.0;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Up,
    Down,
    /// To what stands in the row, or on to the next of that.
    Right,
    /// Back to what stands before it in the row, or to the row as a whole.
    Left,
    PageUp,
    PageDown,
    First,
    Last,
    /// Open the row.
    Open,
    /// Select the row, or no longer.
    Select,
    /// Select all rows.
    SelectAll,
}

impl Move {
    pub(super) fn of(event: &KeyboardEvent) -> Option<Self> {
        let key = browser::key_of(event);
        let is_command = event.ctrl_key() || event.meta_key();
        if is_command && !event.alt_key() && !event.shift_key() && key.eq_ignore_ascii_case("a") {
            return Some(Self::SelectAll);
        }
        if event.alt_key() || event.meta_key() {
            return None;
        }
        Some(match key.as_str() {
            "ArrowUp" => Self::Up,
            "ArrowDown" => Self::Down,
            "ArrowRight" => Self::Right,
            "ArrowLeft" => Self::Left,
            "PageUp" => Self::PageUp,
            "PageDown" => Self::PageDown,
            "Home" => Self::First,
            "End" => Self::Last,
            // A link in a row is followed by the browser.
            "Enter" if !browser::is_on_link(event) => Self::Open,
            " " => Self::Select,
            _ => return None,
        })
    }

    /// The row that is gone to from `rank`, in a list of `count` rows of which `seen` are seen.
    pub(super) fn target(self, rank: usize, count: usize, seen: usize) -> usize {
        let last = count.saturating_sub(1);
        let page = seen.saturating_sub(1).max(1);
        match self {
            Self::Up => rank.saturating_sub(1),
            Self::Down => rank.saturating_add(1).min(last),
            Self::PageUp => rank.saturating_sub(page),
            Self::PageDown => rank.saturating_add(page).min(last),
            Self::First => 0,
            Self::Last => last,
            Self::Left | Self::Right | Self::Open | Self::Select | Self::SelectAll => rank,
        }
    }
}

/// Letters that are typed one after the other make one beginning of a name.
#[derive(Debug, Default)]
pub(super) struct TypeAhead {
    text: String,
    last_ms: f64,
}

impl TypeAhead {
    /// Whether a word is being typed. A space belongs to it then, rather than to the row.
    pub(super) fn is_under_way(&self, now_ms: f64) -> bool {
        !self.text.is_empty() && now_ms - self.last_ms <= WORD_MS
    }

    /// The letters so far, when the key was one.
    pub(super) fn take(&mut self, event: &KeyboardEvent, now_ms: f64) -> Option<String> {
        let key = browser::key_of(event);
        let is_letter =
            key.chars().count() == 1 && !(event.ctrl_key() || event.meta_key() || event.alt_key());
        is_letter.then(|| self.add(&key, now_ms))
    }

    fn add(&mut self, letter: &str, now_ms: f64) -> String {
        if !self.is_under_way(now_ms) {
            self.text.clear();
        }
        self.last_ms = now_ms;
        self.text.push_str(letter);
        self.text.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_stay_within_the_list() {
        for (moved, from, to) in [
            (Move::Up, 0, 0),
            (Move::Up, 5, 4),
            (Move::Down, 98, 99),
            (Move::Down, 99, 99),
            (Move::PageDown, 0, 9),
            (Move::PageDown, 95, 99),
            (Move::PageUp, 5, 0),
            (Move::First, 50, 0),
            (Move::Last, 50, 99),
        ] {
            assert_eq!(moved.target(from, 100, 10), to, "{moved:?}");
        }
        assert_eq!(Move::Last.target(0, 0, 10), 0);
    }

    #[test]
    fn letters_in_quick_succession_make_one_word() {
        let mut typed = TypeAhead::default();
        assert_eq!(typed.add("r", 1_000.0), "r");
        assert_eq!(typed.add("e", 1_300.0), "re");
        assert_eq!(typed.add("x", 3_000.0), "x");
    }

    #[test]
    fn a_space_belongs_to_the_word_that_is_being_typed() {
        let mut typed = TypeAhead::default();
        assert!(!typed.is_under_way(0.0));
        typed.add("a", 1_000.0);
        assert!(typed.is_under_way(1_000.0 + WORD_MS));
        assert!(!typed.is_under_way(1_001.0 + WORD_MS));
        typed.add("b", 5_000.0);
        assert_eq!(typed.add(" ", 5_100.0), "b ");
    }
}
