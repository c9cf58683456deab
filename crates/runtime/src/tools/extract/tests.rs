use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{KINDS, run};
use crate::tools::ToolContext;

fn call(arguments: &Value) -> Value {
    let sources = HashMap::from([("context".to_owned(), "Mail a@b.example".to_owned()), ("call_1".to_owned(), "Mail c@d.example".to_owned())]);
    let context = ToolContext { now: "2026-11-23T15:30:19Z".parse().unwrap(), sources: Arc::new(sources), ..ToolContext::default() };
    match run(arguments, &context) {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(error) => json!(error.to_string()),
    }
}

fn one(kind: &str, text: &str) -> Value {
    call(&json!({ "what": [kind], "text": text }))[kind].take()
}

#[test]
fn addresses_are_found() {
    for (text, expected) in [
        ("Write to ada@example.org, or <Bob.Smith+x@mail.example.co.uk>.", json!(["ada@example.org", "Bob.Smith+x@mail.example.co.uk"])),
        ("a@b a@b. @c.de x@.com a@@b.de a@b..de", json!([])),
        ("A@x.org a@X.org", json!(["A@x.org"])),
        ("jürgen@bücher.example", json!(["jürgen@bücher.example"])),
    ] {
        assert_eq!(one("emails", text), expected, "{text}");
    }
    for (text, expected) in [
        ("See https://example.org/a?b=1#c, (http://x.example/y_(z)) and www.site.example.", json!(["https://example.org/a?b=1#c", "http://x.example/y_(z)", "www.site.example"])),
        ("[link](https://example.org/x) <https://b.example>", json!(["https://example.org/x", "https://b.example"])),
        ("https:// http www. wwww awww.x a://b", json!([])),
        ("HTTPS://EXAMPLE.org! https://example.org", json!(["HTTPS://EXAMPLE.org"])),
    ] {
        assert_eq!(one("urls", text), expected, "{text}");
    }
}

#[test]
fn dates_are_found_with_their_day() {
    for (text, expected) in [
        ("Due 2026-12-01, signed on 23.11.2026.", json!(["2026-12-01", "2026-11-23"])),
        ("Between 3 March 2025 and the 5th of May, then June 7, 2027; (July 2028)", json!(["2025-03-03", "2026-05-05", "2027-06-07", "2028-07-01"])),
        ("At 2026-11-23T14:00:00Z and 12/24/2026", json!(["2026-11-23", "2026-12-24"])),
        ("You may go. March on! 1.2.3.4 99.99.9999", json!([])),
    ] {
        let found = one("dates", text);
        let days: Vec<_> = found.as_array().unwrap().iter().map(|date| date["date"].clone()).collect();
        assert_eq!(Value::from(days), expected, "{text}: {found}");
    }
    assert_eq!(one("dates", "on June 7, 2027!")[0]["text"], "June 7, 2027");
}

#[test]
fn amounts_and_numbers_are_found_with_their_value() {
    for (text, expected) in [
        ("It costs $1,234.50 or 1.234,50 € today", json!([["$1,234.50", 1234.5, "USD"], ["1.234,50 €", 1234.5, "EUR"]])),
        ("EUR 20, 15 dollars, £3.5 million, $2k and 7 USD", json!([["EUR 20", 20, "EUR"], ["15 dollars", 15, "USD"], ["£3.5 million", 3_500_000, "GBP"], ["$2k", 2000, "USD"], ["7 USD", 7, "USD"]])),
        ("12.5 million dollars for 400 roofs", json!([["12.5 million dollars", 12_500_000, "USD"]])),
        ("$ and € and 5 apples, A$, x$5", json!([])),
    ] {
        let found: Vec<_> =
            one("amounts", text).as_array().unwrap().iter().map(|a| json!([a["text"], a["value"], a["currency"]])).collect();
        assert_eq!(Value::from(found), expected, "{text}");
    }
    for (text, expected) in [
        ("3 apples, 2.5 kg, 1,000 people and -4 degrees", json!([3, 2.5, 1000, -4])),
        ("v2 on 2026-11-23 at 10:30, 1.2.3, abc123 #5", json!([])),
        ("10-20", json!([])), ("50% of 80.", json!([50, 80])),
    ] {
        assert_eq!(one("numbers", text), expected, "{text}");
    }
}

#[test]
fn phones_and_hashtags_are_found() {
    for (text, expected) in [
        ("Call +49 30 1234567 or (555) 123-4567, 555-123-4567 ext 5.", json!(["+49 30 1234567", "(555) 123-4567", "555-123-4567"])),
        ("030 12345678", json!(["030 12345678"])),
        ("On 2026-11-23, 23.11.2026, order 1234567890, 192.168.100.200, $1 234 567, 2019-2026", json!([])),
        ("+1 (202) 555-0100", json!(["+1 (202) 555-0100"])),
    ] {
        assert_eq!(one("phones", text), expected, "{text}");
    }
    assert_eq!(one("hashtags", "#Rust and #rust #42 a#b ## #über_gut &#39;"), json!(["#Rust", "#über_gut"]));
}

#[test]
fn lines_are_read_by_their_beginning() {
    let text = "Name: Ada Lovelace\n- **Role**: Engineer\nhttps://x.example\nport = 8080\nThis is a sentence: not, a key. Really: no\n\"city\": \"Paris\",\nEmpty:\na == b";
    let pairs = one("key_values", text);
    let pairs: Vec<_> = pairs.as_array().unwrap().iter().map(|p| format!("{}={}", p["key"].as_str().unwrap(), p["value"].as_str().unwrap())).collect();
    assert_eq!(pairs, ["Name=Ada Lovelace", "Role=Engineer", "port=8080", "This is a sentence=not, a key. Really: no", "city=Paris"]);
    let text = "Notes\n- [ ] Buy milk\n- [x] Pay rent\nTODO: call Bob\nWe talked. Anna needs to send the report. It rained. Tom will fix it by Friday.\nAction: book a room\nShould we go?";
    let todos = one("todos", text);
    let todos: Vec<_> = todos.as_array().unwrap().iter().map(|t| (t["text"].as_str().unwrap(), t["done"].as_bool().unwrap())).collect();
    assert_eq!(
        todos,
        [("Buy milk", false), ("Pay rent", true), ("call Bob", false), ("Anna needs to send the report.", false), ("Tom will fix it by Friday.", false), ("book a room", false)]
    );
    assert_eq!(one("questions", "Who? Me. \"Why not?\" Yes"), json!(["Who?"]));
}

#[test]
fn words_are_counted() {
    let text = "Machine learning is fun. Machine learning needs data.\n\nData is gold!";
    let counts = one("counts", text);
    assert_eq!((counts["words"].as_u64(), counts["sentences"].as_u64(), counts["lines"].as_u64(), counts["paragraphs"].as_u64()), (Some(11), Some(3), Some(3), Some(2)));
    assert_eq!(counts["characters"], text.chars().count());
    assert_eq!(one("word_frequency", text)[0], json!({ "word": "machine", "count": 2 }));
    assert_eq!(one("keywords", text)[0], "machine learning");
    assert_eq!(one("counts", "")["words"], 0);
}

#[test]
fn texts_are_compared() {
    let compare = |old: &str, new: &str| call(&json!({ "what": ["compare"], "text": old, "other": new }))["compare"].take();
    let found = compare("a b\nc d\ne f", "a b\nc x\ne f\ng");
    assert_eq!((&found["added"], &found["removed"], &found["unchanged"]), (&json!(["c x", "g"]), &json!(["c d"]), &json!(2)));
    let same = compare("One. Two.", "One. Two.");
    assert_eq!((&same["identical"], &same["similarity"], &same["unchanged"]), (&json!(true), &json!(1.0), &json!(2)));
    assert_eq!(compare("One. Two.", "One. Three.")["added"], json!(["Three."]));
    assert_eq!(compare("", "")["similarity"], 1.0);
    assert_eq!(compare("x", "")["removed"], json!(["x"]));
    let lines = |offset: usize| (0..5000).map(|n| format!("line {}", n * 7 + offset)).collect::<Vec<_>>().join("\n");
    assert_eq!(compare(&lines(0), &lines(1))["unchanged"], 0);
    assert_eq!(compare(&format!("x\n{}\ny", lines(0)), &format!("y\n{}\nx", lines(0)))["unchanged"], 5002);
    assert_eq!(call(&json!({ "what": ["compare"], "source": "context", "other_source": "call_1" }))["compare"]["similarity"], 0.5);
    assert_eq!(call(&json!({ "what": ["compare"], "text": "a" })), "give the text to compare with in `other`, or name it in `other_source`");
}

#[test]
fn many_kinds_limits_and_odd_texts() {
    let both = call(&json!({ "what": ["emails", "urls"], "source": "context" }));
    assert_eq!(both, json!({ "emails": ["a@b.example"], "urls": [] }));
    let many = (0..100).map(|n| format!("a{n}@b.example")).collect::<Vec<_>>().join(" ");
    let some = call(&json!({ "what": ["emails"], "text": many, "limit": 3 }));
    assert_eq!((some["emails"].as_array().unwrap().len(), &some["emails_total"]), (3, &json!(100)));
    let long = format!("{}\n", "Why ".repeat(2000).trim().to_owned() + "?").repeat(50);
    for text in [
        "", "\0", "💥@💥.💥", "@", "#", "$", "€5€", "+", "((((", "é:é", ":::", "....", "1", "1.", "1,", "$1,", "+1+1+1", "İ: İ", "may", "23", "3 of",
        "www.", "WWW.é", "://", "h://", "1 2 3 4 5 6 7 8 9 0", "ſ://x", "\u{a0}", "[x", "TODO:", "todo(é)", "January é", long.as_str(),
        &"@a.".repeat(50_000), &"(".repeat(100_000), &"http://".repeat(30_000), &"1-".repeat(100_000), &"#".repeat(100_000), &"a: ".repeat(50_000),
    ] {
        let answer = call(&json!({ "what": KINDS, "text": text, "other": text, "limit": 200 }));
        assert!(answer.is_object(), "{} {answer}", resonant_domain::text::shorten(text, 40));
        assert!(answer.to_string().len() <= 64 * 1024);
    }
}
