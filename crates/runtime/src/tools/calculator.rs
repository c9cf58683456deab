//! Arithmetic and units.

mod expression;
mod functions;
mod token;
mod units;

use serde_json::{Value, json};

use super::material::{invalid, string};
use super::number::Number;
use super::schema;
use super::tool::{Tool, ToolContext, ToolError, ToolFuture};

/// Works out arithmetic, percentages and unit conversions.
#[derive(Debug, Clone, Copy)]
pub struct Calculator;

impl Tool for Calculator {
    fn name(&self) -> &'static str {
        "calculator"
    }

    fn description(&self) -> &'static str {
        "Works out arithmetic and converts units, exactly. Give `expression` (\"(3 + 4) * 2^10\", \"15% of 80\", \
         \"20% off 59.90\", \"20 as % of 80\", \"sqrt(2)\", \"round(10/3, 2)\", \"5 miles in km\", \"72 F to C\"), or \
         `value`, `from` and `to` for a conversion. Knows sqrt cbrt abs round floor ceil trunc min max sum avg median \
         sin cos tan asin acos atan (radians; write 30° for degrees) ln log log2 exp pow mod gcd lcm hypot, n!, pi, e. \
         Units: length, mass, temperature, volume, area, speed, time, data, energy, power, pressure, frequency, fuel. \
         No currencies and no variables. Answers with one line such as \"15% of 80 = 12\"; ≈ marks a rounded result."
    }

    fn parameters(&self) -> Value {
        schema::object(
            &json!({
                "expression": {
                    "type": "string", "minLength": 1, "maxLength": 2000,
                    "description": "What to work out, such as \"15% of 80\" or \"5 miles in km\".",
                },
                "value": { "type": "number", "description": "The number to convert, with `from` and `to`." },
                "from": { "type": "string", "minLength": 1, "maxLength": 60, "description": "The unit of `value`, such as \"mi\"." },
                "to": { "type": "string", "minLength": 1, "maxLength": 60, "description": "The unit wanted, such as \"km\"." },
            }),
            &[],
        )
    }

    fn call<'a>(&'a self, arguments: &'a Value, _context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move { run(arguments) })
    }
}

fn run(arguments: &Value) -> Result<String, ToolError> {
    match (
        string(arguments, "expression"),
        arguments.get("value"),
        string(arguments, "from"),
        string(arguments, "to"),
    ) {
        (Some(expression), None, None, None) => evaluate(expression),
        (None, Some(value), Some(from), Some(to)) => {
            let value = Number::plain(&value.to_string())
                .ok_or_else(|| invalid("`value` is out of range"))?;
            units::convert(value, from, to)
        }
        _ => Err(invalid("give `expression` alone, or `value`, `from` and `to` together")),
    }
}

fn evaluate(text: &str) -> Result<String, ToolError> {
    let asked = token::question(text);
    if let Some(converted) = units::conversion(&asked) {
        return converted;
    }
    let result = expression::evaluate(&asked)?;
    let (digits, exact) = result.number.show();
    let unit = if result.percent { "%" } else { "" };
    let sign = if exact { '=' } else { '≈' };
    Ok(format!("{asked} {sign} {digits}{unit}"))
}

#[cfg(test)]
#[rustfmt::skip] // The tables of facts are laid out by hand.
mod tests;
