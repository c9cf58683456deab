//! Groups of rows and what they come to.

use std::collections::HashMap;

use serde_json::Value;

use super::table::{Key, Table};
use crate::tools::material::{invalid, string};
use crate::tools::number::{Number, cell};
use crate::tools::tool::ToolError;

/// One row for each group, in the order in which the groups first appear. Without columns to group
/// by there is one group.
pub(super) fn group(table: &Table, by: &[&str], aggregates: &[Value]) -> Result<Table, ToolError> {
    let keys: Vec<usize> = by.iter().map(|name| table.column(name)).collect::<Result<_, _>>()?;
    let mut columns: Vec<String> = keys.iter().map(|at| table.columns[*at].clone()).collect();
    let mut wanted = Vec::new();
    for aggregate in aggregates {
        let function = string(aggregate, "function").unwrap_or_default();
        let column = string(aggregate, "column").map(|name| table.column(name)).transpose()?;
        if column.is_none() && function != "count" {
            return Err(invalid(format!("{function} needs a `column`")));
        }
        columns.push(
            column.map_or_else(
                || "count".to_owned(),
                |at| format!("{function}({})", table.columns[at]),
            ),
        );
        wanted.push((function, column));
    }
    if wanted.is_empty() {
        columns.push("count".to_owned());
        wanted.push(("count", None));
    }
    let mut order: Vec<(Vec<String>, Vec<usize>)> = Vec::new();
    let mut places: HashMap<Vec<String>, usize> = HashMap::new();
    for (index, row) in table.rows.iter().enumerate() {
        let key: Vec<String> = keys.iter().map(|at| row[*at].clone()).collect();
        let place = *places
            .entry(key.iter().map(|text| text.to_lowercase()).collect())
            .or_insert_with(|| {
                order.push((key, Vec::new()));
                order.len() - 1
            });
        order[place].1.push(index);
    }
    if order.is_empty() && keys.is_empty() {
        order.push((Vec::new(), Vec::new()));
    }
    let rows = order.into_iter().map(|(mut cells, members)| {
        for (function, column) in &wanted {
            let values: Vec<&str> = match column {
                Some(column) => members
                    .iter()
                    .map(|index| table.rows[*index][*column].as_str())
                    .filter(|text| !text.trim().is_empty())
                    .collect(),
                None => Vec::new(),
            };
            cells.push(if column.is_none() {
                members.len().to_string()
            } else {
                result(function, &values)
            });
        }
        cells
    });
    Ok(Table { rows: rows.collect(), columns })
}

/// What a function comes to over the cells that are not empty. Cells without a number count for
/// nothing in a sum and an average.
fn result(function: &str, values: &[&str]) -> String {
    let numbers: Vec<Number> = values.iter().filter_map(|text| cell(text)).collect();
    let sum = || numbers.iter().fold(Number::ZERO, |sum, number| sum.add(*number));
    let extreme = |largest: bool| {
        let keyed = values.iter().map(|text| (Key::of(text), *text));
        let best = keyed.reduce(
            |best, next| {
                if next.0.compare(&best.0, largest).is_lt() { next } else { best }
            },
        );
        best.map(
            |(key, text)| {
                if let Key::Number(number) = key { number.text() } else { text.to_owned() }
            },
        )
        .unwrap_or_default()
    };
    match function {
        "count" => values.len().to_string(),
        "sum" if numbers.is_empty() => String::new(),
        "sum" => sum().text(),
        "avg" => {
            let count = Number::whole(i64::try_from(numbers.len()).unwrap_or(i64::MAX));
            sum().divide(count).map(Number::text).unwrap_or_default()
        }
        "min" => extreme(false),
        _ => extreme(true),
    }
}
