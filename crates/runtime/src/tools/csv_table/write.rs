//! A table as text.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::table::{Key, Table};
use crate::tools::tool::ToolError;

/// A Markdown table, with a note when rows are left out.
pub(super) fn markdown(table: &Table, total: usize) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells
            .iter()
            .map(|cell| cell.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|"))
            .collect();
        format!("| {} |", cells.join(" | "))
    };
    let mut lines =
        vec![line(&table.columns), format!("|{}", " --- |".repeat(table.columns.len()))];
    lines.extend(table.rows.iter().map(|row| line(row)));
    if table.rows.is_empty() {
        lines.push("\n(no rows)".to_owned());
    } else if total > table.rows.len() {
        lines.push(format!("\n({} of {total} rows)", table.rows.len()));
    }
    lines.join("\n")
}

/// CSV with a header.
pub(super) fn csv(table: &Table) -> Result<String, ToolError> {
    let failed = |error: &dyn std::error::Error| ToolError::Failed(error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in std::iter::once(&table.columns).chain(&table.rows) {
        writer.write_record(row).map_err(|error| failed(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

/// A JSON array of objects; cells that are plainly numbers become numbers.
pub(super) fn json(table: &Table) -> String {
    let object = |row: &Vec<String>| {
        let members = table.columns.iter().cloned().zip(row.iter().map(|cell| value(cell)));
        Value::Object(members.collect::<Map<_, _>>())
    };
    Value::from(table.rows.iter().map(object).collect::<Vec<_>>()).to_string()
}

/// Only a number that JSON writes the same way: 007 and +5 stay texts.
fn value(cell: &str) -> Value {
    if cell.is_empty() {
        return Value::Null;
    }
    match serde_json::from_str::<Value>(cell) {
        Ok(Value::Number(number)) if cell.len() <= 15 => Value::Number(number),
        Ok(value @ Value::Bool(_)) => value,
        _ => cell.into(),
    }
}

/// A row for each column: its type, how many cells are filled, how many values differ, its range.
pub(super) fn describe(table: &Table) -> String {
    let mut lines = vec![
        format!("{} rows, {} columns", table.rows.len(), table.columns.len()),
        String::new(),
        "| column | type | filled | distinct | smallest | largest |".to_owned(),
        "| --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    for (at, name) in table.columns.iter().enumerate() {
        let cells: Vec<&str> = table
            .rows
            .iter()
            .map(|row| row[at].as_str())
            .filter(|cell| !cell.trim().is_empty())
            .collect();
        let keyed: Vec<(Key, &str)> = cells.iter().map(|cell| (Key::of(cell), *cell)).collect();
        let numbers = keyed.iter().filter(|(key, _)| matches!(key, Key::Number(_))).count();
        let kind = match numbers {
            _ if cells.is_empty() => "empty",
            count if count == cells.len() => "number",
            0 if cells.iter().all(|cell| cell.parse::<jiff::civil::Date>().is_ok()) => "date",
            0 => "text",
            _ => "mixed",
        };
        let distinct: HashSet<&str> = cells.iter().copied().collect();
        let extreme = |largest: bool| {
            let best = keyed.iter().reduce(|best, next| {
                if next.0.compare(&best.0, largest).is_lt() { next } else { best }
            });
            best.map(|(_, text)| resonant_domain::text::shorten(text, 40).replace('|', "\\|"))
                .unwrap_or_default()
        };
        lines.push(format!(
            "| {} | {kind} | {} | {} | {} | {} |",
            name.replace('|', "\\|"),
            cells.len(),
            distinct.len(),
            extreme(false),
            extreme(true)
        ));
    }
    lines.join("\n")
}
