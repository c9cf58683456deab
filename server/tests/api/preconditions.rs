//! `If-Match` and `If-None-Match` on what two people may change.

use std::collections::BTreeSet;

use http::Method;
use resonant_domain::agent::Agent;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, Visitor};

/// A thing, how it is changed, and how it goes.
struct Thing {
    path: String,
    change: Option<(Method, Value)>,
    is_deleted: bool,
    /// Where it is changed, when not where it is read.
    changed_at: Option<String>,
}

impl Thing {
    fn at(path: &str) -> Self {
        Self { path: path.to_owned(), change: None, is_deleted: false, changed_at: None }
    }

    fn changed(self, method: Method, body: Value) -> Self {
        Self { change: Some((method, body)), ..self }
    }

    fn deleted(self) -> Self {
        Self { is_deleted: true, ..self }
    }
}

pub(super) async fn made(app: &TestApp, ada: &Visitor, path: &str, body: &Value) -> Answer {
    let answer = app.post(path).by(ada).json(body).await;
    assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
    answer
}

/// Makes a team with somebody in it, and tells where that one stands.
async fn teammate(app: &TestApp, ada: &Visitor) -> String {
    let team = json!({ "name": "Lab", "slug": "lab" });
    made(app, ada, "/api/v1/teams", &team).await;
    let link = json!({ "role": "viewer" });
    let link = made(app, ada, "/api/v1/teams/lab/invitations", &link).await.value();
    let (bob, token) = (app.member("bob").await, json!({ "token": link["token"] }));
    made(app, &bob, "/api/v1/team-invitations/accept", &token).await;
    let people = app.get("/api/v1/teams/lab/members").by(ada).await.value();
    format!("/api/v1/teams/lab/members/{}", people["members"][1]["user_id"].as_str().unwrap())
}

/// Makes one of each and tells where it is.
async fn things(app: &mut TestApp, ada: &Visitor) -> Vec<Thing> {
    app.backend.load_content().await.unwrap();
    let agent = app.published_agent(ada, "Reckoner").await;
    let own = format!("/api/v1/agents/{}", agent.id);
    let cases = json!([{ "goal": "1 + 1" }]);
    let alert = json!({
        "name": "Slow", "type": "threshold", "metric": "api.latency.p99",
        "condition": { "operator": "gt", "value": 1000, "period": "5m" },
    });
    let mut other_alert = alert.clone();
    other_alert["name"] = json!("Slower");
    let submission = json!({
        "name": "Reckoner", "tagline": "Reckons", "category": "finance", "description": "Sums",
    });
    let handed_in = made(app, ada, &format!("{own}/submissions"), &submission).await;
    app.decide(ada, &handed_in, &json!({ "verdict": "approve" })).await;

    let reviews = "/api/v1/listings/unit-converter/reviews";
    let copy: Agent = app.post("/api/v1/listings/unit-converter/install").by(ada).await.read();
    app.start_workers(1);
    let session = app.session(ada, &copy, "5 miles in km").await;
    app.finish(ada, &session).await;

    let keeper = json!({ "name": "Keeper", "tools": [{ "name": "remember" }] });
    let keeper: Agent = made(app, ada, "/api/v1/agents", &keeper).await.read();
    let session = app.session(ada, &keeper, "Remember that my favourite tea is green").await;
    app.finish(ada, &session).await;
    let facts = format!("/api/v1/agents/{}/memories", keeper.id);
    let kept = app.get(&facts).by(ada).await.value();
    let fact = format!("{facts}/{}", kept["memories"][0]["id"].as_str().unwrap());

    let news = [
        ("/api/v1/keys".to_owned(), json!({ "name": "CI", "scopes": ["agents:read"] })),
        (
            "/api/v1/schedules".to_owned(),
            json!({ "agent_id": agent.id, "cron": "0 7 * * *", "goal": "Go" }),
        ),
        (
            "/api/v1/secrets".to_owned(),
            json!({ "name": "KEY", "value": "a long value", "hosts": ["a.org", "b.org"] }),
        ),
        ("/api/v1/triggers".to_owned(), json!({ "agent_id": agent.id, "goal": "Read" })),
        ("/api/v1/webhooks".to_owned(), json!({ "url": "https://example.org/ended" })),
        ("/api/v1/alerts".to_owned(), alert),
        (format!("{own}/test-sets"), json!({ "name": "Basics", "cases": cases })),
        (format!("{own}/knowledge"), json!({ "title": "Leave", "text": "30 days of leave." })),
        (reviews.to_owned(), json!({ "stars": 4, "text": "Right" })),
    ];
    let mut places = vec![];
    for (path, body) in &news {
        places.push(made(app, ada, path, body).await.header("location").to_owned());
    }
    let places: [String; 9] = places.try_into().unwrap();
    let [key, schedule, secret, trigger, webhook, alert, test_set, document, review] = places;
    let teammate = teammate(app, ada).await;
    let (patch, put) = (Method::PATCH, Method::PUT);
    let renamed = json!({ "name": "Others", "cases": cases });
    let budget = json!({ "max_tokens": 1_000_000 });
    let profile = |name: &str| json!({ "handle": "ada-s", "name": name });
    let profiled = app.call(Method::PUT, "/api/v1/publisher").by(ada).json(&profile("Ada")).await;
    assert_eq!(profiled.status, 201, "{profiled:?}");
    let other_profile = profile("Ada L.");
    vec![
        Thing::at(&teammate).changed(patch.clone(), json!({ "role": "runner" })).deleted(),
        Thing::at("/api/v1/teams/lab").changed(patch.clone(), json!({ "name": "Den" })).deleted(),
        Thing::at(&key).deleted(),
        Thing::at(&fact).deleted(),
        Thing::at(&schedule).changed(patch.clone(), json!({ "goal": "Stay" })).deleted(),
        Thing::at(&secret).changed(patch.clone(), json!({ "hosts": ["b.org"] })).deleted(),
        Thing::at(&trigger).deleted(),
        Thing::at(&webhook).deleted(),
        Thing::at(&alert).changed(put.clone(), other_alert).deleted(),
        Thing::at(&test_set).changed(put.clone(), renamed).deleted(),
        Thing::at(&document).deleted(),
        Thing::at(&review).changed(patch.clone(), json!({ "stars": 2 })).deleted(),
        Thing::at(&format!("{own}/test-policy"))
            .changed(put.clone(), json!({ "requires_tests": true })),
        Thing::at("/api/v1/publisher").changed(put.clone(), other_profile),
        Thing::at("/api/v1/budget").changed(put.clone(), budget.clone()),
        Thing::at(&format!("{own}/budget")).changed(put.clone(), budget),
        Thing::at(&format!("{own}/listing")).changed(patch.clone(), json!({ "state": "paused" })),
        Thing {
            changed_at: Some(format!("{own}/import")),
            ..Thing::at(&own).changed(put, json!({ "resonant_agent": 1, "name": "Reader" }))
        },
        Thing::at(&own).changed(patch, json!({ "description": "new" })).deleted(),
    ]
}

#[tokio::test]
async fn who_has_seen_another_version_changes_nothing() {
    let mut app = TestApp::start().await;
    let ada = app.admin().await;
    for thing in things(&mut app, &ada).await {
        let path = &thing.path;
        let read = async || app.get(path).by(&ada).await;
        let first = read().await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"'), "{path}: {first:?}");
        let known = app.get(path).by(&ada).header("if-none-match", &tag).await;
        assert_eq!((known.status, known.body.len()), (304, 0), "{path}");

        if let Some((method, body)) = &thing.change {
            let at = thing.changed_at.as_deref().unwrap_or(path);
            let change = |tag: &str| {
                app.call(method.clone(), at).by(&ada).header("if-match", tag).json(body)
            };
            for wrong in ["\"0\"", &format!("W/{tag}"), "\"0000000000000000.0000000000000000\""] {
                assert_eq!(change(wrong).await.problem(), (412, vec![]), "{path} {wrong}");
            }
            assert_eq!(read().await.body, first.body, "{path}");
            let done = change(&tag).await;
            assert!([200, 204].contains(&done.status), "{path}: {done:?}");
            if thing.changed_at.is_none() && done.status == 200 {
                let now = read().await;
                assert_eq!(done.header("etag"), now.header("etag"), "{path}");
            }
            assert_eq!(change(&tag).await.problem(), (412, vec![]), "{path}: it was changed");
            assert_eq!(change("*").await.status, done.status, "{path}");
        }
        if thing.is_deleted {
            let delete =
                |tag: &str| app.call(Method::DELETE, path).by(&ada).header("if-match", tag);
            assert_eq!(delete("\"0\"").await.problem(), (412, vec![]), "{path}");
            let tag = read().await.header("etag").to_owned();
            assert_eq!(delete(&tag).await.status, 204, "{path}");
        }
    }
    app.end().await;
}

#[tokio::test]
async fn who_makes_a_thing_may_say_that_there_is_none() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let put = |name: &str| {
        let call = app.call(Method::PUT, "/api/v1/publisher").by(&ada);
        call.header("if-none-match", "*").json(&json!({ "handle": "ada-s", "name": name }))
    };
    assert_eq!(put("Ada").await.status, 201);
    assert_eq!(put("Somebody").await.problem(), (412, vec![]));
    assert_eq!(app.get("/api/v1/publisher").by(&ada).await.value()["name"], "Ada");
    app.end().await;
}

/// What nobody changes, so that no version of it can be named.
const UNCHANGING: [(&str, &str); 6] = [
    ("DELETE /agents/trash/{id}", "is there or not"),
    ("DELETE /agents/{id}/submissions", "takes back what waits, and nothing else"),
    ("DELETE /publishers/{handle}/follow", "is there or not"),
    ("DELETE /sessions/{id}/share", "is shared or not"),
    ("DELETE /teams/{team}/agents/{id}", "is shared or not"),
    ("DELETE /teams/{team}/invitations/{id}", "stays as it was made"),
];

#[tokio::test]
async fn who_changes_or_removes_a_thing_may_name_its_version() {
    let app = TestApp::start().await;
    let document = app.get("/api/v1/openapi.json").await.value();
    let mut without = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in ["patch", "delete"] {
            let operation = &operations[method];
            if operation.is_object() && operation["responses"]["412"].is_null() {
                let path = path.trim_start_matches("/api/v1");
                without.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    let unchanging = UNCHANGING.iter().map(|(operation, _)| (*operation).to_owned());
    assert_eq!(without, unchanging.collect::<BTreeSet<_>>());
    app.end().await;
}
