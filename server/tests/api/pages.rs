//! Lists, page by page.

use std::collections::BTreeSet;

use http::Method;
use resonant_domain::tool::BUILT_IN_TOOLS;
use serde_json::{Value, json};

use super::purchases::{pay, publish};
use crate::support::{Answer, TestApp, Visitor};

/// A list: where, its name, and what is put into it three times.
struct List {
    path: String,
    name: &'static str,
    new: Value,
}

fn filled(path: &str, name: &'static str, new: Value) -> List {
    List { path: path.to_owned(), name, new }
}

fn lists(own: &str, agent: &str) -> Vec<List> {
    let alert = json!({
        "name": "Slow", "type": "threshold", "metric": "api.latency.p99",
        "condition": { "operator": "gt", "value": 1000, "period": "5m" },
    });
    let schedule = json!({ "agent_id": agent, "cron": "0 7 * * *", "goal": "Go" });
    let secret = json!({ "name": "KEY", "value": "a long value", "hosts": ["a.org"] });
    let set = json!({ "name": "Basics", "cases": [{ "goal": "1 + 1" }] });
    vec![
        filled("/api/v1/keys", "keys", json!({ "name": "CI", "scopes": ["agents:read"] })),
        filled("/api/v1/schedules", "schedules", schedule),
        filled("/api/v1/secrets", "secrets", secret),
        filled("/api/v1/triggers", "triggers", json!({ "agent_id": agent, "goal": "Read" })),
        filled("/api/v1/webhooks", "webhooks", json!({ "url": "https://example.org/ended" })),
        filled("/api/v1/alerts", "alerts", alert),
        filled(
            &format!("{own}/knowledge"),
            "documents",
            json!({ "title": "Leave", "text": "30 days of leave." }),
        ),
        filled(&format!("{own}/test-sets"), "test_sets", set),
    ]
}

/// What tells the things of a list apart.
fn mark(thing: &Value) -> String {
    let names = ["id", "user_id", "slug", "handle", "team_slug", "name"];
    let mark = names.iter().find_map(|name| thing.get(name)?.as_str());
    mark.unwrap().to_owned()
}

/// All things of a list, one on each page, and the cursor behind the first.
async fn walk(app: &TestApp, ada: &Visitor, list: &str, name: &str) -> (Vec<String>, String) {
    let (mut seen, mut cursors) = (vec![], vec![]);
    let mut cursor = String::new();
    loop {
        let path = format!("{list}?limit=1&cursor={cursor}");
        let page = app.get(&path).by(ada).await.value();
        let things = page[name].as_array().unwrap();
        assert!(things.len() <= 1, "{path}: {page}");
        seen.extend(things.iter().map(mark));
        let next = page["next_cursor"].as_str().map(str::to_owned);
        assert_eq!(page["has_more"].as_bool(), Some(next.is_some()), "{path}");
        let Some(next) = next else { break };
        cursors.push(next.clone());
        cursor = next;
    }
    (seen, cursors.remove(0))
}

/// No cursor opens another list, nor its own once it was touched; and no page has any size.
async fn check_cursors(app: &TestApp, ada: &Visitor, cursors: &[(String, String)]) {
    for (at, (path, cursor)) in cursors.iter().enumerate() {
        let (other, _) = &cursors[(at + 1) % cursors.len()];
        let mut touched = cursor.clone();
        touched.replace_range(..1, if touched.starts_with('A') { "B" } else { "A" });
        let wrong = [
            format!("{other}?cursor={cursor}"),
            format!("{path}?cursor={touched}"),
            format!("{path}?cursor=wrong"),
        ];
        for wrong in wrong {
            let answer = app.get(&wrong).by(ada).await;
            assert_eq!(answer.problem(), (400, vec!["cursor".to_owned()]), "{wrong}");
        }
        for limit in ["0", "201"] {
            let answer = app.get(&format!("{path}?limit={limit}")).by(ada).await;
            assert_eq!(answer.problem(), (400, vec!["limit".to_owned()]), "{path}");
        }
        assert_eq!(app.get(&format!("{path}?limit=200")).by(ada).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn every_list_is_read_to_its_end_page_by_page() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let agent = app.agent(&ada, "Reckoner").await.id.to_string();
    let own = format!("/api/v1/agents/{agent}");
    let lists = lists(&own, &agent);
    let mut cursors: Vec<(String, String)> = vec![];
    for list in &lists {
        for number in 0..3 {
            let mut new = list.new.clone();
            if list.name == "secrets" {
                new["name"] = json!(format!("KEY_{number}"));
            }
            let made = app.post(&list.path).by(&ada).json(&new).await;
            assert_eq!(made.status, 201, "{}: {made:?}", list.path);
        }
        let (seen, cursor) = walk(&app, &ada, &list.path, list.name).await;
        let whole = app.get(&list.path).by(&ada).await.value();
        let all: Vec<_> = whole[list.name].as_array().unwrap().iter().map(mark).collect();
        assert_eq!((seen.len(), &seen), (3, &all), "{}", list.path);
        cursors.push((list.path.clone(), cursor));
    }
    check_cursors(&app, &ada, &cursors).await;
    let bob = app.member("bob").await;
    for (path, cursor) in cursors.iter().filter(|(path, _)| !path.contains("/agents/")) {
        let answer = app.get(&format!("{path}?cursor={cursor}")).by(&bob).await;
        let is_hidden = path == "/api/v1/alerts";
        assert_eq!(answer.status, if is_hidden { 404 } else { 400 }, "{path}");
    }
    app.end().await;
}

/// Makes something, which is there then.
async fn made(app: &TestApp, who: &Visitor, path: &str, new: &Value) -> Answer {
    let answer = app.post(path).by(who).json(new).await;
    assert_eq!(answer.status, 201, "{path}: {answer:?}");
    answer
}

/// A team of three with four agents, two of them its owner's; three invitations to it, and three for its
/// owner.
async fn fill_teams(app: &TestApp, root: &Visitor, others: &[Visitor; 2]) {
    for (name, slug) in [("Lab", "lab"), ("attic", "attic"), ("Den", "den")] {
        made(app, root, "/api/v1/teams", &json!({ "name": name, "slug": slug })).await;
    }
    let invitations = "/api/v1/teams/lab/invitations";
    for other in others {
        let invitation = made(app, root, invitations, &json!({ "role": "viewer" })).await.value();
        let body = json!({ "token": invitation["token"] });
        let joined = app.post("/api/v1/team-invitations/accept").by(other).json(&body).await;
        assert_eq!(joined.status, 200, "{joined:?}");
    }
    let [bob, carol] = others;
    for owner in [root, bob, bob, carol] {
        let path = format!("/api/v1/teams/lab/agents/{}", app.agent(owner, "Shared").await.id);
        assert_eq!(app.call(Method::PUT, &path).by(owner).await.status, 204);
    }
    for slug in ["one", "two", "three"] {
        made(app, root, invitations, &json!({ "role": "viewer" })).await;
        made(app, bob, "/api/v1/teams", &json!({ "name": slug, "slug": slug })).await;
        let new = json!({ "role": "viewer", "email": "admin@example.org" });
        made(app, bob, &format!("/api/v1/teams/{slug}/invitations"), &new).await;
    }
}

/// Three listings that were sold, a fourth agent that was handed in three times, and three publishers
/// whom the first of the people follows. Answers where the agent is.
async fn fill_marketplace(app: &TestApp, root: &Visitor, others: &[Visitor; 2]) -> String {
    let people = [root, &others[0], &others[1], &app.member("dan").await];
    for (who, handle) in people.into_iter().zip(["the-shop", "bob-s", "carol-s", "dan-s"]) {
        let profile = format!("handle={handle}&name={handle}&bio=");
        let saved = app.post("/api/fn/account/save_profile").by(who).form(&profile).await;
        assert!(saved.status < 400, "{saved:?}");
        if handle != "the-shop" {
            let follow = format!("/api/v1/publishers/{handle}/follow");
            assert_eq!(app.call(Method::PUT, &follow).by(root).await.status, 204);
        }
    }
    let price = json!({ "kind": "one_time", "amount": 500, "currency": "EUR" });
    for _ in 0..3 {
        let slug = publish(app, root, root, &price).await;
        let path = format!("/api/v1/listings/{slug}/purchases");
        pay(app, &made(app, &others[0], &path, &json!({})).await.value()).await;
    }
    let agent = app.published_agent(root, "Counter").await;
    let own = format!("/api/v1/agents/{}", agent.id);
    let texts = json!({
        "name": "Counter", "tagline": "Counts", "category": "finance", "description": "It counts",
    });
    for _ in 0..3 {
        let handed_in = made(app, root, &format!("{own}/submissions"), &texts).await;
        let more = json!({ "verdict": "request_changes", "comment": "Say more" });
        app.decide(root, &handed_in, &more).await;
    }
    own
}

#[tokio::test]
async fn lists_that_several_people_fill_are_read_page_by_page() {
    let app = TestApp::builder().selling().start().await;
    let root = app.admin().await;
    let others = [app.member("bob").await, app.member("carol").await];
    fill_teams(&app, &root, &others).await;
    let own = fill_marketplace(&app, &root, &others).await;
    let lists = [
        ("/api/v1/teams".to_owned(), "teams", 3),
        ("/api/v1/teams/lab/members".to_owned(), "members", 3),
        ("/api/v1/teams/lab/invitations".to_owned(), "invitations", 3),
        ("/api/v1/teams/lab/agents".to_owned(), "agents", 4),
        ("/api/v1/agents/shared".to_owned(), "agents", 3),
        ("/api/v1/team-invitations".to_owned(), "invitations", 3),
        ("/api/v1/following".to_owned(), "following", 3),
        ("/api/v1/earnings".to_owned(), "earnings", 3),
        (format!("{own}/submissions"), "submissions", 3),
        ("/api/v1/publishers/the-shop".to_owned(), "listings", 3),
        ("/api/v1/tools".to_owned(), "tools", BUILT_IN_TOOLS.len()),
    ];
    let mut cursors = vec![];
    for (path, name, count) in lists {
        let (seen, cursor) = walk(&app, &root, &path, name).await;
        let whole = app.get(&path).by(&root).await.value();
        let all: Vec<_> = whole[name].as_array().unwrap().iter().map(mark).collect();
        assert_eq!((seen.len(), &seen), (count, &all), "{path}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), count, "{path} has one twice");
        cursors.push((path, cursor));
    }
    check_cursors(&app, &root, &cursors).await;
    // What is one's own, or of a team that both are in, is read with a cursor of one's own.
    for (path, cursor) in &cursors[..8] {
        let answer = app.get(&format!("{path}?cursor={cursor}")).by(&others[0]).await;
        let expected = if path.ends_with("lab/invitations") { 403 } else { 400 };
        assert_eq!(answer.status, expected, "{path}");
    }
    app.end().await;
}

#[tokio::test]
async fn histories_are_read_page_by_page() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let alert = json!({
        "name": "Slow", "type": "threshold", "metric": "api.latency.p99",
        "condition": { "operator": "gt", "value": 1000, "period": "5m" },
        "channels": [
            { "type": "webhook", "url": "https://example.org/a" },
            { "type": "webhook", "url": "https://example.org/b" },
        ],
    });
    let made = app.post("/api/v1/alerts").by(&ada).json(&alert).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = made.header("location").to_owned();
    for _ in 0..2 {
        let told = app.post(&format!("{path}/test")).by(&ada).await;
        assert_eq!(told.status, 202, "{told:?}");
    }
    for (name, count) in [("events", 2), ("deliveries", 4)] {
        let list = format!("{path}/{name}");
        let (seen, _) = walk(&app, &ada, &list, name).await;
        let whole = app.get(&list).by(&ada).await.value();
        let all: Vec<_> = whole[name].as_array().unwrap().iter().map(mark).collect();
        assert_eq!((seen.len(), &seen), (count, &all), "{name}");
    }
    app.end().await;
}
