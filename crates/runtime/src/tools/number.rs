//! Numbers as people write them, kept exact for as long as that is possible.

use std::cmp::Ordering;

/// A number: a fraction where it is known exactly, else a floating-point number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    /// Numerator and denominator, reduced, the denominator positive.
    Exact(i128, i128),
    /// An approximation. Always finite in a finished result.
    Float(f64),
}

/// What may stand within a written number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Commas: as thousands separators, and as a decimal sign.
    pub(super) comma: bool,
    /// Groups of three digits that are kept apart by spaces.
    pub(super) spaces: bool,
    /// `1e5`.
    pub(super) exponent: bool,
}

/// The greatest common divisor.
pub(super) const fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Number {
    pub(super) const ZERO: Self = Self::Exact(0, 1);
    pub(super) const ONE: Self = Self::Exact(1, 1);

    pub(super) const fn whole(value: i64) -> Self {
        Self::Exact(value as i128, 1)
    }

    /// The reduced fraction; `None` for a zero denominator or one that does not fit.
    fn fraction(numerator: i128, denominator: i128) -> Option<Self> {
        if denominator == 0 || numerator == i128::MIN || denominator == i128::MIN {
            return None;
        }
        let divisor =
            i128::try_from(gcd(numerator.unsigned_abs(), denominator.unsigned_abs())).ok()?;
        let sign = denominator.signum();
        Some(Self::Exact(numerator / divisor * sign, denominator / divisor * sign))
    }

    /// Reads a plain decimal, such as `-0.0254` or `1852/3600`. For constants and JSON numbers.
    pub(super) fn plain(text: &str) -> Option<Self> {
        if let Some((numerator, denominator)) = text.split_once('/') {
            return Self::plain(numerator)?.divide(Self::plain(denominator)?);
        }
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let style = Style { comma: false, spaces: false, exponent: true };
        let (number, length) = scan(digits, style)?;
        (length == digits.len()).then(|| number.multiply(Self::whole(sign)))
    }

    #[expect(clippy::cast_precision_loss, reason = "the approximation is what is asked for")]
    pub(super) fn to_f64(self) -> f64 {
        match self {
            Self::Exact(numerator, denominator) => numerator as f64 / denominator as f64,
            Self::Float(float) => float,
        }
    }

    /// The whole number that this is.
    pub(super) fn to_whole(self) -> Option<i128> {
        match self {
            Self::Exact(whole, 1) => Some(whole),
            _ => None,
        }
    }

    pub(super) fn is_zero(self) -> bool {
        self.to_f64() == 0.0
    }

    pub(super) fn is_negative(self) -> bool {
        self.to_f64() < 0.0
    }

    pub(super) fn is_finite(self) -> bool {
        self.to_f64().is_finite()
    }

    fn with(
        self,
        other: Self,
        exact: impl Fn(i128, i128, i128, i128) -> Option<Self>,
        float: impl Fn(f64, f64) -> f64,
    ) -> Self {
        if let (Self::Exact(a, b), Self::Exact(c, d)) = (self, other)
            && let Some(result) = exact(a, b, c, d)
        {
            return result;
        }
        Self::Float(float(self.to_f64(), other.to_f64()))
    }

    pub(super) fn add(self, other: Self) -> Self {
        self.with(
            other,
            |a, b, c, d| {
                Self::fraction(a.checked_mul(d)?.checked_add(c.checked_mul(b)?)?, b.checked_mul(d)?)
            },
            |a, b| a + b,
        )
    }

    pub(super) fn negate(self) -> Self {
        match self {
            Self::Exact(a, b) => Self::Exact(a.saturating_neg(), b),
            Self::Float(a) => Self::Float(-a),
        }
    }

    pub(super) fn subtract(self, other: Self) -> Self {
        self.add(other.negate())
    }

    pub(super) fn multiply(self, other: Self) -> Self {
        self.with(
            other,
            |a, b, c, d| Self::fraction(a.checked_mul(c)?, b.checked_mul(d)?),
            |a, b| a * b,
        )
    }

    /// The quotient; `None` when `other` is zero.
    pub(super) fn divide(self, other: Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        Some(self.with(
            other,
            |a, b, c, d| Self::fraction(a.checked_mul(d)?, b.checked_mul(c)?),
            |a, b| a / b,
        ))
    }

    /// The largest whole number that is not above this one.
    pub(super) fn floor(self) -> Self {
        match self {
            Self::Exact(a, b) => Self::Exact(a.div_euclid(b), 1),
            Self::Float(a) => Self::Float(a.floor()),
        }
    }

    /// The nearest number with that many decimals; halves away from zero. `None` out of range.
    pub(super) fn round(self, decimals: i32) -> Option<Self> {
        if decimals.abs() > 30 {
            return None;
        }
        let scale = Self::Exact(10, 1).power_whole(decimals.unsigned_abs())?;
        let scaled = if decimals < 0 { self.divide(scale)? } else { self.multiply(scale) };
        let half = Self::Exact(1, 2);
        let rounded = if scaled.is_negative() {
            scaled.negate().add(half).floor().negate()
        } else {
            scaled.add(half).floor()
        };
        if decimals < 0 { Some(rounded.multiply(scale)) } else { rounded.divide(scale) }
    }

    /// The remainder with the sign of the divisor, as people expect of clocks; `None` by zero.
    pub(super) fn modulo(self, other: Self) -> Option<Self> {
        let times = self.divide(other)?.floor();
        Some(self.subtract(times.multiply(other)))
    }

    fn power_whole(self, exponent: u32) -> Option<Self> {
        let Self::Exact(a, b) = self else { return None };
        Self::fraction(a.checked_pow(exponent)?, b.checked_pow(exponent)?)
    }

    /// The power; `None` where there is no real one.
    pub(super) fn power(self, exponent: Self) -> Option<Self> {
        if let Some(whole) = exponent.to_whole()
            && let Ok(times) = u32::try_from(whole.unsigned_abs())
        {
            if whole < 0 && self.is_zero() {
                return None;
            }
            if let Some(power) = self.power_whole(times) {
                return if whole < 0 { Self::ONE.divide(power) } else { Some(power) };
            }
        }
        if let Self::Exact(1, 2) = exponent {
            return self.square_root();
        }
        let power = self.to_f64().powf(exponent.to_f64());
        power.is_finite().then_some(Self::Float(power))
    }

    /// The square root; `None` of a negative number.
    pub(super) fn square_root(self) -> Option<Self> {
        if self.is_negative() {
            return None;
        }
        let exact = |value: i128| {
            let root = u128::try_from(value).ok()?.isqrt();
            (root * root == value.unsigned_abs()).then_some(i128::try_from(root).ok()?)
        };
        if let Self::Exact(a, b) = self
            && let (Some(a), Some(b)) = (exact(a), exact(b))
        {
            return Self::fraction(a, b);
        }
        Some(Self::Float(self.to_f64().sqrt()))
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        if let (Self::Exact(a, b), Self::Exact(c, d)) = (self, other)
            && let (Some(left), Some(right)) = (a.checked_mul(d), c.checked_mul(b))
        {
            return left.cmp(&right);
        }
        self.to_f64().total_cmp(&other.to_f64())
    }

    /// The number in decimal digits, and whether they are all of it.
    pub(super) fn show(self) -> (String, bool) {
        if let Self::Exact(numerator, denominator) = self
            && let Some(text) = terminating(numerator, denominator)
        {
            return (text, true);
        }
        (approximate(self.to_f64()), false)
    }

    /// The digits alone.
    pub(super) fn text(self) -> String {
        self.show().0
    }

    /// The number for JSON: a number where JSON holds it, else its digits.
    pub(super) fn json(self) -> serde_json::Value {
        if let Some(whole) = self.to_whole().and_then(|whole| i64::try_from(whole).ok()) {
            return whole.into();
        }
        let text = self.text();
        text.parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map_or(text.into(), Into::into)
    }
}

/// All the decimals of a fraction, when they end within 15.
fn terminating(numerator: i128, denominator: i128) -> Option<String> {
    let mut decimals = 0_usize;
    let mut scale = 1_i128;
    while scale % denominator != 0 {
        decimals += 1;
        scale = scale.checked_mul(10).filter(|_| decimals <= 15)?;
    }
    let digits = numerator.checked_mul(scale / denominator)?;
    let sign = if digits < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", digits.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    Some(if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    })
}

/// Twelve significant digits, in powers of ten only where the number is very large or very small.
fn approximate(float: f64) -> String {
    if !float.is_finite() {
        return float.to_string();
    }
    let scientific = format!("{float:.11e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if (-7..=17).contains(&exponent) {
        let decimals = usize::try_from(11 - exponent).unwrap_or(0);
        trim(&format!("{float:.decimals$}"))
    } else {
        format!("{}e{exponent}", trim(mantissa))
    }
}

/// Reads the number at the beginning of a text; gives it and its length in bytes.
///
/// There is no sign. Thousands separators are understood where they stand before groups of three
/// digits: `1,234.5`, `1.234,5`, `1'234`, `1_234`. A single comma before other than three digits is
/// a decimal sign.
pub(super) fn scan(text: &str, style: Style) -> Option<(Number, usize)> {
    let bytes = text.as_bytes();
    let digits_at = |at: usize| {
        bytes.get(at..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count()
    };
    // The groups of digits, each with the separator before it.
    let mut groups: Vec<(char, usize, usize)> = Vec::new();
    let first = digits_at(0);
    if first == 0 && !(bytes.first() == Some(&b'.') && digits_at(1) > 0) {
        return None;
    }
    groups.push((' ', 0, first));
    let mut at = first;
    while let Some(separator) = text[at..].chars().next() {
        let next = at + separator.len_utf8();
        let length = digits_at(next);
        let thousands = length == 3 && first > 0 && first <= 3;
        let spaced = matches!(separator, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}');
        let allowed = match separator {
            '.' => true,
            ',' => style.comma,
            '_' => first > 0,
            '\'' | '’' => thousands,
            _ if spaced => {
                let ends_at_stop = bytes.get(next + 3) == Some(&b'.') && digits_at(next + 4) == 0;
                style.spaces && thousands && !ends_at_stop
            }
            _ => false,
        };
        let after_fraction =
            spaced && groups.iter().any(|(before, ..)| matches!(before, '.' | ','));
        if length == 0 || !allowed || after_fraction || groups.len() > 40 {
            break;
        }
        groups.push((
            if spaced || separator == '’' { '\'' } else { separator },
            next,
            next + length,
        ));
        at = next + length;
    }
    let (count, decimal) = interpret(&groups);
    let used = &groups[..count];
    let mut end = used.last().map_or(0, |(_, _, end)| *end);
    let mut whole = String::new();
    let mut fraction = String::new();
    for (index, (_, from, to)) in used.iter().enumerate() {
        let part = if Some(index) == decimal { &mut fraction } else { &mut whole };
        part.push_str(&text[*from..*to]);
    }
    let mut exponent = 0_i32;
    if style.exponent && matches!(bytes.get(end), Some(b'e' | b'E')) {
        let signed = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let length = digits_at(end + 1 + signed);
        if (1..=4).contains(&length) {
            let stop = end + 1 + signed + length;
            exponent = text[end + 1..stop].parse().unwrap_or(0);
            end = stop;
        }
    }
    Some((assemble(&whole, &fraction, exponent)?, end))
}

/// How many of the groups make up the number, and which of them is the fraction.
fn interpret(groups: &[(char, usize, usize)]) -> (usize, Option<usize>) {
    let three = |index: usize| groups[index].2 - groups[index].1 == 3;
    let short_start = (1..=3).contains(&(groups[0].2 - groups[0].1));
    let last = groups.len() - 1;
    let separators = |sign: char| groups[1..].iter().filter(|(before, ..)| *before == sign).count();
    let (commas, dots) = (separators(','), separators('.'));
    // The fraction is after the last sign, when that sign stands only there.
    let decimal = match groups[last].0 {
        '.' if dots == 1 => Some(last),
        ',' if commas == 1 && dots > 0 => Some(last),
        ',' if commas == 1 && (!three(last) || !short_start) => Some(last),
        _ => None,
    };
    let thousands = 1..decimal.unwrap_or(groups.len());
    let mut sign = None;
    for index in thousands {
        let (before, ..) = groups[index];
        if before == '_' {
            continue;
        }
        if !three(index) || !short_start || sign.is_some_and(|sign| sign != before) {
            // Not one number after all: what stands before the first separator, or its fraction.
            return match groups[1].0 {
                '.' | ',' if groups[1].0 == '.' => (2, Some(1)),
                _ => (1, None),
            };
        }
        sign = Some(before);
    }
    if sign.is_some() && decimal.is_some_and(|index| sign == Some(groups[index].0)) {
        return (1, None);
    }
    (groups.len(), decimal)
}

fn assemble(whole: &str, fraction: &str, exponent: i32) -> Option<Number> {
    let approximation = || {
        let float: f64 =
            format!("{}.{fraction}e{exponent}", if whole.is_empty() { "0" } else { whole })
                .parse()
                .ok()?;
        float.is_finite().then_some(Number::Float(float))
    };
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.len() > 37 || exponent.unsigned_abs() > 36 {
        return approximation();
    }
    let mantissa: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let shift = exponent - i32::try_from(fraction.len()).ok()?;
    let exact = 10_i128.checked_pow(shift.unsigned_abs()).and_then(|scale| {
        if shift < 0 {
            Number::fraction(mantissa, scale)
        } else {
            Number::fraction(mantissa.checked_mul(scale)?, 1)
        }
    });
    exact.or_else(approximation)
}

/// The number that a whole table cell holds: with a sign, a currency, a percent sign or brackets for
/// a negative one. `None` for anything else.
pub(super) fn cell(text: &str) -> Option<Number> {
    let text = text.trim();
    if text.len() > 60 || !text.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let (text, bracketed) = match text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => (inner.trim(), true),
        None => (text, false),
    };
    let mut negative = bracketed;
    let mut rest = text;
    // A sign and a currency, in either order.
    for _ in 0..2 {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(['-', '−']) {
            negative = true;
            rest = after;
        } else if let Some(after) = rest.strip_prefix('+') {
            rest = after;
        } else if let Some((_, length)) = currency_before(rest) {
            rest = &rest[length..];
        }
    }
    let rest = rest.trim_start();
    let (number, length) = scan(rest, Style { comma: true, spaces: true, exponent: true })?;
    let tail = rest[length..].trim();
    let number = if tail == "%" {
        number.divide(Number::whole(100))?
    } else if tail.is_empty()
        || currency_after(tail).is_some_and(|(_, length)| length == tail.len())
    {
        number
    } else {
        return None;
    };
    Some(if negative { number.negate() } else { number })
}

/// Signs and codes of currencies.
#[rustfmt::skip]
const CURRENCIES: [(&str, &str); 34] = [
    ("US$", "USD"), ("A$", "AUD"), ("C$", "CAD"), ("CA$", "CAD"), ("AU$", "AUD"), ("NZ$", "NZD"), ("HK$", "HKD"),
    ("R$", "BRL"), ("$", "USD"), ("€", "EUR"), ("£", "GBP"), ("¥", "JPY"), ("₹", "INR"), ("₽", "RUB"),
    ("₩", "KRW"), ("₺", "TRY"), ("₴", "UAH"), ("₪", "ILS"), ("₿", "BTC"), ("zł", "PLN"), ("Kč", "CZK"),
    ("USD", "USD"), ("EUR", "EUR"), ("GBP", "GBP"), ("JPY", "JPY"), ("CHF", "CHF"), ("CAD", "CAD"),
    ("AUD", "AUD"), ("INR", "INR"), ("CNY", "CNY"), ("SEK", "SEK"), ("NOK", "NOK"), ("DKK", "DKK"), ("PLN", "PLN"),
];
/// Words that follow an amount.
#[rustfmt::skip]
const CURRENCY_WORDS: [(&str, &str); 9] = [
    ("dollars", "USD"), ("dollar", "USD"), ("euros", "EUR"), ("euro", "EUR"), ("pounds sterling", "GBP"),
    ("yen", "JPY"), ("rupees", "INR"), ("francs", "CHF"), ("cents", "cents"),
];

/// The currency at the beginning of a text that a number may follow: its code and length.
pub(super) fn currency_before(text: &str) -> Option<(&'static str, usize)> {
    CURRENCIES
        .iter()
        .find(|(sign, _)| text.starts_with(sign))
        .map(|(sign, code)| (*code, sign.len()))
}

/// The currency at the beginning of a text that follows a number: its code and length.
pub(super) fn currency_after(text: &str) -> Option<(&'static str, usize)> {
    let ends = |length: usize| !text[length..].chars().next().is_some_and(char::is_alphanumeric);
    let sign = CURRENCIES.iter().find(|(sign, _)| text.starts_with(sign) && ends(sign.len()));
    let word = || {
        CURRENCY_WORDS.iter().find(|(word, _)| {
            text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
                && ends(word.len())
        })
    };
    sign.or_else(word).map(|(sign, code)| (*code, sign.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn numbers_are_read_as_people_write_them() {
        let style = Style { comma: true, spaces: true, exponent: true };
        for (text, value, length) in [
            ("0", "0", 1), ("007", "7", 3), (".5", "0.5", 2), ("12.50 €", "12.5", 5),
            ("1,234", "1234", 5), ("1,234.5", "1234.5", 7), ("1.234,5", "1234.5", 7), ("1.234.567", "1234567", 9),
            ("1,234,567.89", "1234567.89", 12), ("3,5", "3.5", 3), ("0,25", "0.25", 4), ("1'234'567", "1234567", 9),
            ("1 234 567", "1234567", 9), ("1_000", "1000", 5), ("12 34", "12", 2), ("1 234.5", "1234.5", 7),
            ("1e3", "1000", 3), ("2.5E-3x", "0.0025", 6), ("2e", "2", 1), ("5.", "5", 1), ("1,2,3", "1", 1),
            ("10,20,30", "10", 2), ("23.11.2026", "23.11", 5), ("1234,567", "1234.567", 8), ("4 000 km", "4000", 5),
        ] {
            let (number, read) = scan(text, style).unwrap();
            assert_eq!((number.text().as_str(), read), (value, length), "{text}");
        }
        for text in ["", ".", "a1", ",5", "-1"] {
            assert!(scan(text, style).is_none(), "{text}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn cells_hold_numbers_with_signs_and_currencies() {
        for (text, value) in [
            ("$1,234.50", "1234.5"), ("1.234,50 €", "1234.5"), ("-$5", "-5"), ("$-5", "-5"), ("(12.5)", "-12.5"),
            ("€ 7", "7"), ("7 EUR", "7"), ("15%", "0.15"), ("+3", "3"), (" 42 ", "42"), ("−2", "-2"), ("US$3", "3"),
        ] {
            assert_eq!(cell(text).unwrap().text(), value, "{text}");
        }
        for text in ["", "abc", "12 apples", "2026-11-23", "1-2", "10:30", "1.2.3", "v2", "12a"] {
            assert!(cell(text).is_none(), "{text}");
        }
    }

    #[test]
    fn fractions_stay_exact_and_say_when_they_do_not() {
        let number = |text: &str| Number::plain(text).unwrap();
        assert_eq!(number("0.1").add(number("0.2")).show(), ("0.3".to_owned(), true));
        assert_eq!(number("1/3").show(), ("0.333333333333".to_owned(), false));
        assert_eq!(
            number("2").power(number("200")).unwrap().show(),
            ("1.60693804426e60".to_owned(), false)
        );
        assert_eq!(number("2").power(number("-2")).unwrap().text(), "0.25");
        assert_eq!(number("9/4").square_root().unwrap().show(), ("1.5".to_owned(), true));
        assert_eq!(number("-7").modulo(number("3")).unwrap().text(), "2");
        assert_eq!(number("2.5").round(0).unwrap().text(), "3");
        assert_eq!(number("-2.345").round(2).unwrap().text(), "-2.35");
        assert_eq!(number("1234").round(-2).unwrap().text(), "1200");
        assert!(number("1").divide(Number::ZERO).is_none());
        assert_eq!(Number::Float(1e300).text(), "1e300");
        assert_eq!(Number::Float(0.000_001_5).text(), "0.0000015");
    }
}
