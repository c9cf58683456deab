//! Units and conversions between them.

mod table;

use crate::tools::number::{Number, Style, scan};
use crate::tools::tool::ToolError;

use super::expression;
use table::{Kind, Scale, UNITS, Unit};

/// Converts a value, as one line of text.
pub(super) fn convert(value: Number, from: &str, to: &str) -> Result<String, ToolError> {
    let from = known(from)?;
    let to = known(to)?;
    let result = between(value, from, to)?;
    Ok(line(&format!("{} {}", value.text(), from.symbol()), result, to))
}

/// The conversion that a text asks for; `None` when it asks for none.
pub(super) fn conversion(text: &str) -> Option<Result<String, ToolError>> {
    if let Some(asked) = how_many(text) {
        return Some(asked);
    }
    let mut end = text.len();
    while let Some((left, word, right)) =
        last_separator(&text[..end]).map(|(from, to)| (&text[..from], &text[from..to], &text[to..]))
    {
        end = left.len();
        if left.trim().is_empty() {
            continue;
        }
        if let Some(to) = find(right) {
            return match quantity(left) {
                Some(Ok((value, from))) => {
                    Some(between(value, from, to).map(|result| line(left.trim(), result, to)))
                }
                Some(Err(error)) => Some(Err(error)),
                None => Some(Err(ToolError::Invalid(format!(
                    "{:?} is not an amount with a unit, so it cannot be converted to {}",
                    left.trim(),
                    to.symbol()
                )))),
            };
        }
        if crate::tools::number::currency_after(right.trim()).is_some() {
            return Some(
                known(right).and_then(|_| {
                    Err(ToolError::Failed("exchange rates are not known here".into()))
                }),
            );
        }
        // "5 miles in furlongs": the left is an amount, so the right was meant as a unit.
        if word.trim() != "=" && matches!(quantity(left), Some(Ok(_))) {
            return Some(
                known(right).and_then(|_| {
                    Err(ToolError::Invalid("the conversion is not understood".into()))
                }),
            );
        }
    }
    None
}

/// "how many feet in a mile"
fn how_many(text: &str) -> Option<Result<String, ToolError>> {
    let lower = text.to_lowercase();
    lower.strip_prefix("how many ")?;
    let rest = text.get("how many ".len()..)?;
    for middle in
        [" are there in ", " are in ", " is in ", " make up ", " in ", " are ", " is ", " per "]
    {
        if let Some((to, amount)) = rest.split_once(middle) {
            let to = match known(to) {
                Ok(to) => to,
                Err(error) => return Some(Err(error)),
            };
            let (value, from) = match quantity(amount) {
                Some(Ok(found)) => found,
                Some(Err(error)) => return Some(Err(error)),
                None => {
                    return Some(Err(ToolError::Invalid(format!(
                        "{amount:?} is not an amount with a unit"
                    ))));
                }
            };
            let amount = format!("{} {}", value.text(), from.symbol());
            return Some(between(value, from, to).map(|result| line(&amount, result, to)));
        }
    }
    None
}

/// The last word that may part an amount from the unit wanted.
fn last_separator(text: &str) -> Option<(usize, usize)> {
    const WORDS: [&str; 8] = [" in ", " to ", " into ", " as ", "->", "→", " = ? ", " = "];
    WORDS
        .iter()
        .filter_map(|word| text.rfind(word).map(|at| (at, at + word.len())))
        .max_by_key(|(from, to)| (*to, std::cmp::Reverse(*from)))
}

fn line(amount: &str, result: Number, to: &Unit) -> String {
    let (digits, exact) = result.show();
    let sign = if exact && !to.is_rounded() { '=' } else { '≈' };
    format!("{amount} {sign} {digits} {}", to.symbol())
}

/// The amount that a whole text gives, such as "5 ft 11 in" or "(2 + 3) miles".
fn quantity(text: &str) -> Option<Result<(Number, &'static Unit), ToolError>> {
    let text = text.trim();
    if let Some(found) = amounts(text) {
        return Some(found);
    }
    // An expression with a unit after it, or a unit alone.
    let starts = text.char_indices().filter(|(at, c)| {
        *at == 0
            || !c.is_whitespace() && !text[..*at].ends_with(|before: char| before.is_alphabetic())
    });
    for (at, _) in starts {
        let Some(unit) = find(&text[at..]) else {
            continue;
        };
        let before = text[..at].trim();
        return match before.to_lowercase().as_str() {
            "" | "a" | "an" | "one" | "1" => Some(Ok((Number::ONE, unit))),
            _ => Some(expression::evaluate(before).map(|outcome| (outcome.number, unit))),
        };
    }
    None
}

/// A row of numbers with their units: "1 hour and 30 minutes".
fn amounts(text: &str) -> Option<Result<(Number, &'static Unit), ToolError>> {
    let style = Style { comma: true, spaces: true, exponent: true };
    let mut rest = text;
    let mut total: Option<(Number, &'static Unit)> = None;
    while !rest.is_empty() {
        let (negative, unsigned) =
            rest.strip_prefix(['-', '−']).map_or((false, rest), |after| (true, after));
        let (number, length) = scan(unsigned, style)?;
        let number = if negative { number.negate() } else { number };
        rest = unsigned[length..].trim_start();
        // The longest run of words up to the next number that is a unit.
        let end = rest
            .char_indices()
            .find(|(at, c)| c.is_ascii_digit() && rest[..*at].ends_with(' '))
            .map_or(rest.len(), |(at, _)| at);
        let unit_text = rest[..end].trim().trim_end_matches(',').trim();
        let unit_text = unit_text.strip_suffix(" and").unwrap_or(unit_text).trim();
        let unit = find(unit_text)?;
        total = Some(match total {
            None => (number, unit),
            Some((sum, first))
                if first.kind == unit.kind && first.scale.is_plain() && unit.scale.is_plain() =>
            {
                match between(number, unit, first) {
                    Ok(number) => (sum.add(number), first),
                    Err(error) => return Some(Err(error)),
                }
            }
            Some(_) => return None,
        });
        rest = rest[end..].trim_start();
    }
    total.map(Ok)
}

/// Converts between two units of one kind.
fn between(value: Number, from: &Unit, to: &Unit) -> Result<Number, ToolError> {
    if from.kind != to.kind {
        return Err(ToolError::Invalid(format!(
            "{} is a unit of {}, {} of {}",
            from.symbol(),
            from.kind.name(),
            to.symbol(),
            to.kind.name()
        )));
    }
    let result = from.in_base(value).and_then(|base| to.of_base(base));
    result
        .filter(|number| number.is_finite())
        .ok_or_else(|| ToolError::Failed("the result is out of range".into()))
}

/// The unit of that name; an error names what is near.
fn known(name: &str) -> Result<&'static Unit, ToolError> {
    find(name).ok_or_else(|| {
        let name = name.trim();
        let money = crate::tools::number::currency_after(name).is_some();
        if money || ["money", "currency"].contains(&name.to_lowercase().as_str()) {
            return ToolError::Failed("exchange rates are not known here".into());
        }
        ToolError::Invalid(format!(
            "{name:?} is not a known unit; write it like km, mi, kg, lb, °C, L, gal, m2, km/h, h, GB, kWh, psi"
        ))
    })
}

/// Finds a unit: as written first, because `Mb` is not `MB`, then in lower case, then in the singular.
fn find(name: &str) -> Option<&'static Unit> {
    let name = name.trim().trim_end_matches('.').trim();
    if name.is_empty() || name.len() > 60 {
        return None;
    }
    let exact = |name: &str| UNITS.iter().find(|unit| unit.names.contains(&name));
    let relaxed = |name: &str| {
        UNITS.iter().find(|unit| unit.names.iter().any(|known| known.to_lowercase() == name))
    };
    let lower = plain(name);
    exact(name)
        .or_else(|| exact(&lower))
        .or_else(|| relaxed(&lower))
        .or_else(|| relaxed(lower.strip_suffix('s')?))
        .or_else(|| relaxed(lower.strip_suffix("es")?))
}

/// The spelling that the table has: "square metres" as "square meter", "km per hour" as "km/h".
fn plain(name: &str) -> String {
    let mut text = name.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    for (from, to) in [
        ("metre", "meter"),
        ("litre", "liter"),
        ("degrees ", ""),
        ("degree ", ""),
        ("deg ", ""),
        ("²", "2"),
        ("³", "3"),
        ("^2", "2"),
        ("^3", "3"),
        ("sq. ", "square "),
        ("sq ", "square "),
        ("cu. ", "cubic "),
        ("cu ", "cubic "),
        (" per hour", "/h"),
        (" per second", "/s"),
        (" an hour", "/h"),
        (" a second", "/s"),
        (" / ", "/"),
        ("µ", "u"),
        ("μ", "u"),
    ] {
        if text.contains(from) {
            text = text.replace(from, to);
        }
    }
    text
}

impl Unit {
    fn symbol(&self) -> &'static str {
        self.names[0]
    }

    /// Whether the factor itself is an average.
    fn is_rounded(&self) -> bool {
        matches!(self.names[0], "month" | "year" | "decade" | "century")
    }

    fn factor(&self) -> Option<Number> {
        Number::plain(self.factor)
    }

    fn in_base(&self, value: Number) -> Option<Number> {
        let factor = self.factor()?;
        match self.scale {
            Scale::Plain => Some(value.multiply(factor)),
            Scale::Offset(offset) => Some(value.add(Number::plain(offset)?).multiply(factor)),
            Scale::Inverse => factor.divide(value),
        }
    }

    fn of_base(&self, base: Number) -> Option<Number> {
        let factor = self.factor()?;
        match self.scale {
            Scale::Plain => base.divide(factor),
            Scale::Offset(offset) => Some(base.divide(factor)?.subtract(Number::plain(offset)?)),
            Scale::Inverse => factor.divide(base),
        }
    }
}

impl Scale {
    fn is_plain(self) -> bool {
        matches!(self, Self::Plain)
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Mass => "mass",
            Self::Temperature => "temperature",
            Self::Volume => "volume",
            Self::Area => "area",
            Self::Speed => "speed",
            Self::Time => "time",
            Self::Data => "data",
            Self::DataRate => "data rate",
            Self::Energy => "energy",
            Self::Power => "power",
            Self::Pressure => "pressure",
            Self::Frequency => "frequency",
            Self::Fuel => "fuel economy",
        }
    }
}
