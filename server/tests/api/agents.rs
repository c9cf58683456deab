//! Revisions, pages and caches.

use http::Method;
use resonant_domain::agent::Agent;
use serde_json::{Value, json};

use crate::support::TestApp;

#[tokio::test]
async fn an_entity_tag_saves_the_second_read() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);

    let first = app.get(&path).by(&ada).await;
    let tag = first.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", agent.revision));
    assert_eq!(first.header("cache-control"), "private, no-cache");

    let second = app.get(&path).by(&ada).header("if-none-match", &tag).await;
    assert_eq!((second.status, second.body.len()), (304, 0));
    assert_eq!(second.header("etag"), tag);

    let changed =
        app.call(Method::PATCH, &path).by(&ada).json(&json!({ "description": "new" })).await;
    assert_ne!(changed.header("etag"), tag);
    assert_eq!(app.get(&path).by(&ada).header("if-none-match", &tag).await.status, 200);
    app.end().await;
}

#[tokio::test]
async fn a_lost_update_is_refused() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let tag = format!("\"{}\"", agent.revision);
    let rename =
        |name: &str| app.call(Method::PATCH, &path).by(&ada).json(&json!({ "name": name }));

    assert_eq!(rename("Second").header("if-match", &tag).await.status, 200);
    assert_eq!(rename("Lost").header("if-match", &tag).await.problem(), (412, vec![]));
    let delete = || app.call(Method::DELETE, &path).by(&ada);
    assert_eq!(delete().header("if-match", &tag).await.problem(), (412, vec![]));
    assert_eq!(app.get(&path).by(&ada).await.read::<Agent>().spec.name, "Second");

    assert_eq!(rename("Third").header("if-match", "*").await.status, 200);
    let deleted = delete().await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    assert_eq!(app.get(&path).by(&ada).await.problem(), (404, vec![]));
    app.end().await;
}

#[tokio::test]
async fn a_cost_limit_is_set_kept_and_lifted() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let change = async |limits: Value| {
        let body = json!({ "limits": limits });
        app.call(Method::PATCH, &path).by(&ada).json(&body).await
    };
    for (limits, cost) in [
        (json!({ "max_cost_micro_usd": 250_000 }), Some(250_000)),
        (json!({ "max_steps": 3 }), Some(250_000)),
        (json!({ "max_cost_micro_usd": null }), None),
    ] {
        let agent: Agent = change(limits.clone()).await.read();
        assert_eq!(agent.spec.limits.max_cost_micro_usd, cost, "{limits}");
    }
    let zero = change(json!({ "max_cost_micro_usd": 0 })).await.problem();
    assert_eq!(zero, (400, vec!["limits.max_cost_micro_usd".to_owned()]));

    // One session may have another limit than the agent, or none.
    change(json!({ "max_cost_micro_usd": 9 })).await;
    for (limits, cost) in [
        (json!({}), json!(9)),
        (json!({ "max_cost_micro_usd": 7 }), json!(7)),
        (json!({ "max_cost_micro_usd": null }), Value::Null),
    ] {
        let body = json!({ "goal": "What is 1 + 1?", "limits": limits });
        let started = app.post(&format!("{path}/execute")).by(&ada).json(&body).await;
        assert_eq!(started.status, 202, "{started:?}");
        assert_eq!(started.value()["limits"]["max_cost_micro_usd"], cost, "{limits}");
    }
    app.end().await;
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    for number in 1..=5 {
        app.agent(&ada, &format!("Agent {number}")).await;
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/agents?limit=2".to_owned();
    loop {
        let page = app.get(&path).by(&ada).await.value();
        seen.extend(page["agents"].as_array().unwrap().iter().map(|agent| agent["name"].clone()));
        assert_eq!(page["has_more"], json!(!page["next_cursor"].is_null()));
        let Value::String(cursor) = &page["next_cursor"] else { break };
        path = format!("/api/v1/agents?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ["Agent 5", "Agent 4", "Agent 3", "Agent 2", "Agent 1"]);
    app.end().await;
}

#[tokio::test]
async fn long_json_is_compressed_when_asked() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    for number in 1..=8 {
        app.agent(&ada, &format!("Agent {number}")).await;
    }
    let list = || app.get("/api/v1/agents").by(&ada);
    let plain = list().await;
    assert!(plain.body.len() > 1_000);
    assert_eq!(plain.header("content-encoding"), "");
    for encoding in ["br", "gzip", "zstd"] {
        let packed = list().header("accept-encoding", encoding).await;
        assert_eq!(packed.header("content-encoding"), encoding);
        assert!(packed.header("vary").contains("accept-encoding"));
        assert!(packed.body.len() < plain.body.len());
    }
    let short = app.get("/api/v1/agents?limit=1").by(&ada).header("accept-encoding", "br").await;
    assert_eq!(short.header("content-encoding"), "");
    app.end().await;
}

#[tokio::test]
async fn a_file_tells_what_it_changes_before_it_does() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let mut file = app.get(&format!("{path}/export")).by(&ada).await.value();
    let import = |file: &Value, query: &str| {
        app.call(Method::PUT, &format!("{path}/import{query}")).by(&ada).json(file)
    };

    file["name"] = json!("Better");
    let told = import(&file, "?dry_run=true").await.value();
    assert_eq!((&told["agent"], &told["changes"]["prompt"]), (&Value::Null, &json!([])));
    let name = json!([{ "field": "name", "before": "Reckoner", "after": "Better" }]);
    assert_eq!(told["changes"]["fields"], name);
    assert_eq!(app.get(&path).by(&ada).await.read::<Agent>(), agent);

    let tag = format!("\"{}\"", agent.revision);
    let done = import(&file, "").header("if-match", &tag).await.value();
    assert_eq!(done["agent"]["name"], "Better");
    assert_eq!(import(&file, "").header("if-match", &tag).await.problem(), (412, vec![]));

    for (field, value) in
        [("resonant_agent", json!(2)), ("name", json!("")), ("tools", json!([{ "name": "no" }]))]
    {
        let mut wrong = file.clone();
        wrong[field] = value;
        let (status, fields) = import(&wrong, "").await.problem();
        assert_eq!(status, 400, "{field}");
        assert!(fields.iter().all(|named| named.starts_with(field)), "{fields:?}");
        let new = app.post("/api/v1/agents/import").by(&ada).json(&wrong).await;
        assert_eq!(new.problem(), (400, fields), "{field}");
    }
    let new = app.post("/api/v1/agents/import").by(&ada).json(&file).await.value();
    assert_ne!(new["agent"]["id"], json!(agent.id));
    assert_eq!(
        app.get("/api/v1/agents").by(&ada).await.value()["agents"].as_array().unwrap().len(),
        2
    );
    app.end().await;
}

#[tokio::test]
async fn a_session_is_started_with_the_values_of_the_prompt() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let variables =
        json!([{ "name": "city", "required": true }, { "name": "tone", "default": "kind" }]);
    let spec = json!({ "name": "Guide", "system_prompt": "{{city}}", "variables": variables });
    let agent = app.post("/api/v1/agents").by(&ada).json(&spec).await;
    assert_eq!(agent.value()["variables"], variables);
    let path = format!("/api/v1/agents/{}/execute", agent.value()["id"].as_str().unwrap());
    for (given, field) in
        [(json!({}), "variables.city"), (json!({ "city": "Oslo", "town": "x" }), "variables.town")]
    {
        let body = json!({ "goal": "Go", "variables": given });
        let answer = app.post(&path).by(&ada).json(&body).await;
        assert_eq!(answer.problem(), (400, vec![field.to_owned()]));
    }
    let body = json!({ "goal": "Go", "variables": { "city": "Oslo" } });
    let session = app.post(&path).by(&ada).json(&body).await;
    assert_eq!(session.value()["variables"], json!({ "city": "Oslo", "tone": "kind" }));
    app.end().await;
}
