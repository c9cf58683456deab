//! The description of the interface: locked, and true.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

#[tokio::test]
async fn the_description_changes_with_intent_alone() {
    let app = TestApp::start().await;
    let document = app.get("/api/v1/openapi.json").await;
    assert_eq!(document.header("content-type"), "application/json");
    insta::assert_json_snapshot!("openapi", document.value(), { ".info.version" => "[version]" });
    app.end().await;
}

#[tokio::test]
async fn the_viewer_needs_neither_script_nor_stranger() {
    let app = TestApp::start().await;
    let page = app.get("/api/docs").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("style-src 'self'"),
        "{policy}"
    );
    let text = page.text();
    assert!(text.contains("/api/v1/agents/{id}/execute"), "{text}");
    assert!(!text.contains("<script") && !text.contains("//"), "nothing comes from elsewhere");
    assert_eq!(app.get("/api/docs/viewer.css").await.header("content-type"), "text/css");
    app.end().await;
}

/// Checks an answer against the schema that the description has for it.
fn check(document: &Value, method: &Method, template: &str, answer: &Answer) {
    let operation = &document["paths"][template][method.as_str().to_ascii_lowercase()];
    let described = &operation["responses"][answer.status.to_string()];
    assert!(described.is_object(), "{method} {template} does not tell of {}", answer.status);
    let mut schema = described["content"]["application/json"]["schema"].clone();
    if schema.is_null() {
        assert!(answer.body.is_empty(), "{method} {template}: {answer:?}");
        return;
    }
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let value = answer.value();
    let faults: Vec<_> = validator.iter_errors(&value).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{method} {template}: {faults:?} in {value}");
}

#[tokio::test]
async fn every_answer_is_as_it_is_described() {
    let mut app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let document = app.get("/api/v1/openapi.json").await.value();
    let ada = app.member("ada").await;
    let agent = app.agent(&ada, "Reckoner").await;
    app.start_workers(1);
    let session = app.session(&ada, &agent, "What is 1 + 1?").await;
    app.finish(&ada, &session).await;
    let page = app.get("/api/v1/listings?limit=1").await.value();
    let slug = page["listings"][0]["slug"].as_str().unwrap();

    let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
    let (agent, session) = (agent.id.to_string(), session.id.to_string());
    let scopes = json!({ "name": "CI", "scopes": ["agents:read"] });
    for (method, template, query, body) in [
        (&get, "/agents", "", Value::Null),
        (&get, "/agents", "?fields=id,tools&include=sessions", Value::Null),
        (&post, "/agents", "", json!({ "name": "New" })),
        (&post, "/agents/batch", "", json!({ "ids": [agent, session] })),
        (&get, "/agents/{id}", "", Value::Null),
        (&get, "/agents/{id}", "?include=sessions", Value::Null),
        (&patch, "/agents/{id}", "", json!({ "description": "new" })),
        (&post, "/agents/{id}/execute", "", json!({ "goal": "1 + 1" })),
        (&post, "/agents/{id}/versions", "", json!({ "notes": "first" })),
        (&get, "/agents/{id}/versions", "", Value::Null),
        (&get, "/agents/{id}/versions/{version}", "", Value::Null),
        (&post, "/agents/{id}/versions/{version}/restore", "", Value::Null),
        (&get, "/agents/{id}/export", "", Value::Null),
        (&get, "/sessions", "", Value::Null),
        (&get, "/sessions", "?fields=limits", Value::Null),
        (&get, "/sessions/{session}", "", Value::Null),
        (&get, "/sessions/{session}", "?include=events", Value::Null),
        (&post, "/sessions/{session}/cancel", "", Value::Null),
        (&get, "/listings", "?limit=3", Value::Null),
        (&get, "/listings/{slug}", "", Value::Null),
        (&get, "/listings/{slug}", "?fields=agent", Value::Null),
        (&post, "/listings/{slug}/install", "", Value::Null),
        (&get, "/tools", "", Value::Null),
        (&post, "/keys", "", scopes),
        (&get, "/keys", "", Value::Null),
        (&delete, "/agents/{id}", "", Value::Null),
    ] {
        let path = template
            .replace("{id}", &agent)
            .replace("{version}", "1")
            .replace("{session}", &session)
            .replace("{slug}", slug);
        let call = app.call(method.clone(), &format!("/api/v1{path}{query}")).by(&ada);
        let answer = if body.is_null() { call.await } else { call.json(&body).await };
        let template = format!("/api/v1{}", template.replace("{session}", "{id}"));
        check(&document, method, &template, &answer);
    }
    app.end().await;
}
