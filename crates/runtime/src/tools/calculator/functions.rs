//! The functions and constants of expressions.

use crate::tools::number::{Number, gcd};
use crate::tools::tool::ToolError;

#[rustfmt::skip]
const FUNCTIONS: [&str; 37] = [
    "sqrt", "cbrt", "root", "abs", "sign", "round", "floor", "ceil", "trunc", "min", "max", "sum", "avg", "mean",
    "average", "median", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "ln", "log",
    "log2", "log10", "exp", "pow", "mod", "gcd", "lcm", "hypot", "fact",
];

/// Whether a word names a function.
pub(super) fn is_function(word: &str) -> bool {
    FUNCTIONS.contains(&word)
}

/// The names of all functions, for a message.
pub(super) fn names() -> String {
    FUNCTIONS.join(", ")
}

/// The constant of that name.
pub(super) fn constant(word: &str) -> Option<Number> {
    use std::f64::consts;
    Some(match word {
        "pi" | "π" => Number::Float(consts::PI),
        "tau" => Number::Float(consts::TAU),
        "e" => Number::Float(consts::E),
        "phi" => Number::Float(f64::midpoint(1.0, 5.0_f64.sqrt())),
        "half" => Number::ONE.divide(Number::whole(2))?,
        "third" => Number::ONE.divide(Number::whole(3))?,
        "quarter" => Number::ONE.divide(Number::whole(4))?,
        "double" | "twice" => Number::whole(2),
        "dozen" => Number::whole(12),
        "hundred" => Number::whole(100),
        "thousand" => Number::whole(1_000),
        "million" => Number::whole(1_000_000),
        "billion" => Number::whole(1_000_000_000),
        "trillion" => Number::whole(1_000_000_000_000),
        _ => return None,
    })
}

/// The factorial.
pub(super) fn factorial(number: Number) -> Result<Number, ToolError> {
    let whole = number.to_whole().filter(|whole| (0..=170).contains(whole));
    let Some(whole) = whole else {
        return Err(ToolError::Failed("a factorial needs a whole number from 0 to 170".into()));
    };
    #[expect(clippy::cast_possible_truncation, reason = "at most 170")]
    Ok((2..=whole as i64)
        .fold(Number::ONE, |product, factor| product.multiply(Number::whole(factor))))
}

/// Calls a function.
pub(super) fn call(name: &str, args: &[Number]) -> Result<Number, ToolError> {
    let (least, most) = match name {
        "round" | "log" => (1, 2),
        "root" | "pow" | "mod" | "atan2" => (2, 2),
        "min" | "max" | "sum" | "avg" | "mean" | "average" | "median" | "gcd" | "lcm" | "hypot" => {
            (1, usize::MAX)
        }
        _ => (1, 1),
    };
    if args.len() < least || args.len() > most {
        let wanted = if most == usize::MAX {
            "at least 1".to_owned()
        } else if least == most {
            least.to_string()
        } else {
            format!("{least} or {most}")
        };
        return Err(failed(format!("{name} takes {wanted} number(s), not {}", args.len())));
    }
    match name {
        "min" | "max" | "sum" | "avg" | "mean" | "average" | "median" | "gcd" | "lcm" | "hypot" => {
            of_many(name, args)
        }
        "sqrt" | "cbrt" | "root" | "abs" | "sign" | "round" | "floor" | "ceil" | "trunc"
        | "pow" | "mod" | "fact" => exact(name, args),
        _ => approximate(name, args),
    }
}

fn failed(text: impl Into<String>) -> ToolError {
    ToolError::Failed(text.into())
}

/// Functions that keep exact numbers exact.
fn exact(name: &str, args: &[Number]) -> Result<Number, ToolError> {
    let first = args[0];
    let second = args.get(1).copied();
    match name {
        "sqrt" => {
            first.square_root().ok_or_else(|| failed("a negative number has no real square root"))
        }
        "cbrt" => Ok(cube_root(first)),
        "root" => {
            let exponent = second.and_then(|degree| Number::ONE.divide(degree));
            let exponent = exponent.ok_or_else(|| failed("there is no 0th root"))?;
            first.power(exponent).ok_or_else(|| failed("this root is not a real number"))
        }
        "abs" if first.is_negative() => Ok(first.negate()),
        "abs" => Ok(first),
        "sign" if first.is_zero() => Ok(Number::ZERO),
        "sign" => Ok(Number::whole(if first.is_negative() { -1 } else { 1 })),
        "round" => {
            let decimals = second.unwrap_or(Number::ZERO).to_whole();
            let rounded = decimals.and_then(|n| first.round(i32::try_from(n).ok()?));
            rounded.ok_or_else(|| failed("round takes a whole number of decimals, -30 to 30"))
        }
        "floor" => Ok(first.floor()),
        "trunc" if !first.is_negative() => Ok(first.floor()),
        "ceil" | "trunc" => Ok(first.negate().floor().negate()),
        "pow" => second
            .and_then(|exponent| first.power(exponent))
            .ok_or_else(|| failed("this power is not a real number")),
        "mod" => second
            .and_then(|divisor| first.modulo(divisor))
            .ok_or_else(|| failed("division by zero")),
        _ => factorial(first),
    }
}

fn cube_root(number: Number) -> Number {
    let root = number.to_f64().cbrt();
    Number::Float(root)
        .round(0)
        .and_then(|near| Number::plain(&near.text()))
        .filter(|near| near.multiply(*near).multiply(*near).compare(number).is_eq())
        .unwrap_or(Number::Float(root))
}

/// Functions of as many numbers as are given.
fn of_many(name: &str, args: &[Number]) -> Result<Number, ToolError> {
    let too_large = || failed("the result is too large");
    let mut sorted = args.to_vec();
    sorted.sort_by(|a, b| a.compare(*b));
    let middle = sorted.len() / 2;
    match name {
        "min" => Ok(sorted[0]),
        "max" => Ok(sorted[sorted.len() - 1]),
        "sum" => Ok(sum(args)),
        "avg" | "mean" | "average" => Ok(mean(args)),
        "median" if sorted.len() % 2 == 1 => Ok(sorted[middle]),
        "median" => Ok(mean(&sorted[middle - 1..=middle])),
        "hypot" => {
            let squares: Vec<_> = args.iter().map(|n| n.multiply(*n)).collect();
            sum(&squares).square_root().ok_or_else(too_large)
        }
        _ => {
            let whole = args.iter().map(|number| number.to_whole().map(i128::unsigned_abs));
            let whole: Vec<u128> = whole
                .collect::<Option<_>>()
                .ok_or_else(|| failed(format!("{name} takes whole numbers")))?;
            let mut result = whole[0];
            for value in whole.into_iter().skip(1) {
                let divisor = gcd(result, value);
                result = match (name, divisor) {
                    ("gcd", divisor) => divisor,
                    (_, 0) => 0,
                    (_, divisor) => (result / divisor).checked_mul(value).ok_or_else(too_large)?,
                };
            }
            Number::plain(&result.to_string()).ok_or_else(too_large)
        }
    }
}

/// Functions whose values are irrational but for a few.
fn approximate(name: &str, args: &[Number]) -> Result<Number, ToolError> {
    let first = args[0];
    let x = first.to_f64();
    let second = args.get(1).map(|number| number.to_f64());
    let logarithm = match (name, second) {
        ("log2", _) => Some((2, x.log2())),
        ("log" | "log10", None) => Some((10, x.log10())),
        _ => None,
    };
    if let Some((base, logarithm)) = logarithm
        && let Some(whole) = whole_or(logarithm, base, first)
    {
        return Ok(whole);
    }
    let result = match (name, second) {
        ("sin", _) => x.sin(),
        ("cos", _) => x.cos(),
        // A quarter turn cannot be written exactly.
        ("tan", _) if x.cos().abs() < 1e-15 => f64::INFINITY,
        ("tan", _) => x.tan(),
        ("asin", _) => x.asin(),
        ("acos", _) => x.acos(),
        ("atan", _) => x.atan(),
        ("atan2", Some(other)) => x.atan2(other),
        ("sinh", _) => x.sinh(),
        ("cosh", _) => x.cosh(),
        ("tanh", _) => x.tanh(),
        ("ln", _) => x.ln(),
        ("log2", _) => x.log2(),
        ("log", Some(base)) => x.ln() / base.ln(),
        ("log" | "log10", _) => x.log10(),
        ("exp", _) => x.exp(),
        _ => return Err(failed(format!("there is no function {name:?}"))),
    };
    if !result.is_finite() {
        return Err(failed(format!("{name}({}) has no value", first.text())));
    }
    Ok(Number::Float(if result.abs() < 1e-15 { 0.0 } else { result }))
}

/// The logarithm when it is a whole number.
fn whole_or(log: f64, base: i64, of: Number) -> Option<Number> {
    let rounded = Number::plain(&Number::Float(log.round()).text())?;
    let power = Number::whole(base).power(rounded)?;
    (log.is_finite() && power.compare(of).is_eq()).then_some(rounded)
}

fn sum(numbers: &[Number]) -> Number {
    numbers.iter().fold(Number::ZERO, |sum, number| sum.add(*number))
}

fn mean(numbers: &[Number]) -> Number {
    let count = Number::whole(i64::try_from(numbers.len()).unwrap_or(i64::MAX));
    sum(numbers).divide(count).unwrap_or(Number::ZERO)
}
