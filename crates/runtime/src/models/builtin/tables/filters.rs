//! Which rows a clause asks for.

use serde_json::{Value, json};

use super::table::{Table, number};
use crate::models::builtin::words::{find_phrase, has_phrase};

/// "where status is open", "with a value above 5000".
pub(super) fn filters(clause: &str, text: &str, table: &Table) -> Vec<Value> {
    const OPS: &[(&str, &str)] = &[
        ("is at least", "ge"),
        ("at least", "ge"),
        ("is at most", "le"),
        ("at most", "le"),
        ("is greater than", "gt"),
        ("greater than", "gt"),
        ("is more than", "gt"),
        ("more than", "gt"),
        ("is above", "gt"),
        ("above", "gt"),
        ("is over", "gt"),
        ("over", "gt"),
        ("is less than", "lt"),
        ("less than", "lt"),
        ("is below", "lt"),
        ("below", "lt"),
        ("is under", "lt"),
        ("under", "lt"),
        ("is not", "ne"),
        ("isn't", "ne"),
        ("contains", "contains"),
        ("starts with", "starts_with"),
        ("ends with", "ends_with"),
        ("is empty", "empty"),
        (">=", "ge"),
        ("<=", "le"),
        (">", "gt"),
        ("<", "lt"),
        ("=", "eq"),
        ("equals", "eq"),
        ("is", "eq"),
    ];
    let mut filters = Vec::new();
    let named = table.named(text);
    for (index, (at, column)) in named.iter().enumerate() {
        let name = &table.columns[*column];
        let until = named.get(index + 1).map_or(text.len(), |next| next.0);
        let behind = text.get(*at..until).unwrap_or("");
        let hit = OPS
            .iter()
            .filter_map(|(word, op)| {
                let place = if word.starts_with(char::is_alphabetic) {
                    find_phrase(behind, word)?
                } else {
                    behind.find(word)?
                };
                Some((place, usize::MAX - word.len(), *word, *op))
            })
            .min();
        let Some((place, _, word, op)) = hit else {
            continue;
        };
        // "the average of price is what": an operator must stand close to its column.
        if behind[..place].split_whitespace().count() > 3
            || (op == "eq" && !introduces(&text[..*at]))
        {
            continue;
        }
        if op == "empty" {
            filters.push(json!({ "column": name, "op": "empty" }));
            continue;
        }
        let value = behind[place + word.len()..].trim().trim_start_matches("the ");
        let value = value.split([',', ';']).next().unwrap_or("");
        let value = value.split(" and ").next().unwrap_or(value);
        let value = value.trim().trim_matches(['"', '\'', '“', '”', '`', '.']);
        let value = match op {
            "gt" | "ge" | "lt" | "le" => value.split(' ').next().unwrap_or(""),
            _ => value,
        };
        if value.is_empty()
            || (matches!(op, "gt" | "ge" | "lt" | "le")
                && !value.starts_with(|c: char| c.is_ascii_digit() || "$€£-".contains(c)))
        {
            continue;
        }
        filters.push(
            json!({ "column": name, "op": op, "value": cell_value(clause, value, table, *column) }),
        );
    }
    if filters.is_empty() && introduces(text) {
        // "the open rows": a value of a column, named alone.
        for column in 0..table.columns.len() {
            let value = table.rows.iter().filter_map(|row| row.get(column)).find(|cell| {
                cell.len() >= 3 && number(cell).is_none() && has_phrase(text, &cell.to_lowercase())
            });
            if let Some(value) = value
                && table.distinct(column) < table.rows.len()
            {
                filters
                    .push(json!({ "column": table.columns[column], "op": "eq", "value": value }));
                break;
            }
        }
    }
    filters
}

/// Whether the words before a column begin a condition.
fn introduces(before: &str) -> bool {
    [
        "where",
        "with",
        "whose",
        "that have",
        "which have",
        "rows",
        "only",
        "if",
        "when",
        "filter",
        "have",
        "has",
    ]
    .iter()
    .any(|word| has_phrase(before, word))
}

/// A number as a number, a text as the table writes it.
fn cell_value(clause: &str, value: &str, table: &Table, column: usize) -> Value {
    if table.is_numeric(column)
        && let Some(number) = number(value)
        && let Some(number) = serde_json::Number::from_f64(number)
    {
        return if number.as_f64().is_some_and(|n| n.fract() == 0.0 && n.abs() < 9e15) {
            #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
            Value::from(number.as_f64().unwrap_or(0.0) as i64)
        } else {
            Value::Number(number)
        };
    }
    let cells = table.rows.iter().filter_map(|row| row.get(column));
    if let Some(cell) = cells.into_iter().find(|cell| cell.to_lowercase() == value) {
        return cell.clone().into();
    }
    // As the clause writes it.
    let at = clause.to_lowercase().find(value);
    at.and_then(|at| clause.get(at..at + value.len())).unwrap_or(value).into()
}
