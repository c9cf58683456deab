//! Which rows stay.

use serde_json::Value;

use super::table::{Key, Table};
use crate::tools::material::{invalid, string};
use crate::tools::tool::ToolError;

/// Keeps the rows that meet all conditions.
pub(super) fn filter(table: &mut Table, conditions: &[Value]) -> Result<(), ToolError> {
    for condition in conditions {
        let column = table.column(string(condition, "column").unwrap_or_default())?;
        let op = string(condition, "op").unwrap_or_default();
        let wanted = match condition.get("value") {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None if matches!(op, "empty" | "not_empty") => String::new(),
            None => return Err(invalid(format!("a filter with {op} needs a `value`"))),
        };
        let test =
            test(op, &wanted).ok_or_else(|| invalid(format!("there is no comparison {op:?}")))?;
        table.rows.retain(|row| test(&row[column]));
    }
    Ok(())
}

type Test = Box<dyn Fn(&str) -> bool>;

fn test(op: &str, wanted: &str) -> Option<Test> {
    let key = Key::of(wanted);
    let lower = wanted.trim().to_lowercase();
    let order = move |cell: &str| match (Key::of(cell), &key) {
        // A number and a text have no order.
        (Key::Number(_), Key::Text(_)) | (Key::Text(_), Key::Number(_)) | (Key::Empty, _) => None,
        (found, wanted) => Some(found.compare(wanted, false)),
    };
    let is_equal = {
        let lower = lower.clone();
        let key = Key::of(wanted);
        move |cell: &str| match (Key::of(cell), &key) {
            (Key::Number(a), Key::Number(b)) => a.compare(*b).is_eq(),
            _ => cell.trim().to_lowercase() == lower,
        }
    };
    Some(match op {
        "eq" => Box::new(is_equal),
        "ne" => Box::new(move |cell| !is_equal(cell)),
        "gt" => Box::new(move |cell| order(cell).is_some_and(std::cmp::Ordering::is_gt)),
        "ge" => Box::new(move |cell| order(cell).is_some_and(std::cmp::Ordering::is_ge)),
        "lt" => Box::new(move |cell| order(cell).is_some_and(std::cmp::Ordering::is_lt)),
        "le" => Box::new(move |cell| order(cell).is_some_and(std::cmp::Ordering::is_le)),
        "contains" => Box::new(move |cell| cell.to_lowercase().contains(&lower)),
        "starts_with" => Box::new(move |cell| cell.trim().to_lowercase().starts_with(&lower)),
        "ends_with" => Box::new(move |cell| cell.trim().to_lowercase().ends_with(&lower)),
        "empty" => Box::new(|cell| cell.trim().is_empty()),
        "not_empty" => Box::new(|cell| !cell.trim().is_empty()),
        _ => return None,
    })
}
