use std::sync::Arc;

use jiff::SignedDuration;
use resonant_domain::session::NewSession;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::*;
use crate::agents::create;
use crate::clock::FixedClock;
use crate::{Backend, sample, sessions};

fn wanted(fields: &str, sessions: bool) -> Wanted {
    Wanted { fields: Fields::parse(fields).unwrap(), sessions }
}

fn values<T: Serialize>(things: &[T]) -> Vec<Value> {
    things.iter().map(|thing| serde_json::to_value(thing).unwrap()).collect()
}

fn names(records: &[AgentRecord]) -> Vec<String> {
    values(records).iter().map(|value| value["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_order_is_read_as_it_is_written_in_sql() {
    let order = |by, is_descending| Ok(AgentOrder { by, is_descending });
    assert_eq!(AgentOrder::parse("created_at DESC"), order(OrderBy::CreatedAt, true));
    assert_eq!(AgentOrder::parse(" updated_at  asc "), order(OrderBy::UpdatedAt, false));
    assert_eq!(AgentOrder::parse("created_at"), order(OrderBy::CreatedAt, false));
    assert_eq!(AgentOrder::parse("name"), order(OrderBy::Name, false));
    assert_eq!(AgentOrder::parse("Runs DESC"), order(OrderBy::Runs, true));
    assert_eq!(AgentOrder::parse("rating desc"), order(OrderBy::Rating, true));
    for text in ["", "liking", "created_at DOWN", "created_at DESC, name", "created_at;--"] {
        assert_eq!(AgentOrder::parse(text).unwrap_err().field, "order_by", "{text}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn ids_are_answered_in_their_order_and_strangers_are_missing(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::guest(&backend).await.unwrap();
    let bob = sample::guest(&backend).await.unwrap();
    let mut ids = vec![create(&bob, sample::spec("Foreign")).await.unwrap().id];
    for name in ["One", "Two", "Three"] {
        ids.insert(0, create(&ada, sample::spec(name)).await.unwrap().id);
    }
    ids.push(AgentId::from_uuid(uuid::Uuid::nil()));
    let found = find(&ada, &ids, &wanted("id,name", false)).await.unwrap();
    assert_eq!(names(&found.agents), ["Three", "Two", "One"]);
    assert_eq!(found.missing, ids[3..]);
    assert_eq!(values(&found.agents)[0], json!({ "id": ids[0], "name": "Three" }));
    for wrong in [vec![], vec![ids[0]; BATCH_MAX + 1]] {
        let error = find(&ada, &wrong, &Wanted::default()).await.unwrap_err();
        assert_eq!(error.fields()[0].field, "ids");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_whole_record_is_the_agent(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::guest(&backend).await.unwrap();
    let agent = create(&ada, sample::spec("Reader")).await.unwrap();
    let whole = get(&ada, agent.id, &Wanted::default()).await.unwrap();
    assert_eq!(serde_json::to_value(&whole).unwrap(), serde_json::to_value(&agent).unwrap());
    let list = list(&ada, RecordQuery::default()).await.unwrap();
    assert_eq!(list.items, [whole]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_agent_comes_with_its_newest_sessions(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::guest(&backend).await.unwrap();
    let busy = create(&ada, sample::spec("Busy")).await.unwrap();
    create(&ada, sample::spec("Idle")).await.unwrap();
    let mut newest = Vec::new();
    let run_at = Some("2126-11-24T12:00:00Z".parse().unwrap());
    for number in 1..=SESSIONS_MAX + 2 {
        let goal = format!("Goal {number}");
        let new = NewSession { run_at, ..sample::goal(&goal) };
        sessions::start(&ada, busy.id, new).await.unwrap();
        newest.insert(0, goal);
    }
    let query = RecordQuery { wanted: wanted("name", true), ..RecordQuery::default() };
    let page = list(&ada, query).await.unwrap();
    assert_eq!(names(&page.items), ["Idle", "Busy"]);
    assert_eq!(page.items[0].sessions, Some(vec![]));
    let goals: Vec<_> = page.items[1].sessions.iter().flatten().map(|s| s.goal.clone()).collect();
    assert_eq!(goals, newest[..SESSIONS_MAX as usize]);
    // Each is told as the list of sessions tells it.
    let listed = sessions::list(&ada, sessions::SessionFilter::default()).await.unwrap();
    let sessions = page.items[1].sessions.as_deref().unwrap();
    assert_eq!(sessions, &listed.items[..SESSIONS_MAX as usize]);
    assert_eq!(sessions[0].begins_at(), run_at);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn each_order_pages_by_cursor_and_by_offset(pool: PgPool) {
    let clock = Arc::new(FixedClock::new("2026-11-24T12:00:00Z".parse().unwrap()));
    let backend = Backend::for_tests_at(pool, clock.clone());
    let ada = sample::guest(&backend).await.unwrap();
    for name in ["A", "B", "C", "D", "E"] {
        let agent = create(&ada, sample::spec(name)).await.unwrap();
        clock.advance(SignedDuration::from_secs(1));
        if name == "A" {
            clock.advance(SignedDuration::from_hours(1));
            let changes = serde_json::from_value(json!({ "description": "new" })).unwrap();
            crate::agents::update(&ada, agent.id, changes, None).await.unwrap();
            clock.advance(SignedDuration::from_hours(-1));
        }
    }
    for (order, expected) in [
        ("created_at DESC", "EDCBA"),
        ("created_at ASC", "ABCDE"),
        ("updated_at DESC", "AEDCB"),
        ("updated_at ASC", "BCDEA"),
    ] {
        let order = AgentOrder::parse(order).unwrap();
        let page = |cursor: Option<String>, offset: Option<u32>| {
            let page = PageRequest { cursor, limit: Some(2) };
            list(&ada, RecordQuery { order, page, offset, ..RecordQuery::default() })
        };
        let (mut by_cursor, mut by_offset, mut cursor) = (String::new(), String::new(), None);
        for offset in [0, 2, 4] {
            let next = page(cursor.take(), None).await.unwrap();
            by_cursor += &names(&next.items).concat();
            cursor = next.next_cursor;
            by_offset += &names(&page(None, Some(offset)).await.unwrap().items).concat();
        }
        assert_eq!((by_cursor.as_str(), by_offset.as_str()), (expected, expected), "{order:?}");
        assert_eq!(cursor, None);
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_offset_has_an_end_and_no_cursor_beside_it(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::guest(&backend).await.unwrap();
    for name in ["A", "B"] {
        create(&ada, sample::spec(name)).await.unwrap();
    }
    let ask = |cursor: Option<String>, offset| {
        let page = PageRequest { cursor, limit: Some(1) };
        list(&ada, RecordQuery { page, offset: Some(offset), ..RecordQuery::default() })
    };
    let cursor = ask(None, 0).await.unwrap().next_cursor;
    assert!(ask(None, OFFSET_MAX).await.unwrap().items.is_empty());
    for answer in [ask(None, OFFSET_MAX + 1).await, ask(cursor, 1).await] {
        assert_eq!(answer.unwrap_err().fields()[0].field, "offset");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn lists_by_name_runs_and_rating_hold_those_of_a_name(pool: PgPool) {
    let clock = Arc::new(FixedClock::new("2026-11-24T12:00:00Z".parse().unwrap()));
    let backend = Backend::for_tests_at(pool.clone(), clock.clone());
    let ada = sample::guest(&backend).await.unwrap();
    create(&sample::guest(&backend).await.unwrap(), sample::spec("Seagull")).await.unwrap();
    for (name, runs, liking) in [
        ("Seal", 2_i64, 1_i64),
        ("sea lion", 0, -1),
        ("Otter", 7, 1),
        ("Sea Otter", 2, 3),
        ("50%", 1, 0),
    ] {
        clock.advance(SignedDuration::from_secs(1));
        let id = create(&ada, sample::spec(name)).await.unwrap().id;
        sqlx::query!(
            "UPDATE agents SET run_count = $2, liking = $3 WHERE agent_id = $1",
            id.as_uuid(),
            runs,
            liking,
        )
        .execute(&pool)
        .await
        .unwrap();
    }
    let page = |order: &str, name: Option<&str>, cursor: Option<String>, offset: Option<u32>| {
        let (order, name) = (AgentOrder::parse(order).unwrap(), name.map(str::to_owned));
        let page = PageRequest { cursor, limit: Some(2) };
        list(&ada, RecordQuery { name, order, page, offset, ..RecordQuery::default() })
    };
    for (order, name, expected) in [
        ("name", None, "50%, Otter, sea lion, Sea Otter, Seal"),
        ("name DESC", None, "Seal, Sea Otter, sea lion, Otter, 50%"),
        ("runs DESC", None, "Otter, Sea Otter, Seal, 50%, sea lion"),
        ("runs", None, "sea lion, 50%, Seal, Sea Otter, Otter"),
        ("rating DESC", Some(" "), "Sea Otter, Otter, Seal, 50%, sea lion"),
        ("rating DESC", Some(" SEA"), "Sea Otter, Seal, sea lion"),
        ("created_at", Some("otter"), "Otter, Sea Otter"),
        ("updated_at DESC", Some("sea"), "Sea Otter, sea lion, Seal"),
        ("name", Some("%"), "50%"),
        ("name", Some("gull"), ""),
    ] {
        let (mut by_cursor, mut by_offset, mut cursor) = (vec![], vec![], None);
        for offset in [0, 2, 4] {
            if offset == 0 || cursor.is_some() {
                let next = page(order, name, cursor.take(), None).await.unwrap();
                by_cursor.extend(names(&next.items));
                cursor = next.next_cursor;
            }
            let next = page(order, name, None, Some(offset)).await.unwrap();
            by_offset.extend(names(&next.items));
        }
        assert_eq!(cursor, None, "{order} {name:?}");
        assert_eq!(by_cursor.join(", "), expected, "{order} {name:?}");
        assert_eq!(by_offset, by_cursor, "{order} {name:?}");
    }
    // A cursor belongs to its order and its name.
    let cursor = page("name", Some("sea"), None, None).await.unwrap().next_cursor;
    for (order, name) in
        [("name DESC", Some("sea")), ("runs", Some("sea")), ("name", Some("seal")), ("name", None)]
    {
        let error = page(order, name, cursor.clone(), None).await.unwrap_err();
        assert_eq!(error.fields()[0].field, "cursor", "{order} {name:?}");
    }
    for name in ["a\0b", &"x".repeat(101)] {
        let error = page("name", Some(name), None, None).await.unwrap_err();
        assert_eq!(error.fields()[0].field, "name");
    }
}
