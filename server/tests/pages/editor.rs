//! What the editor of an agent says, and what it does not let pass unseen.

use http::Method;
use serde_json::json;

use super::forms::{send_from, shows};
use crate::support::{TestApp, Visitor};

pub(super) async fn page_of(app: &TestApp, path: &str, visitor: &Visitor) -> String {
    let answer = app.get(path).by(visitor).header("accept", "text/html").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text()
}

/// What a hidden field of a page holds.
pub(super) fn hidden(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.split_once(&start).unwrap_or_else(|| panic!("lacks {name}: {page}"));
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn what_holds_back_a_version_is_listed() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let editor = format!("/studio/agents/{}", agent.id);
    let whole = json!({ "description": "Reckons", "system_prompt": "Reckon." });
    app.call(Method::PATCH, &path).by(&ada).json(&whole).await;
    assert!(!page_of(&app, &editor, &ada).await.contains("To be published, the agent"));

    let policy = json!({ "requires_tests": true });
    app.call(Method::PUT, &format!("{path}/test-policy")).by(&ada).json(&policy).await;
    let new = json!({ "name": "Basics", "cases": [{ "goal": "What is 1 + 1?" }] });
    app.post(&format!("{path}/test-sets")).by(&ada).json(&new).await;
    let page = page_of(&app, &editor, &ada).await;
    for part in
        ["To be published, the agent", "needs the test set “Basics” to pass: it has not run yet"]
    {
        assert!(page.contains(part), "lacks {part}: {page}");
    }
    app.end().await;
}

#[tokio::test]
async fn a_version_that_is_refused_keeps_its_notes_and_makes_no_conflict() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let editor = format!("/studio/agents/{}", agent.id);
    let path = format!("/api/v1/agents/{}", agent.id);
    let whole = json!({ "description": "Reckons", "system_prompt": "Reckon." });
    app.call(Method::PATCH, &path).by(&ada).json(&whole).await;
    let form = format!("id={}&revision={}&notes=The+first", agent.id, agent.revision);
    let refused = send_from(&app, &editor, "studio/publish_version", &ada, &form).await;
    shows(&refused, &[">The first</textarea>"]);
    // The editor shows the draft as it is now, and goes on from there.
    let now = app.get(&path).by(&ada).await.value()["revision"].to_string();
    assert_eq!(hidden(&refused.text(), "revision"), now);
    app.end().await;
}

#[tokio::test]
async fn going_back_to_a_version_asks_where_no_version_holds_the_draft() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let versions = format!("/studio/agents/{}/versions", agent.id);
    let whole = json!({ "description": "Reckons", "system_prompt": "Reckon." });
    app.call(Method::PATCH, &path).by(&ada).json(&whole).await;
    let published = app.post(&format!("{path}/versions")).by(&ada).json(&json!({})).await;
    assert_eq!(published.status, 201, "{published:?}");
    let asks = "Make the draft what version 1 was?";
    let page = page_of(&app, &versions, &ada).await;
    assert!(page.contains("Restore as the draft") && !page.contains(asks), "{page}");

    let other = json!({ "system_prompt": "Reckon with care." });
    app.call(Method::PATCH, &path).by(&ada).json(&other).await;
    assert!(page_of(&app, &versions, &ada).await.contains(asks));
    app.end().await;
}

#[tokio::test]
async fn a_cost_limit_survives_the_form() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let editor = format!("/studio/agents/{}", agent.id);
    let limits = json!({ "limits": { "max_cost_micro_usd": 250_000 } });
    app.call(Method::PATCH, &path).by(&ada).json(&limits).await;
    let page = page_of(&app, &editor, &ada).await;
    assert!(page.contains("name=\"form[max_cost]\" value=\"0.25\""), "{page}");

    for (typed, kept) in [("0.25", json!(250_000)), ("1%2C5", json!(1_500_000)), ("", json!(null))]
    {
        let revision = hidden(&page_of(&app, &editor, &ada).await, "revision");
        let form = format!(
            "id={}&revision={revision}&form[name]=Reckoner&form[has_max_cost]=true\
             &form[max_cost]={typed}",
            agent.id
        );
        let sent = send_from(&app, &editor, "studio/update_agent", &ada, &form).await;
        assert_eq!(sent.status, 302, "{sent:?}");
        let limits = app.get(&path).by(&ada).await.value()["limits"].clone();
        assert_eq!(limits["max_cost_micro_usd"], kept, "{typed}");
    }
    app.end().await;
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_no_conflict() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let editor = format!("/studio/agents/{}", agent.id);
    let save = async |name: &str| {
        let revision = agent.revision;
        let form = format!("id={}&revision={revision}&form[name]={name}", agent.id);
        send_from(&app, &editor, "studio/update_agent", &ada, &form).await
    };
    assert_eq!(save("Adder").await.status, 302);
    // Its answer was lost on the way.
    assert_eq!(save("Adder").await.status, 302);
    shows(&save("Other").await, &["changed elsewhere", "value=\"Other\""]);
    app.end().await;
}

#[tokio::test]
async fn what_was_published_restored_or_imported_without_an_answer_is_done() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let editor = format!("/studio/agents/{}", agent.id);
    let change = async |text: &str| {
        let text = json!({ "description": "Reckons", "system_prompt": text });
        let changed = app.call(Method::PATCH, &path).by(&ada).json(&text).await;
        changed.value()["revision"].to_string()
    };

    let revision = change("Reckon.").await;
    let publish = async |notes: &str| {
        let form = format!("id={}&revision={revision}&notes={notes}", agent.id);
        send_from(&app, &editor, "studio/publish_version", &ada, &form).await
    };
    assert_eq!(publish("First").await.status, 302);
    assert_eq!(publish("First").await.status, 302);
    shows(&publish("Other").await, &["which runs already", ">Other</textarea>"]);
    let versions = app.get(&format!("{path}/versions")).by(&ada).await.value();
    assert_eq!(versions["versions"].as_array().unwrap().len(), 1, "{versions}");

    let revision = change("Guess.").await;
    let restore = async || {
        let form = format!("id={}&version=1&revision={revision}", agent.id);
        let page = format!("{editor}/versions");
        send_from(&app, &page, "studio/restore_version", &ada, &form).await
    };
    assert_eq!(restore().await.status, 302);
    assert_eq!(restore().await.status, 302);
    change("Guess again.").await;
    shows(&restore().await, &["has changed since"]);

    let revision = change("Guess once more.").await;
    let import = async |more: &str| {
        let file = r#"{"resonant_agent":1,"name":"Reader"}"#;
        let form = format!("agent={}&revision={revision}&file={file}{more}", agent.id);
        let page = format!("/studio/import?agent={}", agent.id);
        send_from(&app, &page, "studio/import_file", &ada, &form).await
    };
    assert_eq!(import("").await.status, 302);
    assert_eq!(import("").await.status, 302);
    change("Guess.").await;
    // The way on goes on from what was seen before.
    let revision = format!("name=\"revision\" value=\"{revision}\"");
    shows(&import("").await, &["changed elsewhere after you opened it", "Keep mine", &revision]);
    assert_eq!(import("&overwrite=true").await.status, 302);
    app.end().await;
}

#[tokio::test]
async fn a_tool_changed_in_another_tab_is_not_overwritten_unseen() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Forecaster").await;
    let page = format!("/studio/agents/{}/tools/edit?tool=weather", agent.id);
    let rest = "tool[name]=weather&tool[method]=GET&tool[timeout_seconds]=15&tool[input_schema]=\
                &tool[url]=https://api.example.org/now";
    let new = format!("id={}&tool[description]=First&{rest}", agent.id);
    let list = format!("/studio/agents/{}/tools", agent.id);
    // The answers to the first tries were lost on the way.
    for _ in 0..2 {
        let added = send_from(&app, &page, "studio/save_tool", &ada, &new).await;
        assert_eq!(added.header("location"), list, "{added:?}");
    }
    let seen = hidden(&page_of(&app, &page, &ada).await, "seen");
    let change = async |text: &str, more: &str| {
        let form = format!(
            "id={}&replaces=weather&seen={seen}&tool[description]={text}&{rest}{more}",
            agent.id
        );
        send_from(&app, &page, "studio/save_tool", &ada, &form).await
    };
    for _ in 0..2 {
        assert_eq!(change("Second", "").await.header("location"), list);
    }
    let late = change("Third", "").await;
    shows(&late, &["changed elsewhere", ">Third</textarea>", &format!("value=\"{seen}\"")]);
    assert!(page_of(&app, &page, &ada).await.contains(">Second</textarea>"));
    assert_eq!(change("Third", "&overwrite=true").await.status, 302);
    app.end().await;
}

#[tokio::test]
async fn a_test_set_changed_in_another_tab_is_not_overwritten_unseen() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let new = json!({ "name": "First", "cases": [{ "goal": "What is 1 + 1?" }] });
    let made = app.post(&format!("/api/v1/agents/{}/test-sets", agent.id)).by(&ada).json(&new);
    let set = made.await.value()["id"].as_str().unwrap().to_owned();
    let page = format!("/studio/agents/{}/bench/edit?set={set}", agent.id);
    let bench = format!("/studio/agents/{}/bench?set={set}", agent.id);
    let seen = hidden(&page_of(&app, &page, &ada).await, "seen");
    let change = async |name: &str, more: &str| {
        let form = format!(
            "id={}&replaces={set}&seen={seen}&set[name]={name}&set[cases][0][goal]=Add{more}",
            agent.id
        );
        send_from(&app, &page, "studio/save_test_set", &ada, &form).await
    };
    assert_eq!(change("Second", "").await.status, 302);
    // Its answer was lost on the way.
    assert_eq!(change("Second", "").await.header("location"), bench);
    let late = change("Third", "").await;
    shows(&late, &["changed elsewhere", "value=\"Third\"", &format!("value=\"{seen}\"")]);
    assert!(page_of(&app, &page, &ada).await.contains("value=\"Second\""));
    assert_eq!(change("Third", "&overwrite=true").await.status, 302);
    app.end().await;
}
