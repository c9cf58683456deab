//! The description of the interface: locked, whole and true.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, Visitor};

#[tokio::test]
async fn the_description_changes_with_intent_alone() {
    let app = TestApp::start().await;
    let document = app.get("/api/v1/openapi.json").await;
    assert_eq!(document.header("content-type"), "application/json");
    insta::assert_json_snapshot!("openapi", document.value(), { ".info.version" => "[version]" });
    app.end().await;
}

/// Every path with the methods that are described for it.
fn described(document: &Value) -> Vec<(String, BTreeSet<String>)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let methods = |methods: &Value| {
        methods.as_object().unwrap().keys().map(|method| method.to_ascii_uppercase()).collect()
    };
    paths.map(|(path, operations)| (path.clone(), methods(operations))).collect()
}

/// The router tells of itself by what it allows.
#[tokio::test]
async fn what_is_described_is_there_and_nothing_else() {
    let app = TestApp::start().await;
    let document = app.get("/api/v1/openapi.json").await.value();
    for (path, mut methods) in described(&document) {
        let real = path.replace("{id}", "x").replace("{version}", "1").replace("{owner}", "x");
        let real = real.replace("{name}", "X").replace("{slug}", "x").replace("{token}", "x");
        let real = real.replace("{handle}", "x");
        let real = real.replace("{document}", "x").replace("{memory}", "x");
        let real = real.replace("{step}", "1").replace("{tool}", "x");
        let answer = app.call(Method::TRACE, &real).await;
        assert_eq!(answer.problem(), (405, vec![]), "{path}");
        let allowed = answer.header("allow").split(',').map(|method| method.trim().to_owned());
        if methods.contains("GET") {
            methods.insert("HEAD".to_owned());
        }
        assert_eq!(allowed.collect::<BTreeSet<_>>(), methods, "{path}");
    }
    app.end().await;
}

/// A part of an address that is no text names nothing; that it is no good request is described nowhere.
#[tokio::test]
async fn what_is_no_text_in_a_path_is_not_found() {
    let app = TestApp::start().await;
    let document = app.get("/api/v1/openapi.json").await.value();
    let root = app.admin().await;
    let mut asked = 0;
    for (path, methods) in described(&document) {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "%ff" } else { part });
        let real = parts.collect::<Vec<_>>().join("/");
        if real == path {
            continue;
        }
        for method in methods {
            let call = app.call(method.parse().unwrap(), &real).by(&root).json(&json!({}));
            assert_eq!(call.await.problem(), (404, vec![]), "{method} {path}");
            asked += 1;
        }
    }
    assert!(asked > 80, "{asked} operations name something");
    app.end().await;
}

/// A route of the interface is added by `Api::add`, which describes it, and nowhere else.
#[test]
fn no_route_goes_by_the_description() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text: String = fs::read_to_string(&path).unwrap().split_whitespace().collect();
                assert!(!text.contains("route(\"/api/v1"), "{}", path.display());
                files += 1;
            }
        }
    }
    assert!(files > 40, "the sources were read");
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
    assert!(!text.contains("<script") && !text.contains("src="), "nothing comes from elsewhere");
    let ids: BTreeSet<_> = text.split(" id=\"").filter_map(|part| part.split('"').next()).collect();
    // Texts may tell of other places, which are written out and not followed.
    for place in text.split("href=\"").skip(1) {
        let is_here = place.starts_with('#') || place.starts_with("/api/");
        let place = place.split('"').next().unwrap_or_default();
        assert!(is_here, "{place}");
        if let Some(id) = place.strip_prefix('#') {
            assert!(ids.contains(id), "{place} leads nowhere");
        }
    }
    assert!(text.contains("<a href=\"#schema-Agent\">"), "a schema leads to another one");
    assert_eq!(app.get("/api/docs/viewer.css").await.header("content-type"), "text/css");
    app.end().await;
}

/// Checks an answer against what the description says of it: status, headers, content.
pub(super) fn check(document: &Value, method: &Method, template: &str, answer: &Answer) {
    let place = format!("{method} {template} {}", answer.status);
    let operation = &document["paths"][template][method.as_str().to_ascii_lowercase()];
    let mut told = &operation["responses"][answer.status.to_string()];
    if let Some(reference) = told["$ref"].as_str() {
        told = document.pointer(reference.trim_start_matches('#')).unwrap();
    }
    assert!(told.is_object(), "{place} is not described");
    for (name, header) in told["headers"].as_object().unwrap() {
        let header = document.pointer(header["$ref"].as_str().unwrap().trim_start_matches('#'));
        let header = header.unwrap();
        let is_there = answer.headers.contains_key(name);
        assert!(is_there || header["required"] != true, "{place} lacks {name}");
        if is_there && header["schema"]["type"] == "string" {
            let said = answer.header(name);
            let fits = jsonschema::is_valid(&header["schema"], &json!(said));
            assert!(fits, "{place}: {name}: {said}");
        }
    }
    let kind = answer.header("content-type").split(';').next().unwrap();
    if told["content"].is_null() {
        assert!(answer.body.is_empty(), "{place}: {answer:?}");
        return;
    }
    let mut schema = told["content"][kind]["schema"].clone();
    assert!(schema.is_object(), "{place} is not described as {kind}");
    if kind == "text/event-stream" || kind == "text/markdown" {
        return;
    }
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let value = answer.value();
    let faults: Vec<_> = validator.iter_errors(&value).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{place}: {faults:?} in {value}");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one line for each thing that can be asked")]
async fn every_answer_is_as_it_is_described() {
    let mut app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let document = app.get("/api/v1/openapi.json").await.value();
    let (ada, bob) = (app.admin().await, app.member("bob").await);
    let agent = app.agent(&ada, "Reckoner").await;
    app.start_workers(1);
    let session = app.session(&ada, &agent, "What is 1 + 1?").await;
    app.finish(&ada, &session).await;
    let page = app.get("/api/v1/listings?limit=1").await.value();
    let slug = page["listings"][0]["slug"].as_str().unwrap();
    let (agent, session) = (agent.id.to_string(), session.id.to_string());

    let key = json!({ "name": "CI", "scopes": ["agents:read"] });
    let secret = json!({ "name": "KEY", "value": "a long value", "hosts": ["api.example.org"] });
    let source = json!({ "document": "{\"openapi\":\"3.1.0\",\"paths\":{}}" });
    let budget = json!({ "max_tokens": 1_000_000 });
    let decision = json!({ "waiting": 1, "kind": "answer" });
    let file =
        json!({ "resonant_agent": 1, "name": "Reader", "system_prompt": ["Read.", "Tell."] });
    let review = json!({ "stars": 5, "text": "Good" });
    let handbook = json!({ "title": "Handbook", "text": "Employees get 30 days of leave." });
    let submission = json!({
        "name": "Reckoner", "tagline": "Reckons", "category": "finance", "description": "Sums",
    });
    let basics = json!({ "name": "Basics", "cases": [{ "goal": "1 + 1" }] });
    let profile = json!({ "handle": "counter-s", "name": "Counter" });
    let alert = json!({
        "name": "Slow", "type": "threshold", "metric": "api.latency.p99",
        "condition": { "operator": "gt", "value": 1000, "period": "5m" },
    });
    let (no, empty) = (Value::Null, json!({}));
    let calls: [(&str, &str, &Value); _] = [
        ("GET", "/health", &no),
        ("GET", "/health/ready", &no),
        ("GET", "/openapi.json", &no),
        ("GET", "/agents", &no),
        ("GET", "/agents?fields=id,tools&include=sessions", &no),
        ("GET", "/agents?ids={id}", &no),
        ("POST", "/agents", &json!({ "name": "New" })),
        ("POST", "/agents", &empty),
        ("POST", "/agents/batch", &json!({ "ids": [agent, session] })),
        ("GET", "/agents/{id}", &no),
        ("GET", "/agents/{id}?include=sessions", &no),
        ("PATCH", "/agents/{id}", &json!({ "description": "new", "system_prompt": "Reckon." })),
        ("POST", "/agents/{id}/execute", &json!({ "goal": "1 + 1" })),
        ("GET", "/agents/{id}/budget", &no),
        ("PUT", "/agents/{id}/budget", &budget),
        ("POST", "/agents/{id}/versions", &json!({ "notes": "first" })),
        ("GET", "/agents/{id}/versions", &no),
        ("GET", "/agents/{id}/versions/{version}", &no),
        ("POST", "/agents/{id}/versions/{version}/restore", &no),
        ("GET", "/agents/{id}/export", &no),
        ("POST", "/agents/import", &file),
        ("PUT", "/agents/{id}/import?dry_run=true", &file),
        ("POST", "/agents/{id}/knowledge", &handbook),
        ("GET", "/agents/{id}/knowledge", &no),
        ("GET", "/agents/{id}/passages?query=leave", &no),
        ("GET", "/agents/{id}/memories", &no),
        ("POST", "/agents/{id}/test-sets", &basics),
        ("GET", "/agents/{id}/test-sets", &no),
        ("GET", "/agents/{id}/test-policy", &no),
        ("PUT", "/agents/{id}/test-policy", &json!({ "requires_tests": false })),
        ("GET", "/agents/{id}/test-sets/trash", &no),
        ("GET", "/agents/{id}/diff?before=1&after=draft", &no),
        ("GET", "/agents/{id}/numbers", &no),
        ("POST", "/agents/{id}/tools/{tool}/try", &empty),
        ("POST", "/agents/proposals", &json!({ "wish": "Read pages" })),
        ("POST", "/agents/changes", &json!({ "ids": [agent], "action": "resume" })),
        ("GET", "/usage", &no),
        ("GET", "/usage?agent_id={id}", &no),
        ("GET", "/budget", &no),
        ("PUT", "/budget", &budget),
        ("GET", "/sessions", &no),
        ("GET", "/sessions?fields=limits", &no),
        ("GET", "/sessions/{session}", &no),
        ("GET", "/sessions/{session}?include=events", &no),
        ("GET", "/sessions/{session}/export", &no),
        ("GET", "/sessions/{session}/export?format=md", &no),
        ("GET", "/sessions/{session}/steps/{step}/input", &no),
        ("POST", "/sessions/{session}/steps/{step}/retry", &no),
        ("PUT", "/sessions/{session}/share", &no),
        ("GET", "/sessions/{session}/share", &no),
        ("DELETE", "/sessions/{session}/share", &no),
        ("GET", "/sessions/{session}/stream", &no),
        ("POST", "/sessions/{session}/retry", &no),
        ("POST", "/sessions/{session}/decisions", &decision),
        ("POST", "/sessions/{session}/fork", &empty),
        ("POST", "/sessions/{session}/cancel", &no),
        ("PUT", "/sessions/{session}/thumb", &json!({ "thumb": "up" })),
        ("PUT", "/sessions/{session}/pins", &json!({ "message": 0, "is_pinned": true })),
        ("POST", "/sessions/{session}/messages", &json!({ "text": "2 + 2" })),
        ("GET", "/listings?limit=3", &no),
        ("GET", "/listings/{slug}", &no),
        ("GET", "/listings/{slug}?fields=agent", &no),
        ("POST", "/listings/{slug}/install", &no),
        ("GET", "/listings/{slug}/reviews", &no),
        ("GET", "/listings/{slug}/reviews?stars=5&sort=newest", &no),
        ("POST", "/listings/{slug}/reviews", &review),
        ("GET", "/listings/{slug}/reviews/{id}", &no),
        ("PATCH", "/listings/{slug}/reviews/{id}", &json!({ "stars": 1 })),
        ("DELETE", "/listings/{slug}/reviews/{id}", &no),
        ("GET", "/listings/{slug}/facts", &no),
        ("GET", "/listings/{slug}/facts?version=1", &no),
        ("GET", "/listings?query=invoice&tags=csv", &no),
        ("GET", "/collections", &no),
        ("GET", "/collections/{slug}", &no),
        ("GET", "/publishers/{handle}", &no),
        ("GET", "/publisher", &no),
        ("PUT", "/publisher", &profile),
        ("PUT", "/publisher", &profile),
        ("PUT", "/publisher", &empty),
        ("GET", "/publisher?fields=handle", &no),
        ("POST", "/teams", &json!({ "name": "Research", "slug": "research" })),
        ("POST", "/teams", &empty),
        ("GET", "/teams", &no),
        ("GET", "/teams/{team}", &no),
        ("PATCH", "/teams/{team}", &json!({ "name": "Research" })),
        ("GET", "/teams/{team}/members", &no),
        ("GET", "/teams/{team}/members/{id}", &no),
        ("PATCH", "/teams/{team}/members/{id}", &json!({ "role": "viewer" })),
        ("DELETE", "/teams/{team}/members/{id}", &no),
        ("POST", "/teams/{team}/invitations", &json!({ "role": "viewer" })),
        ("GET", "/teams/{team}/invitations", &no),
        ("DELETE", "/teams/{team}/invitations/{id}", &no),
        ("GET", "/team-invitations", &no),
        ("POST", "/team-invitations/accept", &json!({ "token": "none" })),
        ("POST", "/team-invitations/decline", &json!({ "team": "den" })),
        ("PUT", "/teams/{team}/agents/{id}", &no),
        ("GET", "/teams/{team}/agents", &no),
        ("DELETE", "/teams/{team}/agents/{id}", &no),
        ("GET", "/agents/shared", &no),
        ("DELETE", "/teams/{team}", &no),
        ("PUT", "/publishers/{handle}/follow", &empty),
        ("DELETE", "/publishers/{handle}/follow", &no),
        ("GET", "/following", &no),
        ("POST", "/listings/{slug}/purchases", &empty),
        ("GET", "/purchases", &no),
        ("GET", "/purchases/{id}", &no),
        ("POST", "/purchases/{id}/cancel", &no),
        ("POST", "/purchases/{id}/refund", &no),
        ("GET", "/earnings", &no),
        ("POST", "/payments/messages", &empty),
        ("GET", "/notices", &no),
        ("GET", "/audit", &no),
        ("GET", "/audit?group=keys&since=2026-01-01T00:00:00Z&limit=3", &no),
        ("GET", "/audit/installation", &no),
        ("POST", "/notices/read", &empty),
        ("POST", "/agents/{id}/submissions", &submission),
        ("GET", "/agents/{id}/submissions", &no),
        ("GET", "/submissions", &no),
        ("GET", "/submissions/{id}", &no),
        ("POST", "/submissions/{id}/decisions", &json!({ "verdict": "approve", "seen": "" })),
        ("DELETE", "/agents/{id}/submissions", &no),
        ("GET", "/agents/{id}/listing", &no),
        ("PATCH", "/agents/{id}/listing", &json!({ "state": "paused" })),
        ("DELETE", "/agents/{id}/listing/versions/{version}", &no),
        ("PUT", "/agents/{id}/listing/showcase", &json!({ "session": session, "consent": true })),
        ("DELETE", "/agents/{id}/listing/showcase", &no),
        ("POST", "/images?kind=avatar", &empty),
        ("GET", "/tools", &no),
        ("POST", "/tools/openapi", &source),
        ("POST", "/tools/mcp", &json!({ "server": "not an address" })),
        ("POST", "/keys", &key),
        ("GET", "/keys", &no),
        ("POST", "/secrets", &secret),
        ("GET", "/secrets", &no),
        ("GET", "/secrets/{name}", &no),
        ("PATCH", "/secrets/{name}", &json!({ "value": "a longer value" })),
        ("DELETE", "/secrets/{name}", &no),
        ("POST", "/schedules", &json!({ "agent_id": agent, "cron": "0 7 * * *", "goal": "1 + 1" })),
        ("GET", "/schedules", &no),
        ("POST", "/triggers", &json!({ "agent_id": agent, "goal": "Read" })),
        ("GET", "/triggers", &no),
        ("POST", "/hooks/{owner}/{id}", &empty),
        ("POST", "/webhooks", &json!({ "url": "https://example.org/ended" })),
        ("GET", "/webhooks", &no),
        ("GET", "/metrics", &no),
        ("GET", "/service-levels", &no),
        ("GET", "/operations", &no),
        ("POST", "/alerts", &alert),
        ("POST", "/alerts", &empty),
        ("GET", "/alerts", &no),
        ("GET", "/agents?limit=0", &no),
        ("DELETE", "/agents/{id}", &no),
        ("GET", "/agents/trash", &no),
        ("POST", "/agents/{id}/restore", &no),
        ("DELETE", "/agents/trash/{id}", &no),
    ];
    let mut seen = BTreeSet::new();
    for (method, template, body) in calls {
        let path = template.replace("{id}", &agent).replace("{version}", "1");
        let path = path
            .replace("{session}", &session)
            .replace("{owner}", &agent)
            .replace("{slug}", slug)
            .replace("{team}", "research")
            .replace("{handle}", "nobody")
            .replace("{step}", "1")
            .replace("{tool}", "calculator")
            .replace("{name}", "KEY");
        let template = template.split('?').next().unwrap().replace("{session}", "{id}");
        let template = format!("/api/v1{template}");
        let method: Method = method.parse().unwrap();
        // Strangers first: what is not theirs must stay.
        for caller in [&bob, &Visitor::ANONYMOUS, &ada] {
            if caller.token != ada.token && body.is_null() && method != Method::GET {
                continue;
            }
            let call = app.call(method.clone(), &format!("/api/v1{path}")).by(caller);
            let answer = if body.is_null() { call.await } else { call.json(body).await };
            check(&document, &method, &template, &answer);
        }
        seen.insert(format!("{method} {template}"));
    }
    // Without an end, by a link alone, by an id that the list tells.
    let rest = [
        "GET /api/v1/agents/stream",
        "GET /api/v1/alerts/stream",
        "GET /api/v1/notices/stream",
        "GET /api/v1/service-levels/stream",
        "GET /api/v1/shared/{token}/stream",
        "GET /api/v1/shared/{token}",
        "GET /api/v1/shared/{token}/steps/{step}/input",
        "GET /api/v1/keys/{id}",
        "DELETE /api/v1/keys/{id}",
        "DELETE /api/v1/agents/{id}/knowledge/{document}",
        "GET /api/v1/agents/{id}/memories/{memory}",
        "DELETE /api/v1/agents/{id}/memories/{memory}",
        "GET /api/v1/agents/{id}/test-sets/{set}",
        "PUT /api/v1/agents/{id}/test-sets/{set}",
        "DELETE /api/v1/agents/{id}/test-sets/{set}",
        "POST /api/v1/agents/{id}/test-sets/{set}/restore",
        "GET /api/v1/agents/{id}/test-sets/{set}/runs",
        "POST /api/v1/agents/{id}/test-sets/{set}/runs",
        "GET /api/v1/agents/{id}/test-sets/{set}/runs/{run}",
        "GET /api/v1/schedules/{id}",
        "GET /api/v1/triggers/{id}",
        "GET /api/v1/webhooks/{id}",
        "GET /api/v1/agents/{id}/knowledge/{document}",
        "PATCH /api/v1/schedules/{id}",
        "DELETE /api/v1/schedules/{id}",
        "DELETE /api/v1/triggers/{id}",
        "DELETE /api/v1/webhooks/{id}",
        "GET /api/v1/webhooks/{id}/deliveries",
        "POST /api/v1/webhooks/{id}/deliveries/{delivery}/redeliver",
        "GET /api/v1/alerts/{id}",
        "PUT /api/v1/alerts/{id}",
        "DELETE /api/v1/alerts/{id}",
        "POST /api/v1/alerts/{id}/acknowledge",
        "POST /api/v1/alerts/{id}/silence",
        "POST /api/v1/alerts/{id}/resolve",
        "POST /api/v1/alerts/{id}/test",
        "GET /api/v1/alerts/{id}/events",
        "GET /api/v1/alerts/{id}/deliveries",
    ];
    seen.extend(rest.map(str::to_owned));
    let all = described(&document).into_iter();
    let all = all.flat_map(|(path, methods)| {
        methods.into_iter().map(move |method| format!("{method} {path}")).collect::<Vec<_>>()
    });
    assert_eq!(all.collect::<BTreeSet<_>>(), seen, "every operation was asked");
    app.end().await;
}
