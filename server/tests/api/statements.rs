//! What each route costs: SQL statements and bytes, held against a table in this repository.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use serde_json::{Value, json};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::support::{Answer, TestApp};

/// What the routes cost at present.
const TABLE: &str = include_str!("statements.txt");
/// By how much an answer may be longer than it says there: instants are written without their last
/// zeros.
const BYTES_SPARE: usize = 64;

/// Counts what sqlx tells of each statement.
#[derive(Clone, Default)]
struct Statements(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// One line of the table.
struct Cost {
    route: String,
    first: usize,
    again: usize,
    bytes: usize,
}

/// A route, and how many things it answers with.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) name: &'static str,
    pub(super) path: String,
    pub(super) body: Value,
}

pub(super) fn routes(agents: &[String], session: &str, slug: &str) -> Vec<Route> {
    let get = |name, path: String| Route { method: Method::GET, name, path, body: Value::Null };
    let post = |name, path: String, body| Route { method: Method::POST, name, path, body };
    let agent = &agents[0];
    let ids = agents.join(",");
    vec![
        get("/agents", "/api/v1/agents".into()),
        get("/agents?order_by&offset", "/api/v1/agents?order_by=created_at+DESC&offset=1".into()),
        get("/agents?fields", "/api/v1/agents?fields=id,name,status".into()),
        get("/agents?include=sessions", "/api/v1/agents?include=sessions".into()),
        get("/agents?ids", format!("/api/v1/agents?ids={ids}")),
        post("/agents/batch", "/api/v1/agents/batch".into(), json!({ "ids": agents })),
        get("/agents/{id}", format!("/api/v1/agents/{agent}")),
        get("/agents/{id}?fields", format!("/api/v1/agents/{agent}?fields=id,name,status")),
        get("/agents/{id}?include=sessions", format!("/api/v1/agents/{agent}?include=sessions")),
        post("/agents", "/api/v1/agents".into(), json!({ "name": "New" })),
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
        get("/sessions", "/api/v1/sessions".into()),
        get("/sessions?fields", "/api/v1/sessions?fields=id,state".into()),
        get("/sessions/{id}", format!("/api/v1/sessions/{session}")),
        get("/sessions/{id}?include=events", format!("/api/v1/sessions/{session}?include=events")),
        post("/sessions/{id}/cancel", format!("/api/v1/sessions/{session}/cancel"), Value::Null),
        get("/listings", "/api/v1/listings?limit=10".into()),
        get("/listings/{slug}", format!("/api/v1/listings/{slug}")),
        post("/listings/{slug}/install", format!("/api/v1/listings/{slug}/install"), Value::Null),
        get("/listings/{slug}/reviews", format!("/api/v1/listings/{slug}/reviews")),
        get("/listings/{slug}/facts", format!("/api/v1/listings/{slug}/facts")),
        get("/listings?tags&tools", "/api/v1/listings?tags=csv&tools=calculator&limit=10".into()),
        get("/listings?query", "/api/v1/listings?query=invoice&limit=10".into()),
        get("/collections", "/api/v1/collections".into()),
        get("/notices", "/api/v1/notices".into()),
        get("/keys", "/api/v1/keys".into()),
        post("/keys", "/api/v1/keys".into(), json!({ "name": "CI", "scopes": ["agents:read"] })),
        get("/tools", "/api/v1/tools".into()),
    ]
}

fn told(costs: &[Cost]) -> String {
    let mut text = "# SQL statements of the first call and of the same call again, bytes of the answer. Ten agents, three\n\
        # sessions. After a change for the better, take over what the test prints.\n"
        .to_owned();
    for Cost { route, first, again, bytes } in costs {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{route:<42} {first:>2} {again:>2} {bytes:>6}");
    }
    text
}

fn kept() -> Vec<Cost> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let [route @ .., first, again, bytes] = words.as_slice() else { panic!("{line}") };
            let number = |word: &str| word.parse().unwrap();
            let route = route.join(" ");
            Cost { route, first: number(first), again: number(again), bytes: number(bytes) }
        })
        .collect()
}

#[tokio::test]
async fn no_route_asks_the_database_more_than_its_table_says() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let ada = app.guest().await;
    let mut agents = vec![];
    for number in 0..10 {
        agents.push(app.agent(&ada, &format!("Agent {number}")).await);
    }
    let mut sessions = vec![];
    for _ in 0..3 {
        sessions.push(app.session(&ada, &agents[0], "What is 1 + 1?").await);
    }
    let page = app.get("/api/v1/listings?limit=1").await.value();
    let slug = page["listings"][0]["slug"].as_str().unwrap();
    let ids: Vec<_> = agents.iter().map(|agent| agent.id.to_string()).collect();
    let session = sessions[0].id.to_string();

    let statements = Statements::default();
    let subscriber = tracing_subscriber::registry().with(statements.clone());
    let _counting = tracing::subscriber::set_default(subscriber);
    // A process keeps nothing before it hears of what others write.
    for tries in 0.. {
        let before = statements.0.load(Ordering::Relaxed);
        app.get("/api/v1/listings?limit=1").by(&ada).await;
        if statements.0.load(Ordering::Relaxed) == before {
            break;
        }
        assert!(tries < 1_000, "the process hears");
        tokio::task::yield_now().await;
    }
    let mut costs = vec![];
    for Route { method, name, path, body } in routes(&ids, &session, slug) {
        let call = async || -> (usize, Answer) {
            let call = app.call(method.clone(), &path).by(&ada);
            let before = statements.0.load(Ordering::Relaxed);
            let answer = if body.is_null() { call.await } else { call.json(&body).await };
            assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
            (statements.0.load(Ordering::Relaxed) - before, answer)
        };
        let ((first, answer), (again, _)) = (call().await, call().await);
        let route = format!("{method} {name}");
        costs.push(Cost { route, first, again, bytes: answer.body.len() });
    }
    let now = told(&costs);
    let kept = kept();
    let place = Path::new(file!()).with_extension("txt");
    for cost in &costs {
        let kept = kept.iter().find(|kept| kept.route == cost.route);
        let is_kept = kept.is_some_and(|kept| {
            cost.first <= kept.first
                && cost.again <= kept.again
                && cost.bytes <= kept.bytes + BYTES_SPARE
        });
        assert!(is_kept, "{} costs more than {} says. Now:\n{now}", cost.route, place.display());
    }
    assert_eq!(kept.len(), costs.len(), "each line of the table is a route. Now:\n{now}");
    app.end().await;
}
