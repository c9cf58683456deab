//! Questions about tables, as arguments of the `csv_table` tool.

use serde_json::{Map, Value, json};

use super::words::{digits, find_phrase, has_phrase, plain};

/// The head of a table and its first rows, enough to know what its columns hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

const ROWS_READ: usize = 200;

impl Table {
    /// Reads a text that is CSV through and through; `None` when it is prose.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let head = text.lines().next()?;
        let delimiter = [b',', b';', b'\t', b'|']
            .into_iter()
            .max_by_key(|delimiter| head.bytes().filter(|byte| byte == delimiter).count())?;
        let width = head.bytes().filter(|byte| *byte == delimiter).count() + 1;
        if width < 2 || head.split_whitespace().count() > width * 4 {
            return None;
        }
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let columns: Vec<_> = reader.headers().ok()?.iter().map(str::to_owned).collect();
        let rows: Vec<Vec<String>> = reader
            .records()
            .take(ROWS_READ)
            .filter_map(Result::ok)
            .map(|record| record.iter().map(str::to_owned).collect())
            .collect();
        let fitting = rows.iter().filter(|row| row.len() == columns.len()).count();
        // Prose has commas too: its "cells" are sentences.
        let is_head = columns.iter().all(|name| {
            !name.is_empty() && name.len() < 60 && !name.ends_with(['.', '!', '?', ':'])
        });
        let is_prose =
            rows.iter().flatten().filter(|cell| cell.split_whitespace().count() > 25).count() * 4
                > rows.len();
        let is_table = !rows.is_empty()
            && is_head
            && !is_prose
            && fitting * 10 >= rows.len() * 8
            && rows.len() + columns.len() >= 4;
        is_table.then_some(Self { columns, rows })
    }

    fn is_numeric(&self, column: usize) -> bool {
        let cells: Vec<_> = self
            .rows
            .iter()
            .filter_map(|row| row.get(column))
            .filter(|cell| !cell.is_empty())
            .collect();
        !cells.is_empty() && cells.iter().all(|cell| number(cell).is_some())
    }

    fn distinct(&self, column: usize) -> usize {
        let mut cells: Vec<_> = self.rows.iter().filter_map(|row| row.get(column)).collect();
        cells.sort_unstable();
        cells.dedup();
        cells.len()
    }

    /// A column of numbers to add up: not a year, an id or a price per piece.
    fn is_summable(&self, column: usize) -> bool {
        let name = self.columns[column].to_lowercase();
        let parts: Vec<_> = name.split(|c: char| !c.is_alphanumeric()).collect();
        let is_key = parts.iter().any(|part| {
            matches!(
                *part,
                "id" | "no"
                    | "nr"
                    | "number"
                    | "year"
                    | "week"
                    | "month"
                    | "position"
                    | "rating"
                    | "rate"
                    | "price"
                    | "status"
                    | "code"
                    | "zip"
                    | "phone"
                    | "ticket"
                    | "lat"
                    | "lon"
                    | "age"
                    | "percent"
            )
        });
        self.is_numeric(column)
            && !is_key
            && !(self.distinct(column) == self.rows.len() && column == 0)
    }

    /// The columns that totals are made of, by name.
    pub fn summable(&self) -> Vec<&str> {
        (0..self.columns.len())
            .filter(|column| self.is_summable(*column))
            .map(|column| self.columns[column].as_str())
            .collect()
    }

    /// The first column that parts the rows into groups.
    pub fn grouping(&self) -> Option<&str> {
        let candidates = (0..self.columns.len()).filter(|column| !self.is_numeric(*column));
        candidates
            .filter(|column| {
                let distinct = self.distinct(*column);
                distinct > 0
                    && distinct * 2 <= self.rows.len().max(3)
                    && !looks_like_date(self, *column)
            })
            .map(|column| self.columns[column].as_str())
            .next()
    }

    /// The columns that a text names, each with its place in the text.
    fn named(&self, text: &str) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize, usize)> = Vec::new();
        for (column, name) in self.columns.iter().enumerate() {
            let name = name.to_lowercase();
            let spaced = name.replace(['_', '-', '.'], " ");
            let singular = spaced.strip_suffix('s').unwrap_or(&spaced).to_owned();
            let plural = format!("{spaced}s");
            let plural_y = spaced
                .strip_suffix('y')
                .map_or_else(|| plural.clone(), |stem| format!("{stem}ies"));
            let forms = [&name, &spaced, &plural, &plural_y, &singular];
            let hit =
                forms.into_iter().find_map(|form| Some((find_phrase(text, form)?, form.len())));
            if let Some((at, length)) = hit {
                found.push((at, at + length, column));
            }
        }
        // "unit price" names `unit_price`, not `units` as well.
        let all = found.clone();
        found.retain(|(from, to, _)| {
            !all.iter()
                .any(|(left, right, _)| left <= from && to <= right && right - left > to - from)
        });
        found.sort_unstable();
        found.into_iter().map(|(at, _, column)| (at, column)).collect()
    }
}

fn looks_like_date(table: &Table, column: usize) -> bool {
    table
        .rows
        .iter()
        .filter_map(|row| row.get(column))
        .all(|cell| cell.len() >= 8 && cell.chars().filter(char::is_ascii_digit).count() >= 6)
}

fn number(cell: &str) -> Option<f64> {
    let bare = cell
        .trim()
        .trim_start_matches(['$', '€', '£'])
        .trim_end_matches(['%', '€'])
        .trim()
        .replace(',', "");
    bare.parse().ok()
}

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

/// "where status is open", "with a value above 5000".
fn filters(clause: &str, text: &str, table: &Table) -> Vec<Value> {
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
