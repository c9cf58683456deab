use std::sync::Arc;

use jiff::SignedDuration;
use resonant_domain::FaultKind;
use resonant_domain::agent::ToolGrant;
use resonant_runtime::clock::FixedClock;
use sqlx::PgPool;

use super::*;
use crate::{Backend, cache, sample, sessions};

fn page(cursor: Option<String>, limit: u32) -> AgentFilter {
    AgentFilter { status: None, page: PageRequest { cursor, limit: Some(limit) } }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_agent_comes_back_as_it_was_made(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let made = create(&ctx, sample::spec("  Reader ")).await.unwrap();
    assert_eq!(made.spec.name, "Reader");
    assert_eq!(made.revision, 1);
    assert_eq!(get(&ctx, made.id).await.unwrap(), made);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_broken_rule_changes_nothing(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let mut spec = sample::spec("");
    spec.tools.push(ToolGrant::new("rm"));
    let error = create(&ctx, spec).await.unwrap_err();
    let fields: Vec<_> = error.fields().iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["name", "tools[2].name"]);
    assert_eq!(list(&ctx, AgentFilter::default()).await.unwrap(), Page::empty());

    let made = create(&ctx, sample::spec("Reader")).await.unwrap();
    let broken = AgentChanges { system_prompt: Some("x".repeat(1 << 20)), ..Default::default() };
    let error = update(&ctx, made.id, broken, None).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "system_prompt");
    assert_eq!(get(&ctx, made.id).await.unwrap(), made);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_change_counts_and_no_change_does_not(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let made = create(&ctx, sample::spec("Reader")).await.unwrap();
    let none = update(&ctx, made.id, AgentChanges::default(), None).await.unwrap();
    assert_eq!(none, made);
    let same = AgentChanges { name: Some(" Reader".to_owned()), ..Default::default() };
    assert_eq!(update(&ctx, made.id, same, Some(1)).await.unwrap(), made);

    let changes = AgentChanges {
        name: Some("Writer".to_owned()),
        status: Some(AgentStatus::Paused),
        ..Default::default()
    };
    let changed = update(&ctx, made.id, changes.clone(), Some(1)).await.unwrap();
    assert_eq!((changed.revision, changed.status), (2, AgentStatus::Paused));
    assert_eq!(changed.spec.name, "Writer");
    assert_eq!(changed.spec.tools, made.spec.tools);
    assert_eq!(get(&ctx, made.id).await.unwrap(), changed);

    let stale = AgentChanges { name: Some("Other".to_owned()), ..Default::default() };
    let error = update(&ctx, made.id, stale, Some(1)).await.unwrap_err();
    assert_eq!(error.kind(), FaultKind::Conflict);
    assert_eq!(get(&ctx, made.id).await.unwrap(), changed);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn one_of_two_changes_of_the_same_revision_wins(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let made = create(&ctx, sample::spec("Reader")).await.unwrap();
    let named = |name: &str| AgentChanges { name: Some(name.to_owned()), ..Default::default() };
    let (one, two) = tokio::join!(
        update(&ctx, made.id, named("One"), Some(1)),
        update(&ctx, made.id, named("Two"), Some(1)),
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
    assert_eq!(get(&ctx, made.id).await.unwrap().revision, 2);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn pages_hold_every_agent_once(pool: PgPool) {
    let clock = Arc::new(FixedClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
    let backend = Backend::for_tests_at(pool, clock.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let mut made = Vec::new();
    for number in 0..7 {
        made.push(create(&ctx, sample::spec(&format!("Agent {number}"))).await.unwrap().id);
        // Every second one shares its instant with the one before: the id decides.
        if number % 2 == 1 {
            clock.advance(SignedDuration::from_secs(1));
        }
    }
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = list(&ctx, page(cursor, 3)).await.unwrap();
        seen.extend(page.items.iter().map(|agent| (agent.updated_at, agent.id)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
    let mut ids: Vec<_> = seen.into_iter().map(|(_, id)| id).collect();
    ids.sort_unstable();
    made.sort_unstable();
    assert_eq!(ids, made);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_cursor_serves_its_owner_and_filter_alone(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    for name in ["One", "Two"] {
        create(&ctx, sample::spec(name)).await.unwrap();
    }
    let cursor = list(&ctx, page(None, 1)).await.unwrap().next_cursor;
    assert!(cursor.is_some());
    let stranger = sample::guest(&backend).await.unwrap();
    let other = AgentFilter { status: Some(AgentStatus::Active), ..page(cursor.clone(), 1) };
    for error in [
        list(&stranger, page(cursor.clone(), 1)).await.unwrap_err(),
        list(&ctx, other).await.unwrap_err(),
        list(&ctx, page(Some("nonsense".to_owned()), 1)).await.unwrap_err(),
        crate::sessions::list(
            &ctx,
            crate::sessions::SessionFilter { agent_id: None, page: page(cursor, 1).page },
        )
        .await
        .unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.fields()[0].field.as_str()),
            (FaultKind::Invalid, "cursor")
        );
    }
    let error = list(&ctx, page(None, 0)).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "limit");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_status_filter_holds(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let paused = create(&ctx, sample::spec("Paused")).await.unwrap();
    create(&ctx, sample::spec("Active")).await.unwrap();
    let pause = AgentChanges { status: Some(AgentStatus::Paused), ..Default::default() };
    update(&ctx, paused.id, pause, None).await.unwrap();
    let filter = AgentFilter { status: Some(AgentStatus::Paused), page: PageRequest::default() };
    let found = list(&ctx, filter).await.unwrap();
    assert_eq!(found.items.iter().map(|agent| agent.id).collect::<Vec<_>>(), [paused.id]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn deleting_an_agent_cancels_its_open_sessions(pool: PgPool) {
    use resonant_domain::session::SessionState;

    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = create(&ctx, sample::spec("Reader")).await.unwrap();
    let session = sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
    delete(&ctx, agent.id, None).await.unwrap();
    assert_eq!(get(&ctx, agent.id).await.unwrap_err().kind(), FaultKind::NotFound);
    assert_eq!(delete(&ctx, agent.id, None).await.unwrap_err().kind(), FaultKind::NotFound);
    let session = sessions::get(&ctx, session.id).await.unwrap();
    assert_eq!((session.state, session.last_sequence), (SessionState::Cancelled, 1));
    assert!(crate::work::claim(&backend.system(), "worker").await.unwrap().is_none());
}

/// Whoever changes an agent sees it in the list at once, though the first page is kept.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_first_page_is_never_older_than_a_write(pool: PgPool) {
    let backend = cache::tests::backend(&pool, None).await;
    backend.load_content().await.unwrap();
    let (ctx, stranger) =
        (sample::guest(&backend).await.unwrap(), sample::guest(&backend).await.unwrap());
    let id = create(&ctx, sample::spec("Reader")).await.unwrap().id;
    let names = async |ctx: &Ctx, status| {
        let filter = AgentFilter { status, page: PageRequest::default() };
        let page = first_page(ctx, &filter).await.unwrap();
        let mut names: Vec<_> = page.value().agents.iter().map(|a| a.name.clone()).collect();
        assert_eq!(names.is_empty(), list(ctx, filter).await.unwrap().items.is_empty());
        names.sort_unstable();
        names.join(",")
    };
    let active = Some(AgentStatus::Active);
    assert_eq!(names(&ctx, None).await, "Reader");
    assert_eq!(names(&ctx, active).await, "Reader");
    assert_eq!(names(&stranger, None).await, "");

    create(&ctx, sample::spec("Writer")).await.unwrap();
    assert_eq!(names(&ctx, None).await, "Reader,Writer");
    let named = AgentChanges { name: Some("Scribe".to_owned()), ..Default::default() };
    update(&ctx, id, named, None).await.unwrap();
    assert_eq!(names(&ctx, None).await, "Scribe,Writer");
    change_many(&ctx, &[id], BulkAction::Pause).await.unwrap();
    assert_eq!(names(&ctx, active).await, "Writer");
    delete(&ctx, id, None).await.unwrap();
    assert_eq!(names(&ctx, None).await, "Writer");
    change_many(&ctx, &[id], BulkAction::Restore).await.unwrap();
    assert_eq!(names(&ctx, None).await, "Scribe,Writer");
    let listing = crate::listings::templates(&ctx).await.unwrap();
    crate::listings::install(&ctx, &listing[0].summary.slug).await.unwrap();
    assert_eq!(names(&ctx, None).await.split(',').count(), 3);
    assert_eq!(names(&stranger, None).await, "");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn many_come_in_order_and_never_older_than_a_write(pool: PgPool) {
    let backend = cache::tests::backend(&pool, None).await;
    let (ctx, stranger) =
        (sample::guest(&backend).await.unwrap(), sample::guest(&backend).await.unwrap());
    let one = create(&ctx, sample::spec("One")).await.unwrap().id;
    let two = create(&ctx, sample::spec("Two")).await.unwrap().id;
    let foreign = create(&stranger, sample::spec("Foreign")).await.unwrap().id;
    let read = async || {
        let found = records::documents(&ctx, &[two, foreign, one]).await.unwrap();
        let batch: serde_json::Value = serde_json::from_slice(&found.json()).unwrap();
        let wanted = records::Wanted::default();
        let records = records::find(&ctx, &[two, foreign, one], &wanted).await.unwrap();
        assert_eq!(batch, serde_json::to_value(records).unwrap());
        let names: Vec<_> =
            batch["agents"].as_array().unwrap().iter().map(|a| a["name"].clone()).collect();
        (names, batch["missing"].clone())
    };
    for _ in 0..2 {
        assert_eq!(read().await, (vec!["Two".into(), "One".into()], serde_json::json!([foreign])));
    }
    let named = AgentChanges { name: Some("First".to_owned()), ..Default::default() };
    update(&ctx, one, named, None).await.unwrap();
    assert_eq!(read().await.0, ["Two", "First"]);
    delete(&ctx, two, None).await.unwrap();
    assert_eq!(read().await, (vec!["First".into()], serde_json::json!([two, foreign])));
}
