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

/// What a request says of the thing it changes, and whether it is done then. `T` is the thing's tag.
const CONDITIONS: [(&str, &str, bool); 15] = [
    ("if-match", "T", true),
    ("if-match", "\"0\", T", true),
    ("if-match", "*", true),
    ("if-match", "\"0\"", false),
    ("if-match", "\"0000000000000000.0000000000000000\"", false),
    ("if-match", "W/T", false),
    // No entity tags: they name no version.
    ("if-match", "0", false),
    ("if-match", "", false),
    ("if-none-match", "*", false),
    ("if-none-match", "T", false),
    ("if-none-match", "W/T", false),
    ("if-none-match", "\"0\", T", false),
    ("if-none-match", "\"0\"", true),
    ("if-none-match", "0", true),
    ("if-none-match", "", true),
];

#[tokio::test]
async fn who_is_wrong_about_a_version_changes_nothing() {
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
            let change = |name: &str, text: &str| {
                app.call(method.clone(), at).by(&ada).header(name, text).json(body)
            };
            for (name, text, is_done) in CONDITIONS {
                let before = read().await;
                let text = text.replace('T', before.header("etag"));
                let answer = change(name, &text).await;
                if !is_done {
                    assert_eq!(answer.problem(), (412, vec![]), "{path} {name}: {text}");
                    assert_eq!(read().await.body, before.body, "{path} {name}: {text}");
                    continue;
                }
                assert!([200, 204].contains(&answer.status), "{path} {name}: {text}: {answer:?}");
                if thing.changed_at.is_none() && answer.status == 200 {
                    assert_eq!(answer.header("etag"), read().await.header("etag"), "{path}");
                }
            }
            let late = change("if-match", &tag).await;
            assert_eq!(late.problem(), (412, vec![]), "{path}: it was changed");
        }
        if thing.is_deleted {
            let delete =
                |name: &str, text: &str| app.call(Method::DELETE, path).by(&ada).header(name, text);
            let tag = read().await.header("etag").to_owned();
            for (name, text, _) in CONDITIONS.iter().filter(|(.., is_done)| !is_done) {
                let answer = delete(name, &text.replace('T', &tag)).await;
                assert_eq!(answer.problem(), (412, vec![]), "{path} {name}: {text}");
            }
            assert_eq!(delete("if-match", &tag).await.status, 204, "{path}");
        }
    }
    app.end().await;
}

#[tokio::test]
async fn who_makes_a_thing_may_say_that_there_is_none() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let put = |header: &str, text: &str, name: &str| {
        let call = app.call(Method::PUT, "/api/v1/publisher").by(&ada).header(header, text);
        call.json(&json!({ "handle": "ada-s", "name": name }))
    };
    // Nothing is there that could be in any version.
    for text in ["*", "\"0\"", "0"] {
        assert_eq!(put("if-match", text, "Ada").await.problem(), (412, vec![]), "{text}");
    }
    assert_eq!(app.get("/api/v1/publisher").by(&ada).await.status, 404);
    assert_eq!(put("if-none-match", "*", "Ada").await.status, 201);
    assert_eq!(put("if-none-match", "*", "Somebody").await.problem(), (412, vec![]));
    assert_eq!(app.get("/api/v1/publisher").by(&ada).await.value()["name"], "Ada");
    app.end().await;
}

#[tokio::test]
async fn a_file_is_tried_on_the_version_that_is_named() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}/import?dry_run=true", agent.id);
    let tried = |tag: &str| {
        let file = json!({ "resonant_agent": 1, "name": "Reader" });
        app.call(Method::PUT, &path).by(&ada).header("if-match", tag).json(&file)
    };
    assert_eq!(tried("\"1\"").await.status, 200);
    assert_eq!(tried("\"2\"").await.problem(), (412, vec![]));
    app.end().await;
}

/// What nobody changes, so that no version of it can be named.
const UNCHANGING: [(&str, &str); 7] = [
    ("DELETE /agents/trash/{id}", "is there or not"),
    ("DELETE /agents/{id}/listing/showcase", "is shown or not"),
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

/// A request that counts on a version of what has none is not made as if it had said nothing.
#[tokio::test]
async fn where_there_are_no_versions_none_is_named() {
    let app = TestApp::start().await;
    let root = app.admin().await;
    let document = app.get("/api/v1/openapi.json").await.value();
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        let real = parts.collect::<Vec<_>>().join("/");
        for method in ["post", "put", "patch", "delete"] {
            let operation = &operations[method];
            let counts_once = operation["parameters"].as_array().is_some_and(|parameters| {
                parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key")
            });
            let only_asks = method == "post" && !counts_once;
            if operation.is_null() || only_asks || !operation["responses"]["412"].is_null() {
                continue;
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            let call = |name: &str, text: &str| {
                let call = app.call(method.clone(), &real).by(&root).header(name, text);
                call.json(&json!({}))
            };
            for wrong in ["\"1\"", "W/\"1\"", "1"] {
                let refused = call("if-match", wrong).await.problem();
                assert_eq!(refused, (412, vec![]), "{method} {path} {wrong}");
            }
            for (name, text) in [("if-match", "*"), ("if-none-match", "\"1\"")] {
                assert_ne!(call(name, text).await.status, 412, "{method} {path} {name}");
            }
            asked += 1;
        }
    }
    assert!(asked > 30, "{asked} operations change what has no version");
    app.end().await;
}
