//! The routes whose costs are measured (`statements.txt`, `buffers.txt`), and what they are asked about.

mod apart;
mod studio;
mod writes;

use std::collections::BTreeSet;
use std::path::Path;

use http::Method;
use resonant_backend::sample;
use resonant_domain::agent::Agent;
use serde_json::{Value, json};

use super::preconditions::made;
use super::purchases::pay;
use crate::support::{Answer, TestApp, Visitor, forget_attempts};

const TABLES: [(&str, &str); 2] = [
    ("statements.txt", include_str!("statements.txt")),
    ("buffers.txt", include_str!("buffers.txt")),
];

/// The reads that are not measured, and why.
const APART: [(&str, &str); 7] = [
    ("/agents/stream", "has no end"),
    ("/alerts/stream", "has no end"),
    ("/notices/stream", "has no end"),
    ("/service-levels/stream", "has no end"),
    ("/sessions/{id}/stream", "has no end"),
    ("/shared/{token}/stream", "has no end"),
    ("/openapi.json", "is written once, when the process begins"),
];

/// What tells how the process does is never twice as long.
const MEASURING: [&str; 3] = ["/metrics", "/operations", "/service-levels"];

/// A route, and how it is asked.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) name: &'static str,
    pub(super) path: String,
    pub(super) body: Value,
}

impl Route {
    /// Whether the bytes of its answer are the same each time.
    pub(super) fn has_one_length(&self) -> bool {
        !MEASURING.contains(&self.name)
    }
}

fn get(name: &'static str, path: impl Into<String>) -> Route {
    Route { method: Method::GET, name, path: path.into(), body: Value::Null }
}

fn post(name: &'static str, path: impl Into<String>, body: Value) -> Route {
    Route { method: Method::POST, name, path: path.into(), body }
}

/// Asked by somebody with these ten agents, who may have many more. What is read from the cache the second
/// time is asked of agents that nobody has asked for before.
pub(super) fn routes(agents: &[String], session: &str, slug: &str) -> Vec<Route> {
    let [agent, one, other, few @ ..] = agents else { panic!("ten agents") };
    let (some, others) = few.split_at(few.len() / 2);
    let ids = some.join(",");
    vec![
        get("/agents", "/api/v1/agents"),
        get("/agents?order_by&offset", "/api/v1/agents?order_by=created_at+DESC&offset=1"),
        get("/agents?name&order_by", "/api/v1/agents?name=agent&order_by=runs+DESC"),
        get("/agents?fields", "/api/v1/agents?fields=id,name,status"),
        get("/agents?include=sessions", "/api/v1/agents?include=sessions"),
        get("/agents?ids", format!("/api/v1/agents?ids={ids}")),
        post("/agents/batch", "/api/v1/agents/batch", json!({ "ids": others })),
        get("/agents/{id}", format!("/api/v1/agents/{one}")),
        get("/agents/{id}?fields", format!("/api/v1/agents/{other}?fields=id,name,status")),
        get("/agents/{id}?include=sessions", format!("/api/v1/agents/{agent}?include=sessions")),
        post("/agents", "/api/v1/agents", json!({ "name": "New" })),
        Route {
            method: Method::PATCH,
            name: "/agents/{id}",
            path: format!("/api/v1/agents/{agent}"),
            body: json!({ "description": "new" }),
        },
        post(
            "/agents/{id}/execute",
            format!("/api/v1/agents/{agent}/execute"),
            json!({ "goal": "1 + 1" }),
        ),
        get("/agents/{id}/test-sets", format!("/api/v1/agents/{agent}/test-sets")),
        get("/agents/{id}/test-policy", format!("/api/v1/agents/{agent}/test-policy")),
        get("/sessions", "/api/v1/sessions"),
        get("/sessions?fields", "/api/v1/sessions?fields=id,state"),
        get("/sessions/{id}", format!("/api/v1/sessions/{session}")),
        get("/sessions/{id}?include=events", format!("/api/v1/sessions/{session}?include=events")),
        post("/sessions/{id}/cancel", format!("/api/v1/sessions/{session}/cancel"), Value::Null),
        get("/listings", "/api/v1/listings?limit=10"),
        get("/listings/{slug}", format!("/api/v1/listings/{slug}")),
        post("/listings/{slug}/install", format!("/api/v1/listings/{slug}/install"), Value::Null),
        get("/listings/{slug}/reviews", format!("/api/v1/listings/{slug}/reviews")),
        get("/listings/{slug}/facts", format!("/api/v1/listings/{slug}/facts")),
        get("/listings?tags&tools", "/api/v1/listings?tags=csv&tools=calculator&limit=10"),
        get("/listings?query", "/api/v1/listings?query=invoice&limit=10"),
        get("/collections", "/api/v1/collections"),
        get("/notices", "/api/v1/notices"),
        post("/keys", "/api/v1/keys", json!({ "name": "CI", "scopes": ["agents:read"] })),
        get("/keys", "/api/v1/keys"),
        get("/tools", "/api/v1/tools"),
        get("/agents/{id}/export", format!("/api/v1/agents/{agent}/export")),
        get("/agents/{id}/budget", format!("/api/v1/agents/{agent}/budget")),
        get("/budget", "/api/v1/budget"),
        get("/sessions/{id}/export", format!("/api/v1/sessions/{session}/export")),
        get("/health", "/api/v1/health"),
        get("/health/ready", "/api/v1/health/ready"),
    ]
}

/// All other reads, and what may be written again and again, asked by an admin who has something of everything, and of most things two: a
/// statement for each of them would show. Ends the workers.
pub(super) async fn reads(app: &mut TestApp) -> (Visitor, Vec<Route>) {
    let root = app.admin().await;
    let others = [app.member("bob").await, app.member("carol").await];
    app.start_workers(1);
    let mut routes = of_sessions(app, &root, &others).await;
    routes.extend(studio::routes(app, &root).await);
    app.stop_workers().await;
    forget_attempts(&app.database_url()).await;
    routes.extend(of_an_agent(app, &root).await);
    routes.extend(of_automations(app, &root).await);
    routes.extend(of_teams(app, &root, &others).await);
    routes.extend(of_the_marketplace(app, &root, &others).await);
    routes.extend(of_the_installation(app, &root).await);
    routes.extend(writes::writes(app, &root).await);
    (root, routes)
}

/// The `id` that an answer tells.
fn id_of(answer: &Value) -> &str {
    answer["id"].as_str().unwrap()
}

/// What comes of sessions that have ended: messages, facts, reviews.
async fn of_sessions(app: &TestApp, root: &Visitor, others: &[Visitor]) -> Vec<Route> {
    let mut webhook = String::new();
    for name in ["one", "two"] {
        let new = json!({ "url": format!("https://{name}.invalid/ended") });
        made(app, root, "/api/v1/webhooks", &new).await.header("location").clone_into(&mut webhook);
    }
    let keeper = json!({ "name": "Keeper", "tools": [{ "name": "remember" }] });
    let keeper: Agent = made(app, root, "/api/v1/agents", &keeper).await.read();
    for fact in ["my favourite tea is green", "my favourite city is Oslo"] {
        let session = app.session(root, &keeper, &format!("Remember that {fact}")).await;
        app.finish(root, &session).await;
    }
    let facts = format!("/api/v1/agents/{}/memories", keeper.id);
    let kept = app.get(&facts).by(root).await.value();
    let fact = format!("{facts}/{}", id_of(&kept["memories"][0]));

    let listing = "/api/v1/listings/unit-converter";
    let mut review = String::new();
    for reviewer in others.iter().chain([root]) {
        let copy: Agent = app.post(&format!("{listing}/install")).by(reviewer).await.read();
        let session = app.session(reviewer, &copy, "5 miles in km").await;
        app.finish(reviewer, &session).await;
        let new = json!({ "stars": 4, "text": "Right" });
        let path = format!("{listing}/reviews");
        made(app, reviewer, &path, &new).await.header("location").clone_into(&mut review);
    }
    vec![
        get("/webhooks", "/api/v1/webhooks"),
        get("/webhooks/{id}/deliveries", format!("{webhook}/deliveries")),
        get("/webhooks/{id}", webhook),
        get("/agents/{id}/memories", facts),
        get("/agents/{id}/memories/{memory}", fact),
        get("/listings/{slug}/reviews/{id}", review),
    ]
}

async fn of_an_agent(app: &TestApp, root: &Visitor) -> Vec<Route> {
    let agent = app.published_agent(root, "Reader").await;
    let own = format!("/api/v1/agents/{}", agent.id);
    let changed = app.call(Method::PATCH, &own).by(root).json(&json!({ "system_prompt": "Read." }));
    assert_eq!(changed.await.status, 200);
    made(app, root, &format!("{own}/versions"), &json!({})).await;
    let mut document = String::new();
    for title in ["Leave", "Travel"] {
        let new = json!({ "title": title, "text": format!("{title}: 30 days of leave.") });
        let path = format!("{own}/knowledge");
        made(app, root, &path, &new).await.header("location").clone_into(&mut document);
    }
    let mut set = String::new();
    for name in ["Basics", "More"] {
        let new = json!({ "name": name, "cases": [{ "goal": "1 + 1" }, { "goal": "2 + 2" }] });
        let path = format!("{own}/test-sets");
        made(app, root, &path, &new).await.header("location").clone_into(&mut set);
    }
    let runs = format!("{set}/runs");
    let run = made(app, root, &runs, &json!({})).await.header("location").to_owned();
    vec![
        get("/agents/{id}/versions", format!("{own}/versions")),
        get("/agents/{id}/versions/{version}", format!("{own}/versions/1")),
        get("/agents/{id}/knowledge", format!("{own}/knowledge")),
        get("/agents/{id}/knowledge/{document}", document),
        get("/agents/{id}/passages", format!("{own}/passages?query=leave")),
        get("/agents/{id}/test-sets/{set}", set),
        get("/agents/{id}/test-sets/{set}/runs", runs),
        get("/agents/{id}/test-sets/{set}/runs/{run}", run),
    ]
}

async fn of_automations(app: &TestApp, root: &Visitor) -> Vec<Route> {
    let agent = app.agent(root, "Clock").await.id;
    let news = [
        ("/api/v1/keys", json!({ "name": "CI", "scopes": ["agents:read"] })),
        ("/api/v1/schedules", json!({ "agent_id": agent, "cron": "0 7 * * *", "goal": "Go" })),
        ("/api/v1/triggers", json!({ "agent_id": agent, "goal": "Read" })),
    ];
    let mut places = vec![];
    for (path, new) in &news {
        made(app, root, path, new).await;
        places.push(made(app, root, path, new).await.header("location").to_owned());
    }
    let places: [String; 3] = places.try_into().unwrap();
    let [key, schedule, trigger] = places;
    for name in ["KEY", "OTHER"] {
        let new = json!({ "name": name, "value": "a long value", "hosts": ["api.example.org"] });
        made(app, root, "/api/v1/secrets", &new).await;
    }
    vec![
        get("/keys/{id}", key),
        get("/schedules", "/api/v1/schedules"),
        get("/schedules/{id}", schedule),
        get("/triggers", "/api/v1/triggers"),
        get("/triggers/{id}", trigger),
        get("/secrets", "/api/v1/secrets"),
        get("/secrets/{name}", "/api/v1/secrets/KEY"),
    ]
}

async fn of_teams(app: &TestApp, root: &Visitor, others: &[Visitor]) -> Vec<Route> {
    let team = async |owner: &Visitor, slug: &str| {
        made(app, owner, "/api/v1/teams", &json!({ "name": slug, "slug": slug })).await;
    };
    let invite = async |owner: &Visitor, slug: &str, new: Value| {
        made(app, owner, &format!("/api/v1/teams/{slug}/invitations"), &new).await.value()
    };
    let join = async |owner: &Visitor, slug: &str, who: &Visitor| {
        let invitation = invite(owner, slug, json!({ "role": "viewer" })).await;
        let body = json!({ "token": invitation["token"] });
        made(app, who, "/api/v1/team-invitations/accept", &body).await;
    };
    let share = async |owner: &Visitor, slug: &str| {
        for name in ["Shared", "Shared too"] {
            let agent = app.agent(owner, name).await.id;
            let path = format!("/api/v1/teams/{slug}/agents/{agent}");
            assert_eq!(app.call(Method::PUT, &path).by(owner).await.status, 204);
        }
    };
    team(root, "lab").await;
    for other in others {
        join(root, "lab", other).await;
        invite(root, "lab", json!({ "role": "viewer" })).await;
    }
    share(root, "lab").await;
    let people = app.get("/api/v1/teams/lab/members").by(root).await.value();
    let member = people["members"][1]["user_id"].as_str().unwrap();
    let [bob, carol] = others else { panic!("two others") };
    for (owner, slug) in [(bob, "den"), (carol, "attic")] {
        team(owner, slug).await;
        join(owner, slug, root).await;
        share(owner, slug).await;
    }
    for (owner, slug) in [(bob, "loft"), (carol, "shed")] {
        team(owner, slug).await;
        invite(owner, slug, json!({ "role": "viewer", "email": "admin@example.org" })).await;
    }
    vec![
        get("/teams", "/api/v1/teams"),
        get("/teams/{team}", "/api/v1/teams/lab"),
        get("/teams/{team}/members", "/api/v1/teams/lab/members"),
        get("/teams/{team}/members/{id}", format!("/api/v1/teams/lab/members/{member}")),
        get("/teams/{team}/invitations", "/api/v1/teams/lab/invitations"),
        get("/teams/{team}/agents", "/api/v1/teams/lab/agents"),
        get("/team-invitations", "/api/v1/team-invitations"),
        get("/agents/shared", "/api/v1/agents/shared"),
    ]
}

/// Hands a version in. Answers the agent's address, and what was said of that.
async fn hand_in(app: &TestApp, owner: &Visitor, name: &str) -> (String, Answer) {
    let agent = app.published_agent(owner, name).await;
    let own = format!("/api/v1/agents/{}", agent.id);
    let texts = json!({
        "name": name, "tagline": "Reckons", "category": "finance", "description": "It reckons",
        "price": { "kind": "one_time", "amount": 500, "currency": "EUR" },
    });
    let answer = made(app, owner, &format!("{own}/submissions"), &texts).await;
    (own, answer)
}

async fn of_the_marketplace(app: &TestApp, root: &Visitor, others: &[Visitor]) -> Vec<Route> {
    let (own, handed_in) = hand_in(app, root, "Reckoner").await;
    let approve = json!({ "verdict": "approve" });
    let mine = app.decide(root, &handed_in, &approve).await.value();
    let (mut purchase, mut submission) = (String::new(), String::new());
    for (other, name) in others.iter().zip(["Counter", "Adder"]) {
        let profile = format!("handle={name}-s&name={name}&bio=").to_lowercase();
        let saved = app.post("/api/fn/account/save_profile").by(other).form(&profile).await;
        assert!(saved.status < 400, "{saved:?}");
        let follow = format!("/api/v1/publishers/{}-s/follow", name.to_lowercase());
        assert_eq!(app.call(Method::PUT, &follow).by(root).await.status, 204);
        // Each buys from the other.
        let (_, handed_in) = hand_in(app, other, name).await;
        let sold = app.decide(root, &handed_in, &approve).await.value();
        for (buyer, listing) in [(root, &sold), (other, &mine)] {
            let path = format!("/api/v1/listings/{}/purchases", listing["slug"].as_str().unwrap());
            let begun = made(app, buyer, &path, &json!({})).await;
            pay(app, &begun.value()).await;
            if buyer.token == root.token {
                begun.header("location").clone_into(&mut purchase);
            }
        }
        let (_, waiting) = hand_in(app, other, &format!("Another {name}")).await;
        submission = format!("/api/v1/submissions/{}", id_of(&waiting.value()["submissions"][0]));
    }
    let shelf = "slug=&title=Shelf&description=For+a+start&is_featured=true\
                 &listings=world-clock%0D%0Aunit-converter";
    let saved = app.post("/api/fn/moderation/save_collection").by(root).form(shelf).await;
    assert!(saved.status < 400, "{saved:?}");
    let upload = app.post("/api/v1/images?kind=screenshot").by(root);
    let picture = upload.raw("image/png", sample::picture(1600, 1000, 7)).await;
    assert_eq!(picture.status, 201, "{picture:?}");
    let picture = picture.value();
    vec![
        get("/agents/{id}/submissions", format!("{own}/submissions")),
        get("/agents/{id}/listing", format!("{own}/listing")),
        get("/submissions", "/api/v1/submissions"),
        get("/submissions/{id}", submission),
        get("/purchases", "/api/v1/purchases"),
        get("/purchases/{id}", purchase),
        get("/earnings", "/api/v1/earnings"),
        get("/following", "/api/v1/following"),
        get("/publishers/{handle}", "/api/v1/publishers/counter-s"),
        get("/collections/{slug}", "/api/v1/collections/shelf"),
        get("/images/{id}/{file}", format!("/images/{}/480.webp", id_of(&picture))),
        get("/og/{kind}/{file}", "/og/listings/unit-converter.png"),
        get("/sitemap.xml", "/sitemap.xml"),
    ]
}

async fn of_the_installation(app: &TestApp, root: &Visitor) -> Vec<Route> {
    let mut alert = String::new();
    for name in ["Slow", "Slower"] {
        let new = json!({
            "name": name, "type": "threshold", "metric": "api.latency.p99",
            "condition": { "operator": "gt", "value": 1000, "period": "5m" },
            "channels": [{ "type": "webhook", "url": "https://alert.invalid/" }],
        });
        made(app, root, "/api/v1/alerts", &new).await.header("location").clone_into(&mut alert);
    }
    for _ in 0..2 {
        let tested = app.post(&format!("{alert}/test")).by(root).await;
        assert_eq!(tested.status, 202, "{tested:?}");
    }
    vec![
        get("/alerts", "/api/v1/alerts"),
        get("/alerts/{id}/events", format!("{alert}/events")),
        get("/alerts/{id}/deliveries", format!("{alert}/deliveries")),
        get("/alerts/{id}", alert),
        get("/audit", "/api/v1/audit"),
        get("/audit/installation", "/api/v1/audit/installation"),
        get("/metrics", "/api/v1/metrics"),
        get("/service-levels", "/api/v1/service-levels"),
        get("/operations", "/api/v1/operations"),
    ]
}

/// Writes a table anew where somebody asks for it.
#[expect(clippy::disallowed_methods, reason = "a test has no settings but this one")]
pub(super) fn is_written(name: &str, table: &str) -> bool {
    if std::env::var("RESONANT_WRITE_FIGURES").is_err() {
        return false;
    }
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api").join(name);
    std::fs::write(place, table).unwrap();
    true
}

#[tokio::test]
async fn each_read_of_the_interface_is_measured() {
    let app = TestApp::start().await;
    let document = app.get("/api/v1/openapi.json").await.value();
    let paths = document["paths"].as_object().unwrap().iter();
    let reads: BTreeSet<_> = paths
        .filter(|(_, methods)| methods["get"].is_object())
        .map(|(path, _)| path.trim_start_matches("/api/v1"))
        .collect();
    assert!(reads.len() > 60, "{reads:?}");
    let apart: BTreeSet<_> = APART.iter().map(|(path, _)| *path).collect();
    assert!(apart.is_subset(&reads), "some of {apart:?} are no reads");
    for (table, text) in TABLES {
        let lines = text.lines().filter_map(|line| line.strip_prefix("GET "));
        let measured: BTreeSet<_> =
            lines.filter_map(|line| line.split([' ', '?']).next()).collect();
        let missing: Vec<_> = reads
            .iter()
            .filter(|path| !measured.contains(*path) && !apart.contains(*path))
            .collect();
        assert!(missing.is_empty(), "{table} has no line for {missing:?}");
        assert!(measured.is_disjoint(&apart), "{table} measures what stands apart");
    }
    app.end().await;
}
