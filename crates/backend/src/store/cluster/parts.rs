//! Taking a statement apart.

/// The parts of a statement by their names, in their order: each that WITH begins with, and then, without a
/// name, what they are for.
pub(super) fn parts(text: &str) -> Vec<(String, String)> {
    let text = one_line(text);
    let Some(mut rest) = text.strip_prefix("WITH ") else { return vec![(String::new(), text)] };
    rest = rest.strip_prefix("RECURSIVE ").unwrap_or(rest);
    let mut found = Vec::new();
    while let Some((name, body)) = rest.split_once(" AS ") {
        let body = body.strip_prefix("MATERIALIZED ").unwrap_or(body);
        let part = within(body);
        // Its columns may stand behind the name.
        let name = name.split([' ', '(']).next().unwrap_or_default();
        found.push((name.to_owned(), part.to_owned()));
        let behind = body[part.len()..].trim_start_matches(')').trim_start();
        let Some(next) = behind.strip_prefix(',') else {
            rest = behind;
            break;
        };
        rest = next.trim_start();
    }
    found.push((String::new(), rest.to_owned()));
    found
}

/// A statement without its remarks, and with one space where there may be any.
pub(super) fn one_line(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("--").next().unwrap_or_default());
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// What stands in the parenthesis with which a text begins.
fn within(text: &str) -> &str {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}

#[test]
fn a_statement_is_taken_apart() {
    let text = "WITH RECURSIVE a AS (SELECT f(1)), -- So (it is).
                b (x, y) AS MATERIALIZED (
                    UPDATE t SET u = (SELECT 1 AS v) RETURNING x
                )
                SELECT x AS z FROM a, b";
    let told: Vec<_> = parts(text)
        .into_iter()
        .map(|(name, part)| format!("{name}: {}", part.trim_start_matches('(').trim()))
        .collect();
    assert_eq!(
        told,
        [
            "a: SELECT f(1)",
            "b: UPDATE t SET u = (SELECT 1 AS v) RETURNING x",
            ": SELECT x AS z FROM a, b"
        ]
    );
    assert_eq!(parts("SELECT 1\n FROM a"), [(String::new(), "SELECT 1 FROM a".to_owned())]);
}
