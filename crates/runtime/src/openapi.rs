//! From an OpenAPI document (3.0 or 3.1) to tools: one custom HTTP tool for each operation.

mod operation;
mod reading;
mod references;
mod schema;

use std::collections::BTreeSet;

use resonant_domain::agent::ToolGrant;
use resonant_domain::grant;
use resonant_domain::http_tool::HttpMethod;
use resonant_domain::openapi::{OpenApiTools, SkippedOperation};
use serde_json::{Map, Value};
use url::Url;

use crate::tools::check_grants;
use operation::{Place, written};
use references::References;

/// The most operations that are read from one document.
const OPERATIONS_MAX: usize = 500;

/// Why a document gives no tools, as a sentence part for the field that holds it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenApiError(String);

/// Reads the tools that a document describes. `base` is the address that it was read from, for
/// servers that it names relatively. `wanted` names operations by `operationId` or as `GET /path`;
/// empty: all.
///
/// # Errors
/// [`OpenApiError`] when the text is no such document.
pub fn read(
    text: &str,
    base: Option<&Url>,
    wanted: &[String],
) -> Result<OpenApiTools, OpenApiError> {
    let document = reading::parse(text).map_err(OpenApiError)?;
    let version = document["openapi"].as_str().unwrap_or_default();
    if !version.starts_with("3.") {
        return Err(OpenApiError("must be an OpenAPI document of version 3".to_owned()));
    }
    let paths = document["paths"]
        .as_object()
        .ok_or_else(|| OpenApiError("must have an object in \"paths\"".to_owned()))?;
    let references = References::new(&document);
    let title = document["info"]["title"].as_str().unwrap_or("untitled").trim();
    let mut found = OpenApiTools {
        title: title.chars().take(100).collect(),
        tools: Vec::new(),
        secrets: Vec::new(),
        skipped: Vec::new(),
    };
    let mut names = BTreeSet::new();
    let mut secrets = BTreeSet::new();
    let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    for (path, item) in paths {
        let item = references.follow(item).unwrap_or(item);
        for (method, operation) in methods(item) {
            let label = format!("{} {path}", method.as_str());
            let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
            if !wanted.is_empty() && !wanted.contains(label.as_str()) && !wanted.contains(id) {
                continue;
            }
            if found.tools.len() + found.skipped.len() == OPERATIONS_MAX {
                return Err(OpenApiError(format!(
                    "must have at most {OPERATIONS_MAX} operations, or `operations` names some"
                )));
            }
            let place = Place { document: &document, references: &references, base, item, path };
            let tool = written(&place, method, operation).and_then(|settings| {
                let name = unique(&mut names, id, method, path);
                checked(ToolGrant {
                    name,
                    settings: grant::ToolSettings::Http(settings),
                    ..ToolGrant::default()
                })
            });
            match tool {
                Ok(tool) => {
                    secrets.extend(tool.secrets().into_iter().map(str::to_owned));
                    found.tools.push(tool);
                }
                Err(reason) => {
                    found.skipped.push(SkippedOperation { operation: label, reason });
                }
            }
        }
    }
    found.secrets = secrets.into_iter().collect();
    Ok(found)
}

fn methods(item: &Value) -> impl Iterator<Item = (HttpMethod, &Map<String, Value>)> {
    HttpMethod::ALL.into_iter().filter_map(move |method| {
        let operation = item.get(method.as_str().to_ascii_lowercase())?.as_object()?;
        Some((method, operation))
    })
}

/// A name that models take and that no other tool of the document has.
fn unique(names: &mut BTreeSet<String>, id: &str, method: HttpMethod, path: &str) -> String {
    let text = if id.is_empty() { format!("{}_{path}", method.as_str()) } else { id.to_owned() };
    let mut name = String::new();
    for c in text.chars() {
        let c = if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        if c != '_' || !(name.is_empty() || name.ends_with('_')) {
            name.push(c);
        }
    }
    let mut name = name.trim_matches(['_', '-']).to_owned();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.insert_str(0, "call_");
    }
    name.truncate(56);
    if resonant_domain::tool::of_ours(&name).is_some() {
        name.push_str("_call");
    }
    let mut free = name.clone();
    let mut number = 2;
    while !names.insert(free.clone()) {
        free = format!("{name}_{number}");
        number += 1;
    }
    free
}

/// The grant, when it keeps every rule that a grant written by hand must keep.
fn checked(grant: ToolGrant) -> Result<ToolGrant, String> {
    let grants = std::slice::from_ref(&grant);
    let mut faults = Vec::new();
    grant::check_all(&mut faults, grants);
    if faults.is_empty() {
        faults = check_grants(grants);
    }
    match faults.first() {
        None => Ok(grant),
        Some(fault) => {
            let field = fault.field.trim_start_matches("tools[0].settings.");
            Err(format!("{field} {}", fault.reason))
        }
    }
}

#[cfg(test)]
mod tests;
