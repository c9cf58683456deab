//! Every text has its word in every language, and no word is left over.

#![cfg(feature = "ssr")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::catalogue;

const CALLS: [&str; 4] = ["tr(", "tr_with(", "tr_count(", "key("];

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// Reads a string literal behind its opening quote. Answers its text and what follows it.
fn literal(source: &str) -> (String, &str) {
    let mut text = String::new();
    let mut rest = source.char_indices();
    while let Some((at, sign)) = rest.next() {
        match sign {
            '"' => return (text, &source[at + 1..]),
            '\\' => match rest.next().map(|(_, sign)| sign) {
                Some('n') => text.push('\n'),
                Some('u') => {
                    let code: String = rest
                        .by_ref()
                        .skip(1)
                        .map(|(_, sign)| sign)
                        .take_while(|sign| *sign != '}')
                        .collect();
                    text.push(
                        u32::from_str_radix(&code, 16).ok().and_then(char::from_u32).unwrap(),
                    );
                }
                Some('\n') => {
                    // Until the first sign of the next line.
                    let blank = rest.clone().take_while(|(_, sign)| sign.is_whitespace()).count();
                    rest.by_ref().take(blank).for_each(drop);
                }
                Some(other) => text.push(other),
                None => break,
            },
            other => text.push(other),
        }
    }
    panic!("a literal without an end: {source:.60}");
}

/// The texts that a source hands to the functions of this module.
fn asked(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for call in CALLS {
        for (at, _) in source.match_indices(call) {
            let is_word =
                source[..at].ends_with(|sign: char| sign.is_alphanumeric() || sign == '_');
            let mut rest = source[at + call.len()..].trim_start();
            let most = if call == "tr_count(" { 2 } else { 1 };
            for _ in 0..most {
                if is_word || !rest.starts_with('"') {
                    break;
                }
                let (text, behind) = literal(&rest[1..]);
                found.push(text);
                rest = behind.trim_start().trim_start_matches(',').trim_start();
            }
        }
    }
    found
}

fn all_sources(folders: &[&str]) -> Vec<String> {
    let mut files = Vec::new();
    for folder in folders {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    let own = |path: &PathBuf| {
        path.ends_with("language/complete.rs") || path.ends_with("src/language.rs")
    };
    files.retain(|path| !own(path));
    files.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn names(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

/// A text without the names of its values, which the use cases have others for, and without breaks of
/// its line.
fn without_names(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for (at, part) in text.split("\\\n").enumerate() {
        whole.push_str(if at == 0 { part } else { part.trim_start() });
    }
    let mut parts = whole.split('{');
    let mut left = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        left.push('{');
        let is_name = |name: &str| {
            name.chars().all(|sign| sign.is_alphanumeric() || "_.:?#$<>".contains(sign))
        };
        let named = part.split_once('}').filter(|(name, _)| is_name(name));
        left.push_str(named.map_or(part, |(_, behind)| behind));
    }
    left
}

#[test]
fn german_has_a_word_for_each_text() {
    let words: BTreeMap<String, String> = serde_json::from_str(catalogue::GERMAN).unwrap();
    let asked: BTreeSet<String> =
        all_sources(&["src"]).iter().flat_map(|source| asked(source)).collect();
    let missing: Vec<_> = asked.iter().filter(|text| !words.contains_key(*text)).collect();
    assert!(missing.is_empty(), "{} texts are missing in de.json: {missing:#?}", missing.len());
    for (english, german) in &words {
        assert_eq!(names(english), names(german), "{english}");
        assert!(!german.is_empty(), "{english}");
        let edges = |text: &str| (text.starts_with(' '), text.ends_with(' '));
        assert_eq!(edges(english), edges(german), "the blanks around “{english}”");
    }
}

/// Words for what the domain calls things are found by their text, so that is looked for there too.
#[test]
fn no_word_is_left_over() {
    let words: BTreeMap<String, String> = serde_json::from_str(catalogue::GERMAN).unwrap();
    let folders = ["src", "../crates/domain/src", "../crates/backend/src", "../crates/runtime/src"];
    let sources = all_sources(&folders);
    let asked: BTreeSet<String> = sources.iter().flat_map(|source| asked(source)).collect();
    let written: Vec<_> = sources.iter().map(|source| without_names(source)).collect();
    let is_known = |text: &String| {
        asked.contains(text) || {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"");
            let literal = format!("\"{}\"", without_names(&text));
            written.iter().any(|source| source.contains(&literal))
        }
    };
    let over: Vec<_> = words.keys().filter(|text| !is_known(text)).collect();
    assert!(over.is_empty(), "{} words belong to no text: {over:#?}", over.len());
}

#[test]
fn literals_are_read_as_the_compiler_reads_them() {
    let source = r#"x.attr("a") tr("one \"two\" \u{2019} \
        three") tr_count("{n} run", "{n} runs", 3) str("no") tr(name) key("k")"#;
    assert_eq!(asked(source), ["one \"two\" \u{2019} three", "{n} run", "{n} runs", "k"]);
}

#[test]
fn a_text_is_found_wherever_it_stands() {
    let source = r#"if no { "a {b.c} \
        d" } else { return "e"; }"#;
    assert_eq!(without_names(source), r#"if no { "a { d" } else { return "e"; }"#);
}
