//! The same facts for statements that are put together, those of `owners` and `cluster` among them:
//! PostgreSQL tells how it answered each of them (`auto_explain`) when the functions of this folder asked.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use resonant_domain::agent::AgentStatus;
use resonant_domain::agent_list::{AgentQuery, AgentSort};
use resonant_domain::listing::ListingSort;
use resonant_domain::{AgentId, SessionId, UserId};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection, PgPool};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use super::seed::{self, Seed};
use super::{buffers, large_tables, nodes, run};
use crate::agents::records::{AgentOrder, OrderBy};
use crate::store::agent_lists::{self, Reach, Way};
use crate::store::agent_records::{self, Selection, Wide};
use crate::store::distribution::list_tables;
use crate::store::listings::{self, Words};
use crate::store::{cluster, owners, session_records};

/// What sqlx passes on of what PostgreSQL says besides its answers.
const NOTICES: &str = "sqlx::postgres::notice";

/// The statements that PostgreSQL told of, each with its plan.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Value>>>);

impl Told {
    /// Those since the last time.
    fn take(&self) -> Vec<Value> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Subscriber for Told {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == NOTICES
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let json = text.0.find('{').map(|at| &text.0[at..]).unwrap_or_default();
        if let Ok(told) = serde_json::from_str::<Value>(json) {
            self.0.lock().unwrap().push(told);
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
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

/// Makes PostgreSQL tell how it answers each statement of this connection.
async fn explain_all(conn: &mut PgConnection) {
    run(conn, "LOAD 'auto_explain'").await;
    for setting in [
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_analyze = on",
        "auto_explain.log_buffers = on",
        "auto_explain.log_timing = off",
        "auto_explain.log_format = json",
        "auto_explain.log_level = notice",
        "client_min_messages = notice",
    ] {
        run(conn, &format!("SET {setting}")).await;
    }
}

/// The statement that asked a question, with its plan, when it was asked again: the first time PostgreSQL
/// reads what it knows of its own tables.
macro_rules! plan_of {
    ($told:ident, $conn:ident, $ask:expr) => {{
        for _ in 0..2 {
            $told.take();
            let _ = $ask.await.unwrap();
            // What it tells of an answer comes behind it.
            $conn.ping().await.unwrap();
        }
        $told
            .take()
            .into_iter()
            .max_by_key(|told| buffers(&told["Plan"]))
            .expect("PostgreSQL tells")
    }};
}

/// The first page of a list of agents.
fn selection(order: AgentOrder, status: Option<AgentStatus>, name: Option<&str>) -> Selection {
    let name = name.map(str::to_owned);
    Selection { status, name, order, after: None, offset: 0, limit: 51 }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn no_list_that_is_put_together_reads_a_large_table_from_end_to_end(pool: PgPool) {
    let seed = Seed::short_or_full();
    seed.sow(&pool).await;
    let known = cluster::known(&pool).await;
    let owner: UserId = Seed::OWNER.parse().unwrap();
    let session: SessionId = seed.session_id(seed.sessions / 2).parse().unwrap();
    // Most sessions are of an agent that is called as its owner is.
    let busy: AgentId = Seed::OWNER.parse().unwrap();
    let ids: [AgentId; 1] = [seed::QUIET.parse().unwrap()];
    let told = Told::default();
    let _telling = tracing::subscriber::set_default(told.clone());
    let mut conn = pool.acquire().await.unwrap();
    let large = large_tables(&mut conn).await;
    let owned = list_tables(&mut conn).await.unwrap().into_iter().collect();
    explain_all(&mut conn).await;

    // What it is, its statement with its plan, and how many pages it may touch.
    let mut seen: Vec<(String, Value, i64)> = Vec::new();
    let statuses = [None, Some(AgentStatus::Active)];
    // By name, runs and rating each agent of a page is looked up by itself.
    for (by, most) in [
        (OrderBy::CreatedAt, 200),
        (OrderBy::UpdatedAt, 200),
        (OrderBy::Name, 4_000),
        (OrderBy::Runs, 4_000),
        (OrderBy::Rating, 4_000),
    ] {
        for is_descending in [true, false] {
            for status in statuses {
                let selection = selection(AgentOrder { by, is_descending }, status, None);
                let ask = agent_records::list;
                let plan = plan_of!(told, conn, ask(&mut conn, owner, &selection, Wide::WHOLE));
                seen.push((format!("agents by {selection:?}"), plan, most));
            }
        }
    }
    let wide = Wide { sessions: 10, ..Wide::WHOLE };
    let plan = plan_of!(told, conn, agent_records::find(&mut conn, owner, &ids, wide));
    seen.push(("agents by their ids, with sessions".to_owned(), plan, 200));
    for sort in AgentSort::ALL {
        for status in statuses {
            let query = AgentQuery { status, text: None, sort };
            for way in [Way::Forwards, Way::Backwards] {
                let reach = || Reach { way, from: None, skip: 0, limit: 50 };
                let ask = agent_lists::window;
                let plan = plan_of!(told, conn, ask(&mut conn, owner, &query, reach()));
                seen.push((format!("a window by {sort:?} of {status:?} {way:?}"), plan, 4_000));
            }
        }
    }
    let plan = plan_of!(told, conn, agent_lists::list_named(&mut conn, owner, &ids));
    seen.push(("agents by their ids, as lines".to_owned(), plan, 4_000));
    // What is counted, or found by a part of its name, of half of all agents may be so from end to end.
    let query = AgentQuery { text: Some("777".to_owned()), ..AgentQuery::default() };
    let found = agent_lists::find_prefix(&mut conn, owner, &query, "Agent").await.unwrap();
    let before = || found.clone().expect("an agent is called so");
    let named = selection(AgentOrder::default(), None, Some("777"));
    let shared = [(busy, vec![owner])];
    let counted = [
        plan_of!(told, conn, agent_records::list(&mut conn, owner, &named, Wide::WHOLE)),
        plan_of!(told, conn, agent_lists::count(&mut conn, owner, &query)),
        plan_of!(told, conn, agent_lists::find_prefix(&mut conn, owner, &query, "Agent")),
        plan_of!(told, conn, agent_lists::count_before(&mut conn, owner, &query, before())),
        // Its owner alone started sessions of it: all of them are looked through.
        plan_of!(told, conn, agent_records::list_started(&mut conn, owner, &shared, 10)),
    ];
    let wide = session_records::Wide { goal: true, context: false, limits: false };
    for of in [None, Some(busy)] {
        let ask = session_records::list;
        let plan = plan_of!(told, conn, ask(&mut conn, owner, of, None, 51, wide, None));
        seen.push((format!("sessions of {of:?}"), plan, 200));
    }
    let plan = plan_of!(told, conn, session_records::find(&mut conn, owner, session, wide));
    seen.push(("a session".to_owned(), plan, 20));
    let words = Words { text: "7777".to_owned(), tsquery: "7777:*".to_owned() };
    for sort in [ListingSort::Relevance, ListingSort::Newest] {
        let ask = listings::list_found;
        let plan = plan_of!(told, conn, ask(&mut conn, &words, &[], sort, None, 51));
        seen.push((format!("listings found, by {sort:?}"), plan, 4_000));
    }

    for told in seen.iter().map(|(_, told, _)| told).chain(&counted) {
        let text = told["Query Text"].as_str().unwrap();
        assert_eq!(owners::missing(text, &owned), Vec::<String>::new(), "{text}");
        cluster::check(text, &known);
    }
    for (name, told, most) in seen {
        let plan = &told["Plan"];
        let mut all = Vec::new();
        nodes(plan, &mut all);
        for node in all {
            let table = node["Relation Name"].as_str().unwrap_or_default();
            let is_whole = node["Node Type"] == "Seq Scan" && large.contains(table);
            assert!(!is_whole, "{table} is read from end to end for {name}: {plan:#}");
        }
        let pages = buffers(plan);
        assert!(pages <= most, "{pages} pages of {most} for {name}: {plan:#}");
    }
}
