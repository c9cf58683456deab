//! What a listing costs: kinds of prices, amounts in minor units, and what they buy.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;

/// The highest price, in minor units of its currency.
pub const AMOUNT_MAX: i64 = 10_000_000;
/// The most sessions that are bought at once, where each is paid for.
pub const SESSIONS_MAX: u32 = 10_000;

/// How a listing is paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PriceKind {
    /// Not at all.
    #[default]
    Free,
    /// Once, for good.
    OneTime,
    /// Again and again, until it is cancelled.
    Subscription,
    /// For each session, some of which are paid for beforehand.
    PerExecution,
    /// Once for a while, after which it ends by itself.
    Rental,
}

impl PriceKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Free, Self::OneTime, Self::Subscription, Self::PerExecution, Self::Rental];

    /// The kind as it stands in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::OneTime => "one_time",
            Self::Subscription => "subscription",
            Self::PerExecution => "per_execution",
            Self::Rental => "rental",
        }
    }

    /// The kind as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Free => "Free",
            Self::OneTime => "Paid once",
            Self::Subscription => "Subscription",
            Self::PerExecution => "Paid by session",
            Self::Rental => "Rental",
        }
    }

    /// Reads a kind from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether it is paid for a span of time.
    #[must_use]
    pub const fn has_interval(self) -> bool {
        matches!(self, Self::Subscription | Self::Rental)
    }
}

/// The money of a price, by its code (ISO 4217).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the codes say it")]
pub enum Currency {
    #[default]
    Usd,
    Eur,
    Gbp,
    Jpy,
}

impl Currency {
    /// Every currency.
    pub const ALL: [Self; 4] = [Self::Usd, Self::Eur, Self::Gbp, Self::Jpy];

    /// The code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usd => "USD",
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
            Self::Jpy => "JPY",
        }
    }

    /// Reads a currency from its code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|currency| currency.as_str() == text)
    }

    const fn symbol(self) -> &'static str {
        match self {
            Self::Usd => "$",
            Self::Eur => "€",
            Self::Gbp => "£",
            Self::Jpy => "¥",
        }
    }

    /// How many digits of an amount stand behind its point.
    const fn digits(self) -> usize {
        match self {
            Self::Usd | Self::Eur | Self::Gbp => 2,
            Self::Jpy => 0,
        }
    }

    /// An amount in minor units as a person reads it: `$5.00`, `¥500`, `-$1.20`.
    #[must_use]
    pub fn text(self, amount: i64) -> String {
        let sign = if amount < 0 { "-" } else { "" };
        format!("{sign}{}{}", self.symbol(), self.decimal(amount.unsigned_abs()))
    }

    /// An amount in minor units as programs read it: `5.00`, `500`.
    #[must_use]
    pub fn decimal(self, amount: u64) -> String {
        let digits = self.digits();
        if digits == 0 {
            return amount.to_string();
        }
        let text = format!("{amount:0width$}", width = digits + 1);
        let (whole, part) = text.split_at(text.len() - digits);
        format!("{whole}.{part}")
    }

    /// Reads an amount as a person writes it: `5`, `5.00`, `0,05`. `None` for what is none.
    #[must_use]
    pub fn read(self, text: &str) -> Option<i64> {
        let text = text.trim().replace(',', ".");
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let is_number = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
        let digits = self.digits();
        if whole.is_empty() || whole.len() > 9 || part.len() > digits {
            return None;
        }
        if !is_number(whole) || !is_number(part) {
            return None;
        }
        format!("{whole}{part:0<digits$}").parse().ok()
    }
}

/// For how long a subscription or a rental is paid at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Interval {
    Day,
    Week,
    Month,
    Year,
}

impl Interval {
    /// Every interval.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Year];

    /// The interval as it stands in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// Reads an interval from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|interval| interval.as_str() == text)
    }

    /// The instant at which what begins at `from` is over, by the calendar of UTC.
    #[must_use]
    pub fn after(self, from: Timestamp) -> Timestamp {
        let span = match self {
            Self::Day => Span::new().days(1),
            Self::Week => Span::new().weeks(1),
            Self::Month => Span::new().months(1),
            Self::Year => Span::new().years(1),
        };
        let end = from.to_zoned(TimeZone::UTC).checked_add(span);
        end.map_or(Timestamp::MAX, |end| end.timestamp())
    }
}

/// What a listing costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Price {
    /// How it is paid for.
    pub kind: PriceKind,
    /// How much, in minor units: cents of a dollar. Of one session, where each is paid for.
    #[serde(default)]
    pub amount: i64,
    /// In which money.
    #[serde(default)]
    pub currency: Currency,
    /// For how long a subscription or a rental is paid at once; absent for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

impl Price {
    /// No price at all.
    pub const FREE: Self =
        Self { kind: PriceKind::Free, amount: 0, currency: Currency::Usd, interval: None };

    /// Whether it costs nothing.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.kind == PriceKind::Free
    }

    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        let amount = if self.is_free() { 0..=0 } else { 1..=AMOUNT_MAX };
        if !amount.contains(&self.amount) {
            let reason = if self.is_free() {
                "must be 0 for what is free".to_owned()
            } else {
                let (least, most) = (self.currency.text(1), self.currency.text(AMOUNT_MAX));
                format!("must be {least} to {most}")
            };
            faults.push(FieldFault::new("price.amount", reason));
        }
        match (self.kind.has_interval(), self.interval) {
            (true, None) => {
                faults.push(FieldFault::new("price.interval", "must be day, week, month or year"));
            }
            (false, Some(_)) => {
                let reason = "belongs to subscriptions and rentals alone";
                faults.push(FieldFault::new("price.interval", reason));
            }
            _ => {}
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// What so many cost; of anything but sessions there is one.
    #[must_use]
    pub fn total(&self, quantity: u32) -> i64 {
        match self.kind {
            PriceKind::Free => 0,
            PriceKind::PerExecution => self.amount.saturating_mul(i64::from(quantity)),
            PriceKind::OneTime | PriceKind::Subscription | PriceKind::Rental => self.amount,
        }
    }
}

impl fmt::Display for Price {
    /// As a person reads it: `Free`, `$5.00`, `$5.00 a month`, `$0.05 a session`, `$2.00 for a week`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = self.currency.text(self.amount);
        let interval = self.interval.map_or("", Interval::as_str);
        match self.kind {
            PriceKind::Free => f.write_str("Free"),
            PriceKind::OneTime => f.write_str(&amount),
            PriceKind::Subscription => write!(f, "{amount} a {interval}"),
            PriceKind::PerExecution => write!(f, "{amount} a session"),
            PriceKind::Rental => write!(f, "{amount} for a {interval}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(kind: PriceKind, amount: i64, interval: Option<Interval>) -> Price {
        Price { kind, amount, currency: Currency::Usd, interval }
    }

    #[test]
    fn each_kind_has_its_rules_and_reads_well() {
        let month = Some(Interval::Month);
        for (price, text, broken) in [
            (Price::FREE, "Free", None),
            (price(PriceKind::Free, 1, None), "Free", Some("price.amount")),
            (price(PriceKind::OneTime, 500, None), "$5.00", None),
            (price(PriceKind::OneTime, 0, None), "$0.00", Some("price.amount")),
            (price(PriceKind::OneTime, AMOUNT_MAX + 1, None), "$100000.01", Some("price.amount")),
            (price(PriceKind::OneTime, 500, month), "$5.00", Some("price.interval")),
            (price(PriceKind::Subscription, 999, month), "$9.99 a month", None),
            (price(PriceKind::Subscription, 999, None), "$9.99 a ", Some("price.interval")),
            (price(PriceKind::PerExecution, 5, None), "$0.05 a session", None),
            (price(PriceKind::Rental, 200, Some(Interval::Week)), "$2.00 for a week", None),
        ] {
            let found = price.check().err().map(|faults| faults[0].field.clone());
            assert_eq!(found.as_deref(), broken, "{price:?}");
            assert_eq!(price.to_string(), text);
        }
    }

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (currency, text, amount) in [
            (Currency::Usd, "5", Some(500)),
            (Currency::Usd, " 5.5 ", Some(550)),
            (Currency::Eur, "0,05", Some(5)),
            (Currency::Gbp, "1.234", None),
            (Currency::Jpy, "500", Some(500)),
            (Currency::Jpy, "5.0", None),
            (Currency::Usd, "", None),
            (Currency::Usd, "-1", None),
            (Currency::Usd, "1e3", None),
            (Currency::Usd, "9999999999", None),
        ] {
            assert_eq!(currency.read(text), amount, "{text}");
        }
        assert_eq!(Currency::Jpy.text(500), "¥500");
        assert_eq!(Currency::Usd.text(-120), "-$1.20");
    }

    #[test]
    fn a_month_ends_by_the_calendar() {
        let from: Timestamp = "2026-01-31T10:00:00Z".parse().unwrap();
        assert_eq!(Interval::Month.after(from).to_string(), "2026-02-28T10:00:00Z");
        assert_eq!(Interval::Week.after(from).to_string(), "2026-02-07T10:00:00Z");
        assert_eq!(Interval::Year.after(Timestamp::MAX), Timestamp::MAX);
    }

    #[test]
    fn a_price_survives_its_json() {
        let json = serde_json::to_value(price(PriceKind::Rental, 200, Some(Interval::Day)));
        let json = json.unwrap();
        assert_eq!(json["currency"], "USD");
        assert_eq!((&json["kind"], &json["interval"]), (&"rental".into(), &"day".into()));
        let free: Price = serde_json::from_str(r#"{"kind":"free"}"#).unwrap();
        assert_eq!(free, Price::FREE);
        for kind in PriceKind::ALL {
            assert_eq!(PriceKind::parse(kind.as_str()), Some(kind));
        }
    }
}
