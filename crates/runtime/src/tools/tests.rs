use std::sync::Arc;

use resonant_domain::agent::ToolGrant;
use resonant_domain::tool::{BUILT_IN_TOOLS, READ_RESULT};
use serde_json::{Value, json};

use super::{Tool, ToolContext, ToolFuture, Tools};
use crate::egress::Egress;

fn tools() -> Tools {
    Tools::standard(Egress::public())
}

#[test]
fn every_built_in_tool_is_there_and_no_other() {
    let grants: Vec<_> = BUILT_IN_TOOLS.iter().map(|tool| ToolGrant::new(tool.name)).collect();
    let schemas = tools().schemas(&grants);
    assert_eq!(schemas.iter().map(|schema| schema.name.as_str()).collect::<Vec<_>>(), BUILT_IN_TOOLS.map(|tool| tool.name));
    // And the one that nobody grants.
    assert!(tools().get(READ_RESULT).is_some());
    assert_eq!(tools().entries.len(), BUILT_IN_TOOLS.len() + 1);
    assert!(tools().schemas(&[ToolGrant::new("rm")]).is_empty());
    assert!(Tools::empty().get("calculator").is_none());
}

/// What endpoints ask of a tool: an object that is closed at every level, every property described,
/// and no combination of schemas at the top.
#[test]
fn schemas_are_strict() {
    fn check(path: &str, schema: &Value) {
        if schema["type"] == "object" {
            assert_eq!(schema["additionalProperties"], false, "{path}");
            let properties = schema["properties"].as_object().unwrap();
            for name in schema["required"].as_array().unwrap() {
                assert!(properties.contains_key(name.as_str().unwrap()), "{path}: {name}");
            }
            for (name, property) in properties {
                assert!(property["description"].is_string(), "{path}.{name}");
                check(&format!("{path}.{name}"), property);
            }
        }
        if schema["type"] == "array" {
            check(&format!("{path}[]"), &schema["items"]);
        }
    }
    for entry in tools().entries.iter() {
        let schema = entry.tool.parameters();
        assert!(entry.validator.is_ok(), "{}", entry.tool.name());
        assert_eq!(schema["type"], "object");
        for keyword in ["anyOf", "oneOf", "allOf", "not", "enum", "$ref"] {
            assert!(schema.get(keyword).is_none());
        }
        check(entry.tool.name(), &schema);
        assert!(entry.tool.description().len() <= 1024, "{}: {}", entry.tool.name(), entry.tool.description().len());
    }
}

#[test]
fn arguments_that_break_a_rule_are_named() {
    for (tool, arguments, expected) in [
        ("calculator", json!({ "expression": "1" }), ""),
        ("calculator", json!({ "expr": "1" }), "there is no field `expr`"),
        ("calculator", json!({ "expression": 5 }), "`expression` must be of type \"string\", not 5"),
        ("calculator", json!({ "expression": "" }), "`expression` must not be empty"),
        ("calculator", json!([1]), "the arguments must be a JSON object"),
        ("calculator", json!("1 + 1"), "the arguments must be a JSON object"),
        ("calculator", Value::Null, "the arguments must be a JSON object"),
        ("datetime", json!({}), "`operation` is missing"),
        ("datetime", json!({ "operation": "guess" }), "`operation` must be one of \"now\", \"describe\""),
        ("datetime", json!({ "operation": "add", "days": 1.5 }), "`days` must be of type \"integer\", not 1.5"),
        ("summarise", json!({ "text": "x", "sentences": 11 }), "`sentences` must be at most 10, not 11"),
        ("summarise", json!({ "text": "x", "sentences": 0 }), "`sentences` must be at least 1, not 0"),
        ("extract", json!({ "what": [] }), "`what` must have at least 1 items"),
        ("extract", json!({ "what": ["emails", "spam"] }), "`what[1]` must be one of"),
        ("extract", json!({ "what": ["emails", "emails"] }), "`what`"),
        ("csv_table", json!({ "filters": [{ "column": "a", "op": "like" }] }), "`filters[0].op` must be one of \"eq\""),
        ("csv_table", json!({ "filters": [{ "op": "eq" }] }), "`filters[0].column` is missing"),
        ("csv_table", json!({ "filters": [{ "column": "a", "op": "eq", "val": 1 }] }), "there is no field `filters[0].val`"),
        ("csv_table", json!({ "filters": [{ "column": "a", "op": "eq", "value": [] }] }), "`filters[0].value` must be of"),
        ("json_query", json!({ "operation": "get", "path": "$" }), ""),
        ("http_fetch", json!({ "as": "text" }), "`url` is missing"),
        ("html_to_text", json!({ "text": "x", "links": "yes" }), "`links` must be of type \"boolean\", not \"yes\""),
        ("rm", json!({}), "there is no tool \"rm\"; the tools are calculator, datetime"),
    ] {
        let found = tools().check(tool, &arguments).map_or_else(|error| error.to_string(), |()| String::new());
        assert!(found.starts_with(expected) && found.is_empty() == expected.is_empty(), "{tool} {arguments}: {found:?}");
    }
    let both = tools().check("datetime", &json!({ "operation": "x", "zone": 1 })).unwrap_err().to_string();
    assert!(both.contains("`zone`") && both.contains("`operation`"), "{both}");
}

#[test]
fn a_tool_of_the_same_name_takes_the_place() {
    struct Fake;
    impl Tool for Fake {
        fn name(&self) -> &'static str {
            "calculator"
        }
        fn description(&self) -> &'static str {
            "a fake"
        }
        fn parameters(&self) -> Value {
            json!({ "type": "object" })
        }
        fn call<'a>(&'a self, _: &'a Value, _: &'a ToolContext) -> ToolFuture<'a> {
            Box::pin(async { Ok("fake".to_owned()) })
        }
    }
    let tools = tools().with(Arc::new(Fake));
    assert_eq!(tools.entries.len(), BUILT_IN_TOOLS.len() + 1);
    assert_eq!(tools.get("calculator").map(|tool| tool.description()), Some("a fake"));
}
