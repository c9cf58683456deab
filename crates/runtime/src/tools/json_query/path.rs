//! The path language: a part of `JSONPath`.

use crate::tools::document::Document;
use crate::tools::number::{Number, cell};
use crate::tools::tool::ToolError;

const STEPS_MAX: usize = 64;
/// The most values that one path finds; a path such as `$..*..*` would find without end.
const FOUND_MAX: usize = 100_000;

/// A path into a JSON value.
#[derive(Debug)]
pub(super) struct Path(Vec<Step>);

#[derive(Debug)]
enum Step {
    Key(String),
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    All,
    /// The value and everything within it.
    Descend,
    Filter(Vec<Vec<Test>>),
}

/// One comparison of a filter.
#[derive(Debug)]
struct Test {
    path: Path,
    comparison: Option<(Operator, Document)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

fn wrong(path: &str, why: &str) -> ToolError {
    ToolError::Invalid(format!("`path` {:?}: {why}", resonant_domain::text::shorten(path, 100)))
}

impl Path {
    /// Reads a path. The `$` in front may be left out.
    pub(super) fn parse(text: &str) -> Result<Self, ToolError> {
        let mut steps = Vec::new();
        let trimmed = text.trim();
        let mut rest = trimmed.strip_prefix(['$', '@']).unwrap_or(trimmed);
        let mut is_first = rest.len() == trimmed.len();
        while !rest.is_empty() {
            if steps.len() >= STEPS_MAX {
                return Err(wrong(text, "has too many steps"));
            }
            if let Some(after) = rest.strip_prefix("..") {
                steps.push(Step::Descend);
                rest = after;
                // A name may follow at once.
                is_first = true;
            } else if let Some(after) = rest.strip_prefix('[') {
                let end = closing(after).ok_or_else(|| wrong(text, "a bracket is not closed"))?;
                steps.push(bracket(after[..end].trim(), text)?);
                rest = &after[end + 1..];
                is_first = false;
            } else {
                let name = match rest.strip_prefix('.') {
                    Some(after) => after,
                    None if is_first => rest,
                    None => return Err(wrong(text, "put a dot between two names")),
                };
                let end = name.find(['.', '[']).unwrap_or(name.len());
                match &name[..end] {
                    "" => return Err(wrong(text, "a name is missing after a dot")),
                    "*" => steps.push(Step::All),
                    key => steps.push(Step::Key(key.trim().to_owned())),
                }
                rest = &name[end..];
                is_first = false;
            }
        }
        Ok(Self(steps))
    }

    /// Whether the path may find more than one value.
    pub(super) fn is_many(&self) -> bool {
        self.0.iter().any(|step| !matches!(step, Step::Key(_) | Step::Index(_)))
    }

    /// Everything that the path leads to.
    pub(super) fn find<'a>(&self, value: &'a Document) -> Vec<&'a Document> {
        let mut found = vec![value];
        for step in &self.0 {
            let mut next = Vec::new();
            for value in found {
                step.follow(value, &mut next);
                if next.len() > FOUND_MAX {
                    next.truncate(FOUND_MAX);
                    break;
                }
            }
            found = next;
        }
        found
    }

    /// Says where the path leaves what is there.
    pub(super) fn missing(&self, whole: &Document) -> ToolError {
        let mut at = whole;
        let mut walked = "$".to_owned();
        for step in &self.0 {
            let mut next = Vec::new();
            step.follow(at, &mut next);
            let Some(value) = next.first() else {
                let there = match at {
                    Document::Object(map) => {
                        let keys: Vec<_> =
                            map.iter().take(30).map(|(key, _)| key.as_str()).collect();
                        format!("the keys there are {}", keys.join(", "))
                    }
                    other => format!("{walked} is {}", super::kind(other)),
                };
                let wanted = match step {
                    Step::Key(key) => format!("no key {key:?}"),
                    Step::Index(index) => format!("no item {index}"),
                    _ => "nothing".to_owned(),
                };
                return ToolError::Failed(format!("there is {wanted} at {walked}; {there}"));
            };
            at = value;
            match step {
                Step::Key(key) => walked.extend([".", key]),
                Step::Index(index) => walked.extend(["[", &index.to_string(), "]"]),
                _ => {}
            }
        }
        ToolError::Failed(format!("there is nothing at {walked}"))
    }
}

impl Step {
    fn follow<'a>(&self, value: &'a Document, next: &mut Vec<&'a Document>) {
        match (self, value) {
            (Self::Key(key), object @ Document::Object(_)) => next.extend(object.get(key)),
            // A name on an array means that name in each of its items only behind a wildcard.
            (Self::Index(index), Document::Array(list)) => {
                next.extend(place(*index, list.len()).and_then(|at| list.get(at)));
            }
            (Self::Slice(from, to), Document::Array(list)) => {
                let bound = |bound: &Option<i64>, default: usize| match bound {
                    None => default,
                    Some(index) if *index < 0 => list.len().saturating_sub(
                        usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX),
                    ),
                    Some(index) => usize::try_from(*index).unwrap_or(usize::MAX).min(list.len()),
                };
                let (from, to) = (bound(from, 0), bound(to, list.len()));
                next.extend(list.get(from..to).into_iter().flatten());
            }
            (Self::All, Document::Array(list)) => next.extend(list),
            (Self::All, Document::Object(map)) => next.extend(map.iter().map(|(_, value)| value)),
            (Self::Filter(tests), Document::Array(list)) => {
                next.extend(list.iter().filter(|item| holds(tests, item)));
            }
            (Self::Filter(tests), Document::Object(map)) => {
                next.extend(map.iter().map(|(_, value)| value).filter(|item| holds(tests, item)));
            }
            (Self::Descend, value) => {
                let mut open = vec![value];
                while let Some(value) = open.pop() {
                    if next.len() > FOUND_MAX {
                        return;
                    }
                    next.push(value);
                    match value {
                        Document::Array(list) => open.extend(list.iter().rev()),
                        Document::Object(map) => {
                            open.extend(map.iter().rev().map(|(_, value)| value));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

fn place(index: i64, length: usize) -> Option<usize> {
    let distance = usize::try_from(index.unsigned_abs()).ok()?;
    if index < 0 { length.checked_sub(distance) } else { Some(distance) }
}

/// Where the bracket that is open at the beginning closes, past quotes and inner brackets.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(at),
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    None
}

fn quoted(text: &str) -> Option<&str> {
    ['\'', '"'].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
}

fn bracket(inner: &str, whole: &str) -> Result<Step, ToolError> {
    if inner == "*" || inner.is_empty() {
        return Ok(Step::All);
    }
    if let Some(key) = quoted(inner) {
        return Ok(Step::Key(key.to_owned()));
    }
    if let Some(filter) = inner.strip_prefix('?') {
        let filter = filter.trim();
        let filter =
            filter.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(filter);
        return Ok(Step::Filter(alternatives(filter, whole)?));
    }
    if let Some((from, to)) = inner.split_once(':') {
        let bound = |text: &str| match text.trim() {
            "" => Ok(None),
            digits => {
                digits.parse().map(Some).map_err(|_| wrong(whole, "a slice is written [1:3]"))
            }
        };
        return Ok(Step::Slice(bound(from)?, bound(to)?));
    }
    inner.parse().map(Step::Index).map_err(|_| {
        wrong(whole, "a bracket holds a number, a quoted name, *, a slice such as 1:3, or a filter such as ?(@.price > 10)")
    })
}

/// Cuts at a sign outside of quotes.
fn parts<'a>(text: &'a str, sign: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut quote = None;
    let (mut start, mut skip) = (0, 0);
    for (at, c) in text.char_indices() {
        if at < skip {
            continue;
        }
        match quote {
            Some(open) if open == c => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None if text[at..].starts_with(sign) => {
                parts.push(&text[start..at]);
                start = at + sign.len();
                skip = start;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn alternatives(text: &str, whole: &str) -> Result<Vec<Vec<Test>>, ToolError> {
    parts(text, "||")
        .into_iter()
        .map(|all| {
            parts(all, "&&").into_iter().map(|test| comparison(test.trim(), whole)).collect()
        })
        .collect()
}

fn comparison(text: &str, whole: &str) -> Result<Test, ToolError> {
    const SIGNS: [(&str, Operator); 9] = [
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
        (" contains ", Operator::Contains),
        (" in ", Operator::Contains),
        ("=", Operator::Equal),
    ];
    for (sign, operator) in SIGNS {
        let sides = parts(text, sign);
        let [left, right] = sides[..] else { continue };
        if sign == " in " {
            return Err(wrong(whole, "filters know == != < <= > >= and contains"));
        }
        let right = right.trim();
        let value = match quoted(right) {
            Some(text) => Document::String(text.to_owned()),
            None => serde_json::from_str(right).map_err(|_| {
                wrong(whole, "compare with a number, a quoted text, true, false or null")
            })?,
        };
        return Ok(Test { path: operand(left, whole)?, comparison: Some((operator, value)) });
    }
    Ok(Test { path: operand(text, whole)?, comparison: None })
}

fn operand(text: &str, whole: &str) -> Result<Path, ToolError> {
    let text = text.trim();
    let path = text
        .strip_prefix('@')
        .ok_or_else(|| wrong(whole, "a filter begins with @, such as @.price > 10"))?;
    if path.contains('?') {
        return Err(wrong(whole, "a filter cannot stand within a filter"));
    }
    Path::parse(&format!("${path}"))
}

fn holds(alternatives: &[Vec<Test>], item: &Document) -> bool {
    alternatives.iter().any(|all| all.iter().all(|test| test.holds(item)))
}

impl Test {
    fn holds(&self, item: &Document) -> bool {
        let found = self.path.find(item);
        match &self.comparison {
            None => {
                found.iter().any(|value| !matches!(value, Document::Null | Document::Bool(false)))
            }
            Some((Operator::NotEqual, wanted)) => {
                !found.iter().any(|value| is_equal(value, wanted))
            }
            Some((operator, wanted)) => found.iter().any(|value| compare(value, *operator, wanted)),
        }
    }
}

fn is_number(value: &Document) -> bool {
    matches!(value, Document::Number(_))
}

fn is_equal(value: &Document, wanted: &Document) -> bool {
    match (number(value), number(wanted)) {
        (Some(a), Some(b)) if is_number(value) || is_number(wanted) => a.compare(b).is_eq(),
        _ => value == wanted,
    }
}

/// The number of a value; also of a text such as "$12.50", as tables often have.
fn number(value: &Document) -> Option<Number> {
    match value {
        Document::Number(number) => Number::plain(&number.to_string()),
        Document::String(text) => cell(text),
        _ => None,
    }
}

fn compare(value: &Document, operator: Operator, wanted: &Document) -> bool {
    match operator {
        Operator::Equal => return is_equal(value, wanted),
        Operator::NotEqual => return !is_equal(value, wanted),
        Operator::Contains => {
            return match (value, wanted) {
                (Document::String(text), Document::String(part)) => {
                    text.to_lowercase().contains(&part.to_lowercase())
                }
                (Document::Array(list), wanted) => list.iter().any(|item| is_equal(item, wanted)),
                _ => false,
            };
        }
        _ => {}
    }
    let order = match (number(value), number(wanted), value, wanted) {
        (Some(a), Some(b), ..) => a.compare(b),
        (_, _, Document::String(a), Document::String(b)) => a.cmp(b),
        _ => return false,
    };
    match operator {
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        _ => order.is_ge(),
    }
}
