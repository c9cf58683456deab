//! The tools that every installation has. Their code lives in the runtime; their names and what
//! people read about them live here, because a form that offers them needs both.

use serde::Serialize;

use crate::fields::Choosable;

/// What people read about a built-in tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BuiltInTool {
    /// The name that agents and models use.
    pub name: &'static str,
    /// What a person calls it.
    pub title: &'static str,
    /// One sentence on what it does.
    pub summary: &'static str,
    /// Whether it reaches hosts outside this installation.
    pub reaches_out: bool,
}

impl Choosable for BuiltInTool {
    const FIELDS: &'static [&'static str] = &["name", "title", "summary", "reaches_out"];
}

/// The tool by which an agent asks the person whom it works for.
pub const ASK_USER: &str = "ask_user";
/// The tool by which an agent looks things up in its documents.
pub const KNOWLEDGE: &str = "knowledge";
/// The tool by which an agent keeps a fact.
pub const REMEMBER: &str = "remember";
/// The tool by which an agent finds the facts that it keeps.
pub const RECALL: &str = "recall";

/// The tool by which an agent reads on in a result that is too long to be shown whole. Nobody grants it: it
/// is there where a session holds such a result.
pub const READ_RESULT: &str = "read_result";

/// What people read about [`READ_RESULT`].
static READER: BuiltInTool = BuiltInTool {
    name: READ_RESULT,
    title: "Read on",
    summary: "Reads further parts of a long result",
    reaches_out: false,
};

/// Every built-in tool, in the order in which forms show them.
pub const BUILT_IN_TOOLS: [BuiltInTool; 13] = [
    BuiltInTool {
        name: "calculator",
        title: "Calculator",
        summary: "Works out arithmetic, percentages and unit conversions exactly",
        reaches_out: false,
    },
    BuiltInTool {
        name: "datetime",
        title: "Dates and times",
        summary: "Knows today, adds and compares dates, converts time zones",
        reaches_out: false,
    },
    BuiltInTool {
        name: "http_fetch",
        title: "Fetch a page",
        summary: "Reads a public web address, never an internal one",
        reaches_out: true,
    },
    BuiltInTool {
        name: "html_to_text",
        title: "HTML to text",
        summary: "Turns a web page into plain readable text",
        reaches_out: false,
    },
    BuiltInTool {
        name: "summarise",
        title: "Summarise",
        summary: "Picks the sentences that carry a text, in their own words",
        reaches_out: false,
    },
    BuiltInTool {
        name: "extract",
        title: "Extract and count",
        summary: "Finds e-mail addresses, links, dates, amounts and key words; counts and compares text",
        reaches_out: false,
    },
    BuiltInTool {
        name: "json_query",
        title: "Query JSON",
        summary: "Reads values out of JSON by path, and converts JSON to CSV",
        reaches_out: false,
    },
    BuiltInTool {
        name: "csv_table",
        title: "Work with tables",
        summary: "Reads CSV: columns, filters, sorting, sums and averages; converts to JSON",
        reaches_out: false,
    },
    BuiltInTool {
        name: "code",
        title: "Run a program",
        summary: "Runs short programs in a closed room: no network, no files, bounded time and memory",
        reaches_out: false,
    },
    BuiltInTool {
        name: ASK_USER,
        title: "Ask you",
        summary: "Pauses with a question or a form, and goes on with your answer",
        reaches_out: false,
    },
    BuiltInTool {
        name: KNOWLEDGE,
        title: "Knowledge",
        summary: "Looks things up in the documents that you gave the agent, and cites them",
        reaches_out: false,
    },
    BuiltInTool {
        name: REMEMBER,
        title: "Remember",
        summary: "Keeps facts for its next sessions; you can read and delete them",
        reaches_out: false,
    },
    BuiltInTool {
        name: RECALL,
        title: "Recall",
        summary: "Finds the facts that it kept in earlier sessions",
        reaches_out: false,
    },
];

/// Finds a built-in tool by its name.
#[must_use]
pub fn built_in(name: &str) -> Option<&'static BuiltInTool> {
    BUILT_IN_TOOLS.iter().find(|tool| tool.name == name)
}

/// The same, also where it is one that nobody grants: no other tool has its name.
#[must_use]
pub fn of_ours(name: &str) -> Option<&'static BuiltInTool> {
    built_in(name).or_else(|| (name == READ_RESULT).then_some(&READER))
}
