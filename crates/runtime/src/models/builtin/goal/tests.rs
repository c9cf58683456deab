//! Tables of cases.

use super::*;

fn asks(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["what", "summarise", "list", "find", "convert", "how", "compare", "count", "sort"]
        .iter()
        .any(|word| lower.contains(word))
}

#[test]
fn material_is_told_from_the_request() {
    let long = "The team met on Monday. They agreed to ship the new release in May.";
    for (goal, request, text) in [
        (format!("Summarise this: {long}"), "Summarise this", long),
        (format!("Summarise this:\n{long}"), "Summarise this", long),
        (format!("Summarise\n\n{long}"), "Summarise", long),
        (format!("{long}\n\nSummarise the above"), "Summarise the above", long),
        (format!("Summarise\n```text\n{long}\n```"), "Summarise", long),
        (format!("Summarise “{long}”"), "Summarise", long),
        (
            "sort by price:\nname,price\na,3\nb,2".to_owned(),
            "sort by price",
            "name,price\na,3\nb,2",
        ),
    ] {
        let read = read(&goal, &asks);
        assert_eq!(read.clauses, [request], "{goal}");
        assert_eq!(read.texts, [text], "{goal}");
    }
}

#[test]
fn several_requests_are_parted() {
    for (goal, expected) in [
        (
            "What is 15% of 80 plus 3? And how many days until Friday?",
            vec!["What is 15% of 80 plus 3?", "And how many days until Friday?"],
        ),
        ("What is the sum of 3 and 4", vec!["What is the sum of 3 and 4"]),
        ("summarise it and list the dates", vec!["summarise it", "list the dates"]),
        (
            "summarise, list the dates, then count words",
            vec!["summarise", "list the dates", "count words"],
        ),
        (
            "1. what is 2.5 + 2\n2) convert 3 km to miles",
            vec!["what is 2.5 + 2", "convert 3 km to miles"],
        ),
        ("what is 3.5 times 2. Then stop.", vec!["what is 3.5 times 2.", "Then stop."]),
    ] {
        let read = read(goal, &asks);
        assert_eq!(read.clauses, expected, "{goal}");
        assert!(read.texts.is_empty(), "{goal}: {:?}", read.texts);
    }
}

#[test]
fn addresses_stand_without_punctuation() {
    assert_eq!(
        urls("Read (https://a.example/x?y=1). And www.b.example, or http://a.example."),
        ["https://a.example/x?y=1", "https://www.b.example", "http://a.example"]
    );
}
