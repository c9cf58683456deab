//! Knowledge: documents that an agent looks things up in, cut into passages that an answer can cite.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;
use crate::ids::{AgentId, DocumentId};
use crate::text::check_text;
#[cfg(feature = "schema")]
use crate::text::{LINE_PATTERN, SHOWN_PATTERN};

/// The most documents of one agent.
pub const DOCUMENTS_MAX: usize = 50;
/// The longest document, in bytes.
pub const DOCUMENT_MAX_BYTES: usize = 512 * 1024;
/// The longest PDF, in bytes. Its text may be as long as any other document.
pub const PDF_MAX_BYTES: usize = 1_280 * 1024;
/// The longest text that is given: a PDF in base64.
pub const GIVEN_MAX_BYTES: usize = PDF_MAX_BYTES.div_ceil(3) * 4;
/// The most that the documents of one agent hold together, in bytes.
pub const KNOWLEDGE_MAX_BYTES: usize = 4 * 1024 * 1024;
/// The longest title, in characters.
pub const TITLE_MAX: usize = 200;
/// The longest question, in characters.
pub const QUERY_MAX: usize = 500;
/// The most passages that one search finds.
pub const PASSAGES_MAX: u32 = 20;
/// How many passages a search finds that does not say how many.
pub const PASSAGES_DEFAULT: u32 = 5;
/// How many passages a page of a document shows.
pub const PASSAGES_SHOWN: u32 = 50;

/// How a document is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DocumentFormat {
    /// Plain text.
    #[default]
    Text,
    /// Markdown.
    Markdown,
    /// A web page.
    Html,
    /// A table whose first row names the columns.
    Csv,
    /// A PDF, whose text is read; it is given in base64.
    Pdf,
}

impl DocumentFormat {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Text, Self::Markdown, Self::Html, Self::Csv, Self::Pdf];

    /// The format as it stands in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Csv => "csv",
            Self::Pdf => "pdf",
        }
    }

    /// What a person calls it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Text => "Plain text",
            Self::Markdown => "Markdown",
            Self::Html => "HTML",
            Self::Csv => "CSV",
            Self::Pdf => "PDF",
        }
    }

    /// Reads a format from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text)
    }

    /// The format that the ending of a file's name tells; plain text where it tells none.
    #[must_use]
    pub fn of_file(name: &str) -> Self {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        match ending.to_ascii_lowercase().as_str() {
            "md" | "markdown" => Self::Markdown,
            "html" | "htm" | "xhtml" => Self::Html,
            "csv" | "tsv" => Self::Csv,
            "pdf" => Self::Pdf,
            _ => Self::Text,
        }
    }
}

/// A document of an agent, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KnowledgeDocument {
    /// Its identity.
    pub id: DocumentId,
    /// Whose it is.
    pub agent_id: AgentId,
    /// What answers call it.
    pub title: String,
    /// How it was written.
    pub format: DocumentFormat,
    /// The length of its text.
    pub size_bytes: u32,
    /// Into how many passages it was cut.
    pub passages: u32,
    /// The numbers of the pages of a PDF of which something was not read, as of scanned ones. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread_pages: Vec<u32>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A document that is given to an agent: the JSON of `POST /api/v1/agents/{id}/knowledge`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewDocument {
    /// What answers call it: 1 to [`TITLE_MAX`] characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = TITLE_MAX), regex(pattern = LINE_PATTERN)))]
    pub title: String,
    /// How it is written. Absent: as the ending of the title tells, else plain text.
    #[serde(default)]
    pub format: Option<DocumentFormat>,
    /// The text itself, at most [`DOCUMENT_MAX_BYTES`] bytes. Of a PDF: the file in base64, at most
    /// [`PDF_MAX_BYTES`] bytes of it.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = GIVEN_MAX_BYTES), regex(pattern = SHOWN_PATTERN)))]
    pub text: String,
}

impl NewDocument {
    /// How it is written.
    #[must_use]
    pub fn written_as(&self) -> DocumentFormat {
        self.format.unwrap_or_else(|| DocumentFormat::of_file(self.title.trim()))
    }

    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_text(&mut faults, "title", &self.title, 1, TITLE_MAX);
        if faults.is_empty() && self.title.trim().chars().any(char::is_control) {
            faults.push(FieldFault::new("title", "must be one line"));
        }
        let is_pdf = self.written_as() == DocumentFormat::Pdf;
        if self.text.trim_start().starts_with("%PDF-") {
            let reason = "must be the PDF in base64, with the format pdf";
            faults.push(FieldFault::new("text", reason));
        } else if is_pdf && self.text.len() > GIVEN_MAX_BYTES {
            let most = PDF_MAX_BYTES / 1024;
            faults.push(FieldFault::new("text", format!("must be a PDF of at most {most} KiB")));
        } else if self.text.contains('\0') {
            faults.push(FieldFault::new("text", "must be text, not the bytes of another file"));
        } else if self.text.trim().is_empty() || (!is_pdf && self.text.len() > DOCUMENT_MAX_BYTES) {
            let most = DOCUMENT_MAX_BYTES / 1024;
            faults.push(FieldFault::new("text", format!("must be 1 byte to {most} KiB")));
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// What is looked up: the query of `GET /api/v1/agents/{id}/passages`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KnowledgeQuery {
    /// A question, or words: 1 to [`QUERY_MAX`] characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = QUERY_MAX), regex(pattern = SHOWN_PATTERN)))]
    pub query: String,
    /// How many passages, at most [`PASSAGES_MAX`]. Absent: [`PASSAGES_DEFAULT`].
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = PASSAGES_MAX)))]
    pub most: Option<u32>,
}

impl KnowledgeQuery {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_text(&mut faults, "query", &self.query, 1, QUERY_MAX);
        if self.most.is_some_and(|most| most == 0 || most > PASSAGES_MAX) {
            faults.push(FieldFault::new("most", format!("must be 1 to {PASSAGES_MAX}")));
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// A passage that a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FoundPassage {
    /// The document.
    pub document_id: DocumentId,
    /// The document's title.
    pub document: String,
    /// The headings above the passage, or the rows of a table; empty where there are none.
    pub heading: String,
    /// Its place in the document, from 1 on.
    pub position: u32,
    /// Where people read it: a path of this installation.
    pub url: String,
    /// How much of what was asked it holds, in per cent; rare words count for more.
    pub relevance: u32,
    /// The passage.
    pub text: String,
}

impl FoundPassage {
    /// How an answer names it: `Handbook › Leave, passage 3`.
    #[must_use]
    pub fn citation(&self) -> String {
        let Self { document, heading, position, .. } = self;
        if heading.is_empty() || heading == document {
            format!("{document}, passage {position}")
        } else {
            format!("{document} › {heading}, passage {position}")
        }
    }
}

/// Where people read a passage of an agent's document: a path of the installation.
#[must_use]
pub fn passage_path(agent: AgentId, document: DocumentId, position: u32) -> String {
    format!("/studio/agents/{agent}/knowledge/{document}?passage={position}#passage-{position}")
}

/// A passage as it stands in its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// Its place, from 1 on.
    pub position: u32,
    /// The headings above it, or the rows of a table; empty where there are none.
    pub heading: String,
    /// The passage.
    pub text: String,
}

/// A page of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentPage {
    /// The document.
    pub document: KnowledgeDocument,
    /// Its passages on this page, in their order; at most [`PASSAGES_SHOWN`].
    pub passages: Vec<Passage>,
}

impl DocumentPage {
    /// The first passage of the page on which a passage stands.
    #[must_use]
    pub const fn first_beside(position: u32) -> u32 {
        position.saturating_sub(1) / PASSAGES_SHOWN * PASSAGES_SHOWN + 1
    }

    /// The first passage of the next page; none where this one is the last.
    #[must_use]
    pub fn next(&self) -> Option<u32> {
        let last = self.passages.last()?.position;
        (last < self.document.passages).then_some(last + 1)
    }
}

/// A passage that an answer may cite.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CitedPassage {
    /// How an answer names it.
    pub citation: String,
    /// The document.
    pub document_id: DocumentId,
    /// Its place in the document.
    pub position: u32,
}

impl CitedPassage {
    /// The passages that an answer of the tool tells; none where it is something else.
    #[must_use]
    pub fn all_in(told: &str) -> Vec<Self> {
        #[derive(Deserialize)]
        struct Told {
            passages: Vec<CitedPassage>,
        }
        serde_json::from_str::<Told>(told).map_or_else(|_| Vec::new(), |told| told.passages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> NewDocument {
        NewDocument { title: "Handbook.md".to_owned(), format: None, text: "# Leave".to_owned() }
    }

    #[test]
    fn each_broken_rule_names_its_field() {
        type Break = fn(&mut NewDocument);
        assert_eq!(document().check(), Ok(()));
        let table: [(&str, Break); 7] = [
            ("title", |d| d.title.clear()),
            ("title", |d| d.title = "x".repeat(TITLE_MAX + 1)),
            ("title", |d| d.title = "a\nb".to_owned()),
            ("text", |d| d.text = " \n".to_owned()),
            ("text", |d| d.text = "x".repeat(DOCUMENT_MAX_BYTES + 1)),
            ("text", |d| d.text = "%PDF-1.7\n…".to_owned()),
            ("text", |d| d.text = "PK\u{3}\0".to_owned()),
        ];
        for (field, breaks) in table {
            let mut broken = document();
            breaks(&mut broken);
            let faults = broken.check().unwrap_err();
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert_eq!(faults[0].field, field);
        }
        for (most, fits) in [(None, true), (Some(0), false), (Some(20), true), (Some(21), false)] {
            let query = KnowledgeQuery { query: "leave".to_owned(), most };
            assert_eq!(query.check().is_ok(), fits, "{most:?}");
        }
    }

    #[test]
    fn a_passage_stands_on_one_page() {
        for (position, first) in [(0, 1), (1, 1), (50, 1), (51, 51), (100, 51), (101, 101)] {
            assert_eq!(DocumentPage::first_beside(position), first, "{position}");
        }
        let agent: AgentId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let document: DocumentId = "01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap();
        let path = passage_path(agent, document, 3);
        assert!(path.starts_with(&format!("/studio/agents/{agent}/knowledge/{document}")));
        assert!(path.ends_with("?passage=3#passage-3"), "{path}");
    }

    #[test]
    fn what_the_tool_tells_can_be_cited() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let told = format!(
            r#"{{"note":"Quoted","passages":[{{"citation":"Handbook, passage 2","url":"/x","document_id":"{id}","position":2,"text":"…"}}]}}"#
        );
        let cited = CitedPassage::all_in(&told);
        assert_eq!(cited.len(), 1);
        assert_eq!((cited[0].citation.as_str(), cited[0].position), ("Handbook, passage 2", 2));
        // One of before there were addresses, an error, a number.
        for other in [r#"{"passages":[{"citation":"a"}]}"#, "it cannot be searched", "7", ""] {
            assert_eq!(CitedPassage::all_in(other), []);
        }
    }

    #[test]
    fn the_ending_of_a_file_tells_its_format() {
        for (name, format) in [
            ("a.md", DocumentFormat::Markdown),
            ("a.HTML", DocumentFormat::Html),
            ("prices.csv", DocumentFormat::Csv),
            ("a.txt", DocumentFormat::Text),
            ("Report.PDF", DocumentFormat::Pdf),
            ("Handbook", DocumentFormat::Text),
        ] {
            assert_eq!(DocumentFormat::of_file(name), format, "{name}");
            assert_eq!(DocumentFormat::parse(format.as_str()), Some(format));
        }
    }
}
