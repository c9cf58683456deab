use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::run;
use crate::tools::ToolContext;

/// A Monday.
fn context() -> ToolContext {
    ToolContext { now: "2026-11-23T15:30:19Z".parse().unwrap(), sources: Arc::new(HashMap::new()), ..ToolContext::default() }
}

fn answer(arguments: &Value) -> Value {
    match run(arguments, &context()) {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

fn text(arguments: &Value) -> String {
    let answer = answer(arguments);
    answer.get("text").map_or_else(|| answer.to_string(), |text| text.as_str().unwrap().to_owned())
}

#[test]
fn dates_are_read_as_people_write_them() {
    for (date, expected) in [
        ("2026-11-23", "2026-11-23"), ("20261123", "2026-11-23"), ("2026/11/23", "2026-11-23"), ("23.11.2026", "2026-11-23"),
        ("11/23/2026", "2026-11-23"), ("23/11/2026", "2026-11-23"), ("3/4/2026", "2026-03-04"), ("1.2.26", "2026-02-01"), ("23-11-2026", "2026-11-23"),
        ("23 Nov 2026", "2026-11-23"), ("Nov 23, 2026", "2026-11-23"), ("November 23rd 2026", "2026-11-23"), ("23rd of November 2026", "2026-11-23"),
        ("the 4th of July", "2026-07-04"), ("Monday, 23 November 2026", "2026-11-23"), ("Mon Nov 23 2026", "2026-11-23"), ("Sept 5 2027", "2027-09-05"),
        ("November 2027", "2027-11-01"), ("2028", "2028-01-01"), ("29 Feb 2028", "2028-02-29"),
        ("today", "2026-11-23"), ("Tomorrow", "2026-11-24"), ("yesterday", "2026-11-22"), ("the day after tomorrow", "2026-11-25"),
        ("friday", "2026-11-27"), ("next friday", "2026-11-27"), ("monday", "2026-11-23"), ("next monday", "2026-11-30"), ("last monday", "2026-11-16"),
        ("last friday", "2026-11-20"), ("on friday", "2026-11-27"), ("next week", "2026-11-30"), ("next month", "2026-12-23"), ("end of month", "2026-11-30"),
        ("end of the year", "2026-12-31"), ("in 3 days", "2026-11-26"), ("2 weeks ago", "2026-11-09"), ("a month from now", "2026-12-23"),
        ("in 1 year and 2 months", "2028-01-23"), ("christmas", "2026-12-25"), ("Valentine's Day", "2027-02-14"),
        ("2026-W48", "2026-11-23"), ("2026-W48-5", "2026-11-27"), ("1795447819", "2026-11-23"), ("1795447819000", "2026-11-23"),
        ("Mon, 23 Nov 2026 15:30:00 +0000", "2026-11-23"), ("0001-01-01", "0001-01-01"),
    ] {
        let found = answer(&json!({ "operation": "describe", "date": date }));
        assert_eq!(found["date"], expected, "{date}: {found}");
    }
}

#[test]
fn times_are_read_as_people_write_them() {
    for (date, expected) in [
        ("2026-11-23T14:00Z", "2026-11-23T14:00:00+00:00"), ("2026-11-23 14:00", "2026-11-23T14:00:00+00:00"), ("2026-11-23T14:00:30+02:00", "2026-11-23T14:00:30+02:00"),
        ("3pm", "2026-11-23T15:00:00+00:00"), ("3:30 pm", "2026-11-23T15:30:00+00:00"), ("12am", "2026-11-23T00:00:00+00:00"), ("12 pm", "2026-11-23T12:00:00+00:00"),
        ("14:05", "2026-11-23T14:05:00+00:00"), ("noon", "2026-11-23T12:00:00+00:00"), ("tomorrow at 9am", "2026-11-24T09:00:00+00:00"),
        ("next friday 14:00", "2026-11-27T14:00:00+00:00"), ("23 Nov 2026 14:00", "2026-11-23T14:00:00+00:00"), ("Nov 23, 2026 at 2:15 p.m.", "2026-11-23T14:15:00+00:00"),
        ("3pm CET", "2026-11-23T15:00:00+01:00"), ("9am New York", "2026-11-23T09:00:00-05:00"), ("15:00 Europe/Berlin", "2026-11-23T15:00:00+01:00"),
        ("now", "2026-11-23T15:30:19+00:00"), ("in 2 hours", "2026-11-23T17:30:19+00:00"), ("30 minutes ago", "2026-11-23T15:00:19+00:00"),
        ("2026-11-23T14:00:00[Asia/Tokyo]", "2026-11-23T14:00:00+09:00"),
    ] {
        let found = answer(&json!({ "operation": "describe", "date": date }));
        assert_eq!(found["iso"], expected, "{date}: {found}");
    }
}

#[test]
fn every_operation_answers_with_a_sentence() {
    for (arguments, expected) in [
        (json!({ "operation": "now" }), "Monday, 23 November 2026, 15:30:19 UTC"),
        (json!({ "operation": "now", "time_zone": "Asia/Tokyo" }), "Tuesday, 24 November 2026, 00:30:19 JST (Asia/Tokyo)"),
        (json!({ "operation": "describe", "date": "2024-02-29" }), "Thursday, 29 February 2024"),
        (json!({ "operation": "add", "days": 30 }), "Monday, 23 November 2026 plus 30 days is Wednesday, 23 December 2026"),
        (json!({ "operation": "add", "date": "2026-01-31", "months": 1 }), "Saturday, 31 January 2026 plus 1 month is Saturday, 28 February 2026"),
        (json!({ "operation": "add", "date": "2024-02-29", "years": -1 }), "Thursday, 29 February 2024 minus 1 year is Tuesday, 28 February 2023"),
        (json!({ "operation": "add", "hours": 10.0 }), "Monday, 23 November 2026, 15:30:19 UTC plus 10 hours is Tuesday, 24 November 2026, 01:30:19 UTC"),
        (json!({ "operation": "add", "date": "2026-11-23", "months": 1, "days": -1 }), "Monday, 23 November 2026 plus 1 month, minus 1 day is Tuesday, 22 December 2026"),
        (json!({ "operation": "difference", "other": "christmas" }), "From Monday, 23 November 2026 to Friday, 25 December 2026: 32 days (1 month, 2 days)"),
        (json!({ "operation": "difference", "date": "2026-01-01", "other": "2025-12-25" }), "From Thursday, 1 January 2026 to Thursday, 25 December 2025: 7 days, backwards"),
        (json!({ "operation": "difference", "date": "9:00", "other": "17:30" }), "From Monday, 23 November 2026, 09:00 UTC to Monday, 23 November 2026, 17:30 UTC: 8 hours, 30 minutes"),
        (json!({ "operation": "convert", "date": "3pm", "time_zone": "Europe/Berlin", "to_time_zone": "New York" }), "Monday, 23 November 2026, 15:00 CET (Europe/Berlin) is Monday, 23 November 2026, 09:00 EST (America/New_York)"),
        (json!({ "operation": "convert", "date": "2026-07-01 12:00", "time_zone": "UTC+2", "to_time_zone": "India" }), "Wednesday, 1 July 2026, 12:00 +02:00 is Wednesday, 1 July 2026, 15:30 IST (Asia/Kolkata)"),
        (json!({ "operation": "add_business_days", "date": "2026-11-27", "business_days": 1 }), "Friday, 27 November 2026 plus 1 business day is Monday, 30 November 2026"),
        (json!({ "operation": "add_business_days", "date": "2026-11-28", "business_days": 5 }), "Saturday, 28 November 2026 plus 5 business days is Friday, 4 December 2026"),
        (json!({ "operation": "add_business_days", "date": "2026-11-23", "business_days": -6 }), "Monday, 23 November 2026 minus 6 business days is Friday, 13 November 2026"),
        (json!({ "operation": "business_days_between", "date": "2026-11-23", "other": "2026-11-30" }), "6 business days from Monday, 23 November 2026 to Monday, 30 November 2026, both included"),
    ] {
        assert_eq!(text(&arguments), expected, "{arguments}");
    }
    let facts = answer(&json!({ "operation": "describe", "date": "2026-12-31" }));
    assert_eq!((facts["iso_week"].as_str(), facts["day_of_year"].as_i64()), (Some("2026-W53"), Some(365)));
    assert_eq!(facts["weekday"], "Thursday");
    let note = answer(&json!({ "operation": "describe", "date": "3/4/2026" }));
    assert_eq!(note["note"], "read as month/day/year");
}

#[test]
fn what_is_not_a_date_says_so() {
    for (arguments, reason) in [
        (json!({ "operation": "describe", "date": "soon" }), "not understood"),
        (json!({ "operation": "describe", "date": "2026-13-45" }), "not understood"),
        (json!({ "operation": "describe", "date": "30 Feb 2026" }), "not understood"),
        (json!({ "operation": "describe", "date": "💥 nov" }), "not understood"),
        (json!({ "operation": "describe", "date": "İİİ 12:99" }), "not understood"),
        (json!({ "operation": "now", "time_zone": "Mars/Phobos" }), "time zone"),
        (json!({ "operation": "now", "time_zone": "../etc/passwd" }), "time zone"),
        (json!({ "operation": "add" }), "at least one of"),
        (json!({ "operation": "add", "years": 999_999_999 }), "outside"),
        (json!({ "operation": "add", "seconds": i64::MAX }), "outside"),
        (json!({ "operation": "add", "days": 4_000_000 }), "outside"),
        (json!({ "operation": "difference" }), "`other`"),
        (json!({ "operation": "convert" }), "`to_time_zone`"),
        (json!({ "operation": "add_business_days" }), "`business_days`"),
    ] {
        let found = answer(&arguments).to_string();
        assert!(found.contains("error") && found.contains(reason), "{arguments}: {found}");
    }
}
