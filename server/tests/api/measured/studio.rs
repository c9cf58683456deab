//! What people see in the studio beside agents and sessions, twice where there can be two: what a step was
//! given, the link to a session, numbers, the trash.

use http::Method;
use serde_json::{Value, json};

use super::{Route, get, id_of, post};
use crate::api::preconditions::made;
use crate::support::{TestApp, Visitor};

/// Makes it all, with a worker at work, and tells how it is asked for.
pub(super) async fn routes(app: &TestApp, root: &Visitor) -> Vec<Route> {
    let agent = app.published_agent(root, "Summer").await;
    let own = format!("/api/v1/agents/{}", agent.id);
    let changed = app.call(Method::PATCH, &own).by(root).json(&json!({ "system_prompt": "Sum." }));
    assert_eq!(changed.await.status, 200);
    let mut session = String::new();
    for goal in ["What is 1 + 1?", "What is 2 + 2?"] {
        let run = app.session(root, &agent, goal).await;
        app.finish(root, &run).await;
        session = format!("/api/v1/sessions/{}", run.id);
    }
    let link = format!("{session}/share");
    let shared = app.call(Method::PUT, &link).by(root).await.value();
    let shared = format!("/api/v1/shared/{}", shared["token"].as_str().unwrap());
    let delete = async |path: &str| {
        assert_eq!(app.call(Method::DELETE, path).by(root).await.status, 204, "{path}");
    };
    let mut deleted = String::new();
    for name in ["Old", "Older"] {
        let set = json!({ "name": name, "cases": [{ "goal": "1 + 1" }] });
        let set = made(app, root, &format!("{own}/test-sets"), &set).await;
        delete(set.header("location")).await;
        let agent = made(app, root, "/api/v1/agents", &json!({ "name": name })).await.value();
        deleted = format!("/api/v1/agents/{}", id_of(&agent));
        delete(&deleted).await;
    }
    let pause = json!({ "ids": [agent.id], "action": "pause" });
    vec![
        get("/sessions/{id}/steps/{step}/input", format!("{session}/steps/1/input")),
        get("/sessions/{id}/share", link.clone()),
        get("/shared/{token}", shared.clone()),
        get("/shared/{token}/steps/{step}/input", format!("{shared}/steps/1/input")),
        get("/agents/{id}/diff", format!("{own}/diff?before=1")),
        get("/agents/{id}/numbers", format!("{own}/numbers")),
        get("/agents/{id}/test-sets/trash", format!("{own}/test-sets/trash")),
        get("/agents/trash", "/api/v1/agents/trash"),
        get("/usage", "/api/v1/usage"),
        Route { method: Method::PUT, name: "/sessions/{id}/share", path: link, body: Value::Null },
        post("/sessions/{id}/steps/{step}/retry", format!("{session}/steps/1/retry"), Value::Null),
        post("/agents/{id}/restore", format!("{deleted}/restore"), Value::Null),
        post("/agents/changes", "/api/v1/agents/changes", pause),
    ]
}
