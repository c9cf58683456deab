//! Schedules over HTTP.

use http::Method;
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_schedule_is_made_changed_and_deleted() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let new = json!({ "agent_id": agent.id, "cron": "30 7 * * 1-5", "time_zone": "Europe/Berlin", "goal": "1 + 1" });
    let made = app.post("/api/v1/schedules").by(&ada).json(&new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = made.header("location").to_owned();
    assert!(made.value()["next_run_at"].is_string(), "{made:?}");
    assert_eq!(made.value()["agent_revision"], agent.revision);

    for (field, value) in [("cron", "every day"), ("time_zone", "Middle/Earth"), ("goal", " ")] {
        let mut broken = new.clone();
        broken[field] = value.into();
        let answer = app.post("/api/v1/schedules").by(&ada).json(&broken).await;
        assert_eq!(answer.problem(), (400, vec![field.to_owned()]));
        let changed = app.call(Method::PATCH, &path).by(&ada).json(&json!({ field: value })).await;
        assert_eq!(changed.problem(), (400, vec![field.to_owned()]));
    }
    let off = app.call(Method::PATCH, &path).by(&ada).json(&json!({ "is_enabled": false })).await;
    assert_eq!((off.status, &off.value()["next_run_at"]), (200, &json!(null)));
    let list = app.get("/api/v1/schedules").by(&ada).await.value();
    assert_eq!(list["schedules"].as_array().unwrap().len(), 1);
    assert_eq!(app.call(Method::DELETE, &path).by(&ada).await.status, 204);
    assert_eq!(app.call(Method::DELETE, &path).by(&ada).await.status, 404);
    app.end().await;
}
