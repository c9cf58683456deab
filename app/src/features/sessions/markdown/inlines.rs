//! Reads what stands within a line: emphasis, code, links, addresses.

use super::{DEPTH_MAX, Inline};

/// Longer paragraphs keep their marks as text: looking for pairs takes time in the square of the
/// length, and no person writes such a paragraph.
const INLINE_MAX: usize = 16_384;
/// The longest text of a link, in characters.
const LABEL_MAX: usize = 1_000;

/// Reads what stands within a paragraph, a heading, or a cell.
pub(super) fn inlines(text: &str) -> Vec<Inline> {
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
