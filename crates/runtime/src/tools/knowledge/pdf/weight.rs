//! What the words of a PDF take in memory once they are read: two letters may become hundreds of bytes, and
//! thousands of letters are packed into one. The estimates are on the high side.

use std::collections::BTreeMap;

/// A number, a name, a text, without its letters.
const VALUE: usize = 150;
/// A list, a dictionary, or an operator and what stands before it: room for more is set aside with each.
const GROUP: usize = 600;
/// No operator is longer, and no word that is a value.
const OPERATOR_LETTERS: usize = 4;

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Blank,
    Number,
    Text,
    Letters,
    Open,
    Close,
}

/// A part of a file.
#[derive(Debug, PartialEq, Eq)]
struct Weighed {
    bytes: usize,
    /// Nothing in it begins that does not end in it.
    is_whole: bool,
}

/// What a part of a file takes, in bytes.
pub(super) fn of(text: &[u8]) -> usize {
    weigh(text).bytes
}

/// What the objects of an object stream take, in bytes: it begins with a list of where each one begins, which may
/// lead to the same one, or into another one, again and again.
pub(super) fn of_objects(stream: &[u8], first: usize) -> usize {
    let Some((list, objects)) = stream.split_at_checked(first) else { return 0 };
    let list = std::str::from_utf8(list).unwrap_or_default();
    let starts = list.split_whitespace().skip(1).step_by(2);
    let starts: Vec<usize> = starts.filter_map(|start| start.parse().ok()).collect();
    let mut weights: BTreeMap<usize, usize> = starts.iter().map(|start| (*start, 0)).collect();
    let (mut end, mut behind) = (objects.len(), 0);
    for (start, weight) in weights.iter_mut().rev() {
        let Weighed { bytes, is_whole } = weigh(objects.get(*start..end).unwrap_or_default());
        behind += bytes;
        // What goes on behind the beginning of the next one may go on to the end.
        *weight = if is_whole { bytes } else { behind };
        end = end.min(*start);
    }
    starts.iter().fold(0, |sum: usize, start| sum.saturating_add(weights[start]))
}

fn weigh(text: &[u8]) -> Weighed {
    let (mut bytes, mut open, mut closed) = (0, 0, 0);
    let mut rest = text;
    while !rest.is_empty() {
        let (kind, length) = word(rest);
        let (word, others) = rest.split_at(length);
        bytes += match kind {
            Kind::Blank | Kind::Close => 0,
            // One may begin where another one ends.
            Kind::Number => VALUE * word.iter().filter(|byte| b"+-.".contains(byte)).count().max(1),
            Kind::Text => VALUE + length,
            Kind::Letters => GROUP * length.div_ceil(OPERATOR_LETTERS),
            Kind::Open => GROUP,
        };
        open += usize::from(kind == Kind::Open);
        closed += usize::from(kind == Kind::Close);
        rest = others;
    }
    Weighed { bytes, is_whole: open == closed }
}

/// The kind of the word that a text begins with, which is not empty, and its length.
fn word(text: &[u8]) -> (Kind, usize) {
    let run =
        |is_in: fn(u8) -> bool| text.iter().skip(1).take_while(|byte| is_in(**byte)).count() + 1;
    let is_double = text.get(1) == text.first();
    match text[0] {
        b'%' => (Kind::Blank, run(|byte| !matches!(byte, b'\r' | b'\n'))),
        // What does not end here goes on.
        b'(' => string(text).map_or((Kind::Open, text.len()), |length| (Kind::Text, length)),
        b'<' if is_double => (Kind::Open, 2),
        b'>' if is_double => (Kind::Close, 2),
        b'<' => {
            let length = run(|byte| byte != b'>');
            (if length < text.len() { Kind::Text } else { Kind::Open }, length)
        }
        b'[' => (Kind::Open, 1),
        b']' => (Kind::Close, 1),
        b'/' => (Kind::Text, run(is_of_a_name)),
        byte if is_of_a_number(byte) => (Kind::Number, run(is_of_a_number)),
        byte if is_of_an_operator(byte) => (Kind::Letters, run(is_of_an_operator)),
        _ => (Kind::Blank, 1),
    }
}

fn is_of_a_name(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !b"\0()<>[]{}/%".contains(&byte)
}

fn is_of_a_number(byte: u8) -> bool {
    byte.is_ascii_digit() || b"+-.".contains(&byte)
}

fn is_of_an_operator(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || b"*'\"".contains(&byte)
}

/// The length of a text in parentheses, which may hold others.
fn string(text: &[u8]) -> Option<usize> {
    let (mut depth, mut is_escaped) = (0_usize, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_weighs_what_it_becomes() {
        for (text, bytes, is_whole) in [
            (&b""[..], 0, true),
            (b"1 -2.5 % q q q\n", VALUE * 3, true),
            (b"+1+1+1", VALUE * 3, true),
            (b"1q1q", VALUE * 2 + GROUP * 2, true),
            (b"truetruetrue", GROUP * 3, true),
            (b"[][]", GROUP * 2, true),
            (b"<</A <00>>>", GROUP + VALUE * 2 + 5, true),
            (b"(a[\\)(b))", VALUE + 9, true),
            (b"//", (VALUE + 1) * 2, true),
            (b"[ (])", GROUP + VALUE + 3, false),
            (b"[ % ]\n", GROUP, false),
            (b"(a", GROUP, false),
            (b"<00", GROUP, false),
        ] {
            assert_eq!(weigh(text), Weighed { bytes, is_whole }, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn objects_weigh_as_often_as_they_are_named() {
        // Two lists beside each other; one that is named three times; one that begins within another.
        assert_eq!(of_objects(b"1 0 2 3 [] []", 8), GROUP * 2);
        assert_eq!(of_objects(b"1 0 2 0 3 0 []", 12), GROUP * 3);
        assert_eq!(of_objects(b"1 0 2 1 [[]]", 8), GROUP * 3);
        // What leads nowhere.
        assert_eq!(of_objects(b"1 0 2 99 []", 9), GROUP);
        assert_eq!(of_objects(b"1 0", 99), 0);
    }
}
