//! What is changed, by somebody who may do it as often as they like: each of these is done twice.

use http::Method;
use serde_json::{Value, json};

use super::Route;
use crate::api::preconditions::made;
use crate::support::{TestApp, Visitor};

fn post(name: &'static str, path: impl Into<String>, body: Value) -> Route {
    Route { method: Method::POST, name, path: path.into(), body }
}

fn put(name: &'static str, path: impl Into<String>, body: Value) -> Route {
    Route { method: Method::PUT, name, path: path.into(), body }
}

fn patch(name: &'static str, path: impl Into<String>, body: Value) -> Route {
    Route { method: Method::PATCH, name, path: path.into(), body }
}

/// Makes what is to be changed.
pub(super) async fn writes(app: &TestApp, root: &Visitor) -> Vec<Route> {
    let agent = app.agent(root, "Draft").await.id;
    let own = format!("/api/v1/agents/{agent}");
    let file = json!({ "resonant_agent": 1, "name": "Reader", "system_prompt": ["Read."] });
    let budget = json!({ "max_tokens": 1_000_000 });
    let handbook = json!({ "title": "Handbook", "text": "Employees get 30 days of leave." });
    let set = json!({ "name": "Basics", "cases": [{ "goal": "1 + 1" }, { "goal": "2 + 2" }] });
    let place = made(app, root, &format!("{own}/test-sets"), &set).await;
    let test_set = place.header("location").to_owned();
    let schedule = json!({ "agent_id": agent, "cron": "0 7 * * *", "goal": "Go" });
    let place = made(app, root, "/api/v1/schedules", &schedule).await.header("location").to_owned();
    let secret = json!({ "name": "TOKEN", "value": "a long value", "hosts": ["a.org", "b.org"] });
    made(app, root, "/api/v1/secrets", &secret).await;
    let people = app.get("/api/v1/teams/lab/members").by(root).await.value();
    let member = people["members"][1]["user_id"].as_str().unwrap();
    let trigger = json!({ "agent_id": agent, "goal": "Read" });
    let webhook = json!({ "url": "https://three.invalid/ended" });
    vec![
        post("/agents/import", "/api/v1/agents/import", file.clone()),
        put("/agents/{id}/import", format!("{own}/import"), file),
        put("/agents/{id}/budget", format!("{own}/budget"), budget.clone()),
        put("/budget", "/api/v1/budget", budget),
        post("/agents/{id}/knowledge", format!("{own}/knowledge"), handbook),
        put("/agents/{id}/test-sets/{set}", test_set, set),
        put(
            "/agents/{id}/test-policy",
            format!("{own}/test-policy"),
            json!({ "requires_tests": false }),
        ),
        post("/notices/read", "/api/v1/notices/read", json!({})),
        put("/publishers/{handle}/follow", "/api/v1/publishers/counter-s/follow", Value::Null),
        put("/publisher", "/api/v1/publisher", json!({ "handle": "root-s", "name": "Root" })),
        // There is one from here on.
        Route {
            method: Method::GET,
            name: "/publisher",
            path: "/api/v1/publisher".to_owned(),
            body: Value::Null,
        },
        post("/schedules", "/api/v1/schedules", schedule),
        patch("/schedules/{id}", place, json!({ "goal": "Stay" })),
        patch("/secrets/{name}", "/api/v1/secrets/TOKEN", json!({ "hosts": ["b.org"] })),
        patch("/teams/{team}", "/api/v1/teams/lab", json!({ "name": "Laboratory" })),
        patch(
            "/teams/{team}/members/{id}",
            format!("/api/v1/teams/lab/members/{member}"),
            json!({ "role": "runner" }),
        ),
        post(
            "/teams/{team}/invitations",
            "/api/v1/teams/lab/invitations",
            json!({ "role": "viewer" }),
        ),
        put("/teams/{team}/agents/{id}", format!("/api/v1/teams/lab/agents/{agent}"), Value::Null),
        post("/triggers", "/api/v1/triggers", trigger),
        post("/webhooks", "/api/v1/webhooks", webhook),
    ]
}
