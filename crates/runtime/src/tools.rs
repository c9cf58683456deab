//! The tools that agents call, behind one trait.

mod calculator;
mod csv_table;
mod datetime;
mod document;
mod extract;
mod html_to_text;
mod http_fetch;
mod json_query;
mod material;
mod number;
mod schema;
mod summarise;
mod tool;
mod words;

use std::sync::Arc;

use jsonschema::Validator;
use resonant_domain::agent::ToolGrant;
use serde_json::Value;

use crate::egress::Egress;

pub use calculator::Calculator;
pub use csv_table::CsvTable;
pub use datetime::DateTime;
pub use extract::Extract;
pub use html_to_text::HtmlToText;
pub use http_fetch::HttpFetch;
pub use json_query::JsonQuery;
pub use summarise::Summarise;
pub use tool::{Tool, ToolContext, ToolError, ToolFuture, ToolSchema};

/// The tools of an installation, by name.
#[derive(Clone)]
pub struct Tools(Arc<[Entry]>);

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
        Self::empty()
            .with(Arc::new(Calculator))
            .with(Arc::new(DateTime))
            .with(Arc::new(HttpFetch::new(egress)))
            .with(Arc::new(HtmlToText))
            .with(Arc::new(Summarise))
            .with(Arc::new(Extract))
            .with(Arc::new(JsonQuery))
            .with(Arc::new(CsvTable))
    }

    /// No tools.
    #[must_use]
    pub fn empty() -> Self {
        Self(Arc::new([]))
    }

    /// The same tools and one more, which takes the place of one of its name.
    #[must_use]
    pub fn with(self, tool: Arc<dyn Tool>) -> Self {
        let validator = jsonschema::draft202012::new(&tool.parameters())
            .map(Arc::new)
            .map_err(|error| error.to_string());
        let others = self.0.iter().filter(|entry| entry.tool.name() != tool.name()).cloned();
        let mut entries: Vec<_> = others.collect();
        entries.push(Entry { tool, validator });
        Self(entries.into())
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.tool.name() == name)
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
            let known: Vec<_> = self.0.iter().map(|entry| entry.tool.name()).collect();
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

#[cfg(test)]
#[rustfmt::skip] // The tables of facts are laid out by hand.
mod tests;
