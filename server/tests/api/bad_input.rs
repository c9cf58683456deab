//! What cannot be done is told as a problem document that names the field, and changes nothing.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Call, TestApp, Visitor};

const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// What the visitor owns, to compare before and after.
pub(super) async fn owned(app: &TestApp, visitor: &Visitor) -> (Value, Value) {
    let agents = app.get("/api/v1/agents").by(visitor).await.value();
    (agents, app.get("/api/v1/sessions").by(visitor).await.value())
}

#[tokio::test]
async fn bad_bodies_name_their_field() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let before = owned(&app, &ada).await;

    let agents = "/api/v1/agents".to_owned();
    let own = format!("/api/v1/agents/{}", agent.id);
    let execute = format!("{own}/execute");
    let (post, patch) = (Method::POST, Method::PATCH);
    let cases = [
        (&post, &agents, json!({}), "name"),
        (&post, &agents, json!({ "name": "" }), "name"),
        (&post, &agents, json!({ "name": "   " }), "name"),
        (&post, &agents, json!({ "name": "x".repeat(101) }), "name"),
        (&post, &agents, json!({ "name": "a\u{0}b" }), "name"),
        (&post, &agents, json!({ "name": 5 }), "name"),
        (
            &post,
            &agents,
            json!({ "name": "a", "system_prompt": "x".repeat(1 << 20) }),
            "system_prompt",
        ),
        (&post, &agents, json!({ "name": "a", "tools": [{ "name": "rm" }] }), "tools[0].name"),
        (
            &post,
            &agents,
            json!({ "name": "a", "tools": [{ "name": "calculator", "x": 1 }] }),
            "tools[0].x",
        ),
        (&post, &agents, json!({ "name": "a", "limits": { "max_steps": 0 } }), "limits.max_steps"),
        (
            &post,
            &agents,
            json!({ "name": "a", "limits": { "max_steps": "5" } }),
            "limits.max_steps",
        ),
        (&post, &agents, json!({ "name": "a", "owner_id": NOBODY }), "owner_id"),
        (&post, &agents, json!(["a"]), "body"),
        (&patch, &own, json!({ "name": "" }), "name"),
        (&patch, &own, json!({ "status": "asleep" }), "status"),
        (&patch, &own, json!({ "revision": 7 }), "revision"),
        (&post, &execute, json!({}), "goal"),
        (&post, &execute, json!({ "goal": "" }), "goal"),
        (&post, &execute, json!({ "goal": "x".repeat(8_001) }), "goal"),
        (&post, &execute, json!({ "goal": "a", "context": "x".repeat(200_001) }), "context"),
        (&post, &execute, json!({ "goal": "a", "max_steps": 0 }), "max_steps"),
        (&post, &execute, json!({ "goal": "a", "max_steps": 51 }), "max_steps"),
        (
            &post,
            &execute,
            json!({ "goal": "a", "limits": { "max_tokens": 0 } }),
            "limits.max_tokens",
        ),
        (&post, &execute, json!({ "goal": "a", "timeout_seconds": -1 }), "timeout_seconds"),
        (&post, &execute, json!({ "goal": "a", "temperature": 1 }), "temperature"),
    ];
    for (method, path, body, field) in cases {
        let answer = app.call(method.clone(), path).by(&ada).json(&body).await;
        let shown = body.to_string().chars().take(80).collect::<String>();
        assert_eq!(answer.problem(), (400, vec![field.to_owned()]), "{shown}");
    }
    assert_eq!(owned(&app, &ada).await, before);
    app.end().await;
}

#[tokio::test]
async fn every_broken_rule_is_told_at_once() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let body = json!({ "name": "", "tools": [{ "name": "rm" }], "limits": { "max_steps": 99 } });
    let answer = app.post("/api/v1/agents").by(&ada).json(&body).await;
    insta::assert_json_snapshot!("bad_agent", answer.value(), { ".request_id" => "[id]" });
    app.end().await;
}

#[tokio::test]
async fn what_is_no_json_document_is_refused() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let before = owned(&app, &ada).await;
    let post = || app.post("/api/v1/agents").by(&ada);
    let body = vec!["body".to_owned()];

    for text in ["", "{", "{\"name\": \"a\"", "{\"name\": \"a\"} trailing", "\u{feff}{}"] {
        assert_eq!(
            post().raw("application/json", text).await.problem(),
            (400, body.clone()),
            "{text}"
        );
    }
    let deep = "[".repeat(100_000);
    assert_eq!(post().raw("application/json", deep).await.problem(), (400, body.clone()));
    let not_utf8 = b"{\"name\": \"\xff\"}".to_vec();
    assert_eq!(post().raw("application/json", not_utf8).await.problem().0, 400);

    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        assert_eq!(post().raw(kind, "{\"name\":\"a\"}").await.problem(), (415, vec![]), "{kind}");
    }
    assert_eq!(post().await.problem(), (415, vec![]));
    let charset = post().raw("application/json; charset=utf-8", "{\"name\":\"a\"}").await;
    assert_eq!(charset.status, 201);

    let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    let huge = post().raw("application/json", huge).await;
    assert_eq!(huge.problem(), (413, body));
    assert_eq!(huge.header("connection"), "close", "its body is not read");
    assert_eq!(before.0["agents"], json!([]));
    assert_eq!(owned(&app, &ada).await.0["agents"].as_array().unwrap().len(), 1);
    app.end().await;
}

#[tokio::test]
async fn what_is_no_word_and_no_id_is_told_on_its_field() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let team = json!({ "name": "Lab", "slug": "lab" });
    assert_eq!(app.post("/api/v1/teams").by(&ada).json(&team).await.status, 201);
    let agent = app.agent(&ada, "Reckoner").await;
    let alert = |kind: Value, severity: Value| {
        json!({
            "name": "Slow", "type": kind, "metric": "api.latency.p99", "severity": severity,
            "condition": { "operator": "gt", "value": 1000, "period": "5m" },
        })
    };
    let role = "role must be one of viewer, runner, editor, admin, owner";
    let id = "must be an id such as 01890a5d-ac96-774b-bcce-b302099a8057";
    let instant = "must be an instant such as 2026-11-30T12:00:00Z";
    let member = format!("/api/v1/teams/lab/members/{NOBODY}");
    let execute = format!("/api/v1/agents/{}/execute", agent.id);
    let (post, patch) = (Method::POST, Method::PATCH);
    let (key, changes) = ("/api/v1/keys", "/api/v1/agents/changes");
    for (method, path, body, told) in [
        (&patch, &*member, json!({ "role": null }), role.to_owned()),
        (&patch, &*member, json!({ "role": 1 }), role.to_owned()),
        (
            &post,
            key,
            json!({ "name": "CI", "scopes": [null] }),
            "scopes[0] must be one of agents:read, ".to_owned(),
        ),
        (
            &post,
            "/api/v1/alerts",
            alert(json!("threshold"), Value::Null),
            "severity must be one of ".to_owned(),
        ),
        (
            &post,
            "/api/v1/alerts",
            alert(json!(5), json!("warning")),
            "type must be one of threshold, ".to_owned(),
        ),
        (
            &post,
            changes,
            json!({ "ids": [agent.id], "action": null }),
            "action must be one of resume, pause, archive, delete, restore".to_owned(),
        ),
        (&post, changes, json!({ "ids": ["x"], "action": "pause" }), format!("ids[0] {id}")),
        (
            &post,
            "/api/v1/triggers",
            json!({ "agent_id": "x", "goal": "Read" }),
            format!("agent_id {id}"),
        ),
        (
            &post,
            "/api/v1/triggers",
            json!({ "agent_id": 7, "goal": "Read" }),
            format!("agent_id {id}"),
        ),
        (
            &post,
            key,
            json!({ "name": "CI", "scopes": ["agents:read"], "expires_at": "2026-13-45" }),
            format!("expires_at {instant}"),
        ),
        (
            &post,
            &*execute,
            json!({ "goal": "1 + 1?", "run_at": "tomorrow" }),
            format!("run_at {instant}"),
        ),
    ] {
        let answer = app.call(method.clone(), path).by(&ada).json(&body).await;
        assert_eq!(answer.problem().0, 400, "{body}");
        let said = said(&answer);
        assert!(said.starts_with(&told), "{body}: {said}");
    }
    for (path, told) in [
        ("/api/v1/sessions?agent_id=x", format!("agent_id {id}")),
        ("/api/v1/usage?agent_id=x", format!("agent_id {id}")),
        ("/api/v1/agents?ids=x", format!("ids[0] {id}")),
        ("/api/v1/audit?since=2026-13-45", format!("since {instant}")),
        ("/api/v1/audit/installation?until=x", format!("until {instant}")),
    ] {
        assert_eq!(said(&app.get(path).by(&ada).await), told, "{path}");
    }
    app.end().await;
}

/// The only broken rule that an answer tells, with its field.
fn said(answer: &Answer) -> String {
    let problem = answer.value();
    let [only] = &problem["errors"].as_array().unwrap()[..] else { panic!("{answer:?}") };
    format!("{} {}", only["field"].as_str().unwrap(), only["reason"].as_str().unwrap())
}

#[tokio::test]
async fn bad_query_values_name_their_parameter() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "What is 1 + 1?").await;
    let session = format!("/api/v1/sessions/{}", session.id);
    for (path, field) in [
        ("/api/v1/agents?limit=0".to_owned(), "limit"),
        ("/api/v1/agents?limit=201".to_owned(), "limit"),
        ("/api/v1/agents?limit=-1".to_owned(), "limit"),
        ("/api/v1/agents?limit=many".to_owned(), "limit"),
        ("/api/v1/agents?cursor=wrong".to_owned(), "cursor"),
        ("/api/v1/agents?cursor=%00%ff".to_owned(), "cursor"),
        ("/api/v1/agents?status=asleep".to_owned(), "status"),
        ("/api/v1/agents?owner=me".to_owned(), "owner"),
        ("/api/v1/agents?order_by=owner_id".to_owned(), "order_by"),
        ("/api/v1/agents?order_by=name&cursor=wrong".to_owned(), "cursor"),
        ("/api/v1/agents?name=".to_owned(), "name"),
        ("/api/v1/agents?name=%00".to_owned(), "name"),
        ("/api/v1/agents?name=a&name=b".to_owned(), "name"),
        (format!("/api/v1/agents?name={}", "x".repeat(101)), "name"),
        ("/api/v1/agents?order_by=created_at%20DESC;--".to_owned(), "order_by"),
        ("/api/v1/agents?offset=-1".to_owned(), "offset"),
        ("/api/v1/agents?offset=10001".to_owned(), "offset"),
        ("/api/v1/agents?include=secrets".to_owned(), "include"),
        ("/api/v1/agents?fields=id,nmae".to_owned(), "fields"),
        ("/api/v1/agents?fields=,".to_owned(), "fields"),
        ("/api/v1/agents?ids=x".to_owned(), "ids[0]"),
        ("/api/v1/agents?limit=".to_owned(), "limit"),
        ("/api/v1/agents?status=".to_owned(), "status"),
        ("/api/v1/agents?order_by=&limit=1".to_owned(), "order_by"),
        ("/api/v1/agents?ids=".to_owned(), "ids"),
        ("/api/v1/listings?min_rating=".to_owned(), "min_rating"),
        (format!("/api/v1/agents?ids={NOBODY},{NOBODY}"), "ids[1]"),
        (format!("/api/v1/agents/{}?fields=owner", agent.id), "fields"),
        ("/api/v1/sessions?fields=spec".to_owned(), "fields"),
        (format!("{session}?fields=events"), "fields"),
        ("/api/v1/listings?fields=agent".to_owned(), "fields"),
        ("/api/v1/tools?fields=code".to_owned(), "fields"),
        ("/api/v1/schedules?fields=spec".to_owned(), "fields"),
        (format!("/api/v1/agents/{}/test-sets?fields=runs", agent.id), "fields"),
        (format!("/api/v1/agents/{}/versions/1?fields=prompt", agent.id), "fields"),
        ("/api/v1/sessions?agent_id=7".to_owned(), "agent_id"),
        ("/api/v1/sessions?cursor=wrong".to_owned(), "cursor"),
        ("/api/v1/sessions?limit=1&limit=2".to_owned(), "limit"),
        ("/api/v1/listings?category=cooking".to_owned(), "category"),
        ("/api/v1/listings?sort=random".to_owned(), "sort"),
        ("/api/v1/listings/unit-converter/reviews?sort=random".to_owned(), "sort"),
        ("/api/v1/listings/unit-converter/reviews?stars=6".to_owned(), "stars"),
        ("/api/v1/listings?tags=a%20b".to_owned(), "tags"),
        ("/api/v1/listings?tools=%27".to_owned(), "tools"),
        ("/api/v1/listings?min_rating=5".to_owned(), "min_rating"),
        ("/api/v1/listings?max_cost=dollar".to_owned(), "max_cost"),
        ("/api/v1/notices?cursor=wrong".to_owned(), "cursor"),
        ("/api/v1/listings?cursor=wrong".to_owned(), "cursor"),
        ("/api/v1/listings?templates_only=7".to_owned(), "templates_only"),
        (format!("/api/v1/listings?query={}", "x".repeat(201)), "query"),
        (format!("{session}?include=everything"), "include"),
        (format!("{session}/stream?after=x"), "after"),
        (format!("{session}/stream?after="), "after"),
        (format!("{session}/stream?after=-1"), "after"),
    ] {
        let answer = app.get(&path).by(&ada).await;
        assert_eq!(answer.problem(), (400, vec![field.to_owned()]), "{path}");
    }
    let stream = app.get(&format!("{session}/stream")).by(&ada).header("last-event-id", "x").await;
    assert_eq!(stream.problem(), (400, vec!["Last-Event-ID".to_owned()]));
    app.end().await;
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    for number in 1..=2 {
        app.agent(&ada, &format!("Agent {number}")).await;
    }
    let page = app.get("/api/v1/agents?limit=1").by(&ada).await.value();
    let cursor = page["next_cursor"].as_str().unwrap();
    let foreign = app.get(&format!("/api/v1/sessions?cursor={cursor}")).by(&ada).await;
    assert_eq!(foreign.problem(), (400, vec!["cursor".to_owned()]));
    app.end().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let get = |path: &str| app.get(path).by(&ada);
    let webhook = json!({ "url": "https://example.org/ended", "agent_id": NOBODY });
    let calls: [(&str, Call); 12] = [
        ("agent", get(&format!("/api/v1/agents/{NOBODY}"))),
        ("no id", get("/api/v1/agents/7")),
        ("no id", get("/api/v1/agents/%ff")),
        ("session", get(&format!("/api/v1/sessions/{NOBODY}"))),
        ("stream", get(&format!("/api/v1/sessions/{NOBODY}/stream"))),
        ("listing", get("/api/v1/listings/no-such-listing")),
        ("collection", get("/api/v1/collections/no-such-shelf")),
        ("publisher", get("/api/v1/publishers/nobody")),
        ("route", get("/api/v1/unicorns")),
        ("route", get("/api/v2/agents")),
        ("root", app.post("/api").by(&ada)),
        ("agent of a webhook", app.post("/api/v1/webhooks").by(&ada).json(&webhook)),
    ];
    for (name, call) in calls {
        assert_eq!(call.await.problem(), (404, vec![]), "{name}");
    }
    app.end().await;
}

#[tokio::test]
async fn what_is_no_text_in_an_address_names_nothing() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    for (path, is_page) in [
        ("/images/%ff/1.webp", false),
        (&*format!("/images/{NOBODY}/%ff"), false),
        ("/og/%ff/reader.png", false),
        ("/og/listings/%ff", false),
        ("/languages/%ff", true),
        ("/sessions/%ff/results/%ff", true),
        ("/shared/%ff/results/1", true),
    ] {
        let answer = app.get(path).by(&ada).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        if is_page {
            assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
        } else {
            assert_eq!(answer.body.len(), 0, "{path}: nobody reads a page there");
        }
    }
    app.end().await;
}

#[tokio::test]
async fn a_wrong_method_tells_the_right_ones() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    for (method, path, allow) in [
        (Method::PUT, "/api/v1/agents", "GET,HEAD,POST"),
        (Method::DELETE, "/api/v1/sessions", "GET,HEAD"),
        (Method::GET, &format!("/api/v1/agents/{NOBODY}/execute"), "POST"),
    ] {
        let answer = app.call(method, path).by(&ada).await;
        assert_eq!(answer.problem(), (405, vec![]), "{path}");
        assert_eq!(answer.header("allow"), allow);
    }
    app.end().await;
}
