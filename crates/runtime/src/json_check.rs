//! Whether an answer is JSON of a certain shape.

use serde_json::Value;

/// Whether a value is a JSON schema (draft 2020-12).
///
/// # Errors
/// Why it is none.
pub fn check_schema(schema: &Value) -> Result<(), String> {
    jsonschema::draft202012::new(schema).map(drop).map_err(|error| error.to_string())
}

/// Whether a text is JSON that fits the schema. JSON within one fence of Markdown counts, too.
///
/// # Errors
/// Why it does not.
pub fn fits(schema: &Value, text: &str) -> Result<(), String> {
    let value: Value =
        serde_json::from_str(unfenced(text)).map_err(|error| format!("is no JSON: {error}"))?;
    let validator = jsonschema::draft202012::new(schema).map_err(|error| error.to_string())?;
    match validator.iter_errors(&value).next() {
        None => Ok(()),
        Some(error) => Err(format!("{}: {error}", error.instance_path())),
    }
}

fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let Some(rest) = text.strip_prefix("```") else { return text };
    let body = rest.split_once('\n').map_or("", |(_language, body)| body);
    body.strip_suffix("```").unwrap_or(body).trim()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_fits_or_says_why_not() {
        let schema = json!({ "type": "object", "required": ["sum"] });
        for (text, is_fit) in [
            (r#"{"sum": 3}"#, true),
            ("```json\n{\"sum\": 3}\n```", true),
            ("{}", false),
            ("[1]", false),
            ("The sum is 3", false),
            ("```", false),
        ] {
            assert_eq!(fits(&schema, text).is_ok(), is_fit, "{text}");
        }
        assert!(check_schema(&schema).is_ok());
        assert!(check_schema(&json!({ "type": 1 })).is_err());
    }
}
