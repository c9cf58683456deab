//! What load balancers see.

use resonant_backend::processes::{self, Process};
use resonant_backend::{Actor, RequestId};
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn readiness_ends_when_the_process_is_told_to_stop() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/api/v1/health").await.value()["status"], "ok");
    assert_eq!(app.get("/api/v1/health/ready").await.status, 200);
    app.stopping.cancel();
    assert_eq!(app.get("/api/v1/health").await.status, 200);
    let ready = app.get("/api/v1/health/ready").await;
    assert_eq!(ready.problem(), (503, vec![]));
    assert_eq!(ready.header("retry-after"), "1");
    app.end().await;
}

#[tokio::test]
async fn a_process_is_ready_without_redis_and_says_so() {
    // Nothing answers there.
    let app = TestApp::builder().redis("redis://127.0.0.1:1/").start().await;
    let ready = app.get("/api/v1/health/ready").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    assert_eq!(ready.value(), json!({ "status": "ready", "has_redis": false }));
    let admin = app.admin().await;
    let ctx = app.backend.ctx(Actor::System, RequestId::new("test"));
    processes::tell(&ctx, &Process::begin("web", "1.2.3", 0)).await.unwrap();
    let overview = app.get("/api/v1/operations").by(&admin).await.value();
    assert_eq!(overview["processes"][0]["state"]["has_redis"], false, "{overview}");
    let page = app.get("/admin").by(&admin).header("accept", "text/html").await;
    assert!(page.text().contains("Not reached"), "{page:?}");
    app.end().await;
}

#[tokio::test]
async fn a_request_keeps_the_id_that_its_caller_gave() {
    let app = TestApp::start().await;
    let id = "trace-0123456789";
    assert_eq!(
        app.get("/api/v1/health").header("x-request-id", id).await.header("x-request-id"),
        id
    );
    let bad = app.get("/api/v1/health").header("x-request-id", "no \" quotes").await;
    assert!(!bad.header("x-request-id").contains('"'));
    let (first, second) = (app.get("/api/v1/health").await, app.get("/api/v1/health").await);
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    app.end().await;
}
