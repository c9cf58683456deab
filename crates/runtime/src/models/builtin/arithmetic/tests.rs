//! Tables of cases.

use super::*;

#[test]
fn arithmetic_in_words_and_signs() {
    for (clause, expected) in [
        ("What is 15% of 80 plus 3?", &["15% of 80 plus 3"] as &[&str]),
        ("split 240 between 7 people", &["240 / 7"]),
        ("What is two hundred and forty divided by seven?", &["240 divided by 7"]),
        ("2+2", &["2+2"]),
        ("What is 10000 * 1.035^8?", &["10000 * 1.035^8"]),
        (
            "Calculate (40 * 89.50 + 15 * 249 + 16 * 59) * 0.95 for a discount of 5 %.",
            &["(40 * 89.50 + 15 * 249 + 16 * 59) * 0.95"],
        ),
        ("what is the sum of 3, 4 and 5", &["sum(3, 4, 5)"]),
        ("add 15% to 200", &["200 * (1 + 15/100)"]),
        ("what is the square root of 144", &["square root of 144"]),
        ("increase 200 by 15%", &["200 * (1 + 15/100)"]),
        ("what percentage of 80 is 20", &["20 as % of 80"]),
        ("20% tip on 85.50", &["20% of 85.50"]),
        ("How much is 3 apples times 4 euros?", &["3 times 4"]),
        ("what is 120 euros plus 19% vat", &["120 * (1 + 19/100)"]),
        ("half of 90", &["90 / 2"]),
        (
            "Convert 5 miles to km, 180 lb to kg and 350 °F to °C.",
            &["5 miles in km", "180 lb in kg", "350 °F in °C"],
        ),
        ("How much is 2.5 GB in MB, and 90 km/h in m/s?", &["2.5 GB in MB", "90 km/h in m/s"]),
        ("how many feet are in a mile", &["1 mile in feet"]),
        ("how many km are there in 26.2 miles", &["26.2 miles in km"]),
        ("Convert 12 ft to m", &["12 ft in m"]),
        ("convert 5 kg to pounds and 100 F to C", &["5 kg in pounds", "100 °F in °C"]),
        ("2027-03-01", &[]),
        ("summarise the 3 points in this text", &[]),
        ("list 5 key points", &[]),
        ("How many words are in this text", &[]),
        ("average price by category", &[]),
    ] {
        let found: Vec<_> = calculations(clause).into_iter().map(|c| c.expression).collect();
        assert_eq!(found, expected, "{clause}");
    }
}

#[test]
fn a_calculation_may_go_on_from_the_one_before() {
    assert_eq!(
        calculations("and what is 19 % of that?"),
        [Calculation { expression: "19 % of {}".to_owned(), on_previous: true }]
    );
    assert!(calculations("what is this about").is_empty());
    assert!(calculations("summarise it").is_empty());
}
