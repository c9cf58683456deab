//! From a document to passages: each below its headings, of whole sentences, and beginning with the
//! end of the one before.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use resonant_domain::knowledge::DocumentFormat;
use resonant_domain::text::shorten;
use serde::{Deserialize, Serialize};

use crate::tools::words::{blocks, sentences, words};
use crate::tools::{csv_table, html_to_text};

/// The most passages of one document.
pub const CUTS_MAX: usize = 2_000;
/// The longest passage, in characters.
const PASSAGE_CHARS: usize = 1_000;
/// How much of the passage before a passage begins with, at most.
const OVERLAP_CHARS: usize = 200;
/// The longest heading, in characters.
const HEADING_CHARS: usize = 200;
/// The most words of a vocabulary.
const VOCABULARY_MAX: usize = 20_000;

/// A passage of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The headings above it, or the rows of a table; empty where there are none.
    pub heading: String,
    /// The passage.
    pub text: String,
}

/// Why a document cannot be cut. The text says what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CutError(pub(super) String);

/// Cuts a document into passages.
///
/// # Errors
/// [`CutError`] when it holds nothing to read, or too much.
pub fn cut(format: DocumentFormat, text: &str) -> Result<Vec<Cut>, CutError> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let mut cuts = Vec::new();
    match format {
        DocumentFormat::Text => prose(&text, Headings::None, &mut cuts)?,
        DocumentFormat::Markdown => prose(&text, Headings::Marked, &mut cuts)?,
        DocumentFormat::Html => prose(&page(&text), Headings::Marked, &mut cuts)?,
        DocumentFormat::Csv => rows(&text, &mut cuts)?,
        DocumentFormat::Pdf => {
            return Err(CutError("must be text: a PDF is read from its bytes".to_owned()));
        }
    }
    if cuts.is_empty() {
        return Err(CutError("must hold something to read".to_owned()));
    }
    Ok(cuts)
}

/// A PDF in passages.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutPdf {
    /// The passages, each below the number of its page.
    pub cuts: Vec<Cut>,
    /// How long the text is, in bytes.
    pub size: usize,
    /// The numbers of the pages of which something was not read: pictures, and what is broken.
    pub unread_pages: Vec<u32>,
}

/// Cuts the text of a PDF into passages.
///
/// # Errors
/// [`CutError`] when the file cannot be read, holds no text, or too much.
pub fn cut_pdf(bytes: &[u8]) -> Result<CutPdf, CutError> {
    let super::pdf::Pages { texts, unread } = super::pdf::pages(bytes)?;
    let mut cuts = Vec::new();
    for (number, page) in (1..).zip(&texts) {
        pack(&format!("page {number}"), page, &mut cuts)?;
    }
    if cuts.is_empty() {
        return Err(CutError("must hold something to read".to_owned()));
    }
    Ok(CutPdf { cuts, size: texts.iter().map(String::len).sum(), unread_pages: unread })
}

/// The words of a document in lower case, each once: those that are long enough to be misspelled.
#[must_use]
pub fn vocabulary(title: &str, cuts: &[Cut]) -> Vec<String> {
    let texts = cuts.iter().flat_map(|cut| [cut.heading.as_str(), cut.text.as_str()]);
    let all = std::iter::once(title).chain(texts).flat_map(words);
    let fits = all.filter(|word| (4..=40).contains(&word.chars().count()));
    let distinct: BTreeSet<String> = fits.map(str::to_lowercase).collect();
    distinct.into_iter().take(VOCABULARY_MAX).collect()
}

/// Whether lines that begin with `#` are headings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Headings {
    Marked,
    None,
}

fn page(html: &str) -> String {
    let page = html_to_text::read(html, None);
    if page.title.is_empty() || page.text.starts_with(&format!("# {}", page.title)) {
        page.text
    } else {
        format!("# {}\n\n{}", page.title, page.text)
    }
}

/// Adds passages, as long as there are not too many.
fn push(cuts: &mut Vec<Cut>, heading: &str, text: String) -> Result<(), CutError> {
    if cuts.len() == CUTS_MAX {
        let reason = format!("must be less: it makes more than {CUTS_MAX} passages");
        return Err(CutError(reason));
    }
    cuts.push(Cut { heading: heading.to_owned(), text });
    Ok(())
}

fn prose(text: &str, headings: Headings, cuts: &mut Vec<Cut>) -> Result<(), CutError> {
    // The headings above the present line, with their levels.
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut section = String::new();
    let mut is_fenced = false;
    for line in text.lines() {
        let bare = line.trim_start();
        if headings == Headings::Marked && (bare.starts_with("```") || bare.starts_with("~~~")) {
            is_fenced = !is_fenced;
        }
        let heading = if headings == Headings::Marked && !is_fenced { marked(line) } else { None };
        let Some((level, title)) = heading else {
            section.push_str(line);
            section.push('\n');
            continue;
        };
        pack(&path(&above), &section, cuts)?;
        section.clear();
        above.retain(|(other, _)| *other < level);
        above.push((level, title.to_owned()));
    }
    pack(&path(&above), &section, cuts)?;
    if cuts.is_empty() && !above.is_empty() {
        // Nothing but headings: they are what there is to find.
        let titles = text.lines().filter_map(marked).map(|(_, title)| title);
        pack("", &titles.collect::<Vec<_>>().join("\n"), cuts)?;
    }
    Ok(())
}

/// A heading's level and its title.
fn marked(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let title = line.get(level..)?;
    let is_heading = (1..=6).contains(&level) && title.starts_with([' ', '\t']);
    let title = title.trim().trim_end_matches('#').trim_end();
    (is_heading && !title.is_empty()).then_some((level, title))
}

fn path(above: &[(usize, String)]) -> String {
    let titles: Vec<_> = above.iter().map(|(_, title)| title.as_str()).collect();
    shorten(&titles.join(" › "), HEADING_CHARS)
}

/// A sentence, and what stands before it when it does not begin a passage.
struct Piece {
    text: String,
    joint: char,
}

/// Packs the sentences of a section into passages.
fn pack(heading: &str, section: &str, cuts: &mut Vec<Cut>) -> Result<(), CutError> {
    let mut held: Vec<Piece> = Vec::new();
    let mut length = 0;
    // Whether what is held is more than the end of the passage before.
    let mut has_new = false;
    for piece in pieces(section) {
        let chars = piece.text.chars().count() + 1;
        if has_new && length + chars > PASSAGE_CHARS {
            push(cuts, heading, joined(&held))?;
            keep_end(&mut held, PASSAGE_CHARS.saturating_sub(chars).min(OVERLAP_CHARS));
            length = held.iter().map(|piece| piece.text.chars().count() + 1).sum();
        }
        length += chars;
        has_new = true;
        held.push(piece);
    }
    if has_new { push(cuts, heading, joined(&held)) } else { Ok(()) }
}

/// Drops all but the last sentences, of at most `room` characters.
fn keep_end(held: &mut Vec<Piece>, room: usize) {
    let mut length = 0;
    let fits = held.iter().rev().take_while(|piece| {
        length += piece.text.chars().count() + 1;
        length <= room
    });
    let kept = fits.count();
    held.drain(..held.len() - kept);
}

fn joined(pieces: &[Piece]) -> String {
    let mut text = String::new();
    for piece in pieces {
        if !text.is_empty() {
            text.push(piece.joint);
        }
        text.push_str(&piece.text);
    }
    text
}

fn pieces(section: &str) -> impl Iterator<Item = Piece> {
    blocks(section).into_iter().flat_map(|block| {
        let of_block = sentences(block).into_iter().enumerate();
        of_block.flat_map(|(index, sentence)| {
            let joint = if index == 0 { '\n' } else { ' ' };
            let parts = short(sentence).into_iter().enumerate();
            parts
                .map(move |(part, text)| Piece { text, joint: if part == 0 { joint } else { ' ' } })
        })
    })
}

/// A sentence as it is, or one that is longer than a passage in parts.
fn short(sentence: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = sentence.trim();
    while let Some((end, _)) = rest.char_indices().nth(PASSAGE_CHARS - 1) {
        let at = rest[..end].rfind(char::is_whitespace).filter(|at| *at > end / 2).unwrap_or(end);
        parts.push(rest[..at].trim_end().to_owned());
        rest = rest[at..].trim_start();
    }
    if !rest.is_empty() {
        parts.push(rest.to_owned());
    }
    parts
}

/// The rows of a table, each as `column: value; …`.
fn rows(text: &str, cuts: &mut Vec<Cut>) -> Result<(), CutError> {
    let (columns, rows) =
        csv_table::rows(text).map_err(|error| CutError(format!("must be a table: {error}")))?;
    let mut held = String::new();
    let mut length = 0;
    let (mut first, mut last) = (1, 0);
    for (index, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, cell) in columns.iter().zip(row).filter(|(_, cell)| !cell.trim().is_empty()) {
            let joint = if line.is_empty() { "" } else { "; " };
            // Writing to a String cannot fail.
            let _ = write!(line, "{joint}{column}: {}", cell.trim());
        }
        for part in short(&line) {
            let chars = part.chars().count() + 1;
            if length > 0 && length + chars > PASSAGE_CHARS {
                push(cuts, &span(first, last), std::mem::take(&mut held))?;
                (first, length) = (index + 1, 0);
            }
            if !held.is_empty() {
                held.push('\n');
            }
            held.push_str(&part);
            length += chars;
            last = index + 1;
        }
    }
    if held.is_empty() { Ok(()) } else { push(cuts, &span(first, last), held) }
}

fn span(first: usize, last: usize) -> String {
    if first >= last { format!("row {last}") } else { format!("rows {first} to {last}") }
}
