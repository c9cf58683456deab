//! Calculations and conversions in a request, rewritten as the calculator reads them.

use super::words::{digits, has_phrase, plain};

/// A calculation that a clause asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Calculation {
    /// What the calculator is given. `{}` stands for the result before.
    pub expression: String,
    /// Whether it works on the result before.
    pub on_previous: bool,
}

const LEAD_INS: &[&str] = &[
    "what is",
    "what's",
    "whats",
    "what are",
    "what do you get if you",
    "what do i get if i",
    "how much is",
    "how much are",
    "how much would",
    "how much do i pay for",
    "how much does each get if i",
    "how many is",
    "calculate",
    "compute",
    "evaluate",
    "work out",
    "solve",
    "the result of",
    "the value of",
    "result of",
    "value of",
    "is",
    "if i",
    "if you",
    "if we",
    "the",
];

/// Words that the calculator reads itself.
const KNOWN: &[&str] = &[
    "plus",
    "minus",
    "times",
    "divided",
    "multiplied",
    "by",
    "of",
    "off",
    "percent",
    "percentage",
    "per",
    "cent",
    "as",
    "a",
    "%",
    "squared",
    "cubed",
    "square",
    "cube",
    "root",
    "to",
    "the",
    "power",
    "raised",
    "factorial",
    "mod",
    "sqrt",
    "cbrt",
    "abs",
    "round",
    "floor",
    "ceil",
    "min",
    "max",
    "sum",
    "avg",
    "median",
    "sin",
    "cos",
    "tan",
    "ln",
    "log",
    "log2",
    "exp",
    "pow",
    "gcd",
    "lcm",
    "hypot",
    "pi",
    "e",
    "x",
    "over",
];

/// Words that do arithmetic: without one of them or a sign there is nothing to work out.
const OPERATIONS: &[&str] = &[
    "plus",
    "minus",
    "times",
    "divided",
    "multiplied",
    "of",
    "off",
    "squared",
    "cubed",
    "root",
    "power",
    "raised",
    "factorial",
    "mod",
    "sqrt",
    "cbrt",
    "round",
    "min",
    "max",
    "sum",
    "avg",
    "median",
    "log",
    "gcd",
    "lcm",
    "over",
];

/// Units, for telling a conversion from other sentences with "in" and "to".
const UNITS: &str = " m km cm mm nm µm meter meters metre metres kilometer kilometers kilometre kilometres centimeter \
    centimeters centimetre centimetres millimeter millimeters millimetre millimetres mile miles mi yard yards yd foot \
    feet ft inch inches nautical nmi g kg mg gram grams kilogram kilograms kilo kilos milligram tonne tonnes ton tons \
    pound pounds lb lbs ounce ounces oz stone stones st celsius fahrenheit kelvin c f k °c °f l ml cl dl litre litres \
    liter liters millilitre millilitres milliliter milliliters gallon gallons gal pint pints quart quarts cup cups \
    tablespoon tablespoons tbsp teaspoon teaspoons tsp m2 m² km2 km² m3 m³ cm2 cm² cm3 cm³ hectare hectares ha acre \
    acres mph km/h kmh kph m/s knot knots second seconds sec s minute minutes min hour hours hr hrs h day days week \
    weeks month months year years bit bits byte bytes b kb mb gb tb pb kib mib gib tib kbit mbit gbit mbps joule \
    joules j kj calorie calories cal kcal wh kwh watt watts w kw mw hp horsepower bar pascal pascals pa kpa hpa psi \
    atm hz khz mhz ghz mpg l/100km sqft sqm square cubic ";

fn is_unit(word: &str) -> bool {
    let word = word.trim_matches(['.', ',']);
    !word.is_empty() && UNITS.contains(&format!(" {word} "))
}

/// The calculations of a clause, in order. Empty when it asks for none.
pub(super) fn calculations(clause: &str) -> Vec<Calculation> {
    let text = digits(&plain(clause));
    let conversions = conversions(&text);
    if !conversions.is_empty() {
        return conversions
            .into_iter()
            .map(|expression| Calculation {
                expression: as_written(clause, &expression),
                on_previous: false,
            })
            .collect();
    }
    expression(&text).into_iter().collect()
}

/// Units as the clause writes them: MB and Mb, °C and c are not the same.
fn as_written(clause: &str, expression: &str) -> String {
    let written: Vec<_> = clause
        .split_whitespace()
        .map(|word| word.trim_end_matches(['?', '.', ',', ';', '!']))
        .collect();
    let is_temperature = expression.split(' ').any(|word| {
        matches!(word, "°c" | "°f" | "celsius" | "fahrenheit" | "kelvin")
            || word.ends_with("°f")
            || word.ends_with("°c")
    }) || (expression.split(' ').any(|word| word == "f")
        && expression.split(' ').any(|word| word == "c"));
    let words = expression.split(' ').map(|word| match word {
        "c" if is_temperature => "°C",
        "f" if is_temperature => "°F",
        word => {
            written.iter().find(|original| original.to_lowercase() == word).copied().unwrap_or(word)
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A part of an expression, in brackets where it is more than a number.
fn grouped(part: &str) -> String {
    if part == "{}" || part.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',')) {
        part.to_owned()
    } else {
        format!("({part})")
    }
}

/// Whether a clause asks for a conversion rather than for arithmetic.
pub(super) fn is_conversion(expression: &str) -> bool {
    !conversions(&expression.to_lowercase()).is_empty()
}

fn conversions(text: &str) -> Vec<String> {
    let mut text = text;
    for lead in
        ["convert", "change", "turn", "how much is", "how much are", "what is", "what's", "express"]
    {
        text = text.strip_prefix(lead).map_or(text, str::trim_start);
    }
    let mut found = Vec::new();
    let mut last_target: Option<String> = None;
    for part in text.split(", ").flat_map(|part| part.split(" and ")) {
        let part = part.trim().trim_start_matches("and ").trim_start_matches("convert ");
        if let Some(rest) =
            part.strip_prefix("how many ").or_else(|| part.strip_prefix("how much "))
            && let Some((to, from)) = rest.split_once(" in ")
        {
            let to =
                to.trim_end_matches(" are there").trim_end_matches(" are").trim_end_matches(" is");
            let from = from.strip_prefix("a ").or_else(|| from.strip_prefix("an "));
            let from = from.map_or_else(
                || rest.split_once(" in ").map_or("", |(_, from)| from).to_owned(),
                |one| format!("1 {one}"),
            );
            if to.split(' ').all(is_unit)
                && from.split(' ').next_back().is_some_and(is_unit)
                && starts_with_digit(&from)
            {
                found.push(format!("{from} in {to}"));
            }
            continue;
        }
        let joint = [" to ", " into ", " in ", " as "].into_iter().find_map(|joint| {
            let (from, to) = part.rsplit_once(joint)?;
            let to = to.trim_start_matches("degrees ");
            (starts_with_digit(from) && ends_with_unit(from) && to.split(' ').all(is_unit))
                .then(|| (from.to_owned(), to.to_owned()))
        });
        if let Some((from, to)) = joint {
            found.push(format!("{} in {to}", from.replace("degrees ", "")));
            last_target = Some(to);
        } else if starts_with_digit(part)
            && ends_with_unit(part)
            && last_target.is_none()
            && text.matches(" to ").count() == 1
        {
            // "5 miles and 3 yards to km": the target stands behind the last one.
            if let Some((_, to)) = text.rsplit_once(" to ")
                && to.split(' ').all(is_unit)
            {
                found.push(format!("{part} in {to}"));
            }
        }
    }
    found
}

fn starts_with_digit(text: &str) -> bool {
    text.trim_start_matches(['-', '−', '+']).starts_with(|c: char| c.is_ascii_digit())
}

fn ends_with_unit(text: &str) -> bool {
    let last = text.rsplit(' ').next().unwrap_or("");
    // "5km" is a number with its unit.
    is_unit(last)
        || is_unit(
            last.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-')),
        )
}

/// The expression of a clause that is arithmetic through and through.
fn expression(text: &str) -> Option<Calculation> {
    let mut text = text.trim_matches(|c: char| c == '=' || c.is_whitespace());
    loop {
        let before = text.len();
        for lead in LEAD_INS {
            if let Some(rest) = text.strip_prefix(lead)
                && rest.starts_with([' ', ':'])
            {
                text = rest.trim_start_matches([' ', ':']);
            }
        }
        if text.len() == before {
            break;
        }
    }
    let mut text = text.to_owned();
    // "for a discount of 5 %" behind a calculation says why, not what.
    if let Some(at) = text.find(" for ")
        && text[..at].chars().any(|c| c.is_ascii_digit())
    {
        text.truncate(at);
    }
    let mut on_previous = false;
    for previous in ["that result", "the result", "that", "this", "it"] {
        if has_phrase(&text, previous) && !text.starts_with("split") {
            let at = super::words::find_phrase(&text, previous)?;
            text.replace_range(at..at + previous.len(), "{}");
            on_previous = true;
            break;
        }
    }
    let text = phrases(&text).unwrap_or(text);
    let kept = clean(&text)?;
    let has_sign = has_sign(&kept);
    let has_word = kept.split([' ', '(']).any(|word| OPERATIONS.contains(&word))
        || kept.contains('%')
        || kept.contains(" as ");
    let has_digit =
        kept.chars().any(|c| c.is_ascii_digit()) || (on_previous && (has_sign || has_word));
    if !has_digit || !(has_sign || has_word) || is_date(&kept) {
        return None;
    }
    Some(Calculation { expression: kept, on_previous })
}

fn has_sign(text: &str) -> bool {
    let mut before_digit = false;
    text.char_indices().any(|(at, c)| {
        let is_sign = matches!(c, '+' | '*' | '/' | '^' | '×' | '÷' | '!' | '√' | '²' | '³')
            || (matches!(c, '-' | '−' | '–')
                && before_digit
                && text[at..].chars().any(|c| c.is_ascii_digit()));
        if !c.is_whitespace() {
            before_digit = c.is_ascii_digit() || matches!(c, ')' | '%' | '}');
        }
        is_sign
    })
}

/// Dates look like subtractions and divisions.
fn is_date(text: &str) -> bool {
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let parts: Vec<_> = bare.split(['-', '/']).collect();
    parts.len() == 3
        && parts.iter().all(|part| {
            part.len() <= 4 && part.chars().all(|c| c.is_ascii_digit()) && !part.is_empty()
        })
        && (parts[0].len() == 4 || parts[2].len() == 4)
        && bare.matches('-').count() != 1
        && bare.len() <= 10
}

/// Sentences for arithmetic, as expressions.
fn phrases(text: &str) -> Option<String> {
    orders(text).or_else(|| figures(text)).or_else(|| shares(text))
}

/// The numbers of a list: "3, 4 and 5".
fn numbers(text: &str) -> Vec<String> {
    text.replace(" and ", ", ")
        .split(',')
        .filter_map(clean)
        .filter(|part| part.chars().any(|c| c.is_ascii_digit() || c == '{'))
        .collect()
}

/// What stands on both sides of the first joint that is there.
fn two(text: &str, joints: &[&str]) -> Option<(String, String)> {
    joints.iter().find_map(|joint| {
        let (left, right) = text.split_once(joint)?;
        Some((clean(left)?, clean(right)?))
    })
}

/// "split 240 between 7", "increase 200 by 15 %".
fn orders(text: &str) -> Option<String> {
    for verb in ["split ", "share ", "divide "] {
        if let Some(rest) = text.strip_prefix(verb) {
            let rest = rest.replace(" equally", "").replace(" evenly", "");
            let (left, right) = two(
                &rest,
                &[" between ", " among ", " amongst ", " across ", " into ", " by ", " with "],
            )?;
            return Some(format!("{} / {}", grouped(&left), grouped(&right)));
        }
    }
    if let Some(rest) = text.strip_prefix("multiply ") {
        let (left, right) = two(rest, &[" by ", " with ", " and "])?;
        return Some(format!("{left} * {right}"));
    }
    if let Some(rest) = text.strip_prefix("subtract ") {
        let (left, right) = two(rest, &[" from "])?;
        return Some(format!("{right} - {left}"));
    }
    if let Some(rest) = text.strip_prefix("add ") {
        if let Some((left, right)) = two(rest, &[" to "]) {
            return Some(if left.ends_with('%') {
                format!("{right} * (1 + {}/100)", left.trim_end_matches('%').trim())
            } else {
                format!("{right} + {left}")
            });
        }
        let numbers = numbers(rest);
        return (numbers.len() > 1).then(|| numbers.join(" + "));
    }
    for (verb, sign) in [("increase ", '+'), ("raise ", '+'), ("decrease ", '-'), ("reduce ", '-')]
    {
        if let Some(rest) = text.strip_prefix(verb) {
            let (left, right) = two(rest, &[" by "])?;
            return Some(
                match right.strip_suffix('%').or_else(|| right.strip_suffix(" percent")) {
                    Some(share) => format!("{left} * (1 {sign} {}/100)", share.trim()),
                    None => format!("{left} {sign} {right}"),
                },
            );
        }
    }
    None
}

/// "the sum of 3, 4 and 5", "half of 90".
fn figures(text: &str) -> Option<String> {
    for (name, function) in [
        ("sum of ", "sum"),
        ("total of ", "sum"),
        ("average of ", "avg"),
        ("mean of ", "avg"),
        ("median of ", "median"),
        ("largest of ", "max"),
        ("maximum of ", "max"),
        ("smallest of ", "min"),
        ("minimum of ", "min"),
    ] {
        if let Some(rest) = text.strip_prefix(name) {
            let numbers = numbers(rest);
            return (numbers.len() > 1).then(|| format!("{function}({})", numbers.join(", ")));
        }
    }
    if let Some(rest) = text.strip_prefix("product of ") {
        let numbers = numbers(rest);
        return (numbers.len() > 1).then(|| numbers.join(" * "));
    }
    if let Some(rest) =
        text.strip_prefix("difference between ").or_else(|| text.strip_prefix("difference of "))
    {
        let (left, right) = two(rest, &[" and "])?;
        return Some(format!("{left} - {right}"));
    }
    for (name, expression) in [
        ("half of ", "{} / 2"),
        ("half ", "{} / 2"),
        ("a third of ", "{} / 3"),
        ("a quarter of ", "{} / 4"),
        ("double ", "2 * {}"),
        ("twice ", "2 * {}"),
        ("triple ", "3 * {}"),
        ("three times ", "3 * {}"),
    ] {
        if let Some(rest) = text.strip_prefix(name) {
            return Some(expression.replace("{}", &clean(rest)?));
        }
    }
    None
}

/// "what percentage of 80 is 20", "20 % tip on 85", "120 plus 19 % VAT".
fn shares(text: &str) -> Option<String> {
    for name in ["what percentage of ", "what percent of ", "percentage of ", "percent of "] {
        if let Some(rest) = text.strip_prefix(name)
            && let Some((whole, part)) = two(rest, &[" is "])
        {
            return Some(format!("{part} as % of {whole}"));
        }
    }
    if let Some((part, whole)) = two(
        text,
        &[
            " is what percentage of ",
            " is what percent of ",
            " as a percentage of ",
            " as a percent of ",
            " as percentage of ",
        ],
    ) {
        return Some(format!("{part} as % of {whole}"));
    }
    for (joint, shape) in [
        (" tip on ", "A of B"),
        (" vat on ", "A of B"),
        (" tax on ", "A of B"),
        (" interest on ", "A of B"),
        (" commission on ", "A of B"),
        (" discount on ", "A off B"),
        (" discount off ", "A off B"),
        (" off of ", "A off B"),
    ] {
        if let Some((share, whole)) = two(text, &[joint]) {
            return Some(shape.replace('A', &share).replace('B', &whole));
        }
    }
    for (joint, sign) in
        [(" plus ", '+'), (" with ", '+'), (" including ", '+'), (" less ", '-'), (" minus ", '-')]
    {
        if let Some((whole, rest)) = text.rsplit_once(joint)
            && let Some((share, what)) = rest.split_once('%')
            && ["vat", "tax", "tip", "service", "interest", "discount", "markup"]
                .iter()
                .any(|word| has_phrase(what, word))
        {
            let sign = if has_phrase(what, "discount") { '-' } else { sign };
            return Some(format!("{} * (1 {sign} {}/100)", grouped(&clean(whole)?), share.trim()));
        }
    }
    None
}

/// Keeps what the calculator reads and drops the nouns that numbers count. `None`: other words are left.
fn clean(text: &str) -> Option<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut after_number = false;
    for word in text.split_whitespace() {
        let bare = word.trim_end_matches([',', ';', '?']);
        let letters: String = bare.chars().filter(|c| c.is_alphabetic()).collect();
        let is_symbolic = letters.is_empty()
            || letters.chars().all(|c| matches!(c, 'x' | 'e' | 'π'))
                && bare.chars().any(|c| c.is_ascii_digit())
            || bare.contains("{}");
        let parts: Vec<_> = bare
            .split(|c: char| !c.is_alphanumeric())
            .filter(|p| p.chars().any(char::is_alphabetic))
            .collect();
        if is_symbolic || parts.iter().all(|part| KNOWN.contains(part) || OPERATIONS.contains(part))
        {
            kept.push(word.trim_end_matches([';', '?']).to_owned());
            after_number = bare.ends_with(|c: char| c.is_ascii_digit() || c == ')' || c == '%');
        } else if matches!(
            bare,
            "euro"
                | "euros"
                | "eur"
                | "dollar"
                | "dollars"
                | "usd"
                | "gbp"
                | "chf"
                | "equals"
                | "equal"
                | "altogether"
                | "exactly"
                | "about"
                | "each"
                | "make"
        ) || after_number
        {
            after_number = false;
        } else {
            return None;
        }
    }
    while kept
        .last()
        .is_some_and(|word| matches!(word.as_str(), "of" | "the" | "a" | "as" | "," | "="))
    {
        kept.pop();
    }
    let text = kept.join(" ");
    let text = text.trim().trim_end_matches(['=', ',', ' ']).to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
