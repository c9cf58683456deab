//! Where values stand in a text, whose characters may be written as URLs, JSON, sources and HTML escape
//! them. Each way of writing is undone, as is one within another, and the values are looked for in what
//! comes out: the whole takes linear time, whatever the text is.

use aho_corasick::AhoCorasick;

/// Writes the byte or bytes that an escape stands for which a text begins with. Answers how long the
/// escape is; 0: it begins with none.
type Undo = fn(&[u8], &mut Vec<u8>) -> usize;

/// The ways of writing, the outermost first.
const WAYS: [&[Undo]; 10] = [
    &[percent],
    &[form],
    &[percent, percent],
    &[source],
    &[source, source],
    &[source, source, source],
    &[html],
    &[html, html],
    &[source, html],
    &[html, source],
];
/// The names that HTML has for characters which are escaped.
const NAMED: [(&[u8], char); 7] = [
    (b"amp", '&'),
    (b"lt", '<'),
    (b"gt", '>'),
    (b"quot", '"'),
    (b"apos", '\''),
    (b"sol", '/'),
    (b"nbsp", '\u{a0}'),
];
/// The longest entity, in bytes.
const ENTITY_MAX: usize = 12;

/// A text as it reads when it is unescaped.
struct Reading {
    bytes: Vec<u8>,
    /// Where each byte is written in the text, and where the text ends.
    places: Vec<usize>,
}

impl Reading {
    fn of(text: &str) -> Self {
        Self { bytes: text.as_bytes().to_vec(), places: (0..=text.len()).collect() }
    }

    /// What comes out when a way of writing is undone; `None` when nothing is written in this way.
    fn undone(&self, undo: Undo) -> Option<Self> {
        let mut undone = Self { bytes: Vec::new(), places: Vec::new() };
        let mut at = 0;
        while let Some(byte) = self.bytes.get(at) {
            let taken = undo(&self.bytes[at..], &mut undone.bytes);
            if taken == 0 {
                undone.bytes.push(*byte);
            }
            undone.places.resize(undone.bytes.len(), self.places[at]);
            at += taken.max(1);
        }
        undone.places.push(self.places[self.bytes.len()]);
        (undone.bytes != self.bytes).then_some(undone)
    }

    /// Where values are written in the text: what each piece of it begins and ends with. Pieces that touch are
    /// one, so that there are no more of them than characters.
    fn pieces(&self, values: &AhoCorasick) -> Vec<(usize, usize)> {
        let mut pieces: Vec<(usize, usize)> = Vec::new();
        // They come in the order in which they end.
        for found in values.find_overlapping_iter(&self.bytes) {
            let (mut start, end) = (self.places[found.start()], self.places[found.end()]);
            while let Some((last, _)) = pieces.pop_if(|(_, ended)| *ended >= start) {
                start = start.min(last);
            }
            pieces.push((start, end));
        }
        pieces
    }
}

/// A text with another in the place of each value, none of which is empty.
pub(super) fn replaced(text: String, values: &AhoCorasick, instead: &str) -> String {
    let whole = Reading::of(&text);
    let mut places = whole.pieces(values);
    for (first, others) in WAYS.iter().filter_map(|way| way.split_first()) {
        let read = whole.undone(*first);
        let read = others.iter().fold(read, |read, undo| read.and_then(|read| read.undone(*undo)));
        if let Some(read) = read {
            places.extend(read.pieces(values));
        }
    }
    if places.is_empty() {
        return text;
    }
    places.sort_unstable();
    let mut replaced = String::new();
    let mut kept = 0;
    for (start, end) in places {
        if start >= kept {
            replaced.push_str(&text[kept..text.floor_char_boundary(start)]);
            replaced.push_str(instead);
        }
        kept = kept.max(text.ceil_char_boundary(end));
    }
    replaced.push_str(&text[kept..]);
    replaced
}

/// The number that so many hexadecimal digits tell.
fn number(text: &[u8], digits: usize) -> Option<u32> {
    let digits = text.get(..digits)?;
    digits.iter().try_fold(0_u32, |number, digit| {
        number.checked_mul(16)?.checked_add(char::from(*digit).to_digit(16)?)
    })
}

fn push(c: char, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// `%C3%9F`, as in addresses.
fn percent(text: &[u8], bytes: &mut Vec<u8>) -> usize {
    let digits = text.strip_prefix(b"%");
    let byte = digits.and_then(|digits| number(digits, 2)).and_then(|it| u8::try_from(it).ok());
    bytes.extend(byte);
    if byte.is_some() { 3 } else { 0 }
}

/// As [`percent`], with `+` for a space, as forms write it.
fn form(text: &[u8], bytes: &mut Vec<u8>) -> usize {
    if text.starts_with(b"+") {
        bytes.push(b' ');
        return 1;
    }
    percent(text, bytes)
}

/// `\n`, `\"`, `\xdf` and `\u00df`, as in JSON and in sources.
fn source(text: &[u8], bytes: &mut Vec<u8>) -> usize {
    let Some((mark, rest)) = text.strip_prefix(b"\\").and_then(<[u8]>::split_first) else {
        return 0;
    };
    let short = match mark {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        b'"' | b'\'' | b'/' | b'\\' => *mark,
        b'x' => {
            let byte = number(rest, 2).and_then(|it| u8::try_from(it).ok());
            bytes.extend(byte);
            return if byte.is_some() { 4 } else { 0 };
        }
        b'u' => return unicode(rest, bytes).map_or(0, |taken| 2 + taken),
        _ => return 0,
    };
    bytes.push(short);
    2
}

/// What follows `\u`: four digits, or twice so many for a character of two units.
fn unicode(text: &[u8], bytes: &mut Vec<u8>) -> Option<usize> {
    let first = number(text, 4)?;
    if let Some(c) = char::from_u32(first) {
        push(c, bytes);
        return Some(4);
    }
    let second = number(text[4..].strip_prefix(b"\\u")?, 4)?;
    let units = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let c = char::decode_utf16(units).next()?.ok()?;
    push(c, bytes);
    Some(10)
}

/// `&lt;`, `&#60;` and `&#x3c;`.
fn html(text: &[u8], bytes: &mut Vec<u8>) -> usize {
    let read = || {
        let entity = text.strip_prefix(b"&")?;
        let end = entity.iter().take(ENTITY_MAX).position(|byte| *byte == b';')?;
        let name = &entity[..end];
        let c = match name {
            [b'#', b'x' | b'X', digits @ ..] => char::from_u32(number(digits, digits.len())?)?,
            [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
            name => NAMED.iter().find(|(named, _)| *named == name)?.1,
        };
        Some((c, end + 2))
    };
    let Some((c, taken)) = read() else { return 0 };
    push(c, bytes);
    taken
}
