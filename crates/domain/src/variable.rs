//! Variables of a prompt: `{{name}}` stands for a value that is given when a session is started.
//!
//! Values are put in once, when the session begins, and what is put in is never read for placeholders
//! again: a value that says `{{secrets.KEY}}` stays those letters. What is not declared stands as it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;
use crate::text::check_text;

/// The most variables of an agent.
pub const VARIABLES_MAX: usize = 32;
/// The longest name, in characters.
pub const NAME_MAX: usize = 64;
/// The longest description, in characters.
pub const DESCRIPTION_MAX: usize = 200;
/// The longest value, in characters.
pub const VALUE_MAX: usize = 4_000;

/// The values that a session is started with, by the names of the variables.
pub type Values = BTreeMap<String, String>;

/// A variable of a prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// What stands between the braces: a letter, then letters, digits and underscores.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Za-z][A-Za-z0-9_]{0,63}$")))]
    pub name: String,
    /// What it is for, at most [`DESCRIPTION_MAX`] characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = DESCRIPTION_MAX), regex(pattern = crate::text::TEXT_PATTERN)))]
    pub description: String,
    /// Its value where none is given, at most [`VALUE_MAX`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = VALUE_MAX), regex(pattern = crate::text::TEXT_PATTERN)))]
    pub default: Option<String>,
    /// Whether no session starts without a value. One with a default always has one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

impl Variable {
    /// A required variable without a default.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), required: true, ..Self::default() }
    }

    /// Whether someone who starts a session must give a value.
    #[must_use]
    pub const fn must_be_given(&self) -> bool {
        self.required && self.default.is_none()
    }
}

/// Reports every rule that a list of variables breaks, as `variables[<index>].…`.
pub fn check_all(faults: &mut Vec<FieldFault>, variables: &[Variable]) {
    if variables.len() > VARIABLES_MAX {
        let reason = format!("must be at most {VARIABLES_MAX} variables");
        return faults.push(FieldFault::new("variables", reason));
    }
    for (index, variable) in variables.iter().enumerate() {
        let at = |field: &str| format!("variables[{index}].{field}");
        if !is_name(&variable.name) {
            let reason = format!(
                "must be a letter and then letters, digits and _, at most {NAME_MAX}, and not secrets"
            );
            faults.push(FieldFault::new(at("name"), reason));
        } else if variables[..index].iter().any(|other| other.name == variable.name) {
            faults.push(FieldFault::new(at("name"), "must be declared once"));
        }
        check_text(faults, &at("description"), &variable.description, 0, DESCRIPTION_MAX);
        let default = variable.default.as_deref().unwrap_or_default();
        check_text(faults, &at("default"), default, 0, VALUE_MAX);
    }
}

/// Whether a variable may have this name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.len() <= NAME_MAX
        && text != "secrets"
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The value of every variable: what is given, or its default, or nothing.
///
/// # Errors
/// Each value that is missing or that no variable takes, as `variables.<name>`.
pub fn resolve(variables: &[Variable], given: &Values) -> Result<Values, Vec<FieldFault>> {
    let mut faults = Vec::new();
    for (name, value) in given {
        let field = format!("variables.{name}");
        if variables.iter().any(|variable| variable.name == *name) {
            check_text(&mut faults, &field, value, 0, VALUE_MAX);
        } else {
            faults.push(FieldFault::new(field, "must be one that the agent declares"));
        }
    }
    let mut values = Values::new();
    for variable in variables {
        let given = given.get(&variable.name).filter(|value| !value.trim().is_empty());
        if given.is_none() && variable.must_be_given() {
            let field = format!("variables.{}", variable.name);
            faults.push(FieldFault::new(field, "must be given"));
        }
        let value = given.or(variable.default.as_ref()).cloned().unwrap_or_default();
        values.insert(variable.name.clone(), value);
    }
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

/// The prompt with the values in the places of its variables.
#[must_use]
pub fn fill(prompt: &str, values: &Values) -> String {
    let mut filled = String::with_capacity(prompt.len());
    for part in parts(prompt) {
        match part {
            Part::Placeholder { name, written } => {
                filled.push_str(values.get(name).map_or(written, String::as_str));
            }
            Part::Text(text) => filled.push_str(text),
        }
    }
    filled
}

/// How many characters [`fill`] makes of a prompt, without making it: each of many placeholders may stand for
/// a long value.
#[must_use]
pub fn filled_chars(prompt: &str, values: &Values) -> usize {
    let chars = |part| match part {
        Part::Placeholder { name, written } => {
            values.get(name).map_or(written, String::as_str).chars().count()
        }
        Part::Text(text) => text.chars().count(),
    };
    parts(prompt).into_iter().map(chars).sum()
}

/// The names that a prompt has placeholders for, each once, in their order.
#[must_use]
pub fn used(prompt: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for part in parts(prompt) {
        if let Part::Placeholder { name, .. } = part
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

enum Part<'a> {
    Text(&'a str),
    Placeholder { name: &'a str, written: &'a str },
}

fn parts(mut rest: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while let Some(start) = rest.find("{{") {
        let name = rest[start + 2..].find("}}").map(|end| (end, rest[start + 2..][..end].trim()));
        if let Some((end, name)) = name.filter(|(_, name)| is_name(name)) {
            let after = start + 2 + end + 2;
            parts.push(Part::Text(&rest[..start]));
            parts.push(Part::Placeholder { name, written: &rest[start..after] });
            rest = &rest[after..];
        } else {
            // The second brace may begin a placeholder of its own.
            parts.push(Part::Text(&rest[..=start]));
            rest = &rest[start + 1..];
        }
    }
    parts.push(Part::Text(rest));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn optional(name: &str, default: Option<&str>) -> Variable {
        Variable { default: default.map(str::to_owned), required: false, ..Variable::new(name) }
    }

    #[test]
    fn values_are_put_in_once() {
        let values = values(&[("city", "Oslo {{tone}}"), ("tone", "{{secrets.KEY}}")]);
        for (prompt, filled) in [
            ("In {{city}}, {{ tone }}.", "In Oslo {{tone}}, {{secrets.KEY}}."),
            ("{{secrets.KEY}} {{other}} {{a b}}", "{{secrets.KEY}} {{other}} {{a b}}"),
            ("{{{city}}} {{", "{Oslo {{tone}}} {{"),
            ("{{city", "{{city"),
            ("größe {{tone}}", "größe {{secrets.KEY}}"),
        ] {
            assert_eq!(fill(prompt, &values), filled, "{prompt}");
            assert_eq!(filled_chars(prompt, &values), filled.chars().count(), "{prompt}");
        }
        assert_eq!(used("{{b}} {{a}} {{b}} {{secrets.X}}"), ["b", "a"]);
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let variables =
            [Variable::new("city"), optional("tone", Some("kind")), optional("note", None)];
        let fields = |given: &[(&str, &str)]| {
            let faults = resolve(&variables, &values(given)).unwrap_err();
            faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(&[]), ["variables.city"]);
        assert_eq!(fields(&[("city", " ")]), ["variables.city"]);
        assert_eq!(fields(&[("city", "Oslo"), ("town", "x")]), ["variables.town"]);
        assert_eq!(fields(&[("city", &"x".repeat(VALUE_MAX + 1))]), ["variables.city"]);
        let resolved = resolve(&variables, &values(&[("city", "Oslo"), ("tone", "")])).unwrap();
        assert_eq!(resolved, values(&[("city", "Oslo"), ("tone", "kind"), ("note", "")]));
    }

    #[test]
    fn each_broken_rule_names_its_field() {
        let long = Variable { description: "x".repeat(201), ..Variable::new("c") };
        for (variables, field) in [
            (vec![Variable::new("1a")], "variables[0].name"),
            (vec![Variable::new("secrets")], "variables[0].name"),
            (vec![Variable::new("a"), Variable::new("a")], "variables[1].name"),
            (vec![long], "variables[0].description"),
            (vec![Variable::new("a"); VARIABLES_MAX + 1], "variables"),
        ] {
            let mut faults = Vec::new();
            check_all(&mut faults, &variables);
            let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
            assert_eq!(fields, [field]);
        }
    }
}
