//! The text of a PDF, page by page. What a file may cost is bounded: in bytes that a stream becomes, in
//! memory, in pages, and in time, which is looked at between pages. What is made to break these bounds can: a
//! process of its own ([`apart`](super::apart)) has others, which hold.

mod locked;
mod maps;
mod weight;

use std::cell::Cell;
use std::time::{Duration, Instant};

use lopdf::content::Content;
use lopdf::{Document, FilterFunc, LoadOptions, Object, ObjectId, Stream};
use resonant_domain::knowledge::DOCUMENT_MAX_BYTES;

use super::cut::CutError;

/// The most pages.
const PAGES_MAX: usize = 500;
/// The most that one stream of the file may become, in bytes.
const STREAM_MAX_BYTES: usize = 4 * 1024 * 1024;
/// The most memory that the objects of the file may take, or what stands on one page, in bytes.
const MEMORY_MAX: usize = 512 * 1024 * 1024;
/// How long the reading of all pages may take.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How a stream tells its length, and where that stands until the stream is filled in. The reader fills in none
/// whose length it does not find.
const LENGTH: &[u8] = b"Length";
const LATE: &[u8] = b"_ength";

thread_local! {
    /// How much of it is left to the file that this thread reads.
    static MEMORY_LEFT: Cell<usize> = const { Cell::new(0) };
}

/// What the pages say.
pub(super) struct Pages {
    /// The text of each, empty where it has none.
    pub(super) texts: Vec<String>,
    /// The numbers of those that show something that was not read.
    pub(super) unread: Vec<u32>,
}

/// Reads the text of each page.
///
/// # Errors
/// [`CutError`] when the file is no PDF, is locked, holds no text, or costs too much.
pub(super) fn pages(bytes: &[u8]) -> Result<Pages, CutError> {
    let refused = |reason: String| Err(CutError(reason));
    let until = Instant::now() + PATIENCE;
    let document = load(bytes);
    if MEMORY_LEFT.get() == 0 {
        return refused("must be simpler: what it holds takes too much memory".to_owned());
    }
    let Ok(document) = document else {
        return refused("must be a PDF that is whole and not locked by a password".to_owned());
    };
    let numbers = document.get_pages();
    if numbers.len() > PAGES_MAX {
        return refused(format!("must have at most {PAGES_MAX} pages"));
    }
    if !maps::are_modest(&document, STREAM_MAX_BYTES) {
        return refused(
            "must be simpler: a font of it has more letters than can be read".to_owned(),
        );
    }
    let mut texts = Vec::with_capacity(numbers.len());
    let mut unread = Vec::new();
    let mut size = 0;
    for (number, page) in numbers {
        if Instant::now() > until {
            let seconds = PATIENCE.as_secs();
            return refused(format!("must be simpler: its text was not read within {seconds} s"));
        }
        let content = document.get_page_content_with_limit(page, STREAM_MAX_BYTES);
        if content.is_ok_and(|content| weight::of(&content) > MEMORY_MAX) {
            unread.push(number);
            texts.push(String::new());
            continue;
        }
        let parts = document.extract_text_chunks_with_limit(&[number], STREAM_MAX_BYTES);
        let is_broken = parts.iter().any(Result::is_err);
        let text = parts.into_iter().flatten().collect::<String>().replace('\0', "");
        // What cannot be read of a page is passed over, as one that is a picture: both are told.
        if is_broken || (text.trim().is_empty() && shows_something(&document, page)) {
            unread.push(number);
        }
        size += text.len();
        if size > DOCUMENT_MAX_BYTES {
            let most = DOCUMENT_MAX_BYTES / 1024;
            return refused(format!("must hold at most {most} KiB of text"));
        }
        texts.push(text);
    }
    if texts.iter().all(|page| page.trim().is_empty()) {
        return refused("must hold text: its pages are pictures, or cannot be read".to_owned());
    }
    Ok(Pages { texts, unread })
}

/// Loads a file, as much of it as there is memory for.
fn load(bytes: &[u8]) -> lopdf::Result<Document> {
    let load_within = |bytes: &[u8], filter: FilterFunc| {
        MEMORY_LEFT.set(MEMORY_MAX);
        let options = LoadOptions {
            filter: Some(filter),
            ..LoadOptions::with_max_decompressed_size(STREAM_MAX_BYTES)
        };
        let mut document = Document::load_mem_with_options(bytes, options)?;
        fill_late(&mut document, bytes);
        Ok(document)
    };
    if let Some(hidden) = locked::hidden(bytes) {
        let mut document = load_within(&hidden, locked::sealed_within_memory)?;
        if locked::is_locked(&document) {
            locked::open(&mut document)?;
            return Ok(document);
        }
        // It only speaks of locks.
    }
    load_within(bytes, within_memory)
}

/// Lets an object in, as long as there is memory for it and for what is packed into it. Parts of a file may be
/// part of many objects.
fn within_memory(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
    if let Object::Stream(stream) = object {
        let is_packed = stream.dict.has_type(b"ObjStm");
        let packed = if is_packed { weight_of_packed(stream) } else { 0 };
        if !take_memory(stream.content.len().saturating_add(packed)) {
            return None;
        }
        // How long it is was not known where it begins: what it is filled with counts once that is known.
        if stream.start_position.is_some()
            && let Some(length) = stream.dict.remove(LENGTH)
        {
            stream.dict.set(LATE, length);
        }
    }
    Some((id, object.clone()))
}

/// Fills in the streams whose length was not known where they begin, if there is memory for all of them.
fn fill_late(document: &mut Document, bytes: &[u8]) {
    // Places are counted from where the file says what it is.
    let first = bytes.windows(5).position(|word| word == b"%PDF-").unwrap_or_default();
    let bytes = &bytes[first..];
    let place_of = |object: &Object| {
        let Object::Stream(stream) = object else { return None };
        let start = stream.start_position?;
        let (_, length) = document.dereference(stream.dict.get(LATE).ok()?).ok()?;
        let length = usize::try_from(length.as_i64().ok()?).ok()?;
        bytes.get(start..start.checked_add(length)?)
    };
    let late: Vec<(ObjectId, &[u8])> =
        document.objects.iter().filter_map(|(id, object)| Some((*id, place_of(object)?))).collect();
    if !late.iter().all(|(_, content)| take_memory(content.len())) {
        return;
    }
    for (id, content) in late {
        if let Some(Object::Stream(stream)) = document.objects.get_mut(&id) {
            stream.dict.remove(LATE);
            stream.set_content(content.to_vec());
        }
    }
}

/// Takes so much of the memory that is left. `false`: nothing is left of it.
fn take_memory(bytes: usize) -> bool {
    let left = MEMORY_LEFT.get().saturating_sub(bytes);
    MEMORY_LEFT.set(left);
    left > 0
}

/// What an object stream takes once it is opened, and the objects in it.
fn weight_of_packed(stream: &Stream) -> usize {
    let first = stream.dict.get(b"First").and_then(Object::as_i64).unwrap_or_default();
    let objects = stream.get_plain_content_with_limit(STREAM_MAX_BYTES).unwrap_or_default();
    let weight = weight::of_objects(&objects, usize::try_from(first).unwrap_or_default());
    weight.saturating_add(objects.len())
}

/// Whether a page without text shows anything: a picture, or words in a font that does not tell its letters.
fn shows_something(document: &Document, page: ObjectId) -> bool {
    let bytes = document.get_page_content_with_limit(page, STREAM_MAX_BYTES);
    let Ok(content) = bytes.and_then(|bytes| Content::decode_strict(&bytes)) else { return true };
    content.operations.iter().any(|operation| match operation.operator.as_str() {
        "Do" | "BI" => true,
        "Tj" | "TJ" | "'" | "\"" => operation.operands.iter().any(|operand| match operand {
            Object::Array(parts) => parts.iter().any(is_said),
            operand => is_said(operand),
        }),
        _ => false,
    })
}

fn is_said(operand: &Object) -> bool {
    operand.as_str().is_ok_and(|bytes| bytes.iter().any(|byte| !matches!(byte, 0 | b' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_part_of_many_objects_counts_with_each() {
        MEMORY_LEFT.set(1_000);
        let mut object = Object::Stream(Stream::new(lopdf::Dictionary::new(), vec![0; 600]));
        assert!(within_memory((1, 0), &mut object).is_some());
        assert!(within_memory((2, 0), &mut object).is_none());
        assert!(within_memory((3, 0), &mut Object::Null).is_some(), "it takes nothing");
    }
}
