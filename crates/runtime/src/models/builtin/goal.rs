//! A goal cut into what it asks and the material that it brings along.

/// A goal, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Goal {
    /// What it asks, one request each, without the material.
    pub clauses: Vec<String>,
    /// Texts that stand in the goal: fenced, after a colon, below the request, in quotes.
    pub texts: Vec<String>,
    /// The web addresses of the request, not of the material.
    pub urls: Vec<String>,
}

/// Words that begin a request of their own, so that "and" before them parts two requests.
const STARTERS: &[&str] = &[
    "what",
    "what's",
    "whats",
    "how",
    "when",
    "which",
    "who",
    "where",
    "convert",
    "summarise",
    "summarize",
    "summary",
    "extract",
    "list",
    "find",
    "count",
    "compare",
    "calculate",
    "compute",
    "work",
    "tell",
    "give",
    "show",
    "fetch",
    "read",
    "open",
    "get",
    "add",
    "split",
    "divide",
    "multiply",
    "subtract",
    "draft",
    "write",
    "make",
    "create",
    "outline",
    "reply",
    "sort",
    "filter",
    "group",
    "total",
    "sum",
    "average",
    "analyse",
    "analyze",
    "describe",
    "pull",
    "collect",
    "identify",
    "highlight",
    "turn",
    "also",
    "then",
    "finally",
    "please",
    "rows",
    "select",
    "translate",
    "explain",
    "is",
    "are",
];

/// Reads a goal. `asks` says whether a text holds a request.
pub(super) fn read(goal: &str, asks: &dyn Fn(&str) -> bool) -> Goal {
    let (mut request, mut texts) = unfence(goal.trim());
    if texts.is_empty()
        && let Some((head, material)) =
            by_lines(&request, asks).or_else(|| by_colon(&request, asks))
    {
        request = head;
        texts.push(material);
    }
    if texts.is_empty() {
        let (rest, quoted) = unquote(&request);
        if !quoted.is_empty() && asks(&rest) {
            request = rest;
            texts = quoted;
        }
    }
    let urls = urls(&request);
    Goal { clauses: clauses(&request), texts, urls }
}

/// Takes the fenced blocks out of a text.
fn unfence(goal: &str) -> (String, Vec<String>) {
    let parts: Vec<_> = goal.split("```").collect();
    if parts.len() < 3 {
        return (goal.to_owned(), Vec::new());
    }
    let (mut request, mut texts) = (String::new(), Vec::new());
    for (index, part) in parts.into_iter().enumerate() {
        if index % 2 == 0 {
            request.push_str(part.trim());
            request.push('\n');
            continue;
        }
        // The first line of a block may name its language.
        let text = match part.split_once('\n') {
            Some((first, rest)) if first.trim().chars().all(char::is_alphanumeric) => rest,
            _ => part,
        };
        if !text.trim().is_empty() {
            texts.push(text.trim_end().to_owned());
        }
    }
    (request.trim().to_owned(), texts)
}

/// A request in the first paragraph or line with material below it, or the other way round.
fn by_lines(goal: &str, asks: &dyn Fn(&str) -> bool) -> Option<(String, String)> {
    if !goal.contains('\n') {
        return None;
    }
    let (first, rest) = goal.split_once('\n')?;
    let (first, rest) = (first.trim(), rest.trim());
    let is_list = rest
        .lines()
        .filter(|line| !line.trim().is_empty())
        .all(|line| line.split_whitespace().count() < 25 && asks(line));
    let is_request = asks(first) || (first.ends_with(':') && first.len() < 200);
    if is_request && !is_list && is_material(rest) {
        // "Summarise this. Also list the dates: …" keeps material that begins on the first line.
        return match by_colon(first, asks) {
            Some((head, begun)) => Some((head, format!("{begun}\n{rest}"))),
            None => Some((first.trim_end_matches(':').to_owned(), rest.to_owned())),
        };
    }
    let (body, last) = goal.trim_end().rsplit_once('\n')?;
    let last = last.trim();
    let points_up = ["above", "this", "that", "it", "these"]
        .iter()
        .any(|word| last.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|w| w == *word));
    (asks(last) && (points_up || !asks(first)) && last.len() < 300 && is_material(body.trim()))
        .then(|| (last.to_owned(), body.trim().to_owned()))
}

/// A request, a colon, and material on the same line.
fn by_colon(goal: &str, asks: &dyn Fn(&str) -> bool) -> Option<(String, String)> {
    let (at, _) = goal.match_indices(':').find(|(at, _)| {
        goal[at + 1..].starts_with(char::is_whitespace)
            || goal[at + 1..].starts_with(['{', '[', '"'])
    })?;
    let (head, tail) = (goal[..at].trim(), goal[at + 1..].trim());
    let is_long = tail.split_whitespace().count() >= 5 || tail.starts_with(['{', '[']);
    let is_address_only = tail.starts_with("http") && !tail.contains(char::is_whitespace);
    // A head with a digit is a calculation or a date more often than an introduction.
    (asks(head) && is_long && !is_address_only && !asks_only(tail, asks))
        .then(|| (head.to_owned(), tail.to_owned()))
}

/// A tail such as "summarise, list the dates": requests, no material.
fn asks_only(tail: &str, asks: &dyn Fn(&str) -> bool) -> bool {
    tail.split_whitespace().count() < 25
        && tail.split([',', ';', '?']).all(|part| part.trim().is_empty() || asks(part))
}

fn is_material(text: &str) -> bool {
    text.split_whitespace().count() >= 6
        || text.trim_start().starts_with(['{', '['])
        || (text.lines().count() >= 2 && text.contains(','))
}

/// Takes quoted texts of three words and more out of a request.
fn unquote(request: &str) -> (String, Vec<String>) {
    let (mut rest, mut texts) = (String::new(), Vec::new());
    let mut remaining = request;
    while let Some(at) = remaining.find(['"', '“']) {
        let open = remaining[at..].chars().next().unwrap_or('"');
        let close = if open == '“' { '”' } else { '"' };
        let inner = &remaining[at + open.len_utf8()..];
        let Some(end) = inner.find(close) else { break };
        if inner[..end].split_whitespace().count() >= 3 {
            rest.push_str(&remaining[..at]);
            texts.push(inner[..end].to_owned());
        } else {
            rest.push_str(&remaining[..at + open.len_utf8() + end + close.len_utf8()]);
        }
        remaining = &inner[end + close.len_utf8()..];
    }
    rest.push_str(remaining);
    (rest, texts)
}

/// The web addresses in a text, each once, without the punctuation behind them.
pub(super) fn urls(text: &str) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for word in
        text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '(' | '“' | '”'))
    {
        let word = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'', ']']);
        let lower = word.to_lowercase();
        let url = if lower.starts_with("http://") || lower.starts_with("https://") {
            word.to_owned()
        } else if lower.starts_with("www.") && lower.matches('.').count() >= 2 {
            format!("https://{word}")
        } else {
            continue;
        };
        if url::Url::parse(&url).is_ok() && !urls.contains(&url) {
            urls.push(url);
        }
    }
    urls
}

/// Cuts a request into its clauses.
fn clauses(request: &str) -> Vec<String> {
    let mut clauses = Vec::new();
    for line in request.lines() {
        let line = line.trim().trim_start_matches(['-', '*', '•']).trim();
        // "1. what is …" and "2) what is …"
        let unnumbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let line = match unnumbered.strip_prefix(['.', ')']) {
            Some(rest) if unnumbered.len() < line.len() && rest.starts_with(' ') => rest.trim(),
            _ => line,
        };
        for sentence in sentences(line) {
            split_and(sentence, &mut clauses);
        }
    }
    clauses
}

/// Cuts at `?`, `;`, `!` and full stops that end a sentence.
fn sentences(line: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut from = 0;
    for (at, c) in line.char_indices() {
        let after = &line[at + c.len_utf8()..];
        let ends = match c {
            '?' | ';' | '!' => after.is_empty() || after.starts_with(char::is_whitespace),
            '.' => {
                let word = line[from..at].rsplit(char::is_whitespace).next().unwrap_or("");
                after.starts_with(char::is_whitespace)
                    && !matches!(
                        word.to_lowercase().as_str(),
                        "e.g" | "i.e" | "vs" | "mr" | "mrs" | "dr" | "approx" | "no"
                    )
            }
            _ => false,
        };
        if ends {
            sentences.push(line[from..=at].trim());
            from = at + c.len_utf8();
        }
    }
    sentences.push(line[from..].trim());
    sentences.retain(|sentence| sentence.chars().any(char::is_alphanumeric));
    sentences
}

/// Cuts at "and", "then" and commas where a new request begins behind them.
fn split_and(sentence: &str, clauses: &mut Vec<String>) {
    let mut from = 0;
    let mut at = 0;
    while at < sentence.len() {
        let rest = &sentence[at..];
        let joint = [
            ", and then ",
            ", and ",
            ", then ",
            " and then ",
            " and also ",
            " and ",
            " then ",
            ", ",
        ]
        .into_iter()
        .find(|joint| rest.get(..joint.len()).is_some_and(|head| head.eq_ignore_ascii_case(joint)));
        if let Some(joint) = joint {
            let behind = &rest[joint.len()..];
            let word = behind.split(|c: char| c.is_whitespace() || c == ',').next().unwrap_or("");
            let word = word.to_lowercase();
            // "who is responsible and is it due" stays; "and is" after a question word parts.
            let is_weak = matches!(
                word.as_str(),
                "is" | "are" | "work" | "get" | "total" | "sum" | "average"
            );
            if STARTERS.contains(&word.as_str()) && (!is_weak || sentence[from..at].contains(' ')) {
                clauses.push(sentence[from..at].trim().to_owned());
                from = at + joint.len();
                at = from;
                continue;
            }
        }
        at += rest.chars().next().map_or(1, char::len_utf8);
    }
    clauses.push(sentence[from..].trim().to_owned());
    clauses.retain(|clause| !clause.is_empty());
}

#[cfg(test)]
mod tests;
