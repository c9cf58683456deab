//! Lists, page by page.

use serde_json::{Value, json};

use crate::support::{TestApp, Visitor};

/// A list: where, its name, and what is put into it three times.
struct List {
    path: String,
    name: &'static str,
    new: Value,
}

fn filled(path: &str, name: &'static str, new: Value) -> List {
    List { path: path.to_owned(), name, new }
}

fn lists(own: &str, agent: &str) -> Vec<List> {
    let alert = json!({
        "name": "Slow", "type": "threshold", "metric": "api.latency.p99",
        "condition": { "operator": "gt", "value": 1000, "period": "5m" },
    });
    let schedule = json!({ "agent_id": agent, "cron": "0 7 * * *", "goal": "Go" });
    let secret = json!({ "name": "KEY", "value": "a long value", "hosts": ["a.org"] });
    let set = json!({ "name": "Basics", "cases": [{ "goal": "1 + 1" }] });
    vec![
        filled("/api/v1/keys", "keys", json!({ "name": "CI", "scopes": ["agents:read"] })),
        filled("/api/v1/schedules", "schedules", schedule),
        filled("/api/v1/secrets", "secrets", secret),
        filled("/api/v1/triggers", "triggers", json!({ "agent_id": agent, "goal": "Read" })),
        filled("/api/v1/webhooks", "webhooks", json!({ "url": "https://example.org/ended" })),
        filled("/api/v1/alerts", "alerts", alert),
        filled(
            &format!("{own}/knowledge"),
            "documents",
            json!({ "title": "Leave", "text": "30 days of leave." }),
        ),
        filled(&format!("{own}/test-sets"), "test_sets", set),
    ]
}

/// What tells the things of a list apart.
fn mark(thing: &Value) -> String {
    let mark = thing.get("id").or_else(|| thing.get("name"));
    mark.and_then(Value::as_str).unwrap().to_owned()
}

/// All things of a list, one on each page, and the cursor behind the first.
async fn walk(app: &TestApp, ada: &Visitor, list: &str, name: &str) -> (Vec<String>, String) {
    let (mut seen, mut cursors) = (vec![], vec![]);
    let mut cursor = String::new();
    loop {
        let path = format!("{list}?limit=1&cursor={cursor}");
        let page = app.get(&path).by(ada).await.value();
        let things = page[name].as_array().unwrap();
        assert!(things.len() <= 1, "{path}: {page}");
        seen.extend(things.iter().map(mark));
        let next = page["next_cursor"].as_str().map(str::to_owned);
        assert_eq!(page["has_more"].as_bool(), Some(next.is_some()), "{path}");
        let Some(next) = next else { break };
        cursors.push(next.clone());
        cursor = next;
    }
    (seen, cursors.remove(0))
}

#[tokio::test]
async fn every_list_is_read_to_its_end_page_by_page() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let agent = app.agent(&ada, "Reckoner").await.id.to_string();
    let own = format!("/api/v1/agents/{agent}");
    let lists = lists(&own, &agent);
    let mut cursors: Vec<(String, String)> = vec![];
    for list in &lists {
        for number in 0..3 {
            let mut new = list.new.clone();
            if list.name == "secrets" {
                new["name"] = json!(format!("KEY_{number}"));
            }
            let made = app.post(&list.path).by(&ada).json(&new).await;
            assert_eq!(made.status, 201, "{}: {made:?}", list.path);
        }
        let (seen, cursor) = walk(&app, &ada, &list.path, list.name).await;
        let whole = app.get(&list.path).by(&ada).await.value();
        let all: Vec<_> = whole[list.name].as_array().unwrap().iter().map(mark).collect();
        assert_eq!((seen.len(), &seen), (3, &all), "{}", list.path);
        cursors.push((list.path.clone(), cursor));
    }
    // No cursor opens another list, nor the same one of somebody else, nor once it was touched.
    for (at, (path, cursor)) in cursors.iter().enumerate() {
        let (other, _) = &cursors[(at + 1) % cursors.len()];
        let mut touched = cursor.clone();
        touched.replace_range(..1, if touched.starts_with('A') { "B" } else { "A" });
        let wrong = [
            format!("{other}?cursor={cursor}"),
            format!("{path}?cursor={touched}"),
            format!("{path}?cursor=wrong"),
        ];
        for wrong in wrong {
            let answer = app.get(&wrong).by(&ada).await;
            assert_eq!(answer.problem(), (400, vec!["cursor".to_owned()]), "{wrong}");
        }
        for limit in ["0", "201"] {
            let answer = app.get(&format!("{path}?limit={limit}")).by(&ada).await;
            assert_eq!(answer.problem(), (400, vec!["limit".to_owned()]), "{path}");
        }
        assert_eq!(app.get(&format!("{path}?limit=200")).by(&ada).await.status, 200, "{path}");
    }
    let bob = app.member("bob").await;
    for (path, cursor) in cursors.iter().filter(|(path, _)| !path.contains("/agents/")) {
        let answer = app.get(&format!("{path}?cursor={cursor}")).by(&bob).await;
        let is_hidden = path == "/api/v1/alerts";
        assert_eq!(answer.status, if is_hidden { 404 } else { 400 }, "{path}");
    }
    app.end().await;
}

#[tokio::test]
async fn histories_are_read_page_by_page() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let alert = json!({
        "name": "Slow", "type": "threshold", "metric": "api.latency.p99",
        "condition": { "operator": "gt", "value": 1000, "period": "5m" },
        "channels": [
            { "type": "webhook", "url": "https://example.org/a" },
            { "type": "webhook", "url": "https://example.org/b" },
        ],
    });
    let made = app.post("/api/v1/alerts").by(&ada).json(&alert).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = made.header("location").to_owned();
    for _ in 0..2 {
        let told = app.post(&format!("{path}/test")).by(&ada).await;
        assert_eq!(told.status, 202, "{told:?}");
    }
    for (name, count) in [("events", 2), ("deliveries", 4)] {
        let list = format!("{path}/{name}");
        let (seen, _) = walk(&app, &ada, &list, name).await;
        let whole = app.get(&list).by(&ada).await.value();
        let all: Vec<_> = whole[name].as_array().unwrap().iter().map(mark).collect();
        assert_eq!((seen.len(), &seen), (count, &all), "{name}");
    }
    app.end().await;
}
