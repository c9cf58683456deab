//! Reads the Markdown that models write: headings, lists, tables, quotes, code, emphasis, links.
//!
//! The result is data, which `markdown_view` draws as elements: nothing a model writes ever reaches
//! the page as HTML. A text that is still being written reads too: what is open at its end is taken
//! as closed there.

/// How deep quotes and lists may nest; deeper text is a paragraph.
const DEPTH_MAX: usize = 6;
/// Longer paragraphs keep their marks as text: looking for pairs takes time in the square of the
/// length, and no person writes such a paragraph.
const INLINE_MAX: usize = 16_384;
/// The longest text of a link, in characters.
const LABEL_MAX: usize = 1_000;

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

fn inlines(text: &str) -> Vec<Inline> {
    if text.len() > INLINE_MAX {
        return vec![Inline::Text(text.to_owned())];
    }
    spans(text, 0)
}

type Wrap = fn(Vec<Inline>) -> Inline;

/// The pairs of marks and what they mean; longer marks first.
const PAIRS: [(&str, Wrap); 6] = [
    ("***", |inner| Inline::Strong(vec![Inline::Emphasis(inner)])),
    ("**", Inline::Strong),
    ("__", Inline::Strong),
    ("~~", Inline::Struck),
    ("*", Inline::Emphasis),
    ("_", Inline::Emphasis),
];

fn spans(text: &str, depth: usize) -> Vec<Inline> {
    let mut out = Spans::default();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        let before = text[..at].chars().next_back();
        at += match letter {
            '\\' => escaped(rest, &mut out),
            '`' => code(rest, &mut out),
            '\n' => {
                out.line_end();
                1
            }
            '*' | '_' | '~' if depth < DEPTH_MAX => pair(rest, before, depth, &mut out),
            '[' | '!' if depth < DEPTH_MAX => link(rest, depth, &mut out),
            '<' | 'h' => address(rest, before, &mut out),
            other => out.text(other),
        };
    }
    out.finish()
}

#[derive(Default)]
struct Spans {
    done: Vec<Inline>,
    plain: String,
    /// The marks of [`PAIRS`] that nothing closes any more: looked for once, not at each of them.
    unpaired: [bool; PAIRS.len()],
    /// The same for runs of backticks, by length.
    unpaired_ticks: u64,
}

impl Spans {
    /// Takes a letter as it is; gives its length.
    fn text(&mut self, letter: char) -> usize {
        self.plain.push(letter);
        letter.len_utf8()
    }

    fn push(&mut self, inline: Inline) {
        self.flush();
        self.done.push(inline);
    }

    fn line_end(&mut self) {
        if self.plain.ends_with("  ") {
            self.plain.truncate(self.plain.trim_end().len());
            self.push(Inline::Break);
        } else {
            self.plain.push('\n');
        }
    }

    fn flush(&mut self) {
        if !self.plain.is_empty() {
            self.done.push(Inline::Text(std::mem::take(&mut self.plain)));
        }
    }

    fn finish(mut self) -> Vec<Inline> {
        self.flush();
        self.done
    }
}

fn escaped(rest: &str, out: &mut Spans) -> usize {
    match rest[1..].chars().next() {
        Some('\n') => {
            out.push(Inline::Break);
            2
        }
        Some(next) if next.is_ascii_punctuation() => 1 + out.text(next),
        _ => out.text('\\'),
    }
}

fn code(rest: &str, out: &mut Spans) -> usize {
    let count = rest.len() - rest.trim_start_matches('`').len();
    let inner = &rest[count..];
    let bit = u32::try_from(count).ok().and_then(|count| 1_u64.checked_shl(count)).unwrap_or(1);
    let mut from = if out.unpaired_ticks & bit == 0 { 0 } else { inner.len() };
    while let Some(found) = inner[from..].find('`') {
        let start = from + found;
        let run = inner[start..].len() - inner[start..].trim_start_matches('`').len();
        if run == count {
            let code = &inner[..start];
            let stripped = code.strip_prefix(' ').and_then(|code| code.strip_suffix(' '));
            out.push(Inline::Code(
                stripped.filter(|code| !code.trim().is_empty()).unwrap_or(code).replace('\n', " "),
            ));
            return count + start + run;
        }
        from = start + run;
    }
    out.unpaired_ticks |= bit;
    out.plain.push_str(&rest[..count]);
    count
}

fn pair(rest: &str, before: Option<char>, depth: usize, out: &mut Spans) -> usize {
    for (kind, (mark, wrap)) in PAIRS.into_iter().enumerate() {
        let Some(inner) = rest.strip_prefix(mark).filter(|_| !out.unpaired[kind]) else {
            continue;
        };
        let is_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        let opens = inner.chars().next().is_some_and(|next| !next.is_whitespace())
            && !(mark.starts_with('_') && is_word(before));
        let end = opens.then(|| closing(inner, mark)).flatten();
        if let Some(end) = end {
            out.push(wrap(spans(&inner[..end], depth + 1)));
            return mark.len() * 2 + end;
        }
        out.unpaired[kind] |= opens;
    }
    // The whole run, so that its rest is not taken for a shorter mark.
    let mark = rest.chars().next().unwrap_or('*');
    let count = rest.len() - rest.trim_start_matches(mark).len();
    out.plain.push_str(&rest[..count]);
    count
}

/// Where the mark that closes stands.
fn closing(inner: &str, mark: &str) -> Option<usize> {
    let letter = mark.chars().next()?;
    let mut from = 0;
    while let Some(found) = inner[from..].find(letter) {
        let start = from + found;
        let run = inner[start..].len() - inner[start..].trim_start_matches(letter).len();
        let before = inner[..start].chars().next_back();
        let after = inner[start + run..].chars().next();
        let closes = before.is_some_and(|before| !before.is_whitespace() && before != '\\')
            && !(letter == '_' && after.is_some_and(char::is_alphanumeric));
        if closes && (run == mark.len() || (run == 3 && mark.len() < 3)) {
            // `*a **b***` closes the inner pair first.
            return Some(if run == 3 && mark.len() < 3 { start + 3 - mark.len() } else { start });
        }
        from = start + run;
    }
    None
}

fn link(rest: &str, depth: usize, out: &mut Spans) -> usize {
    // A picture is shown as a link to it: nothing is loaded from a stranger's host unasked.
    let bang = usize::from(rest.starts_with("!["));
    let found = rest[bang..].strip_prefix('[').and_then(|inner| {
        let (label, after) = inner.split_at(label_end(inner)?);
        let target = after.strip_prefix("](")?;
        let (url, _) = target.split_at(target.find(')')?);
        let length = bang + 1 + label.len() + 2 + url.len() + 1;
        Some((label, url, length))
    });
    let Some((label, url, length)) = found else {
        return out.text(rest.chars().next().unwrap_or('['));
    };
    let address = url.split_whitespace().next().unwrap_or("");
    let address = address.trim_start_matches('<').trim_end_matches('>');
    let label = if label.is_empty() { address } else { label };
    if is_web(address) {
        out.push(Inline::Link(address.to_owned(), spans(label, depth + 1)));
    } else {
        // Any other target (a script, a file, a mail) stays text.
        out.flush();
        out.done.extend(spans(label, depth + 1));
    }
    length
}

fn label_end(inner: &str) -> Option<usize> {
    let mut open = 0_u32;
    for (at, letter) in inner.char_indices().take(LABEL_MAX) {
        match letter {
            '[' => open += 1,
            ']' if open == 0 => return Some(at),
            ']' => open -= 1,
            _ => {}
        }
    }
    None
}

/// `<https://…>` and an address that stands bare in the text.
fn address(rest: &str, before: Option<char>, out: &mut Spans) -> usize {
    if let Some(inner) = rest.strip_prefix('<') {
        let found = inner.split_once('>').map(|(url, _)| url).filter(|url| is_web(url));
        let Some(url) = found else {
            return out.text('<');
        };
        out.push(Inline::Link(url.to_owned(), vec![Inline::Text(url.to_owned())]));
        return url.len() + 2;
    }
    if !rest.starts_with("http") {
        return out.text('h');
    }
    let end = rest.find(|c: char| c.is_whitespace() || "<>\"`|".contains(c)).unwrap_or(rest.len());
    let url = rest[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_', '\'']);
    let url = if url.contains('(') { url } else { url.trim_end_matches(')') };
    if before.is_some_and(char::is_alphanumeric) || !is_web(url) {
        return out.text('h');
    }
    out.push(Inline::Link(url.to_owned(), vec![Inline::Text(url.to_owned())]));
    url.len()
}

/// Whether the address leads to the web and nowhere else.
fn is_web(address: &str) -> bool {
    let host = ["https://", "http://"].iter().find_map(|scheme| {
        let start = address.get(..scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then(|| &address[scheme.len()..])
    });
    host.is_some_and(|host| host.starts_with(char::is_alphanumeric))
        && !address.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests;
