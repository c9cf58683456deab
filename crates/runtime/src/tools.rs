//! The tools that agents call, behind one trait.

mod agent_tool;
mod ask_user;
mod backing;
mod calculator;
mod code;
mod csv_table;
mod datetime;
mod document;
mod extract;
mod granted;
mod html_to_text;
mod http_fetch;
mod http_tool;
mod json_query;
pub mod knowledge;
mod material;
mod mcp_tool;
mod memory;
mod number;
mod read_result;
mod schema;
mod secrets;
mod summarise;
mod tool;
mod trial;
mod words;

use std::sync::Arc;

use jsonschema::Validator;
use resonant_domain::agent::ToolGrant;
use serde_json::Value;

use crate::egress::Egress;
use crate::mcp::StdioServers;
use granted::Workshop;

pub(crate) use agent_tool::asked_session;
pub use ask_user::AskUser;
pub use backing::{Backing, BackingError, BackingFuture, Hold, NoBacking, Whose};
pub use calculator::Calculator;
pub use code::Code;
pub use csv_table::CsvTable;
pub use datetime::DateTime;
pub use extract::Extract;
pub use granted::check_grants;
pub use html_to_text::HtmlToText;
pub use http_fetch::HttpFetch;
pub use http_tool::{HttpTool, fill_headers};
pub use json_query::JsonQuery;
pub use knowledge::Knowledge;
pub use mcp_tool::McpTool;
pub use memory::{Recall, Remember};
pub use read_result::ReadResult;
pub use secrets::{BoundSecret, Secrets};
pub use summarise::Summarise;
pub(crate) use tool::call_apart;
pub use tool::{
    Answered, Asked, Asking, Question, Tool, ToolContext, ToolError, ToolFuture, ToolSchema,
};

/// The tools of an installation or of one session, by name.
#[derive(Clone)]
pub struct Tools {
    entries: Arc<[Entry]>,
    /// Without it there are only the tools that stand in `entries`.
    workshop: Option<Workshop>,
}

#[derive(Clone)]
struct Entry {
    tool: Arc<dyn Tool>,
    /// The compiled schema, or why it could not be compiled.
    validator: Result<Arc<Validator>, String>,
}

impl Tools {
    /// Every built-in tool. What reaches out does so by `egress`.
    #[must_use]
    pub fn standard(egress: Egress) -> Self {
        let workshop = Workshop {
            egress: egress.clone(),
            backing: Arc::new(NoBacking),
            stdio: StdioServers::default(),
        };
        Self { workshop: Some(workshop), ..Self::empty() }
            .with(Arc::new(Calculator))
            .with(Arc::new(DateTime))
            .with(Arc::new(HttpFetch::new(egress)))
            .with(Arc::new(HtmlToText))
            .with(Arc::new(Summarise))
            .with(Arc::new(Extract))
            .with(Arc::new(JsonQuery))
            .with(Arc::new(CsvTable))
            .with(Arc::new(Code))
            .with(Arc::new(AskUser))
            .with(Arc::new(Knowledge::of_nobody()))
            .with(Arc::new(Remember::of_nobody()))
            .with(Arc::new(Recall::of_nobody()))
            .with(Arc::new(ReadResult))
    }

    /// No tools.
    #[must_use]
    pub fn empty() -> Self {
        Self { entries: Arc::new([]), workshop: None }
    }

    /// The same tools over what this installation keeps.
    #[must_use]
    pub fn backed_by(mut self, backing: Arc<dyn Backing>) -> Self {
        if let Some(workshop) = &mut self.workshop {
            workshop.backing = backing;
        }
        self
    }

    /// The same tools, with these commands as MCP servers.
    #[must_use]
    pub fn with_stdio(mut self, stdio: StdioServers) -> Self {
        if let Some(workshop) = &mut self.workshop {
            workshop.stdio = stdio;
        }
        self
    }

    /// The same tools and one more, which takes the place of one of its name.
    #[must_use]
    pub fn with(self, tool: Arc<dyn Tool>) -> Self {
        let validator = compile(&tool.parameters());
        let others = self.entries.iter().filter(|entry| entry.tool.name() != tool.name()).cloned();
        let mut entries: Vec<_> = others.collect();
        entries.push(Entry { tool, validator });
        Self { entries: entries.into(), workshop: self.workshop }
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tool.name() == name)
    }

    /// The tool of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.entry(name).map(|entry| &entry.tool)
    }

    /// What a model is told of the tools that were granted, in the order of the grants.
    #[must_use]
    pub fn schemas(&self, grants: &[ToolGrant]) -> Vec<ToolSchema> {
        let granted = grants.iter().filter_map(|grant| self.get(&grant.name));
        granted
            .map(|tool| ToolSchema {
                name: tool.name().to_owned(),
                description: tool.description().to_owned(),
                parameters: tool.parameters(),
            })
            .collect()
    }

    /// Checks arguments against the schema of the tool.
    ///
    /// # Errors
    /// [`ToolError::Invalid`] when there is no such tool, or with every field that breaks a rule.
    pub fn check(&self, name: &str, arguments: &Value) -> Result<(), ToolError> {
        let Some(entry) = self.entry(name) else {
            let known: Vec<_> = self.entries.iter().map(|entry| entry.tool.name()).collect();
            return Err(ToolError::Invalid(format!(
                "there is no tool {name:?}; the tools are {}",
                known.join(", ")
            )));
        };
        let validator = entry.validator.as_ref().map_err(|error| {
            ToolError::Failed(format!("the schema of {name} is wrong: {error}"))
        })?;
        let faults: Vec<_> =
            validator.iter_errors(arguments).take(5).map(|e| schema::explain(&e)).collect();
        if faults.is_empty() { Ok(()) } else { Err(ToolError::Invalid(faults.join("; "))) }
    }
}

fn compile(schema: &Value) -> Result<Arc<Validator>, String> {
    jsonschema::draft202012::new(schema).map(Arc::new).map_err(|error| error.to_string())
}

#[cfg(test)]
#[rustfmt::skip] // The tables of facts are laid out by hand.
mod tests;
