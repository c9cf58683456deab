//! The text of a PDF, page by page. What a file may cost is bounded: in bytes that a stream becomes, in
//! pages, and in time, which is looked at between pages.

use std::time::{Duration, Instant};

use lopdf::content::Content;
use lopdf::{Document, LoadOptions, Object, ObjectId};
use resonant_domain::knowledge::DOCUMENT_MAX_BYTES;

use super::cut::CutError;

/// The most pages.
const PAGES_MAX: usize = 500;
/// The most that one stream of the file may become, in bytes.
const STREAM_MAX_BYTES: usize = 4 * 1024 * 1024;
/// How long the reading of all pages may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

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
    let options = LoadOptions::with_max_decompressed_size(STREAM_MAX_BYTES);
    let Ok(document) = Document::load_mem_with_options(bytes, options) else {
        return refused("must be a PDF that is whole and not locked by a password".to_owned());
    };
    let numbers = document.get_pages();
    if numbers.len() > PAGES_MAX {
        return refused(format!("must have at most {PAGES_MAX} pages"));
    }
    let mut texts = Vec::with_capacity(numbers.len());
    let mut unread = Vec::new();
    let mut size = 0;
    for (number, page) in numbers {
        if Instant::now() > until {
            let seconds = PATIENCE.as_secs();
            return refused(format!("must be simpler: its text was not read within {seconds} s"));
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
