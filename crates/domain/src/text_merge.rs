//! Brings together what two sides made of one text: sentence by sentence, so that no sentence is put
//! together that neither of them wrote.

use crate::spec_diff::{PieceKind, compare};

/// A text with more places than this that both sides changed is one place as a whole.
const DISPUTED_MAX: usize = 20;

/// What ends a sentence, with a blank behind it.
const ENDS: [char; 6] = ['.', '!', '?', '。', '！', '？'];

/// A part of a text that two sides were brought together in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// What neither side changed, or one of them, or both alike.
    Settled(String),
    /// What each of them changed in its own way.
    Disputed {
        /// What I made of it.
        mine: String,
        /// What they made of it.
        theirs: String,
    },
}

/// Sentences and the gaps between them. A line ends a sentence, and each of several breaks of a line is a
/// gap of its own.
fn sentences(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut is_gap, mut last) = (0, false, ' ');
    for (at, letter) in text.char_indices() {
        let is_blank = letter.is_whitespace();
        let is_over = if is_gap {
            !is_blank || letter == '\n'
        } else {
            letter == '\n' || (is_blank && ENDS.contains(&last))
        };
        if at == 0 {
            is_gap = is_blank;
        } else if is_over {
            parts.push(&text[start..at]);
            (start, is_gap) = (at, is_blank);
        }
        last = letter;
    }
    if start < text.len() {
        parts.push(&text[start..]);
    }
    parts
}

/// A change of one side.
#[derive(Debug)]
struct Change<'a> {
    is_mine: bool,
    /// Where it begins in the base, and where it ends there.
    start: usize,
    end: usize,
    /// What stands in the place of that.
    words: Vec<&'a str>,
}

fn changes<'a>(base: &[&'a str], side: &[&'a str], is_mine: bool) -> Vec<Change<'a>> {
    let mut found: Vec<Change<'a>> = Vec::new();
    let (mut at, mut is_open) = (0, false);
    for (kind, word) in compare(base, side) {
        if kind == PieceKind::Same {
            (at, is_open) = (at + 1, false);
            continue;
        }
        if !is_open {
            found.push(Change { is_mine, start: at, end: at, words: Vec::new() });
            is_open = true;
        }
        let Some(change) = found.last_mut() else { continue };
        if kind == PieceKind::Added {
            change.words.push(word);
        } else {
            at += 1;
            change.end = at;
        }
    }
    found
}

/// Changes that touch the same sentences of the base, in the order of their places.
#[derive(Debug)]
struct Group<'a> {
    start: usize,
    end: usize,
    changes: Vec<Change<'a>>,
}

impl<'a> Group<'a> {
    const fn of(start: usize, end: usize) -> Self {
        Self { start, end, changes: Vec::new() }
    }

    /// Whether a change touches what those of the group touch. What stands right beside it does not; two
    /// that add something at the same place do.
    const fn touches(&self, change: &Change<'_>) -> bool {
        let is_within = change.start < self.end && change.end > self.start;
        let is_same_place = change.end == self.start && self.end == self.start;
        is_within || (is_same_place && change.start == change.end)
    }

    fn take(&mut self, change: Change<'a>) {
        self.end = self.end.max(change.end);
        self.changes.push(change);
    }

    fn has(&self, is_mine: bool) -> bool {
        self.changes.iter().any(|change| change.is_mine == is_mine)
    }

    /// What one side makes of this part of the base.
    fn text(&self, base: &[&str], is_mine: bool) -> String {
        let (mut text, mut at) = (String::new(), self.start);
        for change in self.changes.iter().filter(|change| change.is_mine == is_mine) {
            text.extend(base[at..change.start].iter().copied());
            text.extend(change.words.iter().copied());
            at = change.end;
        }
        text.extend(base[at..self.end].iter().copied());
        text
    }
}

/// Brings together what was changed on two sides since `base`.
pub(crate) fn merge(base: &str, mine: &str, theirs: &str) -> Vec<Part> {
    let words = sentences(base);
    let mut all = changes(&words, &sentences(mine), true);
    all.extend(changes(&words, &sentences(theirs), false));
    all.sort_by_key(|change| (change.start, change.end));
    let mut groups: Vec<Group<'_>> = Vec::new();
    for change in all {
        match groups.last_mut() {
            Some(last) if last.touches(&change) => last.take(change),
            _ => {
                let mut group = Group::of(change.start, change.end);
                group.take(change);
                groups.push(group);
            }
        }
    }
    let (mut parts, mut at) = (Vec::new(), 0);
    for group in &groups {
        settle(&mut parts, words[at..group.start].concat());
        let is_theirs = group.has(false);
        match (group.has(true), is_theirs) {
            (true, true) => {
                dispute(&mut parts, group.text(&words, true), group.text(&words, false));
            }
            (is_mine, _) => settle(&mut parts, group.text(&words, is_mine)),
        }
        at = group.end;
    }
    settle(&mut parts, words[at..].concat());
    let disputed = parts.iter().filter(|part| matches!(part, Part::Disputed { .. }));
    if disputed.count() > DISPUTED_MAX {
        return vec![Part::Disputed { mine: mine.to_owned(), theirs: theirs.to_owned() }];
    }
    parts
}

fn settle(parts: &mut Vec<Part>, text: String) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Settled(last)) => last.push_str(&text),
        _ => parts.push(Part::Settled(text)),
    }
}

/// Adds what each side changed in its own way. With what was disputed right before it, or behind a mere
/// gap, it is one place.
fn dispute(parts: &mut Vec<Part>, mine: String, theirs: String) {
    if mine == theirs {
        return settle(parts, mine);
    }
    let gap = match parts.as_slice() {
        [.., Part::Disputed { .. }, Part::Settled(gap)] if gap.trim().is_empty() => gap.clone(),
        _ => String::new(),
    };
    if !gap.is_empty() {
        parts.pop();
    }
    match parts.last_mut() {
        Some(Part::Disputed { mine: my_last, theirs: their_last }) => {
            my_last.push_str(&gap);
            my_last.push_str(&mine);
            their_last.push_str(&gap);
            their_last.push_str(&theirs);
        }
        _ => parts.push(Part::Disputed { mine, theirs }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(base: &str, mine: &str, theirs: &str) -> String {
        merge(base, mine, theirs)
            .into_iter()
            .map(|part| match part {
                Part::Settled(text) => text,
                Part::Disputed { mine, theirs } => format!("[{mine}|{theirs}]"),
            })
            .collect()
    }

    #[test]
    fn a_text_falls_into_sentences_and_gaps() {
        for (text, expected) in [
            ("", vec![]),
            ("Read.", vec!["Read."]),
            ("Read. Write!", vec!["Read.", " ", "Write!"]),
            ("Read 1.5 pages of it", vec!["Read 1.5 pages of it"]),
            ("- one\n- two", vec!["- one", "\n", "- two"]),
            ("One.\n\n  Two?", vec!["One.", "\n", "\n  ", "Two?"]),
            (" \nLies. ", vec![" ", "\n", "Lies.", " "]),
            ("读。 写", vec!["读。", " ", "写"]),
        ] {
            assert_eq!(sentences(text), expected);
            assert_eq!(sentences(text).concat(), text);
        }
    }

    #[test]
    fn what_one_side_changed_is_taken() {
        let base = "You read. You write.\nBe kind.";
        for (mine, theirs, expected) in [
            // Two sentences of one line, and sentences that stand beside each other.
            (
                "You read fast. You write.\nBe kind.",
                "You read. You write well.\nBe kind.",
                "You read fast. You write well.\nBe kind.",
            ),
            // Each adds at another place.
            (
                "First. You read. You write.\nBe kind.",
                "You read. You write.\nBe kind. Be brief.",
                "First. You read. You write.\nBe kind. Be brief.",
            ),
            // One takes something off, the other changes something else.
            ("You read.\nBe kind.", "You read. You write.\nBe strict.", "You read.\nBe strict."),
            // Both did the same.
            (
                "You read. You write.\nBe brief.",
                "You read. You write.\nBe brief.",
                "You read. You write.\nBe brief.",
            ),
        ] {
            assert_eq!(marked(base, mine, theirs), expected);
            assert_eq!(marked(base, theirs, mine), expected, "whoever is asked first");
        }
    }

    #[test]
    fn what_both_changed_is_disputed() {
        let base = "You read. You write.\nBe kind.";
        for (mine, theirs, expected) in [
            (
                "You read fast. You write.\nBe kind.",
                "You read well. You write.\nBe brief.",
                "[You read fast.|You read well.] You write.\nBe brief.",
            ),
            // One changes what the other takes off.
            (
                "You read. You write a lot.\nBe kind.",
                "You read.\nBe kind.",
                "You read.[ You write a lot.|]\nBe kind.",
            ),
            // Both add at the same place.
            (
                "You read. You write.\nBe kind.\nBe brief.",
                "You read. You write.\nBe kind.\nBe strict.",
                "You read. You write.\nBe kind.[\nBe brief.|\nBe strict.]",
            ),
            // What only a gap parts is one place.
            (
                "I read. I write.\nBe kind.",
                "We read. We write.\nBe kind.",
                "[I read. I write.|We read. We write.]\nBe kind.",
            ),
        ] {
            assert_eq!(marked(base, mine, theirs), expected);
        }
    }

    #[test]
    fn nothing_is_lost_and_neither_side_comes_first() {
        // A walk over many short texts of few sentences, where every kind of overlap occurs.
        let text = |mut seed: u32| {
            let mut text = String::new();
            while seed > 0 {
                text.push_str(["A. ", "B!\n", "c", "\n", "D? "][seed as usize % 5]);
                seed /= 5;
            }
            text
        };
        let side = |parts: &[Part], wants_mine: bool| {
            let text = |part: &Part| match part {
                Part::Settled(text) => text.clone(),
                Part::Disputed { mine, theirs } => if wants_mine { mine } else { theirs }.clone(),
            };
            parts.iter().map(text).collect::<String>()
        };
        for seed in 0..6_000_u32 {
            let base = text(seed);
            let mine = text(seed.wrapping_mul(2_654_435_761) >> 17);
            let theirs = text(seed.wrapping_mul(40_503) % 9_973);
            assert_eq!(marked(&base, &base, &theirs), theirs);
            assert_eq!(marked(&base, &mine, &base), mine);
            assert_eq!(marked(&base, &mine, &mine), mine);
            let (ours, swapped) = (merge(&base, &mine, &theirs), merge(&base, &theirs, &mine));
            assert_eq!(side(&ours, true), side(&swapped, false));
            assert_eq!(side(&ours, false), side(&swapped, true));
        }
    }

    #[test]
    fn a_text_that_both_wrote_anew_is_one_place() {
        let text = |word: &str| {
            (0..100).fold(String::new(), |text, n| text + &format!("{word} {n}.\nRest.\n"))
        };
        let (base, mine, theirs) = (text("a"), text("b"), text("c"));
        assert_eq!(merge(&base, &mine, &theirs), [Part::Disputed { mine, theirs }]);
    }
}
