//! What each route costs in pages that PostgreSQL touches, held against a table in this repository.
//!
//! PostgreSQL tells of each statement itself, after it was run (`auto_explain`): shared pages that were found
//! in memory and those that were read, without what planning took.

use std::fmt::{Debug, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::measured::{Route, is_written, reads, routes};
use crate::support::{TestApp, Visitor, fill};

/// What the routes cost at present.
const TABLE: &str = include_str!("buffers.txt");
/// By how much it may be more than it says there: trees split, and rows have moved.
const SPARE: u64 = 8;
/// The same for what writes: a connection reads what it has to know of a table when it first writes there,
/// and which connection answers is by chance.
const SPARE_OF_WRITES: u64 = 128;

/// Adds up what PostgreSQL tells of each statement.
#[derive(Clone, Default)]
struct Pages(Arc<Told>);

#[derive(Default)]
struct Told {
    pages: AtomicU64,
    statements: AtomicU64,
}

impl<S: Subscriber> Layer<S> for Pages {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != "sqlx::postgres::notice" {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let json = text.0.find('{').map(|at| &text.0[at..]).unwrap_or_default();
        let Ok(told) = serde_json::from_str::<Value>(json) else { return };
        let keys = ["Shared Hit Blocks", "Shared Read Blocks"];
        let pages: u64 = keys.iter().filter_map(|key| told["Plan"][*key].as_u64()).sum();
        self.0.pages.fetch_add(pages, Ordering::Relaxed);
        self.0.statements.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0.clear();
            write!(self.0, "{value:?}").unwrap();
        }
    }
}

impl Pages {
    /// The pages since the last time, once nothing more is told: that comes when a connection is given
    /// back, behind the answer.
    async fn take(&self) -> u64 {
        loop {
            let before = self.0.statements.load(Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(30)).await;
            if self.0.statements.load(Ordering::Relaxed) == before {
                return self.0.pages.swap(0, Ordering::Relaxed);
            }
        }
    }
}

fn kept() -> Vec<(&'static str, u64)> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let parted = lines.filter_map(|line| line.rsplit_once(' '));
    parted.map(|(route, pages)| (route.trim_end(), pages.parse().unwrap())).collect()
}

/// Asks each route once.
async fn ask(
    app: &TestApp,
    pages: &Pages,
    caller: &Visitor,
    routes: Vec<Route>,
) -> Vec<(String, u64)> {
    let mut costs = vec![];
    for Route { method, name, path, body } in routes {
        pages.take().await;
        let call = app.call(method.clone(), &path).by(caller);
        let answer = if body.is_null() { call.await } else { call.json(&body).await };
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        costs.push((format!("{method} {name}"), pages.take().await));
    }
    costs
}

#[tokio::test]
async fn no_route_touches_more_pages_than_its_table_says() {
    let mut app = TestApp::builder().explained().selling().start().await;
    app.backend.load_content().await.unwrap();
    fill(&app.database_url(), 3_000, 6_000).await;
    let ada = Visitor { token: Some("A".repeat(43)) };
    let page = app.get("/api/v1/listings?limit=1").await.value();
    let slug = page["listings"][0]["slug"].as_str().unwrap();
    let agents: Vec<_> =
        (1..=10).map(|number| format!("00000000-0000-7000-9000-{number:012x}")).collect();
    let session = app.get("/api/v1/sessions?limit=1").by(&ada).await.value();
    let session = session["sessions"][0]["id"].as_str().unwrap();

    let pages = Pages::default();
    let subscriber = tracing_subscriber::registry().with(pages.clone());
    let _counting = tracing::subscriber::set_default(subscriber);
    pages.take().await;
    // A process keeps nothing before it hears of what others write.
    for tries in 0.. {
        app.get("/api/v1/listings?limit=1").by(&ada).await;
        if pages.take().await == 0 {
            break;
        }
        assert!(tries < 100, "the process hears");
    }
    let mut table: String =
        TABLE.lines().filter(|line| line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    let mut costs = ask(&app, &pages, &ada, routes(&agents, session, slug)).await;
    let (root, reads) = reads(&mut app).await;
    costs.extend(ask(&app, &pages, &root, reads).await);
    for (route, cost) in &costs {
        writeln!(table, "{route:<47} {cost:>5}").unwrap();
    }
    assert!(costs.iter().any(|(_, pages)| *pages > 0), "PostgreSQL tells");
    if is_written("buffers.txt", &table) {
        return app.end().await;
    }
    let kept = kept();
    for (route, cost) in &costs {
        let most = kept.iter().find(|(known, _)| known == route).map(|(_, pages)| *pages);
        let spare = if route.starts_with("GET ") { SPARE } else { SPARE_OF_WRITES };
        let is_kept = most.is_some_and(|most| *cost <= most + most / 4 + spare);
        assert!(is_kept, "{route} touches {cost} pages of {most:?}. Now:\n{table}");
    }
    assert_eq!(kept.len(), costs.len(), "each line of the table is a route. Now:\n{table}");
    app.end().await;
}
