//! `ask_user`: a question to the person whom the agent works for, with a form for the answer.

use resonant_domain::form::{FIELDS_MAX, Form, FormField, FormInput};
use resonant_domain::tool::ASK_USER;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Question, Tool, ToolContext, ToolError, ToolFuture};

/// Asks the person. The session waits for the answer, which becomes the call's result.
#[derive(Debug, Clone, Copy, Default)]
pub struct AskUser;

/// A field as a model writes it.
#[derive(Deserialize)]
struct Field {
    name: String,
    label: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    options: Vec<String>,
    #[serde(default)]
    required: bool,
}

impl TryFrom<Field> for FormField {
    type Error = ToolError;

    fn try_from(field: Field) -> Result<Self, ToolError> {
        let input = match field.kind.as_str() {
            "long_text" => FormInput::LongText,
            "number" => FormInput::Number,
            "yes_no" => FormInput::YesNo,
            "choice" if field.options.is_empty() => {
                let name = field.name;
                return Err(ToolError::Invalid(format!("`{name}` is a choice without `options`")));
            }
            "choice" => FormInput::Choice { options: field.options },
            _ => FormInput::Text,
        };
        Ok(Self { name: field.name, label: field.label, input, is_required: field.required })
    }
}

impl Tool for AskUser {
    fn name(&self) -> &'static str {
        ASK_USER
    }

    fn description(&self) -> &'static str {
        "Asks the person you work for and waits for the answer. Use it when something is missing that \
         only they know, or before a step that they may not want. Without `fields` they answer in \
         their own words; with `fields` they fill in a form, and the result is a JSON object by field \
         name."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "question": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 2000,
                    "description": "What to ask, in one or two sentences.",
                },
                "fields": {
                    "type": "array",
                    "maxItems": FIELDS_MAX,
                    "description": "The fields of the form. Leave out for a free answer.",
                    "items": {
                        "type": "object",
                        "properties": {
                            "name": {
                                "type": "string",
                                "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,49}$",
                                "description": "The key of the field in the answer.",
                            },
                            "label": {
                                "type": "string",
                                "minLength": 1,
                                "maxLength": 200,
                                "description": "What the person reads beside the field.",
                            },
                            "type": {
                                "type": "string",
                                "enum": ["text", "long_text", "number", "yes_no", "choice"],
                                "description": "What may be filled in.",
                            },
                            "options": {
                                "type": "array",
                                "maxItems": 50,
                                "items": { "type": "string" },
                                "description": "The texts to choose from, for a choice.",
                            },
                            "required": {
                                "type": "boolean",
                                "description": "Whether it must be filled in.",
                            },
                        },
                        "required": ["name", "label", "type"],
                        "additionalProperties": false,
                    },
                },
            },
            "required": ["question"],
            "additionalProperties": false,
        })
    }

    fn question(&self, arguments: &Value) -> Result<Option<Question>, ToolError> {
        let text = arguments["question"].as_str().unwrap_or_default().to_owned();
        let fields = arguments.get("fields").cloned().unwrap_or(Value::Array(Vec::new()));
        let fields: Vec<Field> = serde_json::from_value(fields)
            .map_err(|error| ToolError::Invalid(format!("`fields` cannot be read: {error}")))?;
        let fields: Vec<FormField> =
            fields.into_iter().map(FormField::try_from).collect::<Result<_, _>>()?;
        for (index, field) in fields.iter().enumerate() {
            if fields[..index].iter().any(|other| other.name == field.name) {
                let name = &field.name;
                return Err(ToolError::Invalid(format!("`fields` names `{name}` twice")));
            }
        }
        let form = if fields.is_empty() { Form::free_answer() } else { Form { fields } };
        Ok(Some(Question { text, form }))
    }

    fn call<'a>(&'a self, _arguments: &'a Value, _context: &'a ToolContext) -> ToolFuture<'a> {
        // The loop asks the person instead.
        Box::pin(async { Err(ToolError::Failed("nobody is there to be asked".to_owned())) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_a_form() {
        let ask = |arguments: Value| AskUser.question(&arguments);
        let free = ask(json!({"question": "Which city?"})).unwrap().unwrap();
        assert_eq!((free.text.as_str(), free.form), ("Which city?", Form::free_answer()));
        let size =
            json!({"name": "size", "label": "Size", "type": "choice", "options": ["S", "L"]});
        let form = ask(json!({"question": "Which?", "fields": [size]})).unwrap().unwrap().form;
        let options = vec!["S".to_owned(), "L".to_owned()];
        assert_eq!(form.fields[0].input, FormInput::Choice { options });
        let empty = json!({"name": "size", "label": "Size", "type": "choice"});
        for fields in [json!([empty]), json!([size, size])] {
            let refused = ask(json!({"question": "Which?", "fields": fields}));
            assert!(matches!(refused, Err(ToolError::Invalid(_))), "{refused:?}");
        }
    }
}
