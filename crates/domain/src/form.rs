//! A form that an agent asks a person to fill in.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::FieldFault;
use crate::text::check_text;

/// The most fields of a form.
pub const FIELDS_MAX: usize = 20;
/// The longest text in a field, in characters.
pub const ANSWER_MAX: usize = 8_000;

/// The fields of an answer, in the order in which they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Form {
    /// The fields.
    pub fields: Vec<FormField>,
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FormField {
    /// Its key in the answer.
    pub name: String,
    /// What a person reads beside it.
    pub label: String,
    /// What may be filled in.
    #[serde(flatten)]
    pub input: FormInput,
    /// Whether it must be filled in.
    #[serde(default)]
    pub is_required: bool,
}

/// What may be filled into a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FormInput {
    /// One line.
    Text,
    /// Several lines.
    LongText,
    /// A number.
    Number,
    /// Yes or no.
    YesNo,
    /// One of some.
    Choice {
        /// The texts to choose from.
        options: Vec<String>,
    },
}

impl Form {
    /// A form of one field for a free answer.
    #[must_use]
    pub fn free_answer() -> Self {
        Self {
            fields: vec![FormField {
                name: "answer".to_owned(),
                label: "Your answer".to_owned(),
                input: FormInput::LongText,
                is_required: true,
            }],
        }
    }

    /// Reports what is wrong with an answer, each fault at `<place>.<field>`.
    pub fn check_answer(&self, place: &str, values: &Value, faults: &mut Vec<FieldFault>) {
        let Some(values) = values.as_object() else {
            faults.push(FieldFault::new(place, "must be an object with the fields of the form"));
            return;
        };
        for name in values.keys() {
            if !self.fields.iter().any(|field| field.name == *name) {
                faults.push(FieldFault::new(
                    format!("{place}.{name}"),
                    "must be a field of the form",
                ));
            }
        }
        for field in &self.fields {
            let at = format!("{place}.{}", field.name);
            match values.get(&field.name) {
                None | Some(Value::Null) if field.is_required => {
                    faults.push(FieldFault::new(at, "must be filled in"));
                }
                None | Some(Value::Null) => {}
                Some(value) => field.check(&at, value, faults),
            }
        }
    }
}

impl FormField {
    fn check(&self, at: &str, value: &Value, faults: &mut Vec<FieldFault>) {
        let rule = match (&self.input, value) {
            (FormInput::Text | FormInput::LongText, Value::String(text)) => {
                check_text(faults, at, text, usize::from(self.is_required), ANSWER_MAX);
                return;
            }
            (FormInput::Text | FormInput::LongText, _) => "must be a text".to_owned(),
            (FormInput::Number, Value::Number(_)) | (FormInput::YesNo, Value::Bool(_)) => return,
            (FormInput::Number, _) => "must be a number".to_owned(),
            (FormInput::YesNo, _) => "must be true or false".to_owned(),
            (FormInput::Choice { options }, Value::String(text)) if options.contains(text) => {
                return;
            }
            (FormInput::Choice { options }, _) => format!("must be one of {}", options.join(", ")),
        };
        faults.push(FieldFault::new(at, rule));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_fits_the_form() {
        let form: Form = serde_json::from_value(json!([
            {"name": "who", "label": "Who", "type": "text", "is_required": true},
            {"name": "count", "label": "How many", "type": "number"},
            {"name": "size", "label": "Size", "type": "choice", "options": ["S", "L"]},
            {"name": "now", "label": "Now", "type": "yes_no"},
        ]))
        .unwrap();
        for (values, fields) in [
            (json!({"who": "Ada"}), vec![]),
            (json!({"who": "Ada", "count": 2.5, "size": "L", "now": false}), vec![]),
            (json!({}), vec!["values.who"]),
            (json!({"who": "  "}), vec!["values.who"]),
            (json!({"who": "Ada", "size": "M"}), vec!["values.size"]),
            (
                json!({"who": 1, "count": "2", "now": 0}),
                vec!["values.who", "values.count", "values.now"],
            ),
            (json!({"who": "Ada", "rm": 1}), vec!["values.rm"]),
            (json!("Ada"), vec!["values"]),
        ] {
            let mut faults = Vec::new();
            form.check_answer("values", &values, &mut faults);
            let found: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
            assert_eq!(found, fields, "{values}");
        }
    }
}
