//! Alerts over HTTP. How they are moved and told, the backend's own tests say.

use http::Method;
use http_body_util::BodyExt as _;
use resonant_backend::{Actor, RequestId, alerts, members};
use resonant_domain::alert::Silence;
use serde_json::{Value, json};

use crate::support::{TestApp, Visitor};

/// The alert of the performance guide.
fn guide() -> Value {
    json!({
        "name": "Slow API Response",
        "type": "threshold",
        "metric": "api.latency.p99",
        "condition": { "operator": "gt", "value": 1000, "period": "5m" },
        "severity": "warning",
    })
}

#[tokio::test]
async fn the_guides_alert_is_made_changed_and_deleted() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let ask =
        || app.post("/api/v1/alerts").by(&admin).header("idempotency-key", "one").json(&guide());
    let made = ask().await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = made.header("location").to_owned();
    let body = made.value();
    assert!(body["signing_key"].as_str().unwrap().starts_with("whsec_"), "{body}");
    assert_eq!((&body["state"], &body["condition"]["value"]), (&json!("quiet"), &json!(1000.0)));
    let again = ask().await;
    assert_eq!((&again.value()["id"], again.status), (&body["id"], 201));
    assert!(again.value()["signing_key"].is_null(), "a key is told once: {again:?}");

    let list = app.get("/api/v1/alerts").by(&admin).await.value();
    assert_eq!(list["alerts"].as_array().unwrap().len(), 1);
    assert_eq!(list["alerts"][0]["name"], "Slow API Response");
    let mut other = guide();
    other["condition"]["value"] = json!(500);
    other["for_duration"] = json!("10m");
    let changed = app.call(Method::PUT, &path).by(&admin).json(&other).await;
    assert_eq!((changed.status, &changed.value()["for_duration"]), (200, &json!("10m")));
    let events = app.get(&format!("{path}/events")).by(&admin).await.value();
    assert_eq!(events["events"][0]["kind"], "changed", "{events}");
    assert_eq!(app.call(Method::DELETE, &path).by(&admin).await.status, 204);
    assert_eq!(app.get(&path).by(&admin).await.status, 404);
    app.end().await;
}

#[tokio::test]
async fn an_alert_is_silenced_and_decided_where_it_can_be() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let made = app.post("/api/v1/alerts").by(&admin).json(&guide()).await;
    let path = made.header("location").to_owned();
    for verb in ["acknowledge", "resolve", "test"] {
        let answer = app.post(&format!("{path}/{verb}")).by(&admin).await;
        assert_eq!(answer.problem(), (409, vec![]), "{verb}: it neither fires nor has a channel");
    }
    let silence = |body: Value| app.post(&format!("{path}/silence")).by(&admin).json(&body);
    let silenced = silence(json!({ "period": "1h" })).await;
    assert!(silenced.value()["silenced_until"].is_string(), "{silenced:?}");
    assert_eq!(silence(json!({ "period": "soon" })).await.problem().1, ["period"]);
    let ended = silence(json!({})).await;
    assert!(ended.value()["silenced_until"].is_null(), "{ended:?}");
    assert_eq!(silence(json!({})).await.status, 409);

    let mut with_channel = guide();
    with_channel["channels"] = json!([{ "type": "webhook", "url": "https://example.org/alert" }]);
    assert_eq!(app.call(Method::PUT, &path).by(&admin).json(&with_channel).await.status, 200);
    assert_eq!(app.post(&format!("{path}/test")).by(&admin).await.status, 202);
    let told = app.get(&format!("{path}/deliveries")).by(&admin).await.value();
    assert_eq!(told["deliveries"][0]["state"], "pending", "{told}");
    assert_eq!(told["deliveries"][0]["event"], "tested", "{told}");
    app.end().await;
}

#[tokio::test]
async fn what_is_wrong_with_an_alert_is_named() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for (field, wrong) in [
        ("metric", json!("api.latency.p98")),
        ("type", json!("hunch")),
        ("severity", json!("grave")),
        ("condition.operator", json!({ "value": 1, "period": "5m" })),
        ("channels[0].url", json!([{ "type": "slack", "url": "here" }])),
        ("name", json!("")),
        ("for_duration", json!("a while")),
    ] {
        let mut new = guide();
        new[field.split(['.', '[']).next().unwrap()] = wrong;
        let answer = app.post("/api/v1/alerts").by(&admin).json(&new).await;
        assert_eq!(answer.problem(), (400, vec![field.to_owned()]), "{answer:?}");
    }
    assert_eq!(app.get("/api/v1/alerts").by(&admin).await.value()["alerts"], json!([]));
    app.end().await;
}

#[tokio::test]
async fn others_learn_nothing_of_alerts() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let made = app.post("/api/v1/alerts").by(&admin).json(&guide()).await;
    let path = made.header("location").to_owned();
    let (member, guest) = (app.member("ada").await, app.guest().await);
    for (visitor, status) in [(&member, 404), (&guest, 404), (&Visitor::ANONYMOUS, 401)] {
        for (method, path, body) in [
            (Method::GET, "/api/v1/alerts".to_owned(), None),
            (Method::POST, "/api/v1/alerts".to_owned(), Some(guide())),
            (Method::GET, path.clone(), None),
            (Method::PUT, path.clone(), Some(guide())),
            (Method::POST, format!("{path}/acknowledge"), None),
            (Method::POST, format!("{path}/silence"), Some(json!({ "period": "1h" }))),
            (Method::POST, format!("{path}/resolve"), None),
            (Method::POST, format!("{path}/test"), None),
            (Method::GET, format!("{path}/events"), None),
            (Method::GET, format!("{path}/deliveries"), None),
            (Method::DELETE, path.clone(), None),
        ] {
            let call = app.call(method.clone(), &path).by(visitor);
            let answer = match &body {
                Some(body) => call.json(body).await,
                None => call.await,
            };
            assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
            assert!(!answer.text().contains("Slow API"), "{answer:?}");
        }
    }
    assert_eq!(app.get(&path).by(&admin).await.value()["state"], "quiet");
    app.end().await;
}

#[tokio::test]
async fn an_admin_hears_when_alerts_change() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let path = "/api/v1/alerts/stream";
    app.hides_from_others(path).await;
    let answer = app.get(path).by(&admin).open().await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut body = answer.into_body();
    let mut next = async || {
        let frame = body.frame().await?.unwrap();
        Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
    };
    assert_eq!(next().await.as_deref(), Some("retry: 2000\n\n"));
    let made = app.post("/api/v1/alerts").by(&admin).json(&guide()).await;
    let news = next().await.unwrap();
    assert!(news.starts_with("data: {\"at\":\""), "{news}");

    // Who is no admin any more hears nothing.
    let system = app.backend.ctx(Actor::System, RequestId::new("test"));
    members::dismiss_admin(&system, "admin@example.org").await.unwrap();
    let id = made.value()["id"].as_str().unwrap().parse().unwrap();
    let hour = Silence { period: Some("1h".to_owned()) };
    alerts::silence(&system, id, hour).await.unwrap();
    assert_eq!(next().await, None);
    app.end().await;
}
