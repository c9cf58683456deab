//! The built-in planner: rules instead of a language model, so that every installation works offline.
//!
//! It reads the goal, the context and the agent's system prompt, plans calls of the tools that the
//! agent was granted, and writes an answer out of their results. It is deterministic: the same
//! request gives the same reply, and the time comes from the request. It says what it is when a goal
//! is beyond it. Every word of an answer comes from the input, from a tool, or names what was found.
//!
//! # How a reply is made
//! 0. `round` finds what is asked now in a conversation that has answers already.
//! 1. `goal` splits the goal into clauses and the material that stands in it.
//! 2. `intents` finds what each clause asks for; [`abilities`] reads the author's `Do:` line; `own`
//!    knows the agents and tools that the agent was granted besides the built-in ones.
//! 3. `plan` turns intents into tool calls: independent ones in one turn, dependent ones (fetch,
//!    then summarise) in the turns after.
//! 4. `kept` asks the agent's documents what the grammar does not know, and its memory.
//! 5. `compose` writes the answer out of the results.
//!
//! # The `Do:` line of a system prompt
//! An agent's author can say what the agent does when the goal does not: one line of the system
//! prompt that begins with `Do:`, followed by abilities in the order in which the answer shows them,
//! separated by commas.
//!
//! ```text
//! You read meeting notes for a busy team.
//! Do: summarise, extract action items, extract dates
//! ```
//!
//! A goal that asks for something itself ("which dates are in this?") is followed instead; a goal
//! that only points at material ("here are my notes", "go", a bare URL) gets the abilities of the
//! line. Upper and lower case are the same, a leading `- ` or `* ` is allowed, words such as
//! `extract`, `find`, `list`, `the` before an ability are skipped, and unknown words are ignored: a
//! language model reads the same line as plain English. Each ability needs its tool granted.
//!
//! | word | also | gives | tool |
//! | --- | --- | --- | --- |
//! | `summarise` | summarize, summary | the sentences that carry the text | `summarise` |
//! | `key points` | highlights, main points, takeaways | the same as a list | `summarise` |
//! | `keywords` | key words, topics, tags | the words that matter most | `extract` |
//! | `action items` | actions, tasks, to-dos, next steps | lines that ask someone to do something | `extract` |
//! | `questions` | open questions | sentences that ask | `extract` |
//! | `dates` | deadlines | every date | `extract` |
//! | `amounts` | prices, money | every sum of money | `extract` |
//! | `emails` | e-mail addresses | every address | `extract` |
//! | `links` | urls | every web address | `extract` |
//! | `numbers` | figures | every number | `extract` |
//! | `count` | word count, length | characters, words, sentences, reading time | `extract` |
//! | `compare` | differences, diff | what two texts share and where they differ | `extract` |
//! | `table` | columns, statistics | columns and rows of CSV, with statistics | `csv_table` |
//! | `totals` | sums | sums of the amount columns, by the first text column | `csv_table` |
//! | `json` | to json | CSV as JSON; JSON as it is, laid out | `csv_table`, `json_query` |
//! | `csv` | to csv | JSON as CSV | `json_query` |
//! | `fetch` | read page | the pages whose addresses stand in the goal | `http_fetch` |
//! | `calculate` | arithmetic | every calculation in the goal | `calculator` |
//! | `convert` | units | every unit conversion in the goal | `calculator` |
//! | `date` | calendar, time | what the goal asks about dates and times | `datetime` |
//! | `outline` | structure | an outline assembled from the text's own headings and sentences | `summarise`, `extract` |
//! | `reply` | answer draft, response | a reply skeleton that takes up the text's questions and tasks | `extract`, `summarise` |
//! | `checklist` | check-list | tasks, dates and questions as boxes to tick | `extract` |

pub mod abilities;
mod arithmetic;
mod compose;
mod dates;
mod goal;
mod intents;
mod kept;
mod own;
mod plan;
mod reply;
mod round;
mod tables;
mod words;

use futures::stream::{self, StreamExt};

use super::{Model, ModelRequest, ReplyStream};

pub use abilities::Ability;

/// The planner's name, as events and pages show it.
pub const NAME: &str = "planner-1";

/// The built-in planner.
#[derive(Debug, Clone, Copy, Default)]
pub struct Planner;

impl Model for Planner {
    fn provider(&self) -> &'static str {
        "builtin"
    }

    fn reply(&self, mut request: ModelRequest) -> ReplyStream {
        if !request.may_call {
            request.tools.clear();
        }
        // Worked out when the stream is first asked, not when it is made.
        stream::once(async move { reply::pieces(&request) })
            .flat_map(|pieces| stream::iter(pieces.into_iter().map(Ok)))
            .boxed()
    }
}

#[cfg(test)]
mod tests;
