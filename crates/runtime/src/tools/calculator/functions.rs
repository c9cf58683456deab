//! The functions and constants of expressions.

use crate::tools::number::Number;
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
        return Err(ToolError::Failed(
            "a factorial needs a whole number from 0 to 170".into(),
        ));
    };
    #[expect(clippy::cast_possible_truncation, reason = "at most 170")]
    Ok((2..=whole as i64).fold(Number::ONE, |product, factor| {
        product.multiply(Number::whole(factor))
    }))
}

/// Calls a function.
pub(super) fn call(name: &str, args: &[Number]) -> Result<Number, ToolError> {
    let failed = |text: String| Err(ToolError::Failed(text));
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
        return failed(format!(
            "{name} takes {wanted} number(s), not {}",
            args.len()
        ));
    }
    let first = args[0];
    let float = |result: f64| {
        if result.is_finite() {
            Ok(Number::Float(if result.abs() < 1e-15 {
                0.0
            } else {
                result
            }))
        } else {
            failed(format!("{name}({}) has no value", first.text()))
        }
    };
    let x = first.to_f64();
    let none = |text: &str| ToolError::Failed(text.to_owned());
    match name {
        "sqrt" => first
            .square_root()
            .ok_or_else(|| none("a negative number has no real square root")),
        "cbrt" => {
            let near = Number::Float(x.cbrt()).round(0);
            let exact = near.and_then(|near| Number::plain(&near.text()));
            Ok(exact
                .filter(|root| root.multiply(*root).multiply(*root).compare(first).is_eq())
                .unwrap_or(Number::Float(x.cbrt())))
        }
        "root" => {
            let exponent = Number::ONE
                .divide(args[1])
                .ok_or_else(|| none("there is no 0th root"))?;
            first
                .power(exponent)
                .ok_or_else(|| none("this root is not a real number"))
        }
        "abs" => Ok(if first.is_negative() {
            first.negate()
        } else {
            first
        }),
        "sign" => Ok(Number::whole(if first.is_zero() {
            0
        } else if first.is_negative() {
            -1
        } else {
            1
        })),
        "round" => {
            let decimals = args.get(1).map_or(Some(0), |n| {
                n.to_whole().and_then(|n| i32::try_from(n).ok())
            });
            let rounded = decimals.and_then(|decimals| first.round(decimals));
            rounded.ok_or_else(|| none("round takes a whole number of decimals, -30 to 30"))
        }
        "floor" => Ok(first.floor()),
        "ceil" => Ok(first.negate().floor().negate()),
        "trunc" => Ok(if first.is_negative() {
            first.negate().floor().negate()
        } else {
            first.floor()
        }),
        "min" => Ok(args
            .iter()
            .copied()
            .fold(first, |a, b| if b.compare(a).is_lt() { b } else { a })),
        "max" => Ok(args
            .iter()
            .copied()
            .fold(first, |a, b| if b.compare(a).is_gt() { b } else { a })),
        "sum" => Ok(sum(args)),
        "avg" | "mean" | "average" => Ok(mean(args)),
        "median" => {
            let mut sorted = args.to_vec();
            sorted.sort_by(|a, b| a.compare(*b));
            let middle = sorted.len() / 2;
            Ok(if sorted.len() % 2 == 1 {
                sorted[middle]
            } else {
                mean(&sorted[middle - 1..=middle])
            })
        }
        "sin" => float(x.sin()),
        "cos" => float(x.cos()),
        "tan" => float(if x.cos().abs() < 1e-15 {
            f64::INFINITY
        } else {
            x.tan()
        }),
        "asin" => float(x.asin()),
        "acos" => float(x.acos()),
        "atan" => float(x.atan()),
        "atan2" => float(x.atan2(args[1].to_f64())),
        "sinh" => float(x.sinh()),
        "cosh" => float(x.cosh()),
        "tanh" => float(x.tanh()),
        "ln" => float(x.ln()),
        "log2" => whole_or(x.log2(), 2, first).map_or_else(|| float(x.log2()), Ok),
        "log" if args.len() == 2 => float(x.ln() / args[1].to_f64().ln()),
        "log" | "log10" => whole_or(x.log10(), 10, first).map_or_else(|| float(x.log10()), Ok),
        "exp" => float(x.exp()),
        "pow" => first
            .power(args[1])
            .ok_or_else(|| none("this power is not a real number")),
        "mod" => first
            .modulo(args[1])
            .ok_or_else(|| none("division by zero")),
        "gcd" | "lcm" => {
            let mut result: u128 = 0;
            for number in args {
                let Some(whole) = number.to_whole() else {
                    return failed(format!("{name} takes whole numbers"));
                };
                let value = whole.unsigned_abs();
                let (mut a, mut b) = (result, value);
                while b != 0 {
                    (a, b) = (b, a % b);
                }
                result = match (name, result, a) {
                    ("gcd", ..) | (_, 0, _) => {
                        if name == "gcd" {
                            a
                        } else {
                            value
                        }
                    }
                    (_, _, 0) => 0,
                    (_, so_far, divisor) => (so_far / divisor)
                        .checked_mul(value)
                        .ok_or_else(|| none("the result is too large"))?,
                };
            }
            Number::plain(&result.to_string()).ok_or_else(|| none("the result is too large"))
        }
        "hypot" => {
            let squares: Vec<_> = args.iter().map(|n| n.multiply(*n)).collect();
            sum(&squares)
                .square_root()
                .ok_or_else(|| none("the result is too large"))
        }
        "fact" => factorial(first),
        _ => failed(format!("there is no function {name:?}")),
    }
}

/// The logarithm when it is a whole number.
fn whole_or(log: f64, base: i64, of: Number) -> Option<Number> {
    let rounded = Number::plain(&Number::Float(log.round()).text())?;
    let power = Number::whole(base).power(rounded)?;
    (log.is_finite() && power.compare(of).is_eq()).then_some(rounded)
}

fn sum(numbers: &[Number]) -> Number {
    numbers
        .iter()
        .fold(Number::ZERO, |sum, number| sum.add(*number))
}

fn mean(numbers: &[Number]) -> Number {
    let count = Number::whole(i64::try_from(numbers.len()).unwrap_or(i64::MAX));
    sum(numbers).divide(count).unwrap_or(Number::ZERO)
}
