//! Reads the Markdown that models write: headings, lists, tables, quotes, code, emphasis, links.
//!
//! The result is data, which `markdown_view` draws as elements: nothing a model writes ever reaches
//! the page as HTML. A text that is still being written reads too: what is open at its end is taken
//! as closed there.

mod inlines;

use self::inlines::inlines;

/// How deep quotes and lists may nest; deeper text is a paragraph.
const DEPTH_MAX: usize = 6;

/// A part of a text that stands by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading of level 1 to 6.
    Heading(u8, Vec<Inline>),
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// A list; a number is where an ordered one starts.
    List(Option<u32>, Vec<Vec<Block>>),
    /// A table: its head and its rows, each row as wide as the head.
    Table(Vec<Cell>, Vec<Vec<Cell>>),
    /// A quotation.
    Quote(Vec<Block>),
    /// Code and the language that it is said to be in.
    Code(String, String),
    /// A line across.
    Rule,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What stands in it.
    pub content: Vec<Inline>,
    /// Whether it stands at the right edge, as numbers do.
    pub is_right: bool,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inline {
    /// Plain text.
    Text(String),
    /// Code.
    Code(String),
    /// Of great weight.
    Strong(Vec<Inline>),
    /// Stressed.
    Emphasis(Vec<Inline>),
    /// No longer valid.
    Struck(Vec<Inline>),
    /// A link to a web address.
    Link(String, Vec<Inline>),
    /// A new line.
    Break,
}

/// Reads a text.
pub fn parse(text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().collect();
    blocks(&lines, 0)
}

fn blocks(lines: &[&str], depth: usize) -> Vec<Block> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let trimmed = line.trim_start();
        if trimmed.is_empty() {
            at += 1;
        } else if let Some(fence) = Fence::open(line) {
            let (code, next) = fence.read(lines, at + 1);
            found.push(Block::Code(fence.language.to_owned(), code));
            at = next;
        } else if let Some((level, content)) = heading(trimmed) {
            found.push(Block::Heading(level, inlines(content)));
            at += 1;
        } else if is_rule(trimmed) {
            found.push(Block::Rule);
            at += 1;
        } else if depth < DEPTH_MAX && trimmed.starts_with('>') {
            let end = end_of(lines, at, |line| line.trim_start().starts_with('>'));
            let inner: Vec<&str> = lines[at..end].iter().map(|line| unquote(line)).collect();
            found.push(Block::Quote(blocks(&inner, depth + 1)));
            at = end;
        } else if depth < DEPTH_MAX && Marker::read(line).is_some() {
            let (list, next) = list(lines, at, depth);
            found.push(list);
            at = next;
        } else if let Some(aligns) = table_at(lines, at) {
            let end = end_of(lines, at + 2, |line| line.contains('|') && !line.trim().is_empty());
            let head = cells(line, &aligns);
            let rows = lines[at + 2..end].iter().map(|line| cells(line, &aligns)).collect();
            found.push(Block::Table(head, rows));
            at = end;
        } else {
            let mut end = at + 1;
            while end < lines.len() && !ends_paragraph(lines, end) {
                end += 1;
            }
            found.push(Block::Paragraph(inlines(&lines[at..end].join("\n"))));
            at = end;
        }
    }
    found
}

/// The first line from `at` on that does not belong any more.
fn end_of(lines: &[&str], at: usize, belongs: impl Fn(&str) -> bool) -> usize {
    lines[at..].iter().position(|line| !belongs(line)).map_or(lines.len(), |count| at + count)
}

fn ends_paragraph(lines: &[&str], at: usize) -> bool {
    let trimmed = lines[at].trim_start();
    trimmed.is_empty()
        || trimmed.starts_with('>')
        || Fence::open(lines[at]).is_some()
        || heading(trimmed).is_some()
        || is_rule(trimmed)
        // A line that begins with a year and a full stop is no list.
        || Marker::read(lines[at]).is_some_and(|marker| marker.number.is_none_or(|number| number == 1))
        || table_at(lines, at).is_some()
}

struct Fence<'a> {
    mark: char,
    count: usize,
    indent: usize,
    language: &'a str,
}

impl<'a> Fence<'a> {
    fn open(line: &'a str) -> Option<Self> {
        let trimmed = line.trim_start_matches(' ');
        let mark = trimmed.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let rest = trimmed.trim_start_matches(mark);
        let count = trimmed.len() - rest.len();
        let language = rest.trim();
        let is_fence = count >= 3 && !(mark == '`' && language.contains('`'));
        is_fence.then(|| Self {
            mark,
            count,
            indent: line.len() - trimmed.len(),
            language: language.split_whitespace().next().unwrap_or(""),
        })
    }

    /// The code up to the closing fence or the end, and the line after it.
    fn read(&self, lines: &[&str], from: usize) -> (String, usize) {
        let end = end_of(lines, from, |line| !self.is_closed_by(line));
        let code: Vec<&str> =
            lines[from..end].iter().map(|line| outdent(line, self.indent)).collect();
        (code.join("\n"), (end + 1).min(lines.len()))
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let trimmed = line.trim();
        trimmed.len() >= self.count && trimmed.chars().all(|c| c == self.mark)
    }
}

/// Takes away at most `count` leading spaces.
fn outdent(line: &str, count: usize) -> &str {
    let spaces = line.bytes().take(count).take_while(|byte| *byte == b' ').count();
    &line[spaces..]
}

fn unquote(line: &str) -> &str {
    let trimmed = line.trim_start();
    let inner = trimmed.strip_prefix('>').unwrap_or(trimmed);
    inner.strip_prefix(' ').unwrap_or(inner)
}

fn heading(trimmed: &str) -> Option<(u8, &str)> {
    let rest = trimmed.trim_start_matches('#');
    let level =
        u8::try_from(trimmed.len() - rest.len()).ok().filter(|level| (1..=6).contains(level))?;
    let content = rest.strip_prefix([' ', '\t'])?.trim();
    Some((level, content.trim_end_matches('#').trim_end()))
}

fn is_rule(trimmed: &str) -> bool {
    let mut marks = trimmed.chars().filter(|c| !c.is_whitespace());
    let Some(first) = marks.next().filter(|mark| matches!(mark, '-' | '*' | '_')) else {
        return false;
    };
    let mut count = 1;
    marks.all(|mark| {
        count += 1;
        mark == first
    }) && count >= 3
}

/// What stands before a list's item.
struct Marker {
    indent: usize,
    /// Where the item's text begins.
    content: usize,
    number: Option<u32>,
    kind: u8,
}

impl Marker {
    fn read(line: &str) -> Option<Self> {
        let trimmed = line.trim_start_matches(' ');
        let indent = line.len() - trimmed.len();
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let kind = *trimmed.as_bytes().get(digits)?;
        let number = match (digits, kind) {
            (0, b'-' | b'*' | b'+') => None,
            (1..=9, b'.' | b')') => Some(trimmed[..digits].parse().ok()?),
            _ => return None,
        };
        let rest = &trimmed[digits + 1..];
        let spaces = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if spaces == 0 && !rest.is_empty() {
            return None;
        }
        Some(Self { indent, content: indent + digits + 1 + spaces.clamp(1, 4), number, kind })
    }
}

fn list(lines: &[&str], from: usize, depth: usize) -> (Block, usize) {
    let first = Marker::read(lines[from]);
    let (start, kind, indent) =
        first.map_or((None, b'-', 0), |marker| (marker.number, marker.kind, marker.indent));
    let mut items: Vec<Vec<Block>> = Vec::new();
    let mut at = from;
    while at < lines.len() {
        let Some(marker) = Marker::read(lines[at])
            .filter(|marker| marker.kind == kind && marker.indent <= indent + 1)
            .filter(|_| !is_rule(lines[at].trim_start()))
        else {
            break;
        };
        let mut item = vec![lines[at].get(marker.content..).unwrap_or("")];
        at += 1;
        while at < lines.len() && belongs_to_item(lines, at, &marker) {
            item.push(outdent(lines[at], marker.content));
            at += 1;
        }
        items.push(blocks(&item, depth + 1));
        // Blank lines between items.
        let next = end_of(lines, at, |line| line.trim().is_empty());
        if next < lines.len() && Marker::read(lines[next]).is_some_and(|next| next.kind == kind) {
            at = next;
        }
    }
    (Block::List(start, items), at)
}

fn belongs_to_item(lines: &[&str], at: usize, marker: &Marker) -> bool {
    let is_inside = |line: &str| {
        let spaces = line.len() - line.trim_start_matches(' ').len();
        // Models indent by two or three where the rule asks for the marker's width.
        spaces >= marker.content.min(marker.indent + 2)
    };
    if lines[at].trim().is_empty() {
        let next = end_of(lines, at, |line| line.trim().is_empty());
        return next < lines.len() && is_inside(lines[next]);
    }
    // A line without a mark goes on with the item's paragraph.
    is_inside(lines[at])
        || (!lines[at - 1].trim().is_empty()
            && Marker::read(lines[at]).is_none()
            && !ends_paragraph(lines, at))
}

/// The alignment of each column when a table begins at this line.
fn table_at(lines: &[&str], at: usize) -> Option<Vec<bool>> {
    let (head, rule) = (lines[at], lines.get(at + 1)?);
    if !head.contains('|') || !rule.contains('-') {
        return None;
    }
    let aligns: Vec<bool> = split_row(rule)
        .into_iter()
        .map(|cell| {
            let dashes = cell.trim_start_matches(':').trim_end_matches(':');
            let is_rule = !dashes.is_empty() && dashes.bytes().all(|byte| byte == b'-');
            is_rule.then(|| cell.ends_with(':') && !cell.starts_with(':'))
        })
        .collect::<Option<_>>()?;
    (split_row(head).len() == aligns.len()).then_some(aligns)
}

fn split_row(line: &str) -> Vec<String> {
    let line = line.trim();
    let line = line.strip_prefix('|').unwrap_or(line);
    let mut row = vec![String::new()];
    let push = |row: &mut Vec<String>, letter: char| {
        if let Some(cell) = row.last_mut() {
            cell.push(letter);
        }
    };
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&'|') => {
                letters.next();
                push(&mut row, '|');
            }
            // The last one closes the row.
            '|' if letters.peek().is_none() => {}
            '|' => row.push(String::new()),
            other => push(&mut row, other),
        }
    }
    row.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

fn cells(line: &str, aligns: &[bool]) -> Vec<Cell> {
    let mut row = split_row(line).into_iter();
    aligns
        .iter()
        .map(|&is_right| {
            let content = inlines(&row.next().unwrap_or_default());
            Cell { content, is_right }
        })
        .collect()
}

#[cfg(test)]
mod tests;
