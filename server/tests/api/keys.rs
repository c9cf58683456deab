//! API keys: who may do what by one.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Call, TestApp, Visitor};

pub(super) async fn make(app: &TestApp, visitor: &Visitor, scopes: &[&str]) -> Value {
    let body = json!({ "name": "CI", "scopes": scopes });
    let answer = app.post("/api/v1/keys").by(visitor).json(&body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.value()
}

pub(super) fn with(call: Call, key: &Value) -> Call {
    call.header("authorization", &format!("Bearer {}", key["key"].as_str().unwrap()))
}

#[tokio::test]
async fn a_key_is_shown_once_used_and_revoked() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let key = make(&app, &ada, &["agents:read", "agents:write"]).await;

    let read = with(app.get(&path), &key).await;
    assert_eq!(read.status, 200, "{read:?}");
    let changed = with(app.call(Method::PATCH, &path), &key).json(&json!({ "name": "New" })).await;
    assert_eq!(changed.status, 200, "{changed:?}");

    let list = app.get("/api/v1/keys").by(&ada).await.value();
    let shown = &list["keys"][0];
    assert!(shown.get("key").is_none() && shown["last_used_at"].is_string(), "{shown}");
    assert_eq!(shown["prefix"].as_str(), key["key"].as_str().map(|key| &key[..12]));

    let own = format!("/api/v1/keys/{}", key["id"].as_str().unwrap());
    assert_eq!(app.get(&own).by(&ada).await.value(), *shown);
    assert_eq!(app.call(Method::DELETE, &own).by(&ada).await.status, 204);
    let refused = with(app.get(&path), &key).await;
    assert_eq!(refused.problem(), (401, vec![]));
    assert_eq!(refused.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    assert_eq!(app.call(Method::DELETE, &own).by(&ada).await.problem(), (404, vec![]));
    app.end().await;
}

#[tokio::test]
async fn each_route_asks_for_its_scope() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let ada = app.member("ada").await;
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "What is 1 + 1?").await;
    let page = app.get("/api/v1/listings?limit=1").await.value();
    let slug = page["listings"][0]["slug"].as_str().unwrap();

    let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
    let agent = format!("/api/v1/agents/{}", agent.id);
    let session = format!("/api/v1/sessions/{}", session.id);
    let new_key = json!({ "name": "CI", "scopes": ["keys:write"] });
    let table = [
        ("agents:read", &get, "/api/v1/agents".to_owned(), Value::Null),
        ("agents:read", &get, agent.clone(), Value::Null),
        ("agents:write", &post, "/api/v1/agents".to_owned(), json!({ "name": "New" })),
        ("agents:write", &patch, agent.clone(), json!({ "name": "New" })),
        ("sessions:run", &post, format!("{agent}/execute"), json!({ "goal": "1 + 1" })),
        ("sessions:read", &get, "/api/v1/sessions".to_owned(), Value::Null),
        ("sessions:read", &get, session.clone(), Value::Null),
        ("sessions:run", &post, format!("{session}/cancel"), Value::Null),
        ("sessions:read", &get, format!("{session}/stream"), Value::Null),
        ("listings:install", &post, format!("/api/v1/listings/{slug}/install"), Value::Null),
        ("keys:read", &get, "/api/v1/keys".to_owned(), Value::Null),
        ("keys:write", &post, "/api/v1/keys".to_owned(), new_key),
        ("audit:read", &get, "/api/v1/audit".to_owned(), Value::Null),
        ("agents:write", &delete, agent.clone(), Value::Null),
    ];
    let every = [
        "agents:read",
        "agents:write",
        "sessions:read",
        "sessions:run",
        "listings:install",
        "metrics:read",
        "alerts:read",
        "alerts:write",
        "keys:read",
        "keys:write",
        "audit:read",
    ];
    for (scope, method, path, body) in table {
        let others: Vec<_> = every.into_iter().filter(|other| *other != scope).collect();
        let (without, only) = (make(&app, &ada, &others).await, make(&app, &ada, &[scope]).await);
        let call = |key| {
            let call = with(app.call(method.clone(), &path), key);
            if body.is_null() { call } else { call.json(&body) }
        };
        let refused = call(&without).await;
        assert_eq!(refused.problem(), (403, vec![]), "{method} {path}");
        assert!(refused.text().contains(scope), "{refused:?}");
        let done = call(&only).await;
        assert!((200..300).contains(&done.status), "{method} {path}: {done:?}");
    }
    app.end().await;
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_told_so() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let key = make(&app, &ada, &["agents:read"]).await;
    let text = key["key"].as_str().unwrap();
    let mut other = text.to_owned();
    other.replace_range(20..21, if &text[20..21] == "A" { "B" } else { "A" });
    for value in [
        "Bearer",
        "Bearer x",
        "Bearer rk_live_",
        &format!("Bearer {other}"),
        &format!("Bearer {text}x"),
        &format!("Bearer {}", &text[..40]),
    ] {
        // The cookie does not stand in for a key that is wrong.
        let answer = app.get("/api/v1/agents").by(&ada).header("authorization", value).await;
        assert_eq!(answer.problem(), (401, vec![]), "{value}");
    }
    // Another scheme is none of our business.
    for value in ["Basic YTpi", text] {
        let call = || app.get("/api/v1/agents").header("authorization", value);
        assert_eq!(call().await.problem(), (401, vec![]), "{value}");
        assert_eq!(call().by(&ada).await.status, 200, "{value}");
    }
    for scheme in ["bearer", "BEARER"] {
        let call = app.get("/api/v1/agents").header("authorization", &format!("{scheme} {text}"));
        assert_eq!(call.await.status, 200, "{scheme}");
    }
    app.end().await;
}

#[tokio::test]
async fn a_broken_rule_of_a_key_names_its_field() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    for (body, field) in [
        (json!({ "scopes": ["agents:read"] }), "name"),
        (json!({ "name": "", "scopes": ["agents:read"] }), "name"),
        (json!({ "name": "CI", "scopes": [] }), "scopes"),
        (json!({ "name": "CI", "scopes": ["agents:read", "everything"] }), "scopes[1]"),
        (
            json!({ "name": "CI", "scopes": ["agents:read"], "expires_at": "2020-01-01T00:00:00Z" }),
            "expires_at",
        ),
        (json!({ "name": "CI", "scopes": ["agents:read"], "expires_at": "soon" }), "expires_at"),
        (json!({ "name": "CI", "scopes": ["agents:read"], "key": "rk_live_x" }), "key"),
    ] {
        let answer = app.post("/api/v1/keys").by(&ada).json(&body).await;
        assert_eq!(answer.problem(), (400, vec![field.to_owned()]), "{body}");
    }
    assert_eq!(app.get("/api/v1/keys").by(&ada).await.value()["keys"], json!([]));
    app.end().await;
}
