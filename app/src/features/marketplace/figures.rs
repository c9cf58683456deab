//! A listing's numbers, as people read them.

use resonant_domain::listing::ListingSummary;
pub(super) use resonant_domain::review::tenths;

/// `4.4` out of 437 hundredths; `None` without ratings.
pub(super) fn stars(listing: &ListingSummary) -> Option<String> {
    tenths(listing.rating_hundredths, listing.rating_count)
}

/// `No installs yet`, `1 install`, `1,204 installs`.
pub(super) fn installs(listing: &ListingSummary) -> String {
    match listing.installs {
        ..=0 => "No installs yet".to_owned(),
        count => counted(count, "install"),
    }
}

/// A number and its noun: `1 agent`, `2 agents`.
pub(super) fn counted(count: i64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(count))
}

/// `1 person`, `2 people`.
pub(super) fn people(count: i64) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{} people", grouped(count)) }
}

/// A whole number with its thousands set apart: `4,000`.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let sign = if number < 0 { "−" } else { "" };
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + sign.len());
    text.push_str(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use resonant_domain::agent::Avatar;
    use resonant_domain::listing::Category;

    use super::*;

    fn listing(installs: i64, rating_count: i64, rating_hundredths: i32) -> ListingSummary {
        ListingSummary {
            id: "01900000-0000-7000-8000-000000000000".parse().unwrap(),
            slug: String::new(),
            name: String::new(),
            tagline: String::new(),
            category: Category::Custom,
            avatar: Avatar::default(),
            picture: None,
            publisher: String::new(),
            installs,
            rating_count,
            rating_hundredths,
            is_template: false,
            publisher_handle: None,
            is_verified: false,
            median_cost: None,
            price: resonant_domain::price::Price::FREE,
            highlights: None,
        }
    }

    #[test]
    fn numbers_read_well() {
        for (number, text) in [(0, "0"), (999, "999"), (4_000, "4,000"), (-1_234_567, "−1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(installs(&listing(0, 0, 0)), "No installs yet");
        assert_eq!(installs(&listing(1, 0, 0)), "1 install");
        assert_eq!(installs(&listing(1_204, 0, 0)), "1,204 installs");
    }

    #[test]
    fn stars_are_rounded_and_absent_without_ratings() {
        assert_eq!(stars(&listing(0, 0, 0)), None);
        assert_eq!(stars(&listing(0, 3, 437)).as_deref(), Some("4.4"));
        assert_eq!(stars(&listing(0, 3, 500)).as_deref(), Some("5.0"));
        assert_eq!(stars(&listing(0, 3, 100)).as_deref(), Some("1.0"));
    }
}
