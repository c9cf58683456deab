use serde_json::{Value, json};

use super::run;

fn answer(arguments: &Value) -> String {
    run(arguments).unwrap_or_else(|error| format!("! {error}"))
}

fn expression(text: &str) -> String {
    answer(&json!({ "expression": text }))
}

/// What follows the sign, with the sign.
fn result(text: &str) -> String {
    let whole = expression(text);
    whole.rfind(['=', '≈']).map_or(whole.clone(), |at| whole[at..].to_owned())
}

#[test]
fn arithmetic_is_exact() {
    for (text, expected) in [
        ("0.1 + 0.2", "= 0.3"), ("2 + 3 * 4", "= 14"), ("(2 + 3) * 4", "= 20"), ("2^10", "= 1024"), ("2**0.5", "≈ 1.41421356237"),
        ("-2^2", "= -4"), ("2^-1", "= 0.5"), ("2^3^2", "= 512"), ("10/4", "= 2.5"), ("1/3", "≈ 0.333333333333"), ("1/3*3", "= 1"),
        ("7 % 3", "= 1"), ("7 mod 3", "= 1"), ("-7 % 3", "= 2"), ("5!", "= 120"), ("2(3+4)", "= 14"), ("2pi", "≈ 6.28318530718"),
        ("1,234.56 * 2", "= 2469.12"), ("1.234,56 * 2", "= 2469.12"), ("1 000 000 / 8", "= 125000"), ("1_000 + 1", "= 1001"),
        ("3,5 + 1", "= 4.5"), ("1e3 + 1", "= 1001"), ("9999999999 * 9999999999", "= 99999999980000000001"),
        ("--3", "= 3"), ("3 × 4 ÷ 2", "= 6"), ("5 − 3", "= 2"), ("12 times 7", "= 84"), ("10 divided by 4", "= 2.5"),
        ("3 x 4", "= 12"), ("2 to the power of 8", "= 256"), ("5 squared", "= 25"), ("half of 10", "= 5"), ("5 million / 4", "= 1250000"),
        ("square root of 144", "= 12"), ("√2", "≈ 1.41421356237"), ("3²", "= 9"), ("$12.50 * 4", "= 50"), ("100 - 99.99", "= 0.01"),
        ("0.1 * 3 - 0.3", "= 0"), ("1.10 + 2.20", "= 3.3"), ("19.99 * 3", "= 59.97"), ("1e-7 * 1", "= 0.0000001"),
    ] {
        assert_eq!(result(text), expected, "{text}");
    }
}

#[test]
fn percentages_mean_what_people_mean() {
    for (text, expected) in [
        ("15% of 80", "= 12"), ("15 percent of 80", "= 12"), ("20% off 59.90", "= 47.92"), ("20% off $59.90", "= 47.92"),
        ("200 + 10%", "= 220"), ("59.90 - 20%", "= 47.92"), ("50%", "= 0.5"), ("10% * 5", "= 0.5"), ("3 + 15% of 80", "= 15"),
        ("15% of 80 + 20", "= 32"), ("20 as % of 80", "= 25%"), ("20 as a percentage of 80", "= 25%"), ("5% + 3%", "= 0.08"),
        ("10% of 10% of 500", "= 5"), ("17 % 5", "= 2"), ("8.25% of $45.50", "= 3.75375"), ("1,200 * 7.5%", "= 90"),
    ] {
        assert_eq!(result(text), expected, "{text}");
    }
}

#[test]
fn functions_work() {
    for (text, expected) in [
        ("sqrt(16)", "= 4"), ("sqrt(2)", "≈ 1.41421356237"), ("cbrt(27)", "= 3"), ("abs(-3.5)", "= 3.5"), ("round(2.345, 2)", "= 2.35"),
        ("round(10/3, 2)", "= 3.33"), ("floor(-1.5)", "= -2"), ("ceil(1.2)", "= 2"), ("trunc(-1.7)", "= -1"), ("min(3, 1, 2)", "= 1"),
        ("max(1,200, 3)", "= 200"), ("sum(1,2,3)", "= 6"), ("avg(1,2,4)", "≈ 2.33333333333"), ("median(5,1,3)", "= 3"),
        ("median(1,2,3,4)", "= 2.5"), ("sin(pi)", "≈ 0"), ("sin(30°)", "≈ 0.5"), ("cos(0)", "≈ 1"), ("ln(e)", "≈ 1"), ("log(1000)", "= 3"),
        ("log2(8)", "= 3"), ("log(8, 2)", "≈ 3"), ("pow(2, 8)", "= 256"), ("gcd(12, 18)", "= 6"), ("lcm(4, 6)", "= 12"), ("hypot(3, 4)", "= 5"),
        ("mod(10, 3)", "= 1"), ("fact(5)", "= 120"), ("exp(0)", "≈ 1"), ("sqrt(1/4)", "= 0.5"), ("sqrt 16 + 9", "= 13"), ("root(27, 3)", "≈ 3"),
    ] {
        assert_eq!(result(text), expected, "{text}");
    }
}

#[test]
fn questions_are_answered_with_their_expression() {
    for (text, expected) in [
        ("What is 2 + 2?", "2 + 2 = 4"),
        ("what's 15% of 80?", "15% of 80 = 12"),
        ("How much is 20% off 59.90?", "20% off 59.90 = 47.92"),
        ("Calculate: 3 * (4 + 5).", "3 * (4 + 5) = 27"),
        ("convert 5 miles to km", "5 miles = 8.04672 km"),
        ("1 + 1 =", "1 + 1 = 2"),
        ("5!", "5! = 120"),
    ] {
        assert_eq!(expression(text), expected);
    }
}

#[test]
fn units_convert() {
    for (text, expected) in [
        ("5 miles in km", "= 8.04672 km"), ("5 mi to km", "= 8.04672 km"), ("10 km in miles", "≈ 6.21371192237 mi"),
        ("72 F to C", "≈ 22.2222222222 °C"), ("100 °C to °F", "= 212 °F"), ("-40 C in F", "= -40 °F"), ("0 K to C", "= -273.15 °C"),
        ("100 degrees fahrenheit to celsius", "≈ 37.7777777778 °C"), ("5 ft 11 in in cm", "= 180.34 cm"), ("10 cm in in", "≈ 3.93700787402 in"),
        ("1 hour and 30 minutes in seconds", "= 5400 s"), ("2.5 hours to minutes", "= 150 min"), ("1 gallon in litres", "= 3.785411784 L"),
        ("3 cups in ml", "= 709.7647095 mL"), ("180 lbs to kg", "= 81.6466266 kg"), ("1 acre in m2", "= 4046.8564224 m²"),
        ("100 square feet in square metres", "= 9.290304 m²"), ("60 mph in km/h", "= 96.56064 km/h"), ("100 km per hour in m/s", "≈ 27.7777777778 m/s"),
        ("1 GB in MB", "= 1000 MB"), ("1 GiB in MB", "= 1073.741824 MB"), ("100 Mbps in MB/s", "= 12.5 MB/s"), ("8 Mb to MB", "= 1 MB"),
        ("1 kWh in kJ", "= 3600 kJ"), ("500 kcal to kJ", "= 2092 kJ"), ("32 psi in bar", "= 2.20632233381376 bar"), ("1 atm to hPa", "= 1013.25 hPa"),
        ("(2 + 3) miles in km", "= 8.04672 km"), ("2*3 km to m", "= 6000 m"), ("1,500 m in km", "= 1.5 km"), ("a mile in feet", "= 5280 ft"),
        ("how many feet in a mile", "= 5280 ft"), ("How many seconds are in 2 hours?", "= 7200 s"), ("30 mpg in L/100km", "≈ 7.84048611111 L/100km"),
        ("1 year in days", "= 365.2425 d"), ("365 days in years", "≈ 0.999336"), ("100 hp in kW", "= 74.569987158227022 kW"),
        ("1 m³ to litres", "= 1000 L"), ("6 ft -> cm", "= 182.88 cm"),
    ] {
        let found = result(text);
        assert!(found.starts_with(expected), "{text}: {found}");
    }
    assert_eq!(answer(&json!({ "value": 5, "from": "mi", "to": "km" })), "5 mi = 8.04672 km");
    assert_eq!(answer(&json!({ "value": -2.5, "from": "kilograms", "to": "g" })), "-2.5 kg = -2500 g");
}

#[test]
fn what_cannot_be_worked_out_says_why() {
    for (text, reason) in [
        ("1/0", "division by zero"), ("5 % 0", "division by zero"), ("0^-1", "not a real number"), ("sqrt(-1)", "negative"),
        ("(-8)^0.5", "not a real number"), ("2 +", "ends too early"), ("(2", "not closed"), ("2)", "not expected"), ("2 3", "not expected"),
        ("", "nothing"), ("?", "nothing"), ("foo + 1", "not known"), ("hello", "not known"), ("5 miles in kg", "unit of length"),
        ("5 miles in parsnips", "not a known unit"), ("10 USD in EUR", "exchange rates"), ("200!", "0 to 170"), ("2.5!", "whole number"),
        ("9^9^9^9", "too large"), ("max()", "at least 1"), ("round(1,2,3)", "1 or 2"), ("2 @ 3", "cannot stand"), ("1.2.3", "not expected"),
        ("ln(0)", "no value"), ("tan(90°)", "no value"), ("as as as", "not known"), ("5 km in", "not known"),
    ] {
        let found = expression(text);
        assert!(found.starts_with("! ") && found.contains(reason), "{text}: {found}");
    }
    let deep = format!("{}1{}", "(".repeat(400), ")".repeat(400));
    assert!(expression(&deep).contains("nested too deeply"));
    assert!(expression(&"-".repeat(900)).contains("too early"));
    assert!(expression(&format!("{}1", "sqrt ".repeat(300))).contains("nested too deeply"));
    assert!(expression(&format!("2{}", "^2".repeat(300))).contains("nested too deeply"));
    for wrong in [json!({}), json!({ "value": 1, "from": "m" }), json!({ "expression": "1", "value": 1 })] {
        assert!(answer(&wrong).starts_with("! give"));
    }
}

#[test]
fn odd_input_never_panics() {
    for text in ["💥", "é²³", "²", "%", "%%%", "°", "1%%%", "!!", ",,,", "1,,2", "½", "\u{0}", "in in in", " in ", "to to", "how many ", "how many x in y", "->", "→", "1→km", "in", "a", "' in \"", "5 ' in cm", "½ km in m", "İ in m", "how many İ in İ"] {
        let _ = expression(text);
    }
}
