//! Questions about tables, as arguments of the `csv_table` tool.

mod filters;
mod table;

use serde_json::{Map, Value, json};

use self::filters::filters;
pub(super) use self::table::Table;
use super::words::{digits, find_phrase, has_phrase, plain};

/// What the clause before asked, for "sort them by …" and "give the average".
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Earlier {
    filters: Vec<Value>,
    column: Option<String>,
}

/// What a clause asks of a table, as the tool's arguments without the material.
pub(super) fn query(clause: &str, table: &Table, earlier: &mut Earlier) -> Option<Value> {
    let text = digits(&plain(clause));
    let mut query = Map::new();
    let mut filters = filters(clause, &text, table);
    let has_own_filters = !filters.is_empty();
    let (sort, sort_at) = sorting(&text, table);
    let group = grouping(&text, table, sort_at);
    let aggregates =
        aggregates(&text, table, group.as_deref(), sort.as_ref(), earlier.column.as_deref());
    let limit = limit(&text);
    if aggregates.is_empty()
        && sort.is_none()
        && !has_own_filters
        && limit.is_none()
        && group.is_none()
    {
        let columns = selected(&text, table)?;
        query.insert("columns".into(), columns);
        return Some(Value::Object(query));
    }
    if aggregates.is_empty() && group.is_some() && sort.is_none() && !has_own_filters {
        return None;
    }
    let goes_on = !has_own_filters
        && !earlier.filters.is_empty()
        && (["them", "those", "these", "that"].iter().any(|word| has_phrase(&text, word))
            || (table.named(&text).is_empty() && !aggregates.is_empty()));
    if goes_on {
        filters.clone_from(&earlier.filters);
    } else if has_own_filters {
        earlier.filters.clone_from(&filters);
        let numeric = filters.iter().rev().find(|filter| filter["value"].is_number());
        earlier.column = numeric.and_then(|filter| filter["column"].as_str()).map(str::to_owned);
    }
    if let Some((column, _)) = &sort {
        earlier.column = Some(column.clone());
    }
    if !filters.is_empty() {
        query.insert("filters".into(), filters.into());
    }
    if !aggregates.is_empty() {
        if let Some(group) = group {
            query.insert("group_by".into(), json!([group]));
        }
        query.insert("aggregates".into(), aggregates.into());
    }
    if let Some((column, descending)) = sort {
        let is_grouped = query.contains_key("group_by");
        let sums = query.get("aggregates").and_then(Value::as_array).and_then(|aggregates| {
            aggregates
                .iter()
                .find(|aggregate| aggregate["column"] == column.as_str())
                .and_then(|a| a["function"].as_str())
                .map(str::to_owned)
        });
        // After grouping only the groups and their figures are columns.
        match sums {
            Some(function) if is_grouped => {
                query.insert("sort_by".into(), format!("{function}({column})").into());
                query.insert("descending".into(), descending.into());
            }
            _ if query.contains_key("aggregates") => {}
            _ => {
                query.insert("sort_by".into(), column.into());
                query.insert("descending".into(), descending.into());
            }
        }
    }
    if let Some(limit) = limit {
        query.insert("limit".into(), limit.into());
    }
    (!query.is_empty()).then_some(Value::Object(query))
}

/// "sort by price, largest first", "which row is the largest", "top 5 by revenue".
fn sorting(text: &str, table: &Table) -> (Option<(String, bool)>, Option<usize>) {
    let descending = [
        "largest",
        "highest",
        "biggest",
        "descending",
        "desc",
        "newest",
        "latest",
        "top",
        "most",
        "decreasing",
        "maximum",
        "longest",
    ]
    .iter()
    .any(|word| has_phrase(text, word));
    let named = table.named(text);
    for word in ["sort", "sorted", "order", "ordered", "arrange", "rank", "ranked", "top"] {
        let Some(at) = find_phrase(text, word) else {
            continue;
        };
        let by = find_phrase(&text[at..], "by").map(|by| at + by);
        let from = by.unwrap_or(at);
        let behind = named.iter().find(|(place, _)| *place > from);
        if let Some((place, column)) =
            behind.or_else(|| named.iter().find(|(place, _)| *place > at))
        {
            return (Some((table.columns[*column].clone(), descending)), Some(*place));
        }
    }
    let asks_extreme =
        (has_phrase(text, "which row") || has_phrase(text, "which") || has_phrase(text, "who"))
            && [
                "largest",
                "highest",
                "biggest",
                "smallest",
                "lowest",
                "cheapest",
                "most expensive",
                "longest",
                "shortest",
                "newest",
                "oldest",
            ]
            .iter()
            .any(|word| has_phrase(text, word));
    if asks_extreme {
        let numeric =
            named.iter().rev().map(|(_, column)| *column).find(|column| table.is_numeric(*column));
        let column = numeric
            .or_else(|| (0..table.columns.len()).rev().find(|column| table.is_summable(*column)));
        if let Some(column) = column {
            return (
                Some((
                    table.columns[column].clone(),
                    descending || has_phrase(text, "most expensive"),
                )),
                None,
            );
        }
    }
    (None, None)
}

/// "by category", "per region", "for each topic".
fn grouping(text: &str, table: &Table, sort_at: Option<usize>) -> Option<String> {
    let named = table.named(text);
    for joint in ["by", "per", "for each", "each", "for every", "in each"] {
        for (at, _) in text.match_indices(joint) {
            if find_phrase(&text[at..], joint) != Some(0)
                || text[..at].ends_with(char::is_alphanumeric)
            {
                continue;
            }
            let from = at + joint.len() + 1;
            let found = named.iter().find(|(place, _)| {
                let skipped = text.get(from..*place).unwrap_or("x");
                *place >= from
                    && (skipped.trim().is_empty() || skipped.trim() == "the")
                    && Some(*place) != sort_at
            });
            if let Some((_, column)) = found {
                return Some(table.columns[*column].clone());
            }
        }
    }
    None
}

/// "total of amount", "average price", "how many rows".
fn aggregates(
    text: &str,
    table: &Table,
    group: Option<&str>,
    sort: Option<&(String, bool)>,
    earlier: Option<&str>,
) -> Vec<Value> {
    const FUNCTIONS: &[(&str, &str)] = &[
        ("totals", "sum"),
        ("total", "sum"),
        ("sums", "sum"),
        ("sum", "sum"),
        ("add up", "sum"),
        ("averages", "avg"),
        ("average", "avg"),
        ("mean", "avg"),
        ("avg", "avg"),
        ("minimum", "min"),
        ("lowest", "min"),
        ("smallest", "min"),
        ("cheapest", "min"),
        ("maximum", "max"),
        ("highest", "max"),
        ("largest", "max"),
        ("biggest", "max"),
        ("how many", "count"),
        ("number of", "count"),
        ("count", "count"),
        ("min", "min"),
        ("max", "max"),
    ];
    let named = table.named(text);
    let is_order = |function: &str| sort.is_some() && matches!(function, "min" | "max");
    let mut found: Vec<(usize, Value)> = Vec::new();
    let mut places: Vec<(usize, &str, &str)> = FUNCTIONS
        .iter()
        .filter_map(|(word, function)| Some((find_phrase(text, word)?, *word, *function)))
        .filter(|(_, _, function)| !is_order(function))
        .collect();
    places.sort_unstable();
    places.dedup_by_key(|place| place.0);
    for (index, (at, word, function)) in places.iter().enumerate() {
        if *function == "count" {
            found.push((*at, json!({ "function": "count" })));
            continue;
        }
        let until = places.get(index + 1).map_or(text.len(), |next| next.0);
        let columns: Vec<_> = named
            .iter()
            .filter(|(place, column)| {
                *place > *at
                    && *place < until
                    && group != Some(table.columns[*column].as_str())
                    && table.is_numeric(*column)
            })
            .collect();
        for (_, column) in &columns {
            found.push((*at, json!({ "function": function, "column": table.columns[*column] })));
        }
        if columns.is_empty() {
            // "give the average": of the column that was named last, or of the one that can be summed.
            let before = named
                .iter()
                .rev()
                .map(|(_, column)| *column)
                .find(|column| table.is_numeric(*column));
            let fallback = || table.summable().first().map(|name| (*name).to_owned());
            let name = sort
                .map(|(column, _)| column.clone())
                .or_else(|| before.map(|column| table.columns[column].clone()))
                .or_else(|| earlier.map(str::to_owned))
                .or_else(fallback);
            if let Some(name) = name
                && (*word != "total" || !has_phrase(text, "in total"))
            {
                found.push((*at, json!({ "function": function, "column": name })));
            }
        }
    }
    let mut aggregates: Vec<Value> = Vec::new();
    for (_, aggregate) in found {
        if !aggregates.contains(&aggregate) {
            aggregates.push(aggregate);
        }
    }
    aggregates
}

fn limit(text: &str) -> Option<u64> {
    let words: Vec<_> = text.split(' ').collect();
    let counted = words.windows(2).find_map(|pair| {
        matches!(pair[0], "top" | "first" | "limit").then(|| pair[1].parse().ok()).flatten()
    });
    let counted = counted.or_else(|| {
        words.windows(2).find_map(|pair| {
            matches!(
                pair[1],
                "largest" | "highest" | "smallest" | "lowest" | "cheapest" | "biggest"
            )
            .then(|| pair[0].parse().ok())
            .flatten()
        })
    });
    let one = (text.contains("which row is the")
        || text.contains("which row has the")
        || (has_phrase(text, "which") && has_phrase(text, "has the")))
    .then_some(1);
    counted.or(one).filter(|limit| (1..=1000).contains(limit))
}

/// "only the columns name and price".
fn selected(text: &str, table: &Table) -> Option<Value> {
    let asks = ["columns", "column", "only", "show"].iter().any(|word| has_phrase(text, word));
    let named = table.named(text);
    (asks && !named.is_empty())
        .then(|| named.iter().map(|(_, column)| table.columns[*column].clone()).collect())
}

#[cfg(test)]
mod tests;
