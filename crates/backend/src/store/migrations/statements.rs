//! Where one statement of a file ends and the next one begins.

/// The statements of a file, each without its semicolon and what is remarked before it. What stands within
/// quotes, dollars and remarks ends none.
pub(in crate::store) fn statements_of(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = None;
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        let is_remark = rest.starts_with("--");
        let length = match letter {
            '-' if is_remark => rest.find('\n').unwrap_or(rest.len()),
            '\'' | '"' => closed(rest, &rest[..1]),
            '$' => tag(rest).map_or(1, |tag| closed(rest, tag)),
            _ => letter.len_utf8(),
        };
        if letter == ';' {
            found.extend(start.take().map(|start: usize| text[start..at].trim_end()));
        } else if start.is_none() && !is_remark && !letter.is_whitespace() {
            start = Some(at);
        }
        at += length;
    }
    found.extend(start.map(|start| text[start..].trim_end()));
    found
}

/// The length of what begins with a mark and ends with the next one; of the mark alone where none follows.
fn closed(text: &str, mark: &str) -> usize {
    let within = &text[mark.len()..];
    within.find(mark).map_or(mark.len(), |length| length + 2 * mark.len())
}

/// The mark between dollars with which a text begins, such as `$$` or `$body$`.
fn tag(text: &str) -> Option<&str> {
    let length = text[1..].find(|letter: char| !letter.is_alphanumeric() && letter != '_')?;
    text[1 + length..].starts_with('$').then(|| &text[..length + 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semicolon_ends_a_statement_where_it_stands_for_itself() {
        let cases: [(&str, &[&str]); 6] = [
            ("", &[]),
            ("-- One; alone.\n", &[]),
            (
                "-- Why.\n\nSELECT 1;\n-- And;\nSELECT 2 -- so;\n;\n",
                &["SELECT 1", "SELECT 2 -- so;"],
            ),
            (
                "SELECT ';' || 'it''s;', \"a;b\"; SELECT 2",
                &["SELECT ';' || 'it''s;', \"a;b\"", "SELECT 2"],
            ),
            (
                "DO $$ BEGIN; $a$;$a$ END $$; SELECT $1;",
                &["DO $$ BEGIN; $a$;$a$ END $$", "SELECT $1"],
            ),
            ("AS $body$ $$;$$ ü; $body$;", &["AS $body$ $$;$$ ü; $body$"]),
        ];
        for (text, statements) in cases {
            assert_eq!(statements_of(text), statements, "{text}");
        }
    }
}
