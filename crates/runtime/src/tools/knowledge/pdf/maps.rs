//! The maps that the fonts of a PDF bring, from codes to letters (`ToUnicode`). Whoever reads the text writes
//! each range of codes out, so that a line of such a map may stand for thousands of millions.

use std::collections::BTreeSet;

use lopdf::{Dictionary, Document, Object, ObjectId};

/// The most codes that the ranges of one map may name: twice as many as there are codes of two bytes.
const CODES_MAX: u64 = 128 * 1024;
/// The longest text that a code may stand for, in hexadecimal digits: 20 letters.
const DIGITS_MAX: usize = 80;

/// Whether no map names more codes than a font has letters. What becomes longer than so many bytes is not read
/// for letters at all.
pub(super) fn are_modest(document: &Document, most_bytes: usize) -> bool {
    let mut maps = BTreeSet::new();
    for object in document.objects.values() {
        add_maps(object, &mut maps);
    }
    maps.into_iter().all(|map| {
        let stream = document.get_object(map).and_then(Object::as_stream);
        let map = stream.and_then(|stream| stream.get_plain_content_with_limit(most_bytes));
        // What cannot be read now is not read later.
        map.is_err() || map.is_ok_and(|map| is_modest(&map))
    })
}

/// Adds the maps that an object refers to. The reader has bounded how deep objects lie in each other.
fn add_maps(object: &Object, maps: &mut BTreeSet<ObjectId>) {
    match object {
        Object::Array(items) => items.iter().for_each(|item| add_maps(item, maps)),
        Object::Dictionary(fields) => add_maps_of(fields, maps),
        Object::Stream(stream) => add_maps_of(&stream.dict, maps),
        _ => {}
    }
}

fn add_maps_of(fields: &Dictionary, maps: &mut BTreeSet<ObjectId>) {
    for (name, value) in fields {
        match value {
            Object::Reference(map) if name.as_slice() == b"ToUnicode" => {
                maps.insert(*map);
            }
            value => add_maps(value, maps),
        }
    }
}

/// Looks through the words of a map.
fn is_modest(map: &[u8]) -> bool {
    let mut codes = 0_u64;
    // Which part of a range comes next: its first code, its last one, what they stand for.
    let (mut part, mut start) = (0, 0_u64);
    let (mut is_in_ranges, mut is_in_list) = (false, false);
    let mut rest = map;
    while let Some(first) = rest.first().copied() {
        let until = |ends: &[u8]| rest.iter().position(|byte| ends.contains(byte));
        let mut length = 1;
        match first {
            b'%' => length = until(b"\r\n").unwrap_or(rest.len()),
            b'(' => length = until(b")").unwrap_or(rest.len()),
            b'<' if rest.starts_with(b"<<") => length = 2,
            b'<' => {
                length = until(b">").unwrap_or(rest.len());
                let digits = rest[1..length].iter().filter(|byte| !byte.is_ascii_whitespace());
                let digits: Vec<u8> = digits.copied().collect();
                if digits.len() > DIGITS_MAX {
                    return false;
                }
                if is_in_ranges && !is_in_list {
                    match part {
                        0 => start = number(&digits),
                        1 => {
                            let more = number(&digits).saturating_sub(start);
                            codes = codes.saturating_add(more).saturating_add(1);
                        }
                        _ => {}
                    }
                    part = (part + 1) % 3;
                }
            }
            b'[' => is_in_list = true,
            b']' => (is_in_list, part) = (false, 0),
            letter if letter.is_ascii_alphabetic() => {
                length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
                match &rest[..length] {
                    b"beginbfrange" => (is_in_ranges, is_in_list, part) = (true, false, 0),
                    b"endbfrange" => is_in_ranges = false,
                    _ => {}
                }
            }
            _ => {}
        }
        if codes > CODES_MAX {
            return false;
        }
        rest = &rest[length..];
    }
    true
}

/// The number that so many digits tell; 0 where they tell none.
fn number(digits: &[u8]) -> u64 {
    let digits = std::str::from_utf8(digits).unwrap_or_default();
    u64::from_str_radix(digits, 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_names_no_more_than_a_font_has_letters() {
        let usual = "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) >> def\n1 begincodespacerange\n\
                     <00000000> <FFFFFFFF>\nendcodespacerange\n2 beginbfchar\n<01> <0066006C>\n<02> <0041>\n\
                     endbfchar\n2 beginbfrange\n<0000> <FFFF> <0000>\n<0001> <0002> [<0041> <0042>]\nendbfrange\n";
        assert!(is_modest(usual.as_bytes()));
        let range = |lines: &str| format!("1 beginbfrange\n{lines}\nendbfrange\n");
        for map in [
            range("<00000000> <FFFFFFFF> <0041>"),
            range("<00000000><FFFFFFFF>[<0041> <0042>]"),
            range("%endbfrange\r<000000> <0FFFFF> <0041>"),
            range("<0001> <0002> [<0041>]\n<000000> <0FFFFF> <0041>"),
            range("<0001> <0002> <0041>\n<000000> <0FFFFF> <0041>"),
            range(&"<0000> <FFFF> <0041>\n".repeat(3)),
            format!("1 beginbfchar\n<01> <{}>\nendbfchar\n", "0041".repeat(21)),
        ] {
            assert!(!is_modest(map.as_bytes()), "{map}");
        }
        // What is no map ends as well.
        for map in ["", "<", "<0", "(", "%", "[", "]", "<<", "\u{e9}", "1 beginbfrange <00"] {
            assert!(is_modest(map.as_bytes()), "{map}");
        }
    }
}
