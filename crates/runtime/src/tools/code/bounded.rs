//! What takes the place of those functions of the interpreter's library that make a value before anyone
//! has looked at its size, that go on for ever, or that go as deep as a value is nested.

use std::fmt::Write as _;

use rhai::{
    Array, Dynamic, Engine, EvalAltResult, INT, ImmutableString, Map, NativeCallContext, OP_EQUALS,
    Position,
};

use super::{ITEMS_MAX, TEXT_MAX};

/// How deep a value may be nested that is written, compared or answered with.
pub(super) const DEPTH_MAX: usize = 64;

type Bounded<T> = Result<T, Box<EvalAltResult>>;

/// What the interpreter says of such values itself. A program cannot catch it.
fn too_large<T>(what: &str) -> Bounded<T> {
    Err(Box::new(EvalAltResult::ErrorDataTooLarge(what.to_owned(), Position::NONE)))
}

fn text_too_large<T>() -> Bounded<T> {
    too_large("Length of string")
}

fn list_too_large<T>() -> Bounded<T> {
    too_large("Size of array")
}

/// Puts the bounded functions before those of the library.
pub(super) fn register(engine: &mut Engine) {
    replacing(engine);
    splitting(engine);
    writing(engine);
    comparing(engine);
    engine
        .register_fn("pad", pad_text)
        .register_fn("pad", |list: &mut Array, length: INT, item: Dynamic| {
            pad_list(list, length, &item)
        })
        .register_fn("to_chars", to_chars)
        .register_fn("parse_json", parse_json)
        .register_fn("to_json", to_json)
        // The library's own would hold a thread for as long as the program says.
        .register_fn("sleep", |_: INT| no_sleep())
        .register_fn("sleep", |_: rhai::FLOAT| no_sleep());
}

fn no_sleep() -> Bounded<()> {
    Err("there is no function `sleep`".into())
}

fn replacing(engine: &mut Engine) {
    engine
        .register_fn("replace", replace)
        .register_fn("replace", |text: &mut ImmutableString, find: &str, with: char| {
            replace(text, find, with.encode_utf8(&mut [0; 4]))
        })
        .register_fn("replace", |text: &mut ImmutableString, find: char, with: &str| {
            replace(text, find.encode_utf8(&mut [0; 4]), with)
        })
        .register_fn("replace", |text: &mut ImmutableString, find: char, with: char| {
            replace(text, find.encode_utf8(&mut [0; 4]), with.encode_utf8(&mut [0; 4]))
        });
}

fn replace(text: &mut ImmutableString, find: &str, with: &str) -> Bounded<()> {
    if text.is_empty() {
        return Ok(());
    }
    let count = text.matches(find).count();
    let more = count.saturating_mul(with.len());
    if text.len().saturating_add(more).saturating_sub(count.saturating_mul(find.len())) > TEXT_MAX {
        return text_too_large();
    }
    *text = text.replace(find, with).into();
    Ok(())
}

fn pad_text(text: &mut ImmutableString, length: INT, padding: &str) -> Bounded<()> {
    let length = usize::try_from(length).unwrap_or(0);
    let missing = length.saturating_sub(text.chars().count());
    // Nothing, put there again and again, never fills anything.
    if missing == 0 || padding.is_empty() {
        return Ok(());
    }
    if length > TEXT_MAX {
        return text_too_large();
    }
    let more: String = padding.chars().cycle().take(missing).collect();
    *text += more;
    Ok(())
}

fn pad_list(list: &mut Array, length: INT, item: &Dynamic) -> Bounded<()> {
    let length = usize::try_from(length).unwrap_or(0);
    let missing = length.saturating_sub(list.len());
    if missing == 0 {
        return Ok(());
    }
    let Size { items, bytes } = size(item);
    if missing.saturating_mul(items.saturating_add(1)) > ITEMS_MAX {
        return list_too_large();
    }
    if missing.saturating_mul(bytes) > TEXT_MAX {
        return text_too_large();
    }
    list.resize(length, item.clone());
    Ok(())
}

fn to_chars(text: &str) -> Bounded<Array> {
    listed(text.chars().map(Into::into))
}

/// A list of no more items than a list may have.
fn listed(items: impl Iterator<Item = Dynamic>) -> Bounded<Array> {
    let list: Array = items.take(ITEMS_MAX + 1).collect();
    if list.len() > ITEMS_MAX { list_too_large() } else { Ok(list) }
}

fn parts<'a>(parts: impl Iterator<Item = &'a str>) -> Bounded<Array> {
    listed(parts.map(Into::into))
}

fn splitting(engine: &mut Engine) {
    engine
        .register_fn("split", split_at_blanks)
        .register_fn("split", split)
        .register_fn("split", |text: &str, at: char| split(text, at.encode_utf8(&mut [0; 4])))
        .register_fn("split", split_some)
        .register_fn("split", |text: &str, at: char, most: INT| {
            split_some(text, at.encode_utf8(&mut [0; 4]), most)
        })
        .register_fn("split_rev", split_reversed)
        .register_fn("split_rev", |text: &str, at: char| {
            split_reversed(text, at.encode_utf8(&mut [0; 4]))
        })
        .register_fn("split_rev", split_some_reversed)
        .register_fn("split_rev", |text: &str, at: char, most: INT| {
            split_some_reversed(text, at.encode_utf8(&mut [0; 4]), most)
        });
}

fn whole(text: &str) -> Array {
    vec![text.into()]
}

fn split_at_blanks(text: &str) -> Bounded<Array> {
    if text.is_empty() { Ok(whole(text)) } else { parts(text.split_whitespace()) }
}

fn split(text: &str, at: &str) -> Bounded<Array> {
    if text.is_empty() { Ok(whole(text)) } else { parts(text.split(at)) }
}

fn split_some(text: &str, at: &str, most: INT) -> Bounded<Array> {
    match usize::try_from(most) {
        Ok(most) if most > 1 && !text.is_empty() => parts(text.splitn(most, at)),
        _ => Ok(whole(text)),
    }
}

fn split_reversed(text: &str, at: &str) -> Bounded<Array> {
    if text.is_empty() { Ok(whole(text)) } else { parts(text.rsplit(at)) }
}

fn split_some_reversed(text: &str, at: &str, most: INT) -> Bounded<Array> {
    match usize::try_from(most) {
        Ok(most) if most > 1 && !text.is_empty() => parts(text.rsplitn(most, at)),
        _ => Ok(whole(text)),
    }
}

/// Reads JSON. The library's own would read a program as large as the text, and count its steps anew.
fn parse_json(text: &str) -> Bounded<Dynamic> {
    if values_within(text) > ITEMS_MAX {
        return list_too_large();
    }
    serde_json::from_str(text).map_err(|error| error.to_string().into())
}

/// How many values a JSON text holds at the most.
fn values_within(json: &str) -> usize {
    let (mut count, mut is_text, mut is_escaped) = (0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b',' | b'[' | b'{' if !is_text => count += 1,
            _ => {}
        }
    }
    count
}

fn to_json(map: Map) -> Bounded<String> {
    let map = Dynamic::from_map(map);
    if !is_flat(&map, DEPTH_MAX) {
        return Err("a value is nested too deeply to be written".into());
    }
    if size(&map).bytes > TEXT_MAX {
        return text_too_large();
    }
    serde_json::to_string(&map).map_err(|error| error.to_string().into())
}

/// How large a value is, all that lies within it included.
pub(super) struct Size {
    /// The items of lists and maps.
    pub(super) items: usize,
    /// The texts, and the names in maps.
    pub(super) bytes: usize,
}

/// Measures a value.
pub(super) fn size(value: &Dynamic) -> Size {
    let mut size = Size { items: 0, bytes: 0 };
    add(value, &mut size);
    size
}

fn add(value: &Dynamic, size: &mut Size) {
    if let Ok(list) = value.as_array_ref() {
        size.items += list.len();
        list.iter().for_each(|item| add(item, size));
    } else if let Ok(map) = value.as_map_ref() {
        size.items += map.len();
        for (name, item) in map.iter() {
            size.bytes += name.len();
            add(item, size);
        }
    } else if let Ok(bytes) = value.as_blob_ref() {
        size.items += bytes.len();
    } else if let Ok(text) = value.as_immutable_string_ref() {
        size.bytes += text.len();
    }
}

/// Whether a value is nested no deeper than that.
pub(super) fn is_flat(value: &Dynamic, depth: usize) -> bool {
    let next = |item: &Dynamic| depth > 0 && is_flat(item, depth - 1);
    if let Ok(list) = value.as_array_ref() {
        return list.iter().all(next);
    }
    if let Ok(map) = value.as_map_ref() {
        return map.values().all(next);
    }
    true
}

fn writing(engine: &mut Engine) {
    for name in ["print", "debug", "to_string", "to_debug"] {
        engine
            .register_fn(name, |list: Array| written(&Dynamic::from_array(list)))
            .register_fn(name, |map: Map| written(&Dynamic::from_map(map)));
    }
}

fn written(value: &Dynamic) -> Bounded<String> {
    let mut text = String::new();
    write(&mut text, value, DEPTH_MAX);
    if text.len() > TEXT_MAX { text_too_large() } else { Ok(text) }
}

/// Writes a value as a program would. What lies too deep is left out: whoever is told of a failure would
/// write the value once more, and to its end.
fn write(text: &mut String, value: &Dynamic, depth: usize) {
    if text.len() > TEXT_MAX {
        return;
    }
    if let Ok(list) = value.as_array_ref() {
        text.push('[');
        if depth == 0 {
            text.push('…');
        } else {
            for (index, item) in list.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                write(text, item, depth - 1);
            }
        }
        text.push(']');
    } else if let Ok(map) = value.as_map_ref() {
        text.push_str("#{");
        if depth == 0 {
            text.push('…');
        } else {
            for (index, (name, item)) in map.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                let _ = write!(text, "{name:?}: ");
                write(text, item, depth - 1);
            }
        }
        text.push('}');
    } else if value.is_char() {
        let _ = write!(text, "{value}");
    } else {
        let _ = write!(text, "{value:?}");
    }
}

fn comparing(engine: &mut Engine) {
    engine
        .register_fn("==", |context: NativeCallContext<'_>, one: Array, other: Array| {
            is_same_list(&context, &one, &other, DEPTH_MAX)
        })
        .register_fn("!=", |context: NativeCallContext<'_>, one: Array, other: Array| {
            is_same_list(&context, &one, &other, DEPTH_MAX).map(|is_same| !is_same)
        })
        .register_fn("==", |context: NativeCallContext<'_>, one: Map, other: Map| {
            is_same_map(&context, &one, &other, DEPTH_MAX)
        })
        .register_fn("!=", |context: NativeCallContext<'_>, one: Map, other: Map| {
            is_same_map(&context, &one, &other, DEPTH_MAX).map(|is_same| !is_same)
        });
}

fn is_same_list(
    context: &NativeCallContext<'_>,
    one: &[Dynamic],
    other: &[Dynamic],
    depth: usize,
) -> Bounded<bool> {
    if one.len() != other.len() {
        return Ok(false);
    }
    for (one, other) in one.iter().zip(other) {
        if !is_same(context, one, other, depth)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_same_map(
    context: &NativeCallContext<'_>,
    one: &Map,
    other: &Map,
    depth: usize,
) -> Bounded<bool> {
    if one.len() != other.len() {
        return Ok(false);
    }
    for (name, one) in one {
        let Some(other) = other.get(name) else { return Ok(false) };
        if !is_same(context, one, other, depth)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_same(
    context: &NativeCallContext<'_>,
    one: &Dynamic,
    other: &Dynamic,
    depth: usize,
) -> Bounded<bool> {
    let is_nested = |value: &Dynamic| value.is_array() || value.is_map();
    if depth == 0 && is_nested(one) && is_nested(other) {
        return Err("values are nested too deeply to be compared".into());
    }
    if let (Ok(one), Ok(other)) = (one.as_array_ref(), other.as_array_ref()) {
        return is_same_list(context, &one, &other, depth - 1);
    }
    if let (Ok(one), Ok(other)) = (one.as_map_ref(), other.as_map_ref()) {
        return is_same_map(context, &one, &other, depth - 1);
    }
    if one.type_id() != other.type_id() && (is_nested(one) || is_nested(other)) {
        return Ok(false);
    }
    let (mut one, mut other) = (one.clone(), other.clone());
    match context.call_native_fn_raw(OP_EQUALS, true, &mut [&mut one, &mut other]) {
        Ok(is_same) => Ok(is_same.as_bool().unwrap_or(false)),
        // What cannot be compared is not the same.
        Err(error) => match *error {
            EvalAltResult::ErrorFunctionNotFound(..) => Ok(false),
            error => Err(Box::new(error)),
        },
    }
}
