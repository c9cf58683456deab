//! The text of a PDF, page by page. What a file may cost is bounded: in bytes that a stream becomes, in
//! pages, and in time, which is looked at between pages.

use std::time::{Duration, Instant};

use lopdf::{Document, LoadOptions};
use resonant_domain::knowledge::DOCUMENT_MAX_BYTES;

use super::cut::CutError;

/// The most pages.
const PAGES_MAX: usize = 500;
/// The most that one stream of the file may become, in bytes.
const STREAM_MAX_BYTES: usize = 4 * 1024 * 1024;
/// How long the reading of all pages may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The text of each page, empty where it has none.
///
/// # Errors
/// [`CutError`] when the file is no PDF, is locked, holds no text, or costs too much.
pub(super) fn pages(bytes: &[u8]) -> Result<Vec<String>, CutError> {
    let refused = |reason: String| Err(CutError(reason));
    let until = Instant::now() + PATIENCE;
    let options = LoadOptions::with_max_decompressed_size(STREAM_MAX_BYTES);
    let Ok(document) = Document::load_mem_with_options(bytes, options) else {
        return refused("must be a PDF that is whole and not locked by a password".to_owned());
    };
    let numbers: Vec<u32> = document.get_pages().into_keys().collect();
    if numbers.len() > PAGES_MAX {
        return refused(format!("must have at most {PAGES_MAX} pages"));
    }
    let mut pages = Vec::with_capacity(numbers.len());
    let mut size = 0;
    for number in numbers {
        if Instant::now() > until {
            let seconds = PATIENCE.as_secs();
            return refused(format!("must be simpler: its text was not read within {seconds} s"));
        }
        // A page that cannot be read is passed over, as one that is a picture.
        let text = document.extract_text_with_limit(&[number], STREAM_MAX_BYTES);
        let text = text.unwrap_or_default().replace('\0', "");
        size += text.len();
        if size > DOCUMENT_MAX_BYTES {
            let most = DOCUMENT_MAX_BYTES / 1024;
            return refused(format!("must hold at most {most} KiB of text"));
        }
        pages.push(text);
    }
    if pages.iter().all(|page| page.trim().is_empty()) {
        return refused("must hold text: its pages are pictures, or cannot be read".to_owned());
    }
    Ok(pages)
}
