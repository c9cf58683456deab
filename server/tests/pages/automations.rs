//! The forms of automations as a browser without JavaScript sends them.

use http::Method;
use serde_json::json;

use super::forms::{send_from, shows};
use crate::support::TestApp;

const PAGE: &str = "/studio/automations";

#[tokio::test]
async fn a_schedule_is_changed_without_a_script() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Early bird").await;
    let form = format!(
        "agent_id={}&cron=30+7+*+*+*&time_zone=UTC&goal=Read&variables=&context=the+news",
        agent.id
    );
    let made = send_from(&app, PAGE, "studio/create_schedule", &ada, &form).await;
    assert_eq!((made.status, made.header("location")), (302, PAGE), "{made:?}");
    let schedule =
        async || app.get("/api/v1/schedules").by(&ada).await.value()["schedules"][0].clone();
    let before = schedule().await;
    assert_eq!(before["context"], "the news");
    let id = before["id"].as_str().unwrap();

    // What was typed comes back in its own form alone.
    let form = format!("id={id}&cron=every+morning&time_zone=UTC&goal=Write&context=the+weather");
    let refused = send_from(&app, PAGE, "studio/change_schedule", &ada, &form).await;
    shows(&refused, &["value=\"every morning\"", ">Write</textarea>", ">the weather</textarea>"]);
    let text = refused.text();
    assert_eq!(text.matches("value=\"every morning\"").count(), 1, "{text}");
    assert_eq!(text.matches("aria-invalid=\"true\"").count(), 1, "{text}");
    assert_eq!(schedule().await, before);

    let path = format!("/api/v1/agents/{}", agent.id);
    let rename = json!({ "name": "Later bird" });
    let renamed = app.call(Method::PATCH, &path).by(&ada).json(&rename).await;
    assert_eq!(renamed.status, 200, "{renamed:?}");
    let form = format!("id={id}&cron=45+7+*+*+*&time_zone=Europe/Oslo&goal=Write&context=");
    let changed = send_from(&app, PAGE, "studio/change_schedule", &ada, &form).await;
    assert_eq!((changed.status, changed.header("location")), (302, PAGE), "{changed:?}");
    let after = schedule().await;
    let told = json!([after["cron"], after["time_zone"], after["goal"], after["agent_name"]]);
    assert_eq!(told, json!(["45 7 * * *", "Europe/Oslo", "Write", "Early bird"]));
    assert_eq!(after.get("context"), None);

    let form = format!("{form}&refresh_agent=true");
    let renewed = send_from(&app, PAGE, "studio/change_schedule", &ada, &form).await;
    assert_eq!(renewed.status, 302, "{renewed:?}");
    assert_eq!(schedule().await["agent_name"], "Later bird");
    app.end().await;
}
