//! Reads tables and answers questions about them.
//!
//! One call is one pipeline: filter, then group, then sort, then choose columns, then limit, then write.

mod condition;
mod group;
mod table;
mod write;

use serde_json::{Value, json};

use super::material::{self, capped, count, flag, invalid, string};
use super::schema;
use super::tool::{Tool, ToolContext, ToolError, ToolFuture};
use table::Table;

/// Works with tables.
#[derive(Debug, Clone, Copy)]
pub struct CsvTable;

const OPERATORS: [&str; 11] = [
    "eq",
    "ne",
    "gt",
    "ge",
    "lt",
    "le",
    "contains",
    "starts_with",
    "ends_with",
    "empty",
    "not_empty",
];
const FUNCTIONS: [&str; 5] = ["sum", "avg", "min", "max", "count"];

impl Tool for CsvTable {
    fn name(&self) -> &'static str {
        "csv_table"
    }

    fn description(&self) -> &'static str {
        "Works on a table given as CSV (also with ; tabs or | between the cells, Markdown tables, or a JSON array of objects). \
         One call filters, then groups, then sorts, then chooses columns, then limits. `filters`: all must hold, such as \
         {\"column\":\"price\",\"op\":\"gt\",\"value\":10}. `aggregates`: such as {\"function\":\"sum\",\"column\":\"amount\"}, with \
         `group_by` for each group, without it over the whole table; the result's column is named sum(amount), or count. `sort_by`, `descending`, \
         `columns`, `limit`. `output`: table (Markdown), csv, json, or describe (each column's type, range and empty cells). \
         A column is named as in the header (case does not matter) or by its number from 1. Numbers may have thousands \
         separators and currency signs; sums are exact."
    }

    fn parameters(&self) -> Value {
        let column = |description: &str| json!({ "type": "string", "minLength": 1, "maxLength": 200, "description": description });
        let properties = json!({
            "delimiter": { "type": "string", "enum": [",", ";", "\t", "|"], "description": "What stands between the cells; found out when absent." },
            "header": { "type": "boolean", "description": "Whether the first row names the columns. Yes when absent." },
            "filters": {
                "type": "array", "maxItems": 20, "description": "Rows must meet all of these.",
                "items": schema::object(
                    &json!({
                        "column": column("The column."),
                        "op": { "type": "string", "enum": OPERATORS, "description": "The comparison." },
                        "value": { "type": ["string", "number", "boolean"], "description": "What to compare with." },
                    }),
                    &["column", "op"],
                ),
            },
            "group_by": { "type": "array", "maxItems": 10, "items": column("A column."), "description": "The columns whose equal values make a group." },
            "aggregates": {
                "type": "array", "maxItems": 20, "description": "What to work out for each group, or for the whole table.",
                "items": schema::object(
                    &json!({
                        "function": { "type": "string", "enum": FUNCTIONS, "description": "What to work out." },
                        "column": column("Of which column; not needed for count."),
                    }),
                    &["function"],
                ),
            },
            "sort_by": column("The column to sort by."),
            "descending": { "type": "boolean", "description": "Whether the largest comes first. No when absent." },
            "columns": { "type": "array", "maxItems": 100, "items": column("A column."), "description": "The columns to give, in this order; all when absent." },
            "limit": { "type": "integer", "minimum": 1, "maximum": 1000, "description": "The most rows to give; 100 when absent." },
            "output": { "type": "string", "enum": ["table", "csv", "json", "describe"], "description": "How to write the result; table when absent." },
        });
        schema::object(&schema::with_text(properties, "the table"), &[])
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move { run(arguments, context) })
    }
}

fn run(arguments: &Value, context: &ToolContext) -> Result<String, ToolError> {
    let text = material::text(arguments, context)?;
    let has_header = arguments.get("header").and_then(Value::as_bool).unwrap_or(true);
    let delimiter = string(arguments, "delimiter").and_then(|text| text.bytes().next());
    let mut table = Table::read(&text, delimiter, has_header)?;
    let list = |name: &str| {
        arguments.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    };
    condition::filter(&mut table, list("filters"))?;
    let groups = names(list("group_by"));
    if !groups.is_empty() || !list("aggregates").is_empty() {
        table = group::group(&table, &groups, list("aggregates"))?;
    }
    if let Some(column) = string(arguments, "sort_by") {
        let column = table.column(column)?;
        table.sort(column, flag(arguments, "descending"));
    }
    let chosen = names(list("columns"));
    if !chosen.is_empty() {
        table = table.choose(&chosen)?;
    }
    if string(arguments, "output") == Some("describe") {
        return Ok(capped(write::describe(&table)));
    }
    let total = table.rows.len();
    table.rows.truncate(count(arguments, "limit", 100).clamp(1, 1000));
    Ok(capped(match string(arguments, "output").unwrap_or("table") {
        "csv" => write::csv(&table)?,
        "json" => write::json(&table),
        "table" => write::markdown(&table, total),
        other => return Err(invalid(format!("there is no output {other:?}"))),
    }))
}

/// The names of a table's columns, and its rows.
pub(super) type Rows = (Vec<String>, Vec<Vec<String>>);

/// Reads a table as it is.
pub(super) fn rows(text: &str) -> Result<Rows, ToolError> {
    let table = Table::read(text, None, true)?;
    Ok((table.columns, table.rows))
}

fn names(list: &[Value]) -> Vec<&str> {
    list.iter().filter_map(Value::as_str).collect()
}

#[cfg(test)]
#[rustfmt::skip] // The tables of facts are laid out by hand.
mod tests;
