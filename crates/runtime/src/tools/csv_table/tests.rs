use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::run;
use crate::tools::ToolContext;

const SALES: &str = "Region,Product,Amount,Date\nNorth,Pen,\"$1,200.10\",2026-01-02\nSouth,Ink,300.2,2026-01-03\nnorth,Pad,50,2026-01-04\nSouth,Pen,,2026-01-05\n";

fn call(arguments: &Value) -> String {
    let page = json!({ "url": "https://a.example/", "status": 200, "text": SALES }).to_string();
    let sources = HashMap::from([("sales".to_owned(), SALES.to_owned()), ("page".to_owned(), page)]);
    let context = ToolContext { now: "2026-11-23T15:30:19Z".parse().unwrap(), sources: Arc::new(sources), ..ToolContext::default() };
    run(arguments, &context).unwrap_or_else(|error| format!("! {error}"))
}

/// The result as CSV lines without the header.
fn rows(mut arguments: Value) -> Vec<String> {
    arguments["output"] = "csv".into();
    if arguments.get("text").is_none() {
        arguments["source"] = "sales".into();
    }
    call(&arguments).lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn rows_are_filtered_sorted_and_chosen() {
    let one = |column: &str, op: &str, value: Value| rows(json!({ "filters": [{ "column": column, "op": op, "value": value }], "columns": ["product"] }));
    for (column, op, value, expected) in [
        ("amount", "gt", json!(100), vec!["Pen", "Ink"]), ("Amount", "le", json!("300.20"), vec!["Ink", "Pad"]), ("3", "eq", json!("1200.1"), vec!["Pen"]),
        ("region", "eq", json!("NORTH"), vec!["Pen", "Pad"]), ("region", "ne", json!("north"), vec!["Ink", "Pen"]), ("product", "contains", json!("P"), vec!["Pen", "Pad", "Pen"]),
        ("product", "starts_with", json!("pe"), vec!["Pen", "Pen"]), ("product", "ends_with", json!("k"), vec!["Ink"]), ("date", "ge", json!("2026-01-04"), vec!["Pad", "Pen"]),
        ("amount", "empty", json!(""), vec!["Pen"]), ("amount", "not_empty", json!(""), vec!["Pen", "Ink", "Pad"]), ("amount", "lt", json!("abc"), vec![]),
    ] {
        assert_eq!(one(column, op, value), expected, "{column} {op}");
    }
    assert_eq!(rows(json!({ "sort_by": "amount", "descending": true, "columns": ["Product", "Amount"], "limit": 2 })), ["Pen,\"$1,200.10\"", "Ink,300.2"]);
    assert_eq!(rows(json!({ "sort_by": "amount", "columns": ["Amount"] })), ["50", "300.2", "\"$1,200.10\"", "\"\""]);
    assert_eq!(rows(json!({ "sort_by": "product", "columns": ["2", "1"], "limit": 1 })), ["Ink,South"]);
}

#[test]
fn groups_come_to_exact_sums() {
    let aggregates = json!([{ "function": "sum", "column": "amount" }, { "function": "count" }, { "function": "max", "column": "date" }]);
    assert_eq!(rows(json!({ "group_by": ["region"], "aggregates": aggregates })), ["North,1250.1,2,2026-01-04", "South,300.2,2,2026-01-05"]);
    assert_eq!(rows(json!({ "group_by": ["region"], "aggregates": aggregates, "sort_by": "sum(amount)", "columns": ["region"] })), ["South", "North"]);
    let all = json!([{ "function": "sum", "column": "amount" }, { "function": "avg", "column": "amount" }, { "function": "min", "column": "amount" },
        { "function": "max", "column": "amount" }, { "function": "count", "column": "amount" }, { "function": "count" }]);
    assert_eq!(rows(json!({ "aggregates": all })), ["1550.3,516.766666667,50,1200.1,3,4"]);
    assert_eq!(rows(json!({ "group_by": ["product"] })), ["Pen,2", "Ink,1", "Pad,1"]);
    assert_eq!(rows(json!({ "text": "a\nx\n", "aggregates": [{ "function": "sum", "column": "a" }], "header": true })), ["\"\""]);
    assert_eq!(rows(json!({ "text": "a\n0.1\n0.2\n", "aggregates": [{ "function": "sum", "column": "a" }] })), ["0.3"]);
}

#[test]
fn tables_come_in_many_forms() {
    for text in [
        "a,b\n1,2", "a;b\n1;2", "a\tb\n1\t2", "a|b\n1|2", "\u{feff}a,b\r\n1,2\r\n", "| a | b |\n|---|:-:|\n| 1 | 2 |", "a | b\n--|--\n1 | 2",
        r#"[{"a":1,"b":2}]"#, "\n\na,b\n\n1,2\n", "\"a\",\"b\"\n\"1\",\"2\"",
    ] {
        assert_eq!(call(&json!({ "text": text, "output": "json" })), r#"[{"a":1,"b":2}]"#, "{text:?}");
    }
    assert_eq!(call(&json!({ "text": "a;b\n1,5;2,5\n2,5;3", "aggregates": [{ "function": "sum", "column": "a" }], "output": "csv" })), "sum(a)\n4");
    assert_eq!(call(&json!({ "text": "1,2\n3,4", "header": false, "output": "csv" })), "column 1,column 2\n1,2\n3,4");
    assert_eq!(call(&json!({ "text": "a,a,\n1,2,3,4", "output": "csv" })), "a,a (2),column 3,column 4\n1,2,3,4");
    assert_eq!(call(&json!({ "text": "a,b\n007,\"x\ny|z\"\n" })), "| a | b |\n| --- | --- |\n| 007 | x y\\|z |");
    assert_eq!(call(&json!({ "text": "a,b\n007,true\n,1.50\n", "output": "json" })), r#"[{"a":"007","b":true},{"a":null,"b":1.5}]"#);
    assert_eq!(call(&json!({ "text": r#"[{"z":1,"a":"x"},{"b":true}]"#, "output": "csv" })), "z,a,b\n1,x,\n,,true");
    assert!(call(&json!({ "source": "page" })).starts_with("| Region | Product |"));
    assert_eq!(call(&json!({ "source": "sales", "limit": 1, "columns": ["Product"] })), "| Product |\n| --- |\n| Pen |\n\n(1 of 4 rows)");
    let description = call(&json!({ "source": "sales", "output": "describe" }));
    for line in ["4 rows, 4 columns", "| Amount | number | 3 | 3 | 50 | $1,200.10 |", "| Date | date | 4 | 4 | 2026-01-02 | 2026-01-05 |", "| Region | text | 4 | 3 | North | South |"] {
        assert!(description.contains(line), "{description}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (arguments, reason) in [
        (json!({ "source": "sales", "sort_by": "price" }), "no column \"price\"; the columns are Region, Product, Amount, Date"),
        (json!({ "source": "sales", "filters": [{ "column": "amount", "op": "gt" }] }), "needs a `value`"),
        (json!({ "source": "sales", "aggregates": [{ "function": "sum" }] }), "sum needs a `column`"),
        (json!({ "source": "sales", "columns": ["0"] }), "no column"),
        (json!({ "text": " \n " }), "empty"),
        (json!({}), "give the text"),
    ] {
        let found = call(&arguments);
        assert!(found.starts_with("! ") && found.contains(reason), "{found}");
    }
    let unclosed = format!("a,\"{}", "b\n".repeat(100_000));
    let wide = ",".repeat(100_000);
    let long = "a,b\n1,2\n".repeat(300_000);
    for text in ["\0", "\"", "\"\"\"", "é;ü", "|", "||", "|-|\n|-|", "[", "[1]", "[]", "💥\t💥", "a,b\n\"1\n2", &unclosed, &wide, &long] {
        for output in ["table", "csv", "json", "describe"] {
            let _ = call(&json!({ "text": text, "output": output, "limit": 1000 }));
        }
    }
}

/// Each row has all columns, however short it is written.
#[test]
fn one_wide_row_does_not_make_many_short_ones_wide() {
    let csv = format!("{}\n{}", ",a".repeat(400), "b\n".repeat(20_000));
    let members: Vec<_> = (0..400).map(|n| format!("\"c{n}\":1")).collect();
    let json = format!("[{{{}}}{}]", members.join(","), ",{}".repeat(20_000));
    for text in [csv, json] {
        let told = call(&json!({ "text": text }));
        assert_eq!(told, "! the table has more than 4000000 cells");
    }
}
