//! Triggers and webhooks over HTTP. What a signature is worth, the backend's own tests say.

use std::process::Command;

use axum::Router;
use axum::routing::post;
use http::{HeaderMap, Method, StatusCode};
use resonant_backend::{Actor, Backend, RequestId, Settings, webhooks};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;

use crate::support::{TestApp, lose_replies};

/// Signs a message as Standard Webhooks says, by nothing of ours. An empty `time` is the present one.
/// Answers the time and the signature.
fn sign(key: &str, id: &str, time: &str, body: &str) -> (String, String) {
    let program = "import base64, hashlib, hmac, sys, time\n\
                   key, id, at, body = sys.argv[1:]\n\
                   at = at or str(int(time.time()))\n\
                   key = base64.b64decode(key.removeprefix('whsec_'))\n\
                   mac = hmac.new(key, f'{id}.{at}.{body}'.encode(), hashlib.sha256)\n\
                   print(at, 'v1,' + base64.b64encode(mac.digest()).decode())";
    let signed =
        Command::new("python3").args(["-X", "utf8", "-c", program, key, id, time, body]).output();
    let signed = signed.expect("python3 is in PATH");
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    let signed = String::from_utf8(signed.stdout).unwrap();
    let (at, signature) = signed.trim().split_once(' ').unwrap();
    (at.to_owned(), signature.to_owned())
}

#[tokio::test]
async fn a_trigger_is_made_and_refuses_who_has_no_key() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reader").await;
    let new = json!({ "agent_id": agent.id, "goal": "Read the order" });
    let made = app.post("/api/v1/triggers").by(&ada).json(&new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = made.header("location").to_owned();
    assert_eq!(made.header("cache-control"), "no-store", "a key is told once");
    assert!(made.value()["signing_key"].as_str().unwrap().starts_with("whsec_"), "{made:?}");
    let hook = made.value()["path"].as_str().unwrap().to_owned();
    let list = app.get("/api/v1/triggers").by(&ada).await.value();
    assert_eq!(list["triggers"].as_array().unwrap().len(), 1);
    assert!(list["triggers"][0]["signing_key"].is_null());

    assert_eq!(app.post(&hook).json(&json!({ "order": 7 })).await.status, 401);
    assert_eq!(app.post("/api/v1/hooks/a/b").json(&json!({})).await.status, 404);
    let sessions = app.get("/api/v1/sessions").by(&ada).await.value();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 0);
    assert_eq!(app.call(Method::DELETE, &path).by(&ada).await.status, 204);
    assert_eq!(app.call(Method::DELETE, &path).by(&ada).await.status, 404);
    app.end().await;
}

#[tokio::test]
async fn a_signed_message_starts_a_session_with_its_body_as_context() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reader").await;
    let new = json!({ "agent_id": agent.id, "goal": "Read the order" });
    let made = app.post("/api/v1/triggers").by(&ada).json(&new).await.value();
    let key = made["signing_key"].as_str().unwrap();
    let hook = made["path"].as_str().unwrap();
    let body = r#"{"order": 7, "note": "für Ada"}"#;
    let (time, signature) = sign(key, "m-1", "", body);
    let send = |body: &str| {
        app.post(hook)
            .header("webhook-id", "m-1")
            .header("webhook-timestamp", &time)
            .header("webhook-signature", &signature)
            .raw("application/json", body)
    };
    assert_eq!(send(r#"{"order": 8}"#).await.status, 401, "what was signed is another body");
    let taken = send(body).await;
    assert_eq!(taken.status, 202, "{taken:?}");
    let id = taken.value()["session_id"].as_str().unwrap().to_owned();
    // A sender that missed the answer sends it again.
    let again = send(body).await;
    assert_eq!((again.status, again.value()["session_id"].as_str()), (202, Some(id.as_str())));

    let session = app.get(&format!("/api/v1/sessions/{id}")).by(&ada).await.value();
    assert_eq!(session["goal"], "Read the order");
    assert_eq!(session["context"], body);
    let sessions = app.get("/api/v1/sessions").by(&ada).await.value();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1);
    let list = app.get("/api/v1/triggers").by(&ada).await.value();
    assert!(list["triggers"][0]["last_used_at"].is_string(), "{list}");
    app.end().await;
}

#[tokio::test]
async fn the_end_of_a_session_is_told_and_the_delivery_is_listed() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let (told, mut heard) = unbounded_channel();
    let receive = move |headers: HeaderMap, body: String| {
        told.send((headers, body)).unwrap();
        async { StatusCode::NO_CONTENT }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/ended", listener.local_addr().unwrap());
    let router = Router::new().route("/ended", post(receive));
    let receiver = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    let made = app.post("/api/v1/webhooks").by(&ada).json(&json!({ "url": url })).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("{}/deliveries", made.header("location"));
    let agent = app.agent(&ada, "Reader").await;
    let session = app.session(&ada, &agent, "Read").await;
    let cancel = format!("/api/v1/sessions/{}/cancel", session.id);
    let cancelled = app.post(&cancel).by(&ada).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");

    // Another process of the installation tells it, one that may reach addresses inside.
    let mut settings = Settings::new(app.database_url());
    settings.database.pool_size = 2;
    settings.allow_private_egress = true;
    let other = Backend::connect(settings).await.unwrap();
    let ctx = other.ctx(Actor::System, RequestId::new("test"));
    assert_eq!(webhooks::deliver_due(&ctx).await.unwrap(), 1);
    let (headers, body) = heard.recv().await.unwrap();
    let header = |name: &str| headers[name].to_str().unwrap();
    let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
    let made = made.value();
    let signed = sign(made["signing_key"].as_str().unwrap(), id, time, &body);
    assert_eq!(signed.1, header("webhook-signature"));
    assert!(body.contains(&session.id.to_string()) && body.contains("cancelled"), "{body}");

    let log = app.get(&path).by(&ada).await.value();
    let deliveries = log["deliveries"].as_array().unwrap();
    assert_eq!(deliveries.len(), 1, "{log}");
    assert_eq!(deliveries[0]["id"], id);
    assert_eq!(deliveries[0]["session_id"], session.id.to_string());
    assert_eq!(deliveries[0]["state"], "delivered");
    assert_eq!(
        (&deliveries[0]["attempts"], &deliveries[0]["last_status"]),
        (&json!(1), &json!(204))
    );

    // Sent once more for one request, however often that is answered.
    let redeliver = format!("{path}/{id}/redeliver");
    let ask = || app.post(&redeliver).by(&ada).header("idempotency-key", "one");
    for sent in [1, 0] {
        assert_eq!(ask().await.status, 204);
        assert_eq!(webhooks::deliver_due(&ctx).await.unwrap(), sent);
        lose_replies(&app.database_url()).await;
    }
    assert_eq!(heard.recv().await.unwrap().0["webhook-id"], id, "it is the same message");
    let bob = app.guest().await;
    assert_eq!(app.get(&path).by(&bob).await.status, 404);
    assert_eq!(app.post(&redeliver).by(&bob).await.status, 404);
    receiver.abort();
    app.end().await;
}

#[tokio::test]
async fn a_webhook_is_made_once_however_often_it_is_asked_for() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let new = json!({ "url": "https://example.org/ended" });
    let ask = || app.post("/api/v1/webhooks").by(&ada).header("idempotency-key", "one").json(&new);
    let made = ask().await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = made.header("location").to_owned();
    assert_eq!(made.header("cache-control"), "no-store", "a key is told once");
    assert!(made.value()["signing_key"].is_string(), "{made:?}");
    let again = ask().await;
    assert_eq!((again.status, again.value()["id"].clone()), (201, made.value()["id"].clone()));
    assert!(again.value()["signing_key"].is_null(), "a key is told once: {again:?}");

    for url in ["", "ftp://example.org", "no address"] {
        let answer = app.post("/api/v1/webhooks").by(&ada).json(&json!({ "url": url })).await;
        assert_eq!(answer.problem(), (400, vec!["url".to_owned()]), "{url}");
    }
    let log = app.get(&format!("{path}/deliveries")).by(&ada).await.value();
    assert_eq!(log["deliveries"], json!([]));
    assert_eq!(app.call(Method::DELETE, &path).by(&ada).await.status, 204);
    assert_eq!(app.get(&format!("{path}/deliveries")).by(&ada).await.status, 404);
    app.end().await;
}
