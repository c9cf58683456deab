//! Test sets: made, run against a version or the draft, compared, asked for before a version.

use http::Method;
use serde_json::{Value, json};

use crate::support::{TestApp, Visitor};

#[tokio::test]
async fn a_set_is_made_run_and_holds_back_a_version() {
    let mut app = TestApp::start().await;
    app.start_workers(1);
    let ada = app.member("ada").await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let whole = json!({ "description": "Reckons", "system_prompt": "Reckon." });
    app.call(Method::PATCH, &path).by(&ada).json(&whole).await;
    let policy = app.call(Method::PUT, &format!("{path}/test-policy")).by(&ada);
    let policy = policy.json(&json!({ "requires_tests": true })).await;
    assert_eq!((policy.status, policy.value()), (200, json!({ "requires_tests": true })));
    let publish = async || app.post(&format!("{path}/versions")).by(&ada).json(&json!({})).await;
    assert_eq!(publish().await.problem(), (409, vec!["test_sets".to_owned()]));

    let checks = json!([{ "kind": "contains", "text": "84" }]);
    let new =
        json!({ "name": "Basics", "cases": [{ "goal": "What is 12 * 7?", "checks": checks }] });
    let made = app.post(&format!("{path}/test-sets")).by(&ada).json(&new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let place = made.header("location").to_owned();
    let run = app.post(&format!("{place}/runs")).by(&ada).json(&json!({})).await;
    assert_eq!(run.status, 202, "{run:?}");
    let run_place = run.header("location").to_owned();
    let session: Value = app
        .get(&format!(
            "/api/v1/sessions/{}",
            run.value()["results"][0]["session_id"].as_str().unwrap()
        ))
        .by(&ada)
        .await
        .value();
    assert_eq!(session["is_test"], json!(true));
    let stream = format!("/api/v1/sessions/{}/stream", session["id"].as_str().unwrap());
    // Ends with the session.
    assert_eq!(app.get(&stream).by(&ada).await.status, 200);
    let run = app.get(&run_place).by(&ada).await.value();
    assert_eq!((&run["passed"], &run["cases"]), (&json!(1), &json!(1)), "{run}");
    assert_eq!(run["results"][0]["outcome"]["checks"][0]["passed"], json!(true));
    assert_eq!(publish().await.status, 201);

    let runs = app.get(&format!("{place}/runs?limit=1")).by(&ada).await.value();
    assert_eq!((&runs["runs"][0]["id"], &runs["has_more"]), (&run["id"], &json!(false)));
    let of_version = app.post(&format!("{place}/runs")).by(&ada).json(&json!({ "version": 1 }));
    let of_version = of_version.await.value();
    assert_eq!(of_version["agent_version"], json!(1));
    assert_eq!(of_version["previous"]["id"], run["id"]);
    let history = app.get("/api/v1/sessions").by(&ada).await.value();
    assert_eq!(history["sessions"], json!([]), "tests are no history");
    assert_eq!(app.call(Method::DELETE, &place).by(&ada).await.status, 204);
    assert_eq!(app.get(&place).by(&ada).await.problem().0, 404);
    app.end().await;
}

#[tokio::test]
async fn test_sets_are_their_owners() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let new = json!({ "name": "Basics", "cases": [{ "goal": "What is 1 + 1?" }] });
    let made = app.post(&format!("{path}/test-sets")).by(&ada).json(&new).await;
    let place = made.header("location").to_owned();
    let run = app.post(&format!("{place}/runs")).by(&ada).json(&json!({})).await;
    let run_place = run.header("location").to_owned();
    let policy = format!("{path}/test-policy");
    let asks = json!({ "requires_tests": true });
    for (caller, status) in
        [(app.member("bob").await, 404), (app.guest().await, 404), (Visitor::ANONYMOUS, 401)]
    {
        for (method, path, body) in [
            (Method::GET, format!("{path}/test-sets"), None),
            (Method::POST, format!("{path}/test-sets"), Some(&new)),
            (Method::GET, place.clone(), None),
            (Method::PUT, place.clone(), Some(&new)),
            (Method::DELETE, place.clone(), None),
            (Method::GET, format!("{place}/runs"), None),
            (Method::POST, format!("{place}/runs"), Some(&json!({}))),
            (Method::GET, run_place.clone(), None),
            (Method::GET, policy.clone(), None),
            (Method::PUT, policy.clone(), Some(&asks)),
        ] {
            let mut call = app.call(method.clone(), &path).by(&caller);
            if let Some(body) = body {
                call = call.json(body);
            }
            let answer = call.await;
            assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        }
    }
    app.end().await;
}

#[tokio::test]
async fn each_broken_field_of_a_set_is_named() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}/test-sets", agent.id);
    let case = |checks: Value| json!({ "name": "a", "cases": [{ "goal": "x", "checks": checks }] });
    for (body, field) in [
        (json!({ "name": "", "cases": [{ "goal": "x" }] }), "name"),
        (json!({ "name": "a", "cases": [] }), "cases"),
        (json!({ "name": "a", "cases": [{ "goal": "" }] }), "cases[0].goal"),
        (case(json!([{ "kind": "contains", "text": "" }])), "cases[0].checks[0].text"),
        (
            case(json!([{ "kind": "matches_schema", "schema": { "type": 1 } }])),
            "cases[0].checks[0].schema",
        ),
    ] {
        let answer = app.post(&path).by(&ada).json(&body).await;
        assert_eq!(answer.problem(), (400, vec![field.to_owned()]), "{body}");
    }
    app.end().await;
}
