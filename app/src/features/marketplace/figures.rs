//! A listing's numbers, as people read them.

use resonant_domain::listing::ListingSummary;
use resonant_domain::price::{Price, PriceKind};
use resonant_domain::review;

use crate::language::{decimal, key, money, number, tr, tr_count, tr_with};

/// `4.4` out of 437 hundredths; `None` without ratings.
pub(super) fn tenths(hundredths: i32, count: i64) -> Option<String> {
    review::tenths(hundredths, count).map(decimal)
}

/// `4.4` out of 437 hundredths; `None` without ratings.
pub(super) fn stars(listing: &ListingSummary) -> Option<String> {
    tenths(listing.rating_hundredths, listing.rating_count)
}

/// `No installs yet`, `1 install`, `1,204 installs`.
pub(super) fn installs(listing: &ListingSummary) -> String {
    match listing.installs {
        ..=0 => tr("No installs yet").to_owned(),
        count => counted(count, key("{n} install"), key("{n} installs")),
    }
}

/// A number and its noun: `1 agent`, `2 agents`.
pub(super) fn counted(count: i64, one: &'static str, many: &'static str) -> String {
    tr_count(one, many, u64::try_from(count).unwrap_or_default())
}

/// `1 person`, `2 people`.
pub(super) fn people(count: i64) -> String {
    counted(count, key("1 person"), key("{n} people"))
}

/// A whole number with its thousands set apart: `4,000`.
pub(super) fn grouped(count: i64) -> String {
    let sign = if count < 0 { "−" } else { "" };
    format!("{sign}{}", number(count.unsigned_abs()))
}

/// What a listing costs: `Free`, `$5.00`, `$5.00 a month`, `$0.05 a session`, `$2.00 for a week`.
pub(crate) fn price_text(price: &Price) -> String {
    let amount = money(price.currency.text(price.amount));
    let interval = price.interval.map_or("", |interval| tr(interval.as_str()));
    let text = match price.kind {
        PriceKind::Free => return tr("Free").to_owned(),
        PriceKind::OneTime => return amount,
        PriceKind::Subscription => key("{amount} a {interval}"),
        PriceKind::PerExecution => key("{amount} a session"),
        PriceKind::Rental => key("{amount} for a {interval}"),
    };
    tr_with(text, &[("amount", &amount), ("interval", &interval)])
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
