//! A table as a goal gives it: the names of its columns, and what they hold.

use crate::models::builtin::words::find_phrase;

/// The head of a table and its first rows, enough to know what its columns hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::models::builtin) struct Table {
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

    pub(super) fn is_numeric(&self, column: usize) -> bool {
        let cells: Vec<_> = self
            .rows
            .iter()
            .filter_map(|row| row.get(column))
            .filter(|cell| !cell.is_empty())
            .collect();
        !cells.is_empty() && cells.iter().all(|cell| number(cell).is_some())
    }

    pub(super) fn distinct(&self, column: usize) -> usize {
        let mut cells: Vec<_> = self.rows.iter().filter_map(|row| row.get(column)).collect();
        cells.sort_unstable();
        cells.dedup();
        cells.len()
    }

    /// A column of numbers to add up: not a year, an id or a price per piece.
    pub(super) fn is_summable(&self, column: usize) -> bool {
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
    pub(super) fn named(&self, text: &str) -> Vec<(usize, usize)> {
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

/// A cell as a number, whatever it is a number of.
pub(super) fn number(cell: &str) -> Option<f64> {
    let bare = cell
        .trim()
        .trim_start_matches(['$', '€', '£'])
        .trim_end_matches(['%', '€'])
        .trim()
        .replace(',', "");
    bare.parse().ok()
}
