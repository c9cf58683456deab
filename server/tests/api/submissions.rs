//! Publishing and moderation over HTTP, and what people are told of it.

use http::Method;
use resonant_domain::agent::Agent;
use serde_json::{Value, json};

use crate::support::{TestApp, Visitor};

fn texts(name: &str) -> Value {
    json!({
        "name": name, "tagline": "Reckons", "category": "finance", "description": "It reckons",
        "tags": ["sums"], "change_log": "All new",
    })
}

async fn publish(
    app: &TestApp,
    root: &Visitor,
    ada: &Visitor,
    agent: &Agent,
    name: &str,
) -> String {
    let path = format!("/api/v1/agents/{}/submissions", agent.id);
    let made = app.post(&path).by(ada).json(&texts(name)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let done = app.decide(root, &made, &json!({ "verdict": "approve" })).await;
    done.value()["slug"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_agent_is_published_judged_and_deprecated() {
    let app = TestApp::start().await;
    let (root, ada, eve) = (app.admin().await, app.member("ada").await, app.member("eve").await);
    let agent = app.published_agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}/submissions", agent.id);
    let mut broken = texts("Reckoner");
    broken["tagline"] = json!(" ");
    let refused = app.post(&path).by(&ada).json(&broken).await;
    assert_eq!(refused.problem(), (400, vec!["tagline".to_owned()]));
    let mut draft = texts("Reckoner");
    draft["submit"] = json!(false);
    let made = app.post(&path).by(&ada).json(&draft).await;
    assert_eq!((made.status, &made.value()["submissions"][0]["state"]), (201, &json!("draft")));
    let made = app.post(&path).by(&ada).json(&texts("Reckoner")).await.value();
    let id = made["submissions"][0]["id"].as_str().unwrap();
    assert_eq!(made["submissions"][0]["state"], "in_review");
    assert_eq!(app.get(&path).by(&eve).await.status, 404);
    assert_eq!(app.post(&path).by(&eve).json(&texts("Mine")).await.status, 404);

    let case = format!("/api/v1/submissions/{id}");
    for (caller, expected) in [(&eve, 404), (&ada, 404), (&Visitor::ANONYMOUS, 401), (&root, 200)] {
        assert_eq!(app.get("/api/v1/submissions").by(caller).await.status, expected);
        assert_eq!(app.get(&case).by(caller).await.status, expected);
    }
    let decisions = format!("{case}/decisions");
    let seen = app.get(&case).by(&root).await.value()["seen"].take();
    let unread = app.post(&decisions).by(&root).json(&json!({ "verdict": "approve" })).await;
    assert_eq!(unread.problem(), (400, vec!["seen".to_owned()]));
    let approve = json!({ "verdict": "approve", "seen": seen });
    assert_eq!(app.post(&decisions).by(&ada).json(&approve).await.status, 404);
    let ask = json!({ "verdict": "request_changes", "seen": seen });
    let refused = app.post(&decisions).by(&root).json(&ask).await;
    assert_eq!(refused.problem(), (400, vec!["comment".to_owned()]));
    let done = app.post(&decisions).by(&root).json(&approve).await;
    assert_eq!(done.value()["slug"], "reckoner", "{done:?}");
    assert_eq!(app.post(&decisions).by(&root).json(&approve).await.status, 409);

    let told = app.get("/api/v1/notices").by(&ada).await.value();
    assert_eq!(told["notices"][0]["kind"], "approved", "{told}");
    assert_eq!(app.get("/api/v1/notices").by(&eve).await.value()["notices"], json!([]));
    let read = app.post("/api/v1/notices/read").by(&ada).json(&json!({})).await;
    assert_eq!(read.status, 204);
    let told = app.get("/api/v1/notices").by(&ada).await.value();
    assert_eq!(told["notices"][0]["is_read"], true);

    // A second version goes, and the first is left.
    publish(&app, &root, &ada, &agent, "Reckoner").await;
    let versions = format!("/api/v1/agents/{}/listing/versions", agent.id);
    let call = |path: String, caller: &Visitor| app.call(Method::DELETE, &path).by(caller);
    assert_eq!(call(format!("{versions}/2"), &eve).await.status, 404);
    assert_eq!(call(format!("{versions}/2"), &ada).await.status, 204);
    assert_eq!(call(format!("{versions}/2"), &ada).await.status, 404);
    assert_eq!(call(format!("{versions}/1"), &ada).await.status, 409);
    assert_eq!(app.get("/api/v1/listings/reckoner").await.value()["version"], 1);

    let next = app.published_agent(&ada, "Better").await;
    publish(&app, &root, &ada, &next, "Better").await;
    let listing = format!("/api/v1/agents/{}/listing", agent.id);
    let change = json!({ "is_deprecated": true, "successor": "nobody" });
    let refused = app.call(Method::PATCH, &listing).by(&ada).json(&change).await;
    assert_eq!(refused.problem(), (400, vec!["successor".to_owned()]));
    let change = json!({ "is_deprecated": true, "successor": "better" });
    let changed = app.call(Method::PATCH, &listing).by(&ada).json(&change).await;
    assert_eq!((changed.status, &changed.value()["listing"]["successor"]), (200, &json!("better")));
    let told = app.get("/api/v1/listings/reckoner").await.value();
    assert_eq!(told["deprecation"]["successor_name"], "Better");
    let page = app.get("/api/v1/listings").await.value();
    assert_eq!(page["listings"].as_array().unwrap().len(), 1);
    assert_eq!(app.call(Method::PATCH, &listing).by(&eve).json(&change).await.status, 404);
    app.end().await;
}

#[tokio::test]
async fn a_publisher_writes_their_profile_and_publishes_without_a_form() {
    let app = TestApp::start().await;
    let (root, ada, eve) = (app.admin().await, app.member("ada").await, app.member("eve").await);
    let own = "/api/v1/publisher";
    let put = |who: &Visitor, body: &Value| app.call(Method::PUT, own).by(who).json(body);
    assert_eq!(app.get(own).by(&ada).await.problem(), (404, vec![]));
    let profile = json!({ "handle": "ada-l", "name": "Ada L.", "bio": "Reckons" });
    let unseen = put(&ada, &profile).header("if-match", "\"0.0\"").await;
    assert_eq!(unseen.problem(), (412, vec![]), "nobody has seen what is not there");
    let made = put(&ada, &profile).await;
    assert_eq!((made.status, &made.value()), (201, &profile));
    let read = app.get(own).by(&ada).await;
    assert_eq!((read.header("etag"), &read.value()), (made.header("etag"), &profile));
    assert_eq!(app.get("/api/v1/publishers/ada-l").await.value()["bio"], "Reckons");
    // What another has is told as any value that is not taken, as an address or a team's slug is.
    assert_eq!(put(&eve, &profile).await.problem(), (400, vec!["handle".to_owned()]));
    let guests = put(&app.guest().await, &profile).await;
    assert_eq!(guests.problem(), (409, vec![]), "a guest publishes nothing");
    // Nobody has changed anything in the meantime.
    assert_eq!(guests.value()["title"], "This is not possible as things stand");
    assert_eq!(unseen.value()["title"], "This has changed in the meantime");
    assert_eq!(
        app.get(&format!("{own}?fields=name")).by(&ada).await.value(),
        json!({ "name": "Ada L." })
    );

    let agent = app.published_agent(&ada, "Reckoner").await;
    let slug = publish(&app, &root, &ada, &agent, "Reckoner").await;
    let listing = app.get(&format!("/api/v1/listings/{slug}")).await.value();
    assert_eq!(
        (&listing["publisher"], &listing["publisher_handle"]),
        (&json!("Ada L."), &json!("ada-l"))
    );
    let renamed = json!({ "handle": "ada-l", "name": "Ada" });
    let changed = put(&ada, &renamed).header("if-match", made.header("etag")).await;
    assert_eq!((changed.status, &changed.value()["bio"]), (200, &json!("")), "it is replaced");
    assert_eq!(put(&ada, &profile).header("if-match", made.header("etag")).await.status, 412);
    assert_eq!(app.get(&format!("/api/v1/listings/{slug}")).await.value()["publisher"], "Ada");

    for (body, fields) in [
        (json!({ "name": "Eve" }), vec!["handle"]),
        (json!({ "handle": "ada-l", "name": "Eve" }), vec!["handle"]),
        (json!({ "handle": "support", "name": "Eve" }), vec!["handle"]),
        (
            json!({ "handle": "Eve E", "name": " ", "bio": "a\u{0}b" }),
            vec!["handle", "name", "bio"],
        ),
        (json!({ "handle": "eve", "name": "Eve", "is_verified": true }), vec!["is_verified"]),
        (json!({ "handle": "eve", "name": "Eve", "bio": "x".repeat(1_001) }), vec!["bio"]),
    ] {
        let fields: Vec<_> = fields.into_iter().map(str::to_owned).collect();
        assert_eq!(put(&eve, &body).await.problem(), (400, fields), "{body}");
    }
    assert_eq!(app.get(own).by(&eve).await.status, 404, "nothing was kept");
    let other = json!({ "handle": "other", "name": "Other" });
    assert_eq!(put(&app.guest().await, &other).await.problem(), (409, vec![]));
    assert_eq!(put(&Visitor::ANONYMOUS, &other).await.problem(), (401, vec![]));
    // No key stands for a person here, whatever it may do.
    let key = json!({ "name": "CI", "scopes": ["agents:write", "listings:install"] });
    let key = app.post("/api/v1/keys").by(&ada).json(&key).await.value();
    let bearer = format!("Bearer {}", key["key"].as_str().unwrap());
    let by_key = |method: Method| app.call(method, own).header("authorization", &bearer);
    assert_eq!(by_key(Method::GET).await.problem(), (403, vec![]));
    assert_eq!(by_key(Method::PUT).json(&other).await.problem(), (403, vec![]));
    app.end().await;
}

#[tokio::test]
async fn a_recorded_session_is_shown_until_it_goes_on() {
    let mut app = TestApp::start().await;
    let (root, ada, eve) = (app.admin().await, app.member("ada").await, app.member("eve").await);
    app.start_workers(1);
    let agent = app.published_agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "What is 1 + 1?").await;
    app.finish(&ada, &session).await;
    let path = format!("/api/v1/agents/{}/listing/showcase", agent.id);
    let put = |who: &Visitor, body: Value| app.call(Method::PUT, &path).by(who).json(&body);
    let given = json!({ "session": session.id, "consent": true });
    assert_eq!(put(&ada, given.clone()).await.problem(), (404, vec![]), "there is no listing yet");
    let slug = publish(&app, &root, &ada, &agent, "Reckoner").await;
    let listing = format!("/api/v1/listings/{slug}");
    let shown = async || app.get(&listing).await.value()["showcase"]["goal"].take();

    for (body, field) in [
        (json!({ "session": session.id, "consent": false }), "consent"),
        (json!({ "session": session.id }), "consent"),
        (json!({ "session": agent.id, "consent": true }), "session"),
        (json!({ "consent": true }), "session"),
    ] {
        assert_eq!(put(&ada, body).await.problem(), (400, vec![field.to_owned()]));
    }
    assert_eq!(put(&eve, given.clone()).await.problem(), (404, vec![]));
    assert_eq!(put(&app.guest().await, given.clone()).await.problem(), (409, vec![]));
    assert_eq!(shown().await, json!(null));
    assert_eq!(put(&ada, given.clone()).await.status, 204);
    assert_eq!(shown().await, "What is 1 + 1?");
    assert_eq!(app.call(Method::DELETE, &path).by(&eve).await.status, 404);
    assert_eq!(app.call(Method::DELETE, &path).by(&ada).await.status, 204);
    assert_eq!(shown().await, json!(null));

    assert_eq!(put(&ada, given).await.status, 204);
    let more = format!("/api/v1/sessions/{}/messages", session.id);
    let said = app.post(&more).by(&ada).json(&json!({ "text": "And 2 + 2?" })).await;
    assert!((200..300).contains(&said.status), "{said:?}");
    assert_eq!(shown().await, json!(null));
    app.end().await;
}

#[tokio::test]
async fn a_decision_is_about_what_was_read() {
    let app = TestApp::start().await;
    let (root, ada) = (app.admin().await, app.member("ada").await);
    let agent = app.published_agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}/submissions", agent.id);
    let made = app.post(&path).by(&ada).json(&texts("Reckoner")).await.value();
    let case = format!("/api/v1/submissions/{}", made["submissions"][0]["id"].as_str().unwrap());
    let mut read = app.get(&case).by(&root).await.value();
    assert_eq!(app.call(Method::DELETE, &path).by(&ada).await.status, 204);
    let other = app.post(&path).by(&ada).json(&texts("Something else")).await.value();
    assert_eq!(made["submissions"][0]["id"], other["submissions"][0]["id"]);
    for verdict in ["approve", "request_changes"] {
        let decision = json!({ "verdict": verdict, "seen": read["seen"], "comment": "Fine" });
        let refused = app.post(&format!("{case}/decisions")).by(&root).json(&decision).await;
        assert_eq!(refused.status, 409, "{refused:?}");
        let told = refused.value();
        assert!(told["detail"].as_str().unwrap().contains("something else"), "{told}");
    }
    assert_eq!(app.get("/api/v1/listings").await.value()["total"], 0);
    read = app.get(&case).by(&root).await.value();
    let decision = json!({ "verdict": "approve", "seen": read["seen"] });
    let done = app.post(&format!("{case}/decisions")).by(&root).json(&decision).await;
    assert_eq!(done.value()["slug"], "something-else", "{done:?}");

    // Whoever installs it may say, too, which version they have read.
    let install = "/api/v1/listings/something-else/install?version=";
    assert_eq!(app.post(&format!("{install}2")).by(&root).await.status, 409);
    assert_eq!(app.post(&format!("{install}1")).by(&root).await.status, 201);
    app.end().await;
}

#[tokio::test]
async fn listings_are_narrowed_and_counted() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let page = app.get("/api/v1/listings?tags=csv&tools=calculator").await.value();
    let slugs: Vec<_> =
        page["listings"].as_array().unwrap().iter().map(|listing| &listing["slug"]).collect();
    assert!(slugs.contains(&&json!("sales-table-analyst")), "{slugs:?}");
    assert_eq!(page["total"], slugs.len());
    let tags = page["facets"]["tags"].as_array().unwrap();
    assert!(tags.contains(&json!({ "value": "csv", "count": slugs.len() })), "{tags:?}");
    let found = app.get("/api/v1/listings?query=invoise").await.value();
    assert_eq!(found["listings"][0]["slug"], "invoice-reader", "{found}");
    assert_eq!(found["listings"][0]["highlights"]["name"], json!([[0, 7]]));
    let verified = app.get("/api/v1/listings?verified_only=true&limit=1").await.value();
    assert!(verified["total"].as_i64().unwrap() >= 24, "{verified}");
    for (query, expected) in [("min_rating=1", 0), ("max_cost=free", 0)] {
        let page = app.get(&format!("/api/v1/listings?{query}")).await.value();
        assert_eq!(page["listings"].as_array().unwrap().len(), expected, "{query}");
    }
    app.end().await;
}
