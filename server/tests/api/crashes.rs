//! A process that dies when it has done what was asked, and has not kept the answer: whoever asks again is
//! answered as if it had been the first time, and nothing is done twice.

use std::collections::BTreeSet;

use http::Method;
use resonant_backend::sample;
use resonant_domain::agent::Agent;
use resonant_domain::session::{Session, SessionState};
use serde_json::{Value, json};

use super::purchases::{pay, publish};
use crate::support::{Answer, Call, TestApp, Visitor, count_rows, fire_alerts, lose_replies};

struct Asking<'a> {
    app: &'a TestApp,
    who: &'a Visitor,
    asked: BTreeSet<String>,
}

impl Asking<'_> {
    /// Asks, loses the answer, and asks again. Answers with the first answer.
    async fn twice(&mut self, template: &str, path: &str, body: &Value) -> Answer {
        let with_body = |call: Call| if body.is_null() { call } else { call.json(body) };
        self.twice_with(template, path, with_body).await
    }

    async fn twice_with(
        &mut self,
        template: &str,
        path: &str,
        with_body: impl Fn(Call) -> Call,
    ) -> Answer {
        let key = format!("key-{}", self.asked.len());
        let url = self.app.database_url();
        let ask = || with_body(self.app.post(path).by(self.who).header("idempotency-key", &key));
        let before = count_rows(&url).await;
        let first = ask().await;
        assert!((200..300).contains(&first.status), "{path}: {first:?}");
        let after = count_rows(&url).await;
        lose_replies(&url).await;
        let again = ask().await;
        assert_eq!(again.status, first.status, "{path}: {again:?}");
        assert!(again.header("idempotency-replayed").is_empty(), "{path}: it was run again");
        assert_eq!(again.header("location"), first.header("location"), "{path}");
        let twice = count_rows(&url).await;
        let grown: Vec<_> = after.iter().zip(&twice).filter(|(one, two)| one != two).collect();
        assert!(grown.is_empty(), "{path} did more: {grown:?}, before {before:?}");
        assert!(self.asked.insert(format!("/api/v1{template}")), "{template}");
        first
    }
}

/// A session that waits for somebody to allow a call.
pub(crate) async fn waiting(app: &TestApp, ada: &Visitor) -> Session {
    let spec = json!({
        "name": "Asker", "tools": [{ "name": "calculator", "needs_approval": true }],
    });
    let agent: Agent = app.post("/api/v1/agents").by(ada).json(&spec).await.read();
    let session = app.session(ada, &agent, "What is 12 * 7?").await;
    let path = format!("/api/v1/sessions/{}", session.id);
    for _ in 0..1_000 {
        let session: Session = app.get(&path).by(ada).await.read();
        if session.state == SessionState::Waiting {
            return session;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the session does not wait")
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one line for each thing that counts once")]
async fn nothing_is_done_twice_when_an_answer_is_lost() {
    let mut app = TestApp::builder().workers(1).selling().start().await;
    app.backend.load_content().await.unwrap();
    let (ada, bob) = (app.admin().await, app.member("bob").await);
    let month =
        json!({ "kind": "subscription", "amount": 500, "currency": "EUR", "interval": "month" });
    let sold = publish(&app, &ada, &bob, &month).await;
    let agent = app.agent(&ada, "Reckoner").await;
    let own = format!("/api/v1/agents/{}", agent.id);
    let listing = "/api/v1/listings/unit-converter";
    let copy: Agent = app.post(&format!("{listing}/install")).by(&ada).await.read();
    let ran = app.session(&ada, &copy, "5 miles in km").await;
    app.finish(&ada, &ran).await;
    let asks = waiting(&app, &ada).await;
    app.stop_workers().await;
    let whole = json!({ "description": "Reckons", "system_prompt": "Reckon." });
    let changed = app.call(Method::PATCH, &own).by(&ada).json(&whole).await;
    assert_eq!(changed.status, 200, "{changed:?}");

    let (no, empty) = (Value::Null, json!({}));
    let mut asking = Asking { app: &app, who: &ada, asked: BTreeSet::new() };
    asking.twice("/agents", "/api/v1/agents", &json!({ "name": "New" })).await;
    let file = json!({ "resonant_agent": 1, "name": "Reader" });
    asking.twice("/agents/import", "/api/v1/agents/import", &file).await;
    let wish = json!({ "wish": "Read pages" });
    asking.twice("/agents/proposals", "/api/v1/agents/proposals", &wish).await;
    asking.twice("/agents/{id}/versions", &format!("{own}/versions"), &empty).await;
    app.call(Method::PATCH, &own).by(&ada).json(&json!({ "system_prompt": "Sum." })).await;
    let restore = format!("{own}/versions/1/restore");
    asking.twice("/agents/{id}/versions/{version}/restore", &restore, &no).await;
    let old = format!("/api/v1/agents/{}", app.agent(&ada, "Old").await.id);
    assert_eq!(app.call(Method::DELETE, &old).by(&ada).await.status, 204);
    asking.twice("/agents/{id}/restore", &format!("{old}/restore"), &no).await;
    let idle = json!({ "ids": [app.agent(&ada, "Idle").await.id], "action": "pause" });
    asking.twice("/agents/changes", "/api/v1/agents/changes", &idle).await;
    let trial = format!("{own}/tools/calculator/try");
    asking.twice("/agents/{id}/tools/{tool}/try", &trial, &empty).await;

    let goal = json!({ "goal": "What is 1 + 1?" });
    let execute = format!("{own}/execute");
    let session: Session = asking.twice("/agents/{id}/execute", &execute, &goal).await.read();
    let session = format!("/api/v1/sessions/{}", session.id);
    let word = json!({ "text": "And 2 + 2?" });
    asking.twice("/sessions/{id}/messages", &format!("{session}/messages"), &word).await;
    asking.twice("/sessions/{id}/cancel", &format!("{session}/cancel"), &no).await;
    asking.twice("/sessions/{id}/retry", &format!("{session}/retry"), &no).await;
    asking.twice("/sessions/{id}/fork", &format!("{session}/fork"), &empty).await;
    let anew = format!("/api/v1/sessions/{}/steps/1/retry", ran.id);
    asking.twice("/sessions/{id}/steps/{step}/retry", &anew, &no).await;
    let wait = serde_json::to_value(&asks.waiting).unwrap();
    let verdict = json!({ "call_id": wait["reason"]["calls"][0]["call_id"], "verdict": "approve" });
    let decision = json!({ "waiting": wait["sequence"], "kind": "calls", "verdicts": [verdict] });
    let decisions = format!("/api/v1/sessions/{}/decisions", asks.id);
    asking.twice("/sessions/{id}/decisions", &decisions, &decision).await;

    let handbook = json!({ "title": "Leave", "text": "30 days of leave." });
    asking.twice("/agents/{id}/knowledge", &format!("{own}/knowledge"), &handbook).await;
    let basics = json!({ "name": "Basics", "cases": [{ "goal": "1 + 1" }] });
    let set = asking.twice("/agents/{id}/test-sets", &format!("{own}/test-sets"), &basics).await;
    let runs = format!("{}/runs", set.header("location"));
    asking.twice("/agents/{id}/test-sets/{set}/runs", &runs, &empty).await;
    let set = set.header("location");
    assert_eq!(app.call(Method::DELETE, set).by(&ada).await.status, 204);
    let back = format!("{set}/restore");
    asking.twice("/agents/{id}/test-sets/{set}/restore", &back, &no).await;

    asking.twice("/listings/{slug}/install", &format!("{listing}/install"), &no).await;
    let review = json!({ "stars": 4, "text": "Right" });
    asking.twice("/listings/{slug}/reviews", &format!("{listing}/reviews"), &review).await;
    let texts = json!({
        "name": "Reckoner", "tagline": "Reckons", "category": "finance", "description": "Sums",
    });
    let submissions = format!("{own}/submissions");
    let made = asking.twice("/agents/{id}/submissions", &submissions, &texts).await.value();
    let submission = made["submissions"][0]["id"].as_str().unwrap();
    let decide = format!("/api/v1/submissions/{submission}/decisions");
    let case = app.get(&format!("/api/v1/submissions/{submission}")).by(&ada).await.value();
    let approve = json!({ "verdict": "approve", "seen": case["seen"] });
    asking.twice("/submissions/{id}/decisions", &decide, &approve).await;
    asking.twice("/notices/read", "/api/v1/notices/read", &empty).await;

    let key = json!({ "name": "CI", "scopes": ["agents:read"] });
    asking.twice("/keys", "/api/v1/keys", &key).await;
    let secret = json!({ "name": "KEY", "value": "a long value", "hosts": ["a.org"] });
    asking.twice("/secrets", "/api/v1/secrets", &secret).await;
    let schedule = json!({ "agent_id": agent.id, "cron": "0 7 * * *", "goal": "Go" });
    asking.twice("/schedules", "/api/v1/schedules", &schedule).await;
    let trigger = json!({ "agent_id": agent.id, "goal": "Read" });
    asking.twice("/triggers", "/api/v1/triggers", &trigger).await;
    let webhook = json!({ "url": "https://example.org/ended" });
    let webhook = asking.twice("/webhooks", "/api/v1/webhooks", &webhook).await;
    let ended = app.session(&ada, &agent, "What is 2 + 2?").await;
    app.post(&format!("/api/v1/sessions/{}/cancel", ended.id)).by(&ada).await;
    let deliveries = format!("{}/deliveries", webhook.header("location"));
    let message = app.get(&deliveries).by(&ada).await.value()["deliveries"][0]["id"].clone();
    let redeliver = format!("{deliveries}/{}/redeliver", message.as_str().unwrap());
    let template = "/webhooks/{id}/deliveries/{delivery}/redeliver";
    asking.twice(template, &redeliver, &no).await;

    let alert = json!({
        "name": "Slow", "type": "threshold", "metric": "api.latency.p99",
        "condition": { "operator": "gt", "value": 1000, "period": "5m" },
        "channels": [{ "type": "webhook", "url": "https://example.org/alert" }],
    });
    let alert = asking.twice("/alerts", "/api/v1/alerts", &alert).await;
    let alert = alert.header("location").to_owned();
    fire_alerts(&app.database_url()).await;
    let silence = json!({ "period": "1h" });
    for (verb, body) in
        [("acknowledge", &no), ("silence", &silence), ("resolve", &no), ("test", &no)]
    {
        let template = format!("/alerts/{{id}}/{verb}");
        asking.twice(&template, &format!("{alert}/{verb}"), body).await;
    }

    let file = sample::picture(400, 300, 7);
    let image = "/api/v1/images?kind=screenshot";
    asking.twice_with("/images", image, |call| call.raw("image/png", file.clone())).await;
    let lab = json!({ "name": "The lab", "slug": "lab" });
    asking.twice("/teams", "/api/v1/teams", &lab).await;
    let invitations = "/api/v1/teams/lab/invitations";
    let anyone = json!({ "role": "editor" });
    asking.twice("/teams/{team}/invitations", invitations, &anyone).await;

    let purchases = format!("/api/v1/listings/{sold}/purchases");
    let bought = asking.twice("/listings/{slug}/purchases", &purchases, &empty).await;
    let purchase = bought.header("location");
    pay(&app, &bought.value()).await;
    asking.twice("/purchases/{id}/cancel", &format!("{purchase}/cancel"), &no).await;
    asking.who = &bob;
    asking.twice("/purchases/{id}/refund", &format!("{purchase}/refund"), &no).await;
    let link = app.post(invitations).by(&ada).json(&anyone).await.value();
    let taken = json!({ "token": link["token"] });
    asking.twice("/team-invitations/accept", "/api/v1/team-invitations/accept", &taken).await;

    let document = app.get("/api/v1/openapi.json").await.value();
    let paths = document["paths"].as_object().unwrap().iter();
    let once = paths.filter(|(_, methods)| {
        let parameters = methods["post"]["parameters"].as_array();
        let mut names = parameters.into_iter().flatten().map(|parameter| &parameter["name"]);
        names.any(|name| name == "Idempotency-Key")
    });
    let once: BTreeSet<_> = once.map(|(path, _)| path.clone()).collect();
    assert_eq!(once, asking.asked, "everything that counts once was asked for");
    app.end().await;
}
