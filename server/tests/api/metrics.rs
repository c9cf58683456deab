//! What was measured, for admins and for Prometheus.

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use resonant_backend::metrics::Keeper;
use resonant_backend::processes::{self, Process};
use resonant_backend::{Actor, RequestId, members};
use tower::ServiceExt as _;

use crate::support::{TestApp, Visitor};

async fn keep(app: &TestApp) {
    let ctx = app.backend.ctx(Actor::System, RequestId::new("test"));
    Keeper::default().keep(&ctx).await.unwrap();
}

#[tokio::test]
async fn an_admin_reads_metrics_by_the_names_of_the_guide() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for _ in 0..20 {
        app.get("/api/v1/listings").await;
    }
    keep(&app).await;
    let path = "/api/v1/metrics?metrics=api.latency.p50,api.latency.p99,api.latency.count,\
                agent.execution.duration,cache.hit_rate&period=1h";
    let answer = app.get(path).by(&admin).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.value();
    let (p50, p99) = (&body["metrics"]["api.latency.p50"], &body["metrics"]["api.latency.p99"]);
    assert!(p50.as_f64().unwrap() > 0.0 && p50.as_f64() <= p99.as_f64(), "{body}");
    assert_eq!(body["metrics"]["api.latency.count"], 20.0, "{body}");
    assert!(body["metrics"]["agent.execution.duration"].is_null(), "{body}");
    assert_eq!(&body["values"]["api_latency_p50"], p50);
    assert_eq!(body["units"]["api.latency.p50"], "ms");
    assert_eq!(body["period"], "1h");
    // The same by one route's name; of another one nothing was measured.
    let query = "metrics=api.latency.p50,api.latency.count&label=GET%20/api/v1";
    let of = async |route: &str| {
        let path = format!("/api/v1/metrics?{query}{route}");
        app.get(&path).by(&admin).await.value()["metrics"].take()
    };
    let own = of("/listings").await;
    assert_eq!((&own["api.latency.p50"], &own["api.latency.count"]), (p50, &20.0.into()));
    let other = of("/agents").await;
    assert!(other["api.latency.p50"].is_null(), "{other}");
    assert_eq!(other["api.latency.count"], 0.0);
    let guide = app.get("/api/v1/metrics").by(&admin).await.value();
    assert_eq!(guide["metrics"].as_object().unwrap().len(), 5, "{guide}");
}

#[tokio::test]
async fn the_service_levels_are_told_to_admins() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    app.get("/api/v1/listings").await;
    keep(&app).await;
    let report = app.get("/api/v1/service-levels?period=5m").by(&admin).await.value();
    assert_eq!(report["levels"].as_array().unwrap().len(), 5, "{report}");
    assert_eq!(report["levels"][0]["metric"], "api.latency.p50");
    assert_eq!(report["levels"][0]["target"], 100.0);
    assert_eq!(report["worst"][0]["rows"][0]["name"], "GET /api/v1/listings");
    let wrong = app.get("/api/v1/service-levels?period=soon").by(&admin).await;
    assert_eq!(wrong.problem(), (400, vec!["period".to_owned()]));
    app.hides_from_others("/api/v1/service-levels").await;
}

#[tokio::test]
async fn how_the_parts_stand_is_told_to_admins() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    app.get("/api/v1/listings").await;
    keep(&app).await;
    let ctx = app.backend.ctx(Actor::System, RequestId::new("test"));
    let process = Process::begin("web", "1.2.3", 0);
    processes::tell(&ctx, &process).await.unwrap();
    let overview = app.get("/api/v1/operations?period=5m").by(&admin).await.value();
    let processes = overview["processes"].as_array().unwrap();
    assert_eq!(processes.len(), 1, "{overview}");
    assert_eq!((&processes[0]["role"], &processes[0]["version"]), (&"web".into(), &"1.2.3".into()));
    assert!(processes[0]["state"]["connections_max"].as_u64().unwrap() > 0, "{overview}");
    let charts = overview["charts"].as_array().unwrap();
    let parts = overview["times"].as_array().unwrap().len();
    for curve in charts.iter().flat_map(|chart| chart["curves"].as_array().unwrap()) {
        assert_eq!(curve["points"].as_array().unwrap().len(), parts, "{curve}");
    }
    let wrong = app.get("/api/v1/operations?period=soon").by(&admin).await;
    assert_eq!(wrong.problem(), (400, vec!["period".to_owned()]));
    app.hides_from_others("/api/v1/operations").await;
    app.end().await;
}

#[tokio::test]
async fn an_admin_hears_when_something_was_measured() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let path = "/api/v1/service-levels/stream";
    app.hides_from_others(path).await;
    let cookie = format!("resonant_sign_in={}", admin.token.as_ref().unwrap());
    let request = Request::get(path).header("host", "resonant.test").header("cookie", cookie);
    let request = request.body(Body::empty()).unwrap();
    let answer = app.router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut body = answer.into_body();
    let mut next = async || {
        let frame = body.frame().await?.unwrap();
        Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
    };
    assert_eq!(next().await.as_deref(), Some("retry: 2000\n\n"));
    keep(&app).await;
    let news = next().await.unwrap();
    assert!(news.starts_with("data: {\"at\":\""), "{news}");

    // Twice is told once to who was slow to read; who is no admin any more hears nothing.
    keep(&app).await;
    keep(&app).await;
    assert!(next().await.unwrap().starts_with("data: "));
    let system = app.backend.ctx(Actor::System, RequestId::new("test"));
    members::dismiss_admin(&system, "admin@example.org").await.unwrap();
    keep(&app).await;
    assert_eq!(next().await, None);
    app.end().await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_told_with_what_can() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for (query, field, hint) in [
        ("metrics=api.latency.p98", "metrics", "api.latency.p99"),
        ("period=1y", "period", "7d"),
        ("period=0m", "period", "1m"),
        ("metric=queue.depth", "metric", "metrics"),
    ] {
        let answer = app.get(&format!("/api/v1/metrics?{query}")).by(&admin).await;
        let (status, fields) = answer.problem();
        assert_eq!((status, fields.as_slice()), (400, &[field.to_owned()][..]), "{query}");
        assert!(answer.text().contains(hint), "{answer:?}");
    }
    let both = app.get("/api/v1/metrics?metrics=x,y&period=z").by(&admin).await;
    assert_eq!(both.problem().1, ["metrics", "period"]);
}

#[tokio::test]
async fn others_learn_nothing_of_metrics() {
    let app = TestApp::builder().metrics_token("4f1c2d").start().await;
    let member = app.member("ada").await;
    let guest = app.guest().await;
    let everyone = [(&member, 404), (&guest, 404), (&Visitor::ANONYMOUS, 401)];
    for (visitor, status) in everyone {
        for query in ["", "?metrics=x", "?label=GET%20/"] {
            let answer = app.get(&format!("/api/v1/metrics{query}")).by(visitor).await;
            assert_eq!(answer.problem().0, status, "{answer:?}");
            assert!(!answer.text().contains("cache.hit_rate"), "{answer:?}");
        }
        assert_eq!(app.get("/metrics").by(visitor).await.status, 404);
    }
    let wrong = app.get("/metrics").header("authorization", "Bearer 4f1c2e").await;
    assert_eq!(wrong.status, 404);
}

#[tokio::test]
async fn prometheus_scrapes_with_the_token() {
    let app = TestApp::builder().metrics_token("4f1c2d").start().await;
    app.get("/api/v1/listings").await;
    app.get("/api/v1/health").await;
    let answer = app.get("/metrics").header("authorization", "Bearer 4f1c2d").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = answer.text();
    for line in [
        "# TYPE resonant_api_latency_seconds histogram",
        "resonant_api_latency_seconds_count{route=\"GET /api/v1/listings\"} 1",
        "resonant_api_latency_seconds_bucket{route=\"GET /api/v1/listings\",le=\"+Inf\"} 1",
        "# TYPE resonant_queue_depth gauge",
        "resonant_queue_depth 0",
    ] {
        assert!(text.lines().any(|told| told == line), "{line} is missing: {text}");
    }
    assert!(!text.contains("health"), "questions of balancers are not measured: {text}");
    // Each line is a comment or a name, labels and a number.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, number) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("resonant_"), "{line}");
        assert!(number.parse::<f64>().is_ok(), "{line}");
    }
}
