//! What each route costs: SQL statements and bytes, held against a table in this repository.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use resonant_domain::AgentId;
use serde_json::json;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::measured::{Route, is_written, reads, routes};
use super::preconditions::made;
use crate::support::{Answer, Call, TestApp, Visitor};

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

fn told(costs: &[Cost]) -> String {
    let mut text = "# SQL statements of the first call and of the same call again, bytes of the answer. Ten agents, three\n\
        # sessions; whatever else there is, twice. RESONANT_WRITE_FIGURES=1 writes this anew.\n"
        .to_owned();
    for Cost { route, first, again, bytes } in costs {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{route:<47} {first:>2} {again:>2} {bytes:>6}");
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

/// How many statements looked the callers' sign-ins up: one each. What is known of them is kept for a minute, and
/// runs out before whichever route is asked then.
fn sign_in_lookups(app: &TestApp) -> usize {
    let figures = app.backend.cache_figures().into_iter();
    let loads = figures.filter(|figures| figures.kind == "sign_in").map(|figures| figures.loads);
    usize::try_from(loads.sum::<u64>()).unwrap()
}

/// Asks each route twice.
async fn ask(
    app: &TestApp,
    statements: &Statements,
    caller: &Visitor,
    routes: Vec<Route>,
) -> Vec<Cost> {
    let mut costs = vec![];
    for route in routes {
        let Route { method, name, path, body } = &route;
        let call = async || -> (usize, Answer) {
            let call = app.call(method.clone(), path).by(caller);
            let count = || (statements.0.load(Ordering::Relaxed), sign_in_lookups(app));
            let before = count();
            let answer = if body.is_null() { call.await } else { call.json(body).await };
            assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
            let (all, of_sign_in) = count();
            (all - before.0 - (of_sign_in - before.1), answer)
        };
        let ((first, answer), (again, _)) = (call().await, call().await);
        let bytes = if route.has_one_length() { answer.body.len() } else { 0 };
        costs.push(Cost { route: format!("{method} {name}"), first, again, bytes });
    }
    costs
}

/// A process keeps nothing before it hears of what others write.
async fn until_it_hears(app: &TestApp, statements: &Statements, visitor: &Visitor) {
    for tries in 0.. {
        let before = statements.0.load(Ordering::Relaxed);
        app.get("/api/v1/listings?limit=1").by(visitor).await;
        if statements.0.load(Ordering::Relaxed) == before {
            break;
        }
        assert!(tries < 1_000, "the process hears");
        tokio::task::yield_now().await;
    }
}

/// A statement for each member of a list would show.
#[tokio::test]
async fn a_longer_list_costs_no_more_statements() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let (mut runs, mut ids) = (vec![], vec![]);
    for cases in [2, 20] {
        let agent = app.agent(&ada, "Reader").await.id;
        let sets = format!("/api/v1/agents/{agent}/test-sets");
        let cases = (0..cases).map(|number| json!({ "goal": format!("{number} + 1") }));
        let set = json!({ "name": "Basics", "cases": cases.collect::<Vec<_>>() });
        let set = app.post(&sets).by(&ada).json(&set).await;
        assert_eq!(set.status, 201, "{set:?}");
        runs.push(format!("{}/runs", set.header("location")));
    }
    for _ in 0..10 {
        ids.push(app.agent(&ada, "Reader").await.id);
    }
    let mut busy = vec![];
    for sessions in [1, 20] {
        let agent = app.agent(&ada, "Reader").await;
        for _ in 0..sessions {
            app.session(&ada, &agent, "Wait for a worker that never comes").await;
        }
        busy.push(format!("/api/v1/agents/{}", agent.id));
    }
    let statements = Statements::default();
    let subscriber = tracing_subscriber::registry().with(statements.clone());
    let _counting = tracing::subscriber::set_default(subscriber);
    until_it_hears(&app, &statements, &ada).await;
    let cost = async |call: Call| {
        let before = statements.0.load(Ordering::Relaxed);
        let answer = call.await;
        assert!((200..300).contains(&answer.status), "{answer:?}");
        statements.0.load(Ordering::Relaxed) - before
    };
    let run = |path: &str| app.post(path).by(&ada).json(&json!({}));
    assert_eq!(cost(run(&runs[0])).await, cost(run(&runs[1])).await, "cases of a test set");
    let batch =
        |ids: &[AgentId]| app.post("/api/v1/agents/batch").by(&ada).json(&json!({ "ids": ids }));
    assert_eq!(cost(batch(&ids[..2])).await, cost(batch(&ids[2..])).await, "agents by their ids");
    let delete = |path: &str| app.call(Method::DELETE, path).by(&ada);
    let (one, many) = (cost(delete(&busy[0])).await, cost(delete(&busy[1])).await);
    assert_eq!(one, many, "open sessions of an agent that is deleted");
    let left = app.get("/api/v1/sessions?limit=200").by(&ada).await.value();
    let states = left["sessions"].as_array().unwrap().iter().map(|session| &session["state"]);
    assert_eq!(states.filter(|state| *state == "cancelled").count(), 21);
    app.end().await;
}

/// One for each of the people who share something would show, too.
#[tokio::test]
async fn more_people_cost_no_more_statements() {
    let app = TestApp::start().await;
    let mut teams = vec![];
    for people in [2, 6] {
        let owner = app.member(&format!("owner-{people}")).await;
        let reader = app.member(&format!("reader-{people}")).await;
        let new = json!({ "name": "Team", "slug": format!("team-{people}") });
        let team = made(&app, &owner, "/api/v1/teams", &new).await.header("location").to_owned();
        let join = async |who: &Visitor| {
            let invitations = format!("{team}/invitations");
            let link = made(&app, &owner, &invitations, &json!({ "role": "runner" })).await.value();
            let token = json!({ "token": link["token"] });
            made(&app, who, "/api/v1/team-invitations/accept", &token).await;
        };
        join(&reader).await;
        let share = async |who: &Visitor| {
            let agent = app.agent(who, "Shared").await.id;
            let share = format!("{team}/agents/{agent}");
            assert_eq!(app.call(Method::PUT, &share).by(who).await.status, 204);
            agent
        };
        let (mut last, mut of_owner) = (String::new(), vec![]);
        for number in 0..people {
            let sharer = app.member(&format!("sharer-{people}-{number}")).await;
            join(&sharer).await;
            last = format!("/api/v1/agents/{}/execute", share(&sharer).await);
            of_owner.push(share(&owner).await);
        }
        let session = made(&app, &reader, &last, &json!({ "goal": "1 + 1" })).await;
        let session = session.header("location").to_owned();
        teams.push((owner, reader, team, session, json!({ "ids": of_owner })));
    }
    let statements = Statements::default();
    let subscriber = tracing_subscriber::registry().with(statements.clone());
    let _counting = tracing::subscriber::set_default(subscriber);
    until_it_hears(&app, &statements, &teams[0].1).await;
    let mut costs = vec![];
    for (owner, reader, team, session, of_owner) in &teams {
        let cost = async |call: Call| {
            let before = statements.0.load(Ordering::Relaxed);
            let answer = call.await;
            assert!((200..300).contains(&answer.status), "{answer:?}");
            statements.0.load(Ordering::Relaxed) - before
        };
        // Who they are is known from here on.
        for visitor in [owner, reader] {
            assert_eq!(app.get("/api/v1/teams").by(visitor).await.status, 200);
        }
        let read = cost(app.get(session).by(reader)).await;
        let batch = app.post("/api/v1/agents/batch?include=sessions").by(reader);
        let batch = cost(batch.json(of_owner)).await;
        costs.push([read, batch, cost(app.call(Method::DELETE, team).by(owner)).await]);
    }
    let [few, many] = [&costs[0], &costs[1]];
    assert_eq!(few, many, "a teammate's session, their agents by ids, a team that is deleted");
    app.end().await;
}

#[tokio::test]
async fn no_route_asks_the_database_more_than_its_table_says() {
    let mut app = TestApp::builder().selling().start().await;
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
    until_it_hears(&app, &statements, &ada).await;
    let mut costs = ask(&app, &statements, &ada, routes(&ids, &session, slug)).await;
    let (root, reads) = reads(&mut app).await;
    costs.extend(ask(&app, &statements, &root, reads).await);
    let now = told(&costs);
    if is_written("statements.txt", &now) {
        return app.end().await;
    }
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
