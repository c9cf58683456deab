use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::run;
use crate::tools::ToolContext;

const SHOP: &str = r#"{"name":"Shop","open":true,"none":null,"items":[{"name":"pen","price":2.5,"tags":["blue"]},{"name":"ink","price":12,"tags":[]},{"name":"pad","price":"$7.00"}],"odd key":{"a.b":1},"deep":{"price":99}}"#;

fn call(arguments: &Value) -> String {
    let sources = HashMap::from([("shop".to_owned(), SHOP.to_owned())]);
    let context = ToolContext { now: "2026-11-23T15:30:19Z".parse().unwrap(), sources: Arc::new(sources), ..ToolContext::default() };
    run(arguments, &context).unwrap_or_else(|error| format!("! {error}"))
}

#[test]
fn paths_find_their_values() {
    for (path, expected) in [
        ("$.name", "Shop"), ("name", "Shop"), ("$.open", "true"), ("$.none", "null"), ("$.items[0].name", "pen"), ("items[-1].name", "pad"),
        ("$.items[*].name", r#"["pen","ink","pad"]"#), ("$.items[].name", r#"["pen","ink","pad"]"#), ("$.items.*.price", r#"[2.5,12,"$7.00"]"#),
        ("$.items[1:].name", r#"["ink","pad"]"#), ("$.items[:-1].name", r#"["pen","ink"]"#), ("$.items[5:1]", "[]"), ("$['odd key']['a.b']", "1"),
        ("$[\"odd key\"]", r#"{"a.b":1}"#), ("$..price", r#"[2.5,12,"$7.00",99]"#), ("$.items[?(@.price > 5)].name", r#"["ink","pad"]"#),
        ("$.items[?(@.price >= 2.5 && @.price < 10)].name", r#"["pen","pad"]"#), ("$.items[?(@.name == 'pen' || @.name == \"ink\")].price", "[2.5,12]"),
        ("$.items[?@.name != 'pen'].name", r#"["ink","pad"]"#), ("$.items[?(@.tags contains 'blue')].name", r#"["pen"]"#),
        ("$.items[?(@.name contains 'P')].name", r#"["pen","pad"]"#), ("$.items[?(@.tags)].name", r#"["pen","ink"]"#), ("$.items[?(@.gone)]", "[]"),
        ("$.items[?(@.name == 'a && b')]", "[]"), ("$.items[*].gone", "[]"), ("$.items[?(@.price == 7)].name", r#"["pad"]"#),
    ] {
        assert_eq!(call(&json!({ "source": "shop", "path": path })), expected, "{path}");
    }
}

#[test]
fn operations_do_what_they_say() {
    for (operation, path, expected) in [
        ("keys", "$", r#"["name","open","none","items","odd key","deep"]"#), ("keys", "$.items", r#"["name","price","tags"]"#), ("length", "$.items", "3"),
        ("length", "$.name", "4"), ("length", "$", "6"), ("to_csv", "$.items", "name,price,tags\npen,2.5,\"[\"\"blue\"\"]\"\nink,12,[]\npad,$7.00,"),
        ("to_csv", "$.items[*].name", "pen\nink\npad"), ("to_csv", "$.deep", "price\n99"), ("minify", "$.deep", r#"{"price":99}"#),
        ("pretty", "$.deep", "{\n  \"price\": 99\n}"), ("validate", "$", "valid JSON: an object with 6 keys"),
    ] {
        let found = call(&json!({ "source": "shop", "operation": operation, "path": path }));
        assert_eq!(found, expected, "{operation} {path}");
    }
    assert_eq!(call(&json!({ "text": "{\"a\":1}\n{\"a\":2}\n", "path": "$[*].a" })), "[1,2]");
    assert_eq!(call(&json!({ "text": "```json\n{\"a\": 1}\n```", "path": "a" })), "1");
    assert_eq!(call(&json!({ "text": "\u{feff}[1, 2]" })), "[1,2]");
    // The order of the keys is kept; of a key that stands twice the last value is found.
    assert_eq!(call(&json!({ "text": "[{\"z\":1,\"a\":2},{\"m\":3,\"a\":4}]", "operation": "to_csv" })), "z,a,m\n1,2,\n,4,3");
    assert_eq!(call(&json!({ "text": "{\"a\":1,\"a\":2}", "path": "a" })), "2");
}

#[test]
fn what_is_not_there_or_not_json_says_so() {
    for (arguments, reason) in [
        (json!({ "source": "shop", "path": "$.nmae" }), "no key \"nmae\" at $; the keys there are"),
        (json!({ "source": "shop", "path": "$.items[9]" }), "no item 9 at $.items; $.items is an array of 3 items"),
        (json!({ "source": "shop", "path": "$.items.name" }), "no key \"name\""),
        (json!({ "source": "shop", "path": "$.items[" }), "not closed"),
        (json!({ "source": "shop", "path": "$.items[x]" }), "a bracket holds"),
        (json!({ "source": "shop", "path": "$." }), "a name is missing"),
        (json!({ "source": "shop", "path": "$.items[?(price > 1)]" }), "begins with @"),
        (json!({ "source": "shop", "path": "$.items[?(@.price > x)]" }), "compare with"),
        (json!({ "source": "shop", "path": "$.items[?(@.a[?(@.b)])]" }), "within a filter"),
        (json!({ "source": "shop", "path": "$.name", "operation": "keys" }), "has no keys"),
        (json!({ "source": "shop", "path": "$.open", "operation": "length" }), "has no length"),
        (json!({ "source": "shop", "path": "$.name", "operation": "to_csv" }), "cannot become a table"),
        (json!({ "text": "{\"a\": 1,}" }), "line 1 column 9"),
        (json!({ "text": "" }), "not valid JSON"),
        (json!({ "text": "💥" }), "not valid JSON"),
        (json!({ "text": "[".repeat(100_000) }), "not valid JSON"),
    ] {
        let found = call(&arguments);
        assert!(found.starts_with("! ") && found.contains(reason), "{found}");
    }
    for path in ["", "$", "..", "$..", "[", "]", "[]", "[[", "['", "[?]", "[?()]", "[?(@)]", "[:]", "[::]", "é.ü[é]", "$$$", "[?(@ == )]", "[?(@==='x')]", "[-999999999999999999999]", "[-9223372036854775808]"] {
        let _ = call(&json!({ "source": "shop", "path": path }));
    }
    let wide = Value::from((0..2000).map(|n| json!({ "a": { "b": [n, n] } })).collect::<Vec<_>>()).to_string();
    let many = call(&json!({ "text": wide, "path": "$..*..*..*..*" }));
    assert!(many.len() < 64 * 1024 + 1);
}
