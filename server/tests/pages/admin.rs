//! The pages of the administration, as a browser without JavaScript gets them and sends their forms.

use resonant_backend::metrics::Keeper;
use resonant_backend::processes::{self, Process};
use resonant_backend::{Actor, Backend, RequestId, Settings};
use serde_json::json;

use super::forms::send_from;
use crate::support::{Answer, TestApp, Visitor};

const PAGES: [&str; 3] = ["/admin", "/admin/service-levels", "/admin/alerts"];

async fn page(app: &TestApp, path: &str, visitor: &Visitor) -> Answer {
    app.get(path).by(visitor).header("accept", "text/html").await
}

async fn keep(app: &TestApp) {
    let ctx = app.backend.ctx(Actor::System, RequestId::new("test"));
    Keeper::default().keep(&ctx).await.unwrap();
}

async fn alert(app: &TestApp, admin: &Visitor, channels: serde_json::Value) -> String {
    let new = json!({
        "name": "Slow API Response", "type": "threshold", "metric": "api.latency.p99",
        "condition": { "operator": "gt", "value": 1000, "period": "5m" }, "channels": channels,
    });
    let made = app.post("/api/v1/alerts").by(admin).json(&new).await;
    made.value()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_admin_sees_how_the_installation_stands() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for _ in 0..3 {
        app.get("/api/v1/listings").await;
    }
    keep(&app).await;
    let process = Process::begin("web", "1.2.3", 0);
    let ctx = app.backend.ctx(Actor::System, RequestId::new("test"));
    processes::tell(&ctx, &process).await.unwrap();
    let other = Backend::connect(Settings::new(app.database_url())).await.unwrap();
    let ctx = other.ctx(Actor::System, RequestId::new("test"));
    processes::tell(&ctx, &process).await.unwrap();
    alert(&app, &admin, json!([])).await;
    for (path, texts) in [
        (
            "/admin",
            &[
                "No alert fires",
                "Cache, by kind of key",
                "None are configured",
                "There is one database",
                "Over the period",
                "chart__curve",
                "Time to answer programs. p50: from",
                "Time to answer programs: values",
                "All 2 together",
                "1.2.3",
            ][..],
        ),
        (
            "/admin/service-levels",
            &[
                "API response time (p99)",
                "≤ 500 ms",
                "≥ 80 %",
                "Kept",
                "<svg",
                "sparkline__curve",
                "What lies behind each number",
                "Behind API response time (p99)",
            ],
        ),
        ("/admin/service-levels?period=24h", &["GET /api/v1/listings", "Slow requests"]),
        ("/admin/alerts", &["Slow API Response", "Quiet", "Make the alert"]),
    ] {
        let page = page(&app, path, &admin).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        for text in texts {
            assert!(page.text().contains(text), "{path} lacks {text}: {}", page.text());
        }
        assert!(page.text().contains("href=\"/admin/service-levels\""), "{path}");
    }
    let levels = page(&app, "/admin/service-levels?period=24h", &admin).await;
    let text = levels.text();
    let mut links = text.split("<a ").map(|link| link.split('>').next().unwrap());
    let chosen = links.find(|link| link.contains("period=24h\"")).unwrap();
    assert!(chosen.contains("aria-current=\"true\""), "{chosen}");
    let home = page(&app, "/account", &admin).await;
    assert!(home.text().contains("href=\"/admin\""), "the way there is in the menu");
    app.end().await;
}

#[tokio::test]
async fn to_everyone_else_there_is_no_administration() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let id = alert(&app, &admin, json!([])).await;
    let (member, guest) = (app.member("ada").await, app.guest().await);
    for visitor in [&member, &guest, &Visitor::ANONYMOUS] {
        let one = format!("/admin/alerts/{id}");
        for path in PAGES.into_iter().chain([one.as_str()]) {
            let page = page(&app, path, visitor).await;
            assert_eq!(page.status, 404, "{path}: {page:?}");
            for text in ["Slow API", "api.latency", "Administration"] {
                assert!(!page.text().contains(text), "{path} tells of {text}");
            }
        }
        let form = format!("id={id}");
        let call = app.post("/api/fn/admin/delete_alert").by(visitor);
        let answer = call.header("accept", "application/json").form(&form).await;
        assert!([401, 404].contains(&answer.status), "{answer:?}");
    }
    let missing = page(&app, "/admin/alerts/7", &admin).await;
    assert_eq!(missing.status, 404, "what is no id names no alert");
    assert_eq!(page(&app, &format!("/admin/alerts/{id}"), &admin).await.status, 200);
    app.end().await;
}

#[tokio::test]
async fn the_forms_of_alerts_work_without_a_script() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let fields = "form%5Bkind%5D=threshold&form%5Bseverity%5D=critical\
                  &form%5Bmetric%5D=queue.age&form%5Boperator%5D=gt&form%5Bclear_value%5D=\
                  &form%5Bperiod%5D=5m&form%5Bfor_duration%5D=10m&form%5Bjoin%5D=all\
                  &form%5Bparts%5D=&form%5Bwebhooks%5D=https%3A%2F%2Fexample.org%2Falert\
                  &form%5Bslacks%5D=";
    let wrong = format!("form%5Bname%5D=Queue+%3Cold%3E&form%5Bvalue%5D=much&{fields}");
    let refused = send_from(&app, "/admin/alerts", "admin/create_alert", &admin, &wrong).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    for text in ["value=\"Queue &lt;old&gt;\"", "must be a number", "https://example.org/alert"] {
        assert!(refused.text().contains(text), "lacks {text}: {}", refused.text());
    }

    let right = format!("form%5Bname%5D=Queue+old&form%5Bvalue%5D=60000&{fields}");
    let made = send_from(&app, "/admin/alerts", "admin/create_alert", &admin, &right).await;
    assert_eq!(made.status, 302, "{made:?}");
    let path = made.header("location").to_owned();
    let id = path.strip_prefix("/admin/alerts/").unwrap().to_owned();
    let shown = page(&app, &path, &admin).await.text();
    for text in [
        "Queue old",
        "Critical",
        "when queue.age over 5m is above 60000 ms",
        "Send a test message",
        "whsec_",
        "Nobody was told yet",
    ] {
        assert!(shown.contains(text), "lacks {text}: {shown}");
    }
    assert!(!shown.contains(">Acknowledge<"), "what cannot be done is not offered");

    for (verb, form, text) in [
        ("silence_alert", format!("id={id}&period=1h"), "End the silence"),
        ("silence_alert", format!("id={id}"), "Silence ended"),
        ("test_alert", format!("id={id}"), "Waiting"),
        (
            "update_alert",
            format!("id={id}&form%5Bname%5D=Older&form%5Bvalue%5D=9&{fields}"),
            "Older",
        ),
    ] {
        let answer = send_from(&app, &path, &format!("admin/{verb}"), &admin, &form).await;
        assert_eq!((answer.status, answer.header("location")), (302, path.as_str()), "{answer:?}");
        let shown = page(&app, &path, &admin).await.text();
        assert!(shown.contains(text), "{verb}: lacks {text}: {shown}");
    }
    // Whoever saw another version of it does not write over what somebody else has changed.
    let change = format!("id={id}&form%5Bname%5D=Newer&form%5Bvalue%5D=9&{fields}");
    let stale = format!("{change}&seen=0123456789abcdef");
    let refused = send_from(&app, &path, "admin/update_alert", &admin, &stale).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.text().contains("has changed since you opened it"), "{}", refused.text());
    let shown = page(&app, &path, &admin).await.text();
    let seen = shown.split("name=\"seen\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let known = format!("{change}&seen={seen}");
    let changed = send_from(&app, &path, "admin/update_alert", &admin, &known).await;
    assert_eq!(changed.status, 302, "{changed:?}");
    let form = format!("id={id}");
    let deleted = send_from(&app, &path, "admin/delete_alert", &admin, &form).await;
    assert_eq!(deleted.header("location"), "/admin/alerts", "{deleted:?}");
    assert_eq!(page(&app, &path, &admin).await.status, 404);
    app.end().await;
}
