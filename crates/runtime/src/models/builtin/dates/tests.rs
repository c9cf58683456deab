//! Tables of cases.

use jiff::civil::date;

use super::*;

fn asked(clause: &str) -> Option<Value> {
    question(clause, "2026-11-23T15:30:00Z".parse().unwrap()).map(|question| question.arguments)
}

#[test]
fn date_questions_become_arguments() {
    for (clause, expected) in [
        (
            "How many days until 24 December?",
            json!({"operation": "difference", "date": "2026-11-23", "other": "2026-12-24"}),
        ),
        (
            "how many days until christmas",
            json!({"operation": "difference", "date": "2026-11-23", "other": "2026-12-25"}),
        ),
        (
            "How many days are there between 2026-03-15 and 2026-12-01?",
            json!({"operation": "difference", "date": "2026-03-15", "other": "2026-12-01"}),
        ),
        (
            "How many weeks and days are there between 2026-03-01 and 2026-11-23?",
            json!({"operation": "difference", "date": "2026-03-01", "other": "2026-11-23"}),
        ),
        (
            "how many working days until 1 March 2027",
            json!({"operation": "business_days_between", "date": "2026-11-23", "other": "2027-03-01"}),
        ),
        (
            "how many days since 1 January",
            json!({"operation": "difference", "date": "2026-01-01", "other": "2026-11-23"}),
        ),
        ("what weekday is 2027-03-01", json!({"operation": "describe", "date": "2027-03-01"})),
        ("what day is it today?", json!({"operation": "describe", "date": "2026-11-23"})),
        ("What time is it in Tokyo?", json!({"operation": "now", "time_zone": "Asia/Tokyo"})),
        (
            "What time is it now in Asia/Tokyo?",
            json!({"operation": "now", "time_zone": "Asia/Tokyo"}),
        ),
        (
            "what time is it in San Francisco right now",
            json!({"operation": "now", "time_zone": "America/Los_Angeles"}),
        ),
        ("what time is it", json!({"operation": "now", "time_zone": "UTC"})),
        (
            "Convert 2026-12-03 15:00 from Europe/Berlin to America/New_York.",
            json!({"operation": "convert", "date": "2026-12-03 15:00", "time_zone": "Europe/Berlin", "to_time_zone": "America/New_York"}),
        ),
        (
            "what is 3pm London in Tokyo",
            json!({"operation": "convert", "date": "2026-11-23 15:00", "time_zone": "Europe/London", "to_time_zone": "Asia/Tokyo"}),
        ),
        ("add 3 weeks to today", json!({"operation": "add", "weeks": 3, "date": "2026-11-23"})),
        (
            "What date is 90 days after 17 September 2026",
            json!({"operation": "add", "days": 90, "date": "2026-09-17"}),
        ),
        (
            "what date is it in two weeks",
            json!({"operation": "add", "weeks": 2, "date": "2026-11-23"}),
        ),
        (
            "5 business days from 2026-12-23",
            json!({"operation": "add_business_days", "business_days": 5, "date": "2026-12-23"}),
        ),
        (
            "what was the date 3 months ago",
            json!({"operation": "add", "months": -3, "date": "2026-11-23"}),
        ),
        ("when is easter", json!({"operation": "describe", "date": "2027-03-28"})),
    ] {
        assert_eq!(asked(clause), Some(expected), "{clause}");
    }
    for clause in [
        "list the dates",
        "summarise the 3 days of the fair",
        "what is 2 + 2",
        "how many days each one is away",
        "which rows have a date after May",
    ] {
        assert_eq!(asked(clause), None, "{clause}");
    }
}

#[test]
fn a_question_may_go_on_from_the_one_before() {
    let question =
        question("which weekday is that?", "2026-11-23T15:30:00Z".parse().unwrap()).unwrap();
    assert!(question.on_previous);
}

#[test]
fn dates_are_found_in_many_forms() {
    let today = date(2026, 11, 23);
    for (text, expected) in [
        ("24 December", Some("2026-12-24")),
        ("December 24th, 2028", Some("2028-12-24")),
        ("the 3rd of March", Some("2027-03-03")),
        ("24.12.2026", Some("2026-12-24")),
        ("next friday", Some("2026-11-27")),
        ("last friday", Some("2026-11-20")),
        ("tomorrow", Some("2026-11-24")),
        ("end of the month", Some("2026-11-30")),
        ("you may go", None),
        ("3/4/2026", None),
    ] {
        assert_eq!(find_date(text, today, Lean::Next).as_deref(), expected, "{text}");
    }
}
