use std::sync::Arc;

use jiff::SignedDuration;
use resonant_domain::FaultKind;
use resonant_domain::agent::AgentStatus;
use resonant_domain::agent_list::AgentSort;
use resonant_domain::page::PageRequest;
use resonant_domain::session::SessionState;
use resonant_runtime::clock::FixedClock;
use sqlx::PgPool;

use super::*;
use crate::agents::{create, delete_for_good, get, purge, restore, trash};
use crate::{Backend, sample};

fn sorted(sort: AgentSort) -> AgentQuery {
    AgentQuery { sort, ..AgentQuery::default() }
}

fn names(window: &Window<AgentLine>) -> Vec<&str> {
    window.items.iter().map(|line| line.summary.name.as_str()).collect()
}

/// Seven agents a second apart, of which the first two ran.
async fn seven(pool: PgPool) -> (Backend, Ctx, Arc<FixedClock>, Vec<AgentId>) {
    let clock = Arc::new(FixedClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
    let backend = Backend::for_tests_at(pool, clock.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let mut ids = Vec::new();
    for name in ["delta", "Bravo", "alpha", "Echo", "charlie", "Golf", "foxtrot"] {
        ids.push(create(&ctx, sample::spec(name)).await.unwrap().id);
        clock.advance(SignedDuration::from_secs(1));
    }
    for (agent, runs) in [(ids[0], 1), (ids[1], 2)] {
        for _ in 0..runs {
            sessions::start(&ctx, agent, sample::goal("Go")).await.unwrap();
        }
    }
    (backend, ctx, clock, ids)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_list_is_read_from_any_place_in_any_order(pool: PgPool) {
    let (_, ctx, ..) = seven(pool).await;
    for (sort, order) in [
        (AgentSort::Updated, ["foxtrot", "Golf", "charlie", "Echo", "alpha", "Bravo", "delta"]),
        (AgentSort::Name, ["alpha", "Bravo", "charlie", "delta", "Echo", "foxtrot", "Golf"]),
        (AgentSort::Runs, ["Bravo", "delta", "foxtrot", "Golf", "charlie", "Echo", "alpha"]),
        (AgentSort::Rating, ["foxtrot", "Golf", "charlie", "Echo", "alpha", "Bravo", "delta"]),
    ] {
        let query = sorted(sort);
        assert_eq!(count(&ctx, &query).await.unwrap(), 7);
        for skip in 0..7_u64 {
            let at = usize::try_from(skip).unwrap();
            let window = |place| window(&ctx, &query, place, 2);
            let found = window(Place::FromStart(skip)).await.unwrap();
            assert_eq!(names(&found), order[at..7.min(at + 2)], "{sort:?} {skip} from the start");
            let next = window(Place::After(found.end.unwrap())).await.unwrap();
            assert_eq!(names(&next), order[7.min(at + 2)..7.min(at + 4)], "{sort:?} after {skip}");
            let before = window(Place::Before(found.start.unwrap())).await.unwrap();
            assert_eq!(names(&before), order[at.saturating_sub(2)..at], "{sort:?} before {skip}");
            let found = window(Place::FromEnd(skip)).await.unwrap();
            let end = 7 - at;
            assert_eq!(
                names(&found),
                order[end.saturating_sub(2)..end],
                "{sort:?} {skip} from the end"
            );
        }
        let beyond = window(&ctx, &query, Place::FromStart(7), 2).await.unwrap();
        assert_eq!(beyond, Window::empty());
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_line_tells_what_the_agent_does(pool: PgPool) {
    let (_, ctx, _, ids) = seven(pool).await;
    let found = lines(&ctx, &ids[..3]).await.unwrap();
    let of =
        |id| found.iter().find(|line| line.summary.id == id).map(|line| (line.runs, line.open));
    assert_eq!([of(ids[0]), of(ids[1]), of(ids[2])], [Some((1, 1)), Some((2, 2)), Some((0, 0))]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn filters_hold_in_windows_counts_and_marks(pool: PgPool) {
    let (backend, ctx, _, ids) = seven(pool).await;
    change_many(&ctx, &ids[..2], BulkAction::Pause).await.unwrap();
    let paused = AgentQuery { status: Some(AgentStatus::Paused), ..sorted(AgentSort::Name) };
    let first = window(&ctx, &paused, Place::FromStart(0), 1).await.unwrap();
    assert_eq!((names(&first), count(&ctx, &paused).await.unwrap()), (vec!["Bravo"], 2));
    let text = |text: &str| AgentQuery { text: Some(text.to_owned()), ..sorted(AgentSort::Name) };
    let found = window(&ctx, &text(" O "), Place::FromStart(0), 9).await.unwrap();
    assert_eq!(names(&found), ["Bravo", "Echo", "foxtrot", "Golf"]);
    assert_eq!(count(&ctx, &text("%")).await.unwrap(), 0);

    let stranger = sample::guest(&backend).await.unwrap();
    let mark = || Place::After(first.end.clone().unwrap());
    for error in [
        window(&ctx, &sorted(AgentSort::Name), mark(), 1).await.unwrap_err(),
        window(&stranger, &paused, mark(), 1).await.unwrap_err(),
        window(&ctx, &paused, Place::Before("nonsense".to_owned()), 1).await.unwrap_err(),
    ] {
        assert_eq!(error.fields()[0].field, "cursor");
    }
    let error = window(&ctx, &paused, Place::FromStart(0), 0).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "limit");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn letters_lead_to_the_first_name_that_begins_with_them(pool: PgPool) {
    let (_, ctx, ..) = seven(pool).await;
    for (sort, prefix, rank) in [
        (AgentSort::Name, "e", Some(4)),
        (AgentSort::Name, "FO", Some(5)),
        (AgentSort::Updated, "a", Some(4)),
        (AgentSort::Runs, "d", Some(1)),
        (AgentSort::Name, "x", None),
        (AgentSort::Name, "%", None),
    ] {
        let found = rank_of_prefix(&ctx, &sorted(sort), prefix).await.unwrap();
        assert_eq!(found, rank, "{sort:?} {prefix}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn many_agents_change_at_once_and_a_strangers_do_not(pool: PgPool) {
    let (backend, ctx, _, ids) = seven(pool).await;
    let stranger = sample::guest(&backend).await.unwrap();
    assert_eq!(change_many(&stranger, &ids, BulkAction::Delete).await.unwrap(), []);
    let mut paused = change_many(&ctx, &ids[..3], BulkAction::Pause).await.unwrap();
    paused.sort_unstable();
    assert_eq!(paused, ids[..3]);
    assert_eq!(change_many(&ctx, &ids[..3], BulkAction::Pause).await.unwrap(), []);
    let agent = get(&ctx, ids[0]).await.unwrap();
    assert_eq!((agent.status, agent.revision), (AgentStatus::Paused, 2));
    let error = change_many(&ctx, &[], BulkAction::Pause).await.unwrap_err();
    assert_eq!((error.kind(), error.fields()[0].field.as_str()), (FaultKind::Invalid, "ids"));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_deleted_agent_comes_back_until_its_time_is_over(pool: PgPool) {
    let (backend, ctx, clock, ids) = seven(pool).await;
    let open = sessions::list(&ctx, sessions::SessionFilter::default()).await.unwrap().items;
    change_many(&ctx, &ids[..2], BulkAction::Delete).await.unwrap();
    assert_eq!(count(&ctx, &AgentQuery::default()).await.unwrap(), 5);
    assert_eq!(get(&ctx, ids[0]).await.unwrap_err().kind(), FaultKind::NotFound);
    for session in open {
        let session = sessions::get(&ctx, session.id).await.unwrap();
        assert_eq!(session.state, SessionState::Cancelled);
    }
    let page = trash(&ctx, PageRequest { cursor: None, limit: Some(1) }).await.unwrap();
    assert_eq!((page.items.len(), page.has_more()), (1, true));
    let rest = trash(&ctx, PageRequest { cursor: page.next_cursor, limit: None }).await.unwrap();
    assert_eq!((rest.items.len(), rest.has_more()), (1, false));

    clock.advance(SignedDuration::from_hours(24 * 30 - 1));
    assert_eq!(purge(&backend.system()).await.unwrap(), 0);
    assert_eq!(change_many(&ctx, &ids[..1], BulkAction::Restore).await.unwrap(), ids[..1]);
    assert!(get(&ctx, ids[0]).await.is_ok());
    change_many(&ctx, &ids[..1], BulkAction::Delete).await.unwrap();
    let revisions = [
        restore(&ctx, ids[0]).await.unwrap().revision,
        restore(&ctx, ids[0]).await.unwrap().revision,
        get(&ctx, ids[0]).await.unwrap().revision,
    ];
    assert_eq!(revisions, [revisions[2]; 3], "what is back already stays as it is");
    assert_eq!(delete_for_good(&ctx, ids[0]).await.unwrap_err().kind(), FaultKind::NotFound);

    clock.advance(SignedDuration::from_hours(2));
    assert_eq!(purge(&backend.system()).await.unwrap(), 1);
    assert_eq!(change_many(&ctx, &ids[1..2], BulkAction::Restore).await.unwrap(), []);
    assert_eq!(restore(&ctx, ids[1]).await.unwrap_err().kind(), FaultKind::NotFound);
    change_many(&ctx, &ids[..1], BulkAction::Delete).await.unwrap();
    delete_for_good(&ctx, ids[0]).await.unwrap();
    assert_eq!(trash(&ctx, PageRequest::default()).await.unwrap().items, []);
}
