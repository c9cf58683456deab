//! What a tool asks a person before it answers (2026-07-28, Multi Round-Trip Requests): its forms as one of ours,
//! and the answers to that as it wants them back.

use resonant_domain::form::{FIELDS_MAX, Form, FormField, FormInput};
use resonant_domain::text::shorten;
use serde_json::{Map, Value, json};

use super::McpError;
use crate::tools::{Answered, Asked, Question};

/// The longest question and the longest label, in characters.
const QUESTION_MAX: usize = 2_000;
const LABEL_MAX: usize = 300;
/// The most texts to choose from.
const OPTIONS_MAX: usize = 200;
/// How much a server may want back, in bytes.
const RESUME_MAX: usize = 64 * 1024;

/// What a client says that it can do, where a person can be asked or not.
pub(super) fn capabilities(may_ask: bool) -> Value {
    if may_ask { json!({ "elicitation": { "form": {} } }) } else { json!({}) }
}

/// What a result says that asks for more.
pub(super) fn asked(result: &Value) -> McpError {
    let requests = result["inputRequests"].as_object().filter(|requests| !requests.is_empty());
    match (requests, result["requestState"].as_str()) {
        (Some(requests), state) => match read(requests, state) {
            Ok(asked) => McpError::Asks(Box::new(asked)),
            Err(reason) => McpError::Refused(reason),
        },
        (None, Some(state)) => McpError::Again(state.to_owned()),
        (None, None) => McpError::Protocol("it asks for more and does not say for what".to_owned()),
    }
}

/// Where the answer to a field goes.
struct Place<'a> {
    /// The request, and the property of its answer.
    key: &'a str,
    property: &'a str,
    /// What each text to choose stands for.
    options: Vec<(String, String)>,
    /// The value that stands in a list where the answer is yes.
    pick: Option<String>,
}

fn read(requests: &Map<String, Value>, state: Option<&str>) -> Result<Asked, String> {
    let mut messages = Vec::new();
    let mut form = Form::default();
    let mut places: Vec<Value> = Vec::new();
    for (key, request) in requests {
        let params = &request["params"];
        let message = params["message"].as_str().unwrap_or_default();
        match request["method"].as_str() {
            Some("elicitation/create") => {}
            other => {
                let what = shorten(other.unwrap_or("something"), 60);
                return Err(format!("it asks the caller for {what}, which is not offered here"));
            }
        }
        if !params["mode"].is_null() && params["mode"] != "form" {
            let url = shorten(params["url"].as_str().unwrap_or("a page"), QUESTION_MAX);
            let message = shorten(message, QUESTION_MAX);
            return Err(format!(
                "before it answers, a person has to open {url} themselves, and it is to be called again \
                 after that: {message}"
            ));
        }
        messages.push(message);
        let schema = &params["requestedSchema"];
        let required = schema["required"].as_array();
        for (property, about) in schema["properties"].as_object().into_iter().flatten() {
            let is_required = required.is_some_and(|all| all.iter().any(|it| it == property));
            for (label, input, place) in fields_of(key, property, about)? {
                let name = free_name(property, &form.fields);
                let is_required = is_required && place.pick.is_none();
                places.push(json!({
                    "field": name, "key": place.key, "property": place.property,
                    "options": place.options, "pick": place.pick,
                }));
                form.fields.push(FormField { name, label, input, is_required });
            }
        }
        if form.fields.len() > FIELDS_MAX {
            return Err(format!("it asks a person for more than {FIELDS_MAX} things at once"));
        }
    }
    let keys: Vec<_> = requests.keys().collect();
    let resume = json!({ "keys": keys, "places": places, "state": state });
    if resume.to_string().len() > RESUME_MAX {
        return Err("it asks a person for something, and wants more back than is kept".to_owned());
    }
    let text = shorten(&messages.join(" "), QUESTION_MAX);
    Ok(Asked { question: Question { text, form }, resume })
}

/// The fields for a property: one, or one for each value of a list.
fn fields_of<'a>(
    key: &'a str,
    property: &'a str,
    about: &Value,
) -> Result<Vec<(String, FormInput, Place<'a>)>, String> {
    let title = about["title"].as_str().unwrap_or(property);
    let label = match about["description"].as_str() {
        Some(more) if more != title => format!("{title}: {more}"),
        _ => title.to_owned(),
    };
    let label = shorten(&label, LABEL_MAX);
    let place = |options, pick| Place { key, property, options, pick };
    let options = options_of(if about["type"] == "array" { &about["items"] } else { about });
    if options.len() > OPTIONS_MAX {
        return Err(format!("it lets a person choose from more than {OPTIONS_MAX} things"));
    }
    let input = match about["type"].as_str() {
        Some("array") if !options.is_empty() => {
            let pick = |(text, value): (String, String)| {
                (format!("{label}: {text}"), FormInput::YesNo, place(Vec::new(), Some(value)))
            };
            return Ok(options.into_iter().map(pick).collect());
        }
        Some("string") if !options.is_empty() => {
            FormInput::Choice { options: options.iter().map(|(text, _)| text.clone()).collect() }
        }
        Some("string") => FormInput::Text,
        Some("number" | "integer") => FormInput::Number,
        Some("boolean") => FormInput::YesNo,
        _ => return Err(format!("it asks a person for {title:?}, which no form here can hold")),
    };
    Ok(vec![(label, input, place(options, None))])
}

/// The texts to choose from, and what each stands for.
fn options_of(about: &Value) -> Vec<(String, String)> {
    let short = |text: &str| shorten(text, LABEL_MAX);
    let titled = about["oneOf"].as_array().or_else(|| about["anyOf"].as_array());
    let named = about["enum"].as_array();
    let found: Vec<(String, String)> = match (titled, named) {
        (Some(titled), _) => titled
            .iter()
            .take(OPTIONS_MAX + 1)
            .filter_map(|option| {
                let value = option["const"].as_str()?;
                Some((short(option["title"].as_str().unwrap_or(value)), value.to_owned()))
            })
            .collect(),
        (None, Some(named)) => named
            .iter()
            .take(OPTIONS_MAX + 1)
            .enumerate()
            .filter_map(|(at, value)| {
                let value = value.as_str()?;
                let title = about["enumNames"][at].as_str().unwrap_or(value);
                Some((short(title), value.to_owned()))
            })
            .collect(),
        (None, None) => Vec::new(),
    };
    // What is called the same is told apart by what it stands for.
    let is_twice = |text: &str| found.iter().filter(|(other, _)| other == text).count() > 1;
    found
        .iter()
        .map(|(text, value)| (if is_twice(text) { value } else { text }.clone(), value.clone()))
        .collect()
}

/// A name that no field has yet: that of the property, where a form can hold it.
fn free_name(property: &str, taken: &[FormField]) -> String {
    let is_free = |name: &String| taken.iter().all(|field| field.name != *name);
    let is_plain = (1..=50).contains(&property.len())
        && property.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !property.starts_with(|first: char| first.is_ascii_digit());
    let own = Some(property.to_owned()).filter(|name| is_plain && is_free(name));
    let mut numbered = (taken.len() + 1..).map(|number| format!("field_{number}"));
    own.or_else(|| numbered.find(is_free)).unwrap_or_default()
}

/// Adds to a call what a person has answered, and what the server wanted back with it.
pub(super) fn add_answer(call: &mut Value, answered: &Answered) {
    let Answered { resume, values } = answered;
    let mut responses = Map::new();
    for key in resume["keys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let content = values.as_ref().map(|values| content_of(resume, key, values));
        let response = match content {
            Some(content) => json!({ "action": "accept", "content": content }),
            None => json!({ "action": "decline" }),
        };
        responses.insert(key.to_owned(), response);
    }
    call["inputResponses"] = responses.into();
    if resume["state"].is_string() {
        call["requestState"] = resume["state"].clone();
    }
}

/// What was filled in for one request.
fn content_of(resume: &Value, key: &str, values: &Value) -> Map<String, Value> {
    let mut content = Map::new();
    let places = resume["places"].as_array().into_iter().flatten();
    for place in places.filter(|place| place["key"] == key) {
        let (field, property) = (place["field"].as_str(), place["property"].as_str());
        let (Some(field), Some(property)) = (field, property) else { continue };
        let value = &values[field];
        if place["pick"].is_string() {
            let list = content.entry(property).or_insert_with(|| json!([]));
            if let (Some(list), Some(true)) = (list.as_array_mut(), value.as_bool()) {
                list.push(place["pick"].clone());
            }
            continue;
        }
        if value.is_null() {
            continue;
        }
        let mut options = place["options"].as_array().into_iter().flatten();
        let chosen = options.find(|option| option[0] == *value).map(|option| &option[1]);
        content.insert(property.to_owned(), chosen.unwrap_or(value).clone());
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(properties: &Value, required: &Value) -> Value {
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        let params = json!({ "message": "Who are you?", "requestedSchema": schema });
        json!({ "method": "elicitation/create", "params": params })
    }

    fn asks(requests: &Value) -> Asked {
        match asked(&json!({ "inputRequests": requests, "requestState": "s-1" })) {
            McpError::Asks(asked) => *asked,
            other => panic!("{other:?}"),
        }
    }

    fn answered(asked: &Asked, values: Option<Value>) -> Value {
        let mut call = json!({ "name": "greet" });
        add_answer(&mut call, &Answered { resume: asked.resume.clone(), values });
        call
    }

    #[test]
    fn forms_are_filled_in_as_the_server_asks_for_them() {
        let titled = |options: &[(&str, &str)]| -> Value {
            let option = |(value, title): &(&str, &str)| json!({ "const": value, "title": title });
            options.iter().map(option).collect()
        };
        let about_me = json!({
            "name": { "type": "string", "title": "Name", "description": "Your full name" },
            "age": { "type": "integer" },
            "of age": { "type": "boolean" },
            "size": { "type": "string", "enum": ["s", "l"], "enumNames": ["Small", "Large"] },
            "colour": { "type": "string", "oneOf": titled(&[("#f00", "Red"), ("#0f0", "Green")]) },
            "likes": { "type": "array", "items": { "anyOf": titled(&[("t", "Tea"), ("c", "Coffee")]) } },
        });
        let asked = asks(&json!({
            "me": form(&about_me, &json!(["name", "likes"])),
            "sure": form(&json!({ "name": { "type": "boolean" } }), &json!([])),
        }));
        assert_eq!(asked.question.text, "Who are you? Who are you?");
        let fields = &asked.question.form.fields;
        let find = |label: &str| fields.iter().find(|field| field.label == label).unwrap();
        assert_eq!(fields.len(), 8, "{fields:?}");
        let name = find("Name: Your full name");
        assert_eq!((name.name.as_str(), name.is_required), ("name", true));
        // A form can hold each name once, and no blanks in it.
        let (of_age, sure) = (find("of age"), find("name"));
        assert!(of_age.name.starts_with("field_") && sure.name.starts_with("field_"));
        let options =
            |texts: [&str; 2]| FormInput::Choice { options: texts.map(str::to_owned).into() };
        assert_eq!(find("size").input, options(["Small", "Large"]));
        assert_eq!(find("colour").input, options(["Red", "Green"]));
        let tea = find("likes: Tea");
        assert_eq!((&tea.input, tea.is_required), (&FormInput::YesNo, false));

        let mut values = json!({ "name": "Ada", "age": 36, "size": "Large", "colour": "Red" });
        values[&tea.name] = true.into();
        values[&sure.name] = true.into();
        let call = answered(&asked, Some(values));
        let me = json!({ "name": "Ada", "age": 36, "size": "l", "colour": "#f00", "likes": ["t"] });
        let expected = json!({
            "name": "greet",
            "requestState": "s-1",
            "inputResponses": {
                "me": { "action": "accept", "content": me },
                "sure": { "action": "accept", "content": { "name": true } },
            },
        });
        assert_eq!(call, expected);
        let declined = answered(&asked, None);
        assert_eq!(declined["inputResponses"]["me"], json!({ "action": "decline" }));
        // Nothing to fill in is something to agree to.
        let agree = asks(&json!({ "sure": form(&json!({}), &Value::Null) }));
        assert_eq!(agree.question.form.fields, []);
        let agreed = answered(&agree, Some(json!({})));
        assert_eq!(agreed["inputResponses"]["sure"], json!({ "action": "accept", "content": {} }));
    }

    #[test]
    fn what_no_form_holds_is_refused_with_the_reason() {
        let many: Map<_, _> =
            (0..21).map(|number| (format!("a{number}"), json!({ "type": "string" }))).collect();
        let page = json!({ "mode": "url", "url": "https://a.org/key", "message": "Your key" });
        for (request, reason) in [
            (json!({ "method": "sampling/createMessage", "params": {} }), "sampling/createMessage"),
            (json!({ "method": "elicitation/create", "params": page }), "open https://a.org/key"),
            (form(&json!({ "a": { "type": "object" } }), &Value::Null), "no form here"),
            (form(&json!({ "a": { "type": "array", "items": {} } }), &Value::Null), "no form here"),
            (form(&many.into(), &Value::Null), "more than 20"),
            (Value::Null, "not offered here"),
        ] {
            let told = asked(&json!({ "inputRequests": { "a": request } }));
            assert!(matches!(&told, McpError::Refused(told) if told.contains(reason)), "{told:?}");
        }
        let much = "s".repeat(RESUME_MAX);
        let request = form(&json!({ "a": { "type": "string" } }), &Value::Null);
        let told = asked(&json!({ "inputRequests": { "a": request }, "requestState": much }));
        assert!(matches!(&told, McpError::Refused(told) if told.contains("more back")), "{told:?}");
        assert_eq!(asked(&json!({ "requestState": "s" })), McpError::Again("s".to_owned()));
        assert!(matches!(asked(&json!({ "inputRequests": {} })), McpError::Protocol(_)));
    }
}
