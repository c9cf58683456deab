//! What crosses processes: sign-ins, keys, listings, pins, and the events of sessions.

use futures::TryStreamExt as _;
use resonant_domain::api_key::Scope;
use resonant_domain::listing::ListingFilter;
use resonant_domain::pin::NewPin;
use resonant_domain::session::{SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent, ToolOutcome};

use super::*;
use crate::store::queue::Terms;
use crate::{Actor, RequestId, SignInChange, agents, api_keys, listings, members, sessions, store};

fn piece() -> EventBody {
    EventBody::Output { step: 1, delta: "x".to_owned() }
}

fn long_result() -> EventBody {
    EventBody::ToolResult {
        step: 1,
        call_id: "call01001".to_owned(),
        tool: "shelf".to_owned(),
        outcome: ToolOutcome::Ok,
        content: "x".repeat(300_000),
        duration_ms: 1,
    }
}

async fn next(stream: &mut sessions::EventStream) -> Vec<SessionEvent> {
    let next = tokio::time::timeout(Duration::from_secs(10), stream.try_next());
    next.await.expect("events come").unwrap().expect("the session is not over").to_vec()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn two_processes_share_sign_ins_and_listings(pool: PgPool) {
    let _redis = Server::start("shared");
    let url = Server::url("shared");
    let (one, two) = (backend_on(&pool, &url).await, backend_on(&pool, &url).await);
    one.load_content().await.unwrap();

    let ctx = sample::guest(&one).await.unwrap();
    let Some(SignInChange::Issued(token)) = ctx.sign_in_change() else { panic!("no token") };
    let seen = members::authenticate(&two, token.as_str()).await.unwrap();
    assert_eq!(seen, Some(ctx.actor()));
    assert_eq!(members::authenticate(&one, token.as_str()).await.unwrap(), seen);
    members::sign_out(&ctx).await.unwrap();
    assert_eq!(members::authenticate(&one, token.as_str()).await.unwrap(), None);
    until("the other hears of the sign-out", async || {
        members::authenticate(&two, token.as_str()).await.unwrap().is_none()
    })
    .await;

    let ctx = sample::guest(&one).await.unwrap();
    let scopes = vec![Scope::AgentsRead];
    let (key, text) = api_keys::create_lasting(&ctx, "CI".into(), scopes, None).await.unwrap();
    for backend in [&one, &two] {
        let seen = api_keys::authenticate(backend, text.as_str()).await.unwrap();
        assert!(matches!(seen, Some(Actor::Key { key: id, .. }) if id == key.id));
    }
    api_keys::revoke(&ctx, key.id).await.unwrap();
    assert_eq!(api_keys::authenticate(&one, text.as_str()).await.unwrap(), None);
    until("the other hears of the revocation", async || {
        api_keys::authenticate(&two, text.as_str()).await.unwrap().is_none()
    })
    .await;

    let slug = "meeting-minutes";
    assert_eq!(listings::get(&two.anonymous(), slug).await.unwrap().summary.installs, 0);
    let ctx = sample::member(&one, "ada").await.unwrap();
    listings::install(&ctx, slug).await.unwrap();
    assert_eq!(listings::get(&ctx, slug).await.unwrap().summary.installs, 1);
    until("the other hears of the install", async || {
        listings::get(&two.anonymous(), slug).await.unwrap().summary.installs == 1
    })
    .await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn filters_that_ask_for_the_same_share_a_page(pool: PgPool) {
    let backend = backend(&pool, None).await;
    backend.load_content().await.unwrap();
    let ctx = backend.anonymous();
    let filter = |query: &str, limit| ListingFilter {
        query: query.to_owned(),
        page: resonant_domain::page::PageRequest { cursor: Some(String::new()), limit },
        ..ListingFilter::default()
    };
    let first = listings::page(&ctx, filter("Meeting  minutes ", None)).await.unwrap();
    let second = listings::page(&ctx, filter("meeting minutes", Some(50))).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert!(!first.value().listings.is_empty());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_pinned_crosses_processes(pool: PgPool) {
    let _redis = Server::start("pins");
    let url = Server::url("pins");
    let (one, two) = (backend_on(&pool, &url).await, backend_on(&pool, &url).await);
    let ctx = sample::guest(&one).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let session = sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
    let there = two.ctx(ctx.actor(), RequestId::new("there"));
    let mut stream = sessions::stream(&there, session.id, 0).await.unwrap();
    for is_pinned in [true, false] {
        let new = NewPin { message: 0, is_pinned };
        let pinned = sessions::pin(&ctx, session.id, new).await.unwrap().pins;
        let told = tokio::time::timeout(Duration::from_secs(10), stream.try_next()).await;
        let told = told.expect("the other hears of it").unwrap().unwrap();
        assert_eq!(told.pins(), Some(&pinned[..]));
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn events_cross_processes_and_outlive_redis(pool: PgPool) {
    let mut redis = Some(Server::start("events"));
    let url = Server::url("events");
    let (worker, web) = (backend_on(&pool, &url).await, backend_on(&pool, &url).await);
    let ctx = sample::guest(&web).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let session = sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
    let mut conn = worker.conn().await.unwrap();
    let terms = Terms::new(worker.slots(), worker.owners());
    let claimed = store::queue::claim_one(&mut conn, "worker", Duration::from_mins(1), &terms)
        .await
        .unwrap()
        .unwrap();
    drop(conn);
    let key = (claimed.owner_id, claimed.session_id, claimed.fence);
    let write = async |body: EventBody| {
        let mut conn = worker.conn().await.unwrap();
        let now = worker.now();
        let events =
            store::session_events::append(&mut conn, key, None, vec![body], Usage::default(), now)
                .await
                .unwrap()
                .unwrap();
        worker.events().publish(session.id, &events);
    };

    let mut stream = sessions::stream(&ctx, session.id, 0).await.unwrap();
    // What is too long to be sent from one to the other is read in the log.
    for (number, body) in [(1, piece()), (2, long_result()), (3, piece())] {
        write(body).await;
        assert_eq!(next(&mut stream).await[0].sequence, number);
    }
    redis.take();
    // Without Redis the web process reads the log.
    write(piece()).await;
    assert_eq!(next(&mut stream).await[0].sequence, 4);
    redis.replace(Server::start("events"));
    until("Redis answers again", async || web.ping_redis().await.is_ok()).await;
    write(piece()).await;
    assert_eq!(next(&mut stream).await[0].sequence, 5);
    let done = EventBody::Done {
        state: SessionState::Completed,
        reason: None,
        usage: Usage::default(),
        duration_ms: 1,
        waited_ms: 0,
    };
    write(done).await;
    assert_eq!(next(&mut stream).await[0].sequence, 6);
    assert!(stream.try_next().await.unwrap().is_none());
}
