//! Tables of cases.

use super::*;

const SALES: &str = "date,region,product,units,unit_price,revenue,status\n\
    2026-10-01,North,Desk,12,249.00,2988.00,open\n2026-10-02,South,Chair,40,89.50,3580.00,won\n\
    2026-10-05,North,Lamp,25,59.00,1475.00,open\n2026-10-06,South,Chair,18,89.50,1611.00,lost";

#[test]
fn tables_are_told_from_prose() {
    assert_eq!(Table::read(SALES).unwrap().columns.len(), 7);
    assert!(Table::read("Hello, Sam,\nthanks for the note, and for the rest, of it.").is_none());
    assert!(Table::read("one line, only").is_none());
    assert!(Table::read("Weekly call, 12 October.\nWe meet again in May, at noon.").is_none());
    assert_eq!(Table::read(SALES).unwrap().summable(), ["units", "revenue"]);
    assert_eq!(Table::read(SALES).unwrap().grouping(), Some("region"));
}

#[test]
fn questions_become_queries() {
    let table = Table::read(SALES).unwrap();
    for (clause, expected) in [
        (
            "What are the totals of revenue by region?",
            json!({"group_by": ["region"], "aggregates": [{"function": "sum", "column": "revenue"}]}),
        ),
        (
            "average unit price",
            json!({"aggregates": [{"function": "avg", "column": "unit_price"}]}),
        ),
        (
            "rows where status is open",
            json!({"filters": [{"column": "status", "op": "eq", "value": "open"}]}),
        ),
        ("sort by date", json!({"sort_by": "date", "descending": false})),
        (
            "Sort the rows by revenue, largest first",
            json!({"sort_by": "revenue", "descending": true}),
        ),
        (
            "Which rows have a revenue above 2000?",
            json!({"filters": [{"column": "revenue", "op": "gt", "value": 2000}]}),
        ),
        ("top 2 by units", json!({"sort_by": "units", "descending": true, "limit": 2})),
        (
            "Which row is the largest?",
            json!({"sort_by": "revenue", "descending": true, "limit": 1}),
        ),
        (
            "how many rows does each region have",
            json!({"group_by": ["region"], "aggregates": [{"function": "count"}]}),
        ),
        (
            "Count the entries by status",
            json!({"group_by": ["status"], "aggregates": [{"function": "count"}]}),
        ),
        ("show only the columns product and units", json!({"columns": ["product", "units"]})),
    ] {
        assert_eq!(query(clause, &table, &mut Earlier::default()), Some(expected), "{clause}");
    }
    assert_eq!(query("summarise it", &table, &mut Earlier::default()), None);
}

#[test]
fn them_are_the_rows_of_the_question_before() {
    let table = Table::read(SALES).unwrap();
    let mut earlier = Earlier::default();
    query("Which rows have a revenue above 2000?", &table, &mut earlier);
    let filter = json!([{"column": "revenue", "op": "gt", "value": 2000}]);
    assert_eq!(
        query("sort them by revenue, largest first", &table, &mut earlier),
        Some(json!({"filters": filter, "sort_by": "revenue", "descending": true}))
    );
    assert_eq!(
        query("give the average", &table, &mut earlier),
        Some(json!({"filters": filter, "aggregates": [{"function": "avg", "column": "revenue"}]}))
    );
}
