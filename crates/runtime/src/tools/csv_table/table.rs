//! A table of texts.

use std::cmp::Ordering;

use crate::tools::document::Document;
use crate::tools::number::{Number, cell};
use crate::tools::tool::ToolError;

const ROWS_MAX: usize = 200_000;
const COLUMNS_MAX: usize = 500;
/// The most cells of all rows together: each row has all columns, however short it is written.
const CELLS_MAX: usize = 4_000_000;

/// Named columns and rows of as many cells.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a table from CSV, a Markdown table or a JSON array.
    pub(super) fn read(
        text: &str,
        delimiter: Option<u8>,
        has_header: bool,
    ) -> Result<Self, ToolError> {
        let text = text.trim_start_matches('\u{feff}').trim_matches(['\n', '\r']);
        if text.trim().is_empty() {
            return Err(ToolError::Failed("the table is empty".into()));
        }
        let records = match from_json(text).or_else(|| from_markdown(text).map(Ok)) {
            Some(records) => return Self::of(records?, true),
            None => from_csv(text, delimiter.unwrap_or_else(|| detect(text)))?,
        };
        Self::of(records, has_header)
    }

    fn of(mut records: Vec<Vec<String>>, has_header: bool) -> Result<Self, ToolError> {
        let width = records.iter().map(Vec::len).max().unwrap_or(0);
        check_size(width, records.len())?;
        let mut columns =
            if has_header && !records.is_empty() { records.remove(0) } else { Vec::new() };
        columns.resize(width, String::new());
        for index in 0..columns.len() {
            let name = columns[index].trim().to_owned();
            let is_taken = columns[..index].contains(&name);
            columns[index] = match (name.is_empty(), is_taken) {
                (true, _) => format!("column {}", index + 1),
                (false, true) => format!("{name} ({})", index + 1),
                (false, false) => name,
            };
        }
        for row in &mut records {
            row.resize(width, String::new());
        }
        Ok(Self { columns, rows: records })
    }

    /// Where the column of that name or number is.
    pub(super) fn column(&self, name: &str) -> Result<usize, ToolError> {
        let plain = |text: &str| text.trim().to_lowercase();
        let wanted = plain(name);
        let found = self
            .columns
            .iter()
            .position(|column| column == name)
            .or_else(|| self.columns.iter().position(|column| plain(column) == wanted));
        let by_number = || {
            wanted
                .parse::<usize>()
                .ok()
                .filter(|number| (1..=self.columns.len()).contains(number))
                .map(|number| number - 1)
        };
        found.or_else(by_number).ok_or_else(|| {
            let known: Vec<_> = self.columns.iter().take(40).map(String::as_str).collect();
            ToolError::Invalid(format!(
                "there is no column {name:?}; the columns are {}",
                known.join(", ")
            ))
        })
    }

    /// The table with these columns alone.
    pub(super) fn choose(&self, names: &[&str]) -> Result<Self, ToolError> {
        let places: Vec<usize> =
            names.iter().map(|name| self.column(name)).collect::<Result<_, _>>()?;
        let pick = |cells: &Vec<String>| places.iter().map(|at| cells[*at].clone()).collect();
        Ok(Self { columns: pick(&self.columns), rows: self.rows.iter().map(pick).collect() })
    }

    /// Sorts by a column: numbers by value, texts without regard to case, empty cells last.
    pub(super) fn sort(&mut self, column: usize, descending: bool) {
        let mut keyed: Vec<(Key, Vec<String>)> = std::mem::take(&mut self.rows)
            .into_iter()
            .map(|row| (Key::of(&row[column]), row))
            .collect();
        keyed.sort_by(|(a, _), (b, _)| a.compare(b, descending));
        self.rows = keyed.into_iter().map(|(_, row)| row).collect();
    }
}

/// What a cell is compared by.
pub(super) enum Key {
    Number(Number),
    Text(String),
    Empty,
}

impl Key {
    pub(super) fn of(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            Self::Empty
        } else {
            cell(text).map_or_else(|| Self::Text(text.to_lowercase()), Self::Number)
        }
    }

    pub(super) fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let turn = |order: Ordering| if descending { order.reverse() } else { order };
        match (self, other) {
            (Self::Empty, Self::Empty) => Ordering::Equal,
            (Self::Empty, _) => Ordering::Greater,
            (_, Self::Empty) => Ordering::Less,
            (Self::Number(a), Self::Number(b)) => turn(a.compare(*b)),
            (Self::Text(a), Self::Text(b)) => turn(a.cmp(b)),
            (Self::Number(_), Self::Text(_)) => turn(Ordering::Less),
            (Self::Text(_), Self::Number(_)) => turn(Ordering::Greater),
        }
    }
}

/// Refuses a table that is too large, before its rows are made alike.
fn check_size(columns: usize, rows: usize) -> Result<(), ToolError> {
    if columns > COLUMNS_MAX || rows > ROWS_MAX {
        return Err(ToolError::Failed(format!(
            "the table has more than {COLUMNS_MAX} columns or {ROWS_MAX} rows"
        )));
    }
    if columns * rows > CELLS_MAX {
        return Err(ToolError::Failed(format!("the table has more than {CELLS_MAX} cells")));
    }
    Ok(())
}

fn from_csv(text: &str, delimiter: u8) -> Result<Vec<Vec<String>>, ToolError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let mut records = Vec::new();
    for record in reader.records().take(ROWS_MAX + 2) {
        let record = record
            .map_err(|error| ToolError::Failed(format!("the table cannot be read: {error}")))?;
        let row: Vec<String> = record.iter().map(|cell| cell.trim().to_owned()).collect();
        if row.iter().any(|cell| !cell.is_empty()) {
            records.push(row);
        }
    }
    Ok(records)
}

/// The sign that cuts the first lines into the same number of cells, and into the most.
fn detect(text: &str) -> u8 {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(20).collect();
    let score = |delimiter: u8| {
        let counts: Vec<usize> = lines.iter().map(|line| outside_quotes(line, delimiter)).collect();
        let first = counts.first().copied().unwrap_or(0);
        let same = counts.iter().filter(|count| **count == first).count();
        if first == 0 { 0 } else { same * 1000 / counts.len().max(1) * 10 + first.min(9) }
    };
    // Of equals the first in this order.
    [b',', b';', b'\t', b'|']
        .into_iter()
        .rev()
        .max_by_key(|delimiter| score(*delimiter))
        .unwrap_or(b',')
}

fn outside_quotes(line: &str, delimiter: u8) -> usize {
    let mut is_quoted = false;
    line.bytes()
        .filter(|byte| {
            is_quoted ^= *byte == b'"';
            !is_quoted && *byte == delimiter
        })
        .count()
}

fn from_markdown(text: &str) -> Option<Vec<Vec<String>>> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_rule = |line: &str| {
        line.contains('-')
            && line.contains('|')
            && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '))
    };
    if !lines.get(1).is_some_and(|line| is_rule(line)) {
        return None;
    }
    let rows = lines.iter().filter(|line| line.contains('|') && !is_rule(line)).map(|line| {
        let inner = line.strip_prefix('|').unwrap_or(line);
        let inner = inner.strip_suffix('|').unwrap_or(inner);
        inner
            .replace("\\|", "\u{0}")
            .split('|')
            .map(|cell| cell.trim().replace('\u{0}', "|"))
            .collect()
    });
    Some(rows.collect())
}

fn from_json(text: &str) -> Option<Result<Vec<Vec<String>>, ToolError>> {
    if !text.trim_start().starts_with('[') {
        return None;
    }
    let Ok(Document::Array(list)) = serde_json::from_str(text) else {
        return None;
    };
    if !list.iter().all(|item| matches!(item, Document::Object(_))) {
        return None;
    }
    let mut columns = Document::columns(&list, COLUMNS_MAX);
    if let Err(error) = check_size(columns.len(), list.len()) {
        return Some(Err(error));
    }
    let rows = list.iter().map(|item| {
        columns
            .iter()
            .map(|column| item.get(column).map(Document::cell).unwrap_or_default())
            .collect()
    });
    let rows: Vec<Vec<String>> = rows.collect();
    Some(Ok(std::iter::once(std::mem::take(&mut columns)).chain(rows).collect()))
}
