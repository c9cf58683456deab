use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use resonant_domain::FaultKind;
use resonant_domain::session::{NewMessage, SessionState};
use resonant_domain::webhook::{ATTEMPTS_MAX, DeliveryState};
use resonant_runtime::clock::{Clock as _, FixedClock};
use sqlx::PgPool;

use super::*;
use crate::receiver::{message_of, receiver};
use crate::{Settings, agents, sample, sessions};

fn at(pool: PgPool) -> (Backend, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::new("2026-01-02T06:00:00Z".parse().unwrap()));
    let settings = Settings { allow_private_egress: true, ..sample::settings() };
    (Backend::for_tests_at_with(pool, clock.clone(), &settings), clock)
}

/// Ends every wait. No clock of a process does: the database's tells what is due.
async fn come_due(pool: &PgPool) {
    let statement = "UPDATE webhook_deliveries SET next_attempt_at = now() \
                     WHERE next_attempt_at IS NOT NULL";
    sqlx::raw_sql(statement).execute(pool).await.unwrap();
}

/// A session that has ended, and its agent's owner's webhook.
async fn told(backend: &Backend, url: &str) -> (Ctx, WithKey<Webhook>) {
    let ctx = sample::guest(backend).await.unwrap();
    let hook = create(&ctx, NewWebhook { url: url.to_owned(), agent_id: None }).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let session = sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
    assert_eq!(deliver_due(&backend.system()).await.unwrap(), 0);
    let session = sessions::cancel(&ctx, session.id).await.unwrap();
    assert_eq!(session.state, SessionState::Cancelled);
    (ctx, hook)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_end_is_told_once_with_a_signature(pool: PgPool) {
    let (backend, clock) = at(pool);
    let (url, heard) = receiver(&[204]);
    let (ctx, hook) = told(&backend, &url).await;
    let system = backend.system();
    let (one, two) = tokio::join!(deliver_due(&system), deliver_due(&system));
    assert_eq!(one.unwrap() + two.unwrap(), 1);
    let message = message_of(&heard.recv().unwrap());
    let owner = access::user(&ctx).unwrap();
    let key = SigningKey::of(&backend, KIND, owner, hook.made.id.as_uuid()).await.unwrap();
    assert_eq!(key.to_text(), hook.signing_key);
    assert!(key.verify(&message, clock.now()).unwrap(), "{message:?}");
    let body = &message.body;
    assert!(body.contains("\"session.ended\"") && body.contains("\"cancelled\""), "{body}");

    let log = deliveries(&ctx, hook.made.id, PageRequest::default()).await.unwrap().items;
    assert_eq!(
        (log.len(), log[0].state, log[0].last_status),
        (1, DeliveryState::Delivered, Some(204))
    );
    assert_eq!(log[0].id.to_string(), message.id);
    clock.advance(SignedDuration::from_hours(24));
    assert_eq!(deliver_due(&backend.system()).await.unwrap(), 0);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_not_taken_is_told_again_and_given_up_in_the_end(pool: PgPool) {
    let (backend, _) = at(pool.clone());
    let (url, heard) = receiver(&[500; 8]);
    let (ctx, hook) = told(&backend, &url).await;
    let mut ids = Vec::new();
    for attempt in 1..=ATTEMPTS_MAX {
        assert_eq!(deliver_due(&backend.system()).await.unwrap(), 1, "{attempt}");
        assert_eq!(deliver_due(&backend.system()).await.unwrap(), 0, "{attempt}");
        ids.push(message_of(&heard.recv().unwrap()).id);
        come_due(&pool).await;
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "the message keeps its id");
    let log = deliveries(&ctx, hook.made.id, PageRequest::default()).await.unwrap().items;
    assert_eq!(
        (log[0].state, log[0].attempts, log[0].last_status),
        (DeliveryState::Failed, ATTEMPTS_MAX, Some(500))
    );
    assert_eq!(deliver_due(&backend.system()).await.unwrap(), 0);
    let stranger = sample::guest(&backend).await.unwrap();
    assert!(matches!(
        deliveries(&stranger, hook.made.id, PageRequest::default()).await,
        Err(Error::NotFound(_))
    ));
    delete(&ctx, hook.made.id).await.unwrap();
    assert!(matches!(
        deliveries(&ctx, hook.made.id, PageRequest::default()).await,
        Err(Error::NotFound(_))
    ));
}

/// What follows a redirect with GET tells nothing, whatever is answered there.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_message_that_is_redirected_is_not_taken(pool: PgPool) {
    let (backend, _) = at(pool);
    let (url, heard) = receiver(&[301, 200]);
    let (ctx, hook) = told(&backend, &url).await;
    assert_eq!(deliver_due(&backend.system()).await.unwrap(), 1);
    assert!(heard.recv().unwrap().starts_with("POST /hook "));
    let log = deliveries(&ctx, hook.made.id, PageRequest::default()).await.unwrap().items;
    assert_eq!((log[0].state, log[0].last_status), (DeliveryState::Pending, None));
    let reason = format!("it redirects to {url}/; name that address");
    assert_eq!(log[0].last_error.as_deref(), Some(reason.as_str()));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_message_is_sent_again_when_its_owner_says_so(pool: PgPool) {
    let (backend, _) = at(pool);
    let (url, heard) = receiver(&[500, 204, 204]);
    let (ctx, hook) = told(&backend, &url).await;
    let hook = hook.made.id;
    let system = backend.system();
    let log =
        async || deliveries(&ctx, hook, PageRequest::default()).await.unwrap().items.remove(0);
    let mut ids = Vec::new();
    // Refused once; told again before its time, and then once more although it was taken.
    for (state, attempts) in
        [(DeliveryState::Pending, 1), (DeliveryState::Delivered, 2), (DeliveryState::Delivered, 1)]
    {
        assert_eq!(deliver_due(&system).await.unwrap(), 1, "{state:?}");
        ids.push(message_of(&heard.recv().unwrap()).id);
        let line = log().await;
        assert_eq!((line.state, line.attempts), (state, attempts));
        assert_eq!(deliver_due(&system).await.unwrap(), 0, "{state:?}");
        redeliver(&ctx, hook, line.id).await.unwrap();
        assert_eq!(log().await.state, DeliveryState::Pending);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "the message keeps its id");
    let stranger = sample::guest(&backend).await.unwrap();
    let id = log().await.id;
    let other = create(&ctx, sample::webhook()).await.unwrap().made.id;
    for (who, hook) in [(&stranger, hook), (&ctx, other)] {
        assert!(matches!(redeliver(who, hook, id).await, Err(Error::NotFound(_))));
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_became_of_a_message_is_forgotten_a_month_after_it_was_sent_last(pool: PgPool) {
    let (backend, _) = at(pool.clone());
    let (url, heard) = receiver(&[204, 204]);
    let (ctx, hook) = told(&backend, &url).await;
    let (hook, system) = (hook.made.id, backend.system());
    let log = async || deliveries(&ctx, hook, PageRequest::default()).await.unwrap().items;
    let set = async |columns: &str| {
        let statement = format!("UPDATE webhook_deliveries SET {columns}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&pool).await.unwrap();
    };
    // It waits to be sent, however old it is.
    set("created_at = now() - INTERVAL '1 year'").await;
    assert_eq!(forget_old(&system).await.unwrap(), 0);
    assert_eq!(deliver_due(&system).await.unwrap(), 1);
    assert_eq!(forget_old(&system).await.unwrap(), 0, "sent just now");
    set("attempted_at = now() - INTERVAL '29 days', delivered_at = now() - INTERVAL '1 year'")
        .await;
    assert_eq!(forget_old(&system).await.unwrap(), 0, "not for long enough");
    set("attempted_at = now() - INTERVAL '31 days'").await;
    redeliver(&ctx, hook, log().await[0].id).await.unwrap();
    assert_eq!(forget_old(&system).await.unwrap(), 0, "it waits again");
    assert_eq!(deliver_due(&system).await.unwrap(), 1);
    assert_eq!(forget_old(&system).await.unwrap(), 0, "sent once more");
    assert_eq!((heard.iter().take(2).count(), log().await.len()), (2, 1));
    set("attempted_at = now() - INTERVAL '31 days'").await;
    assert_eq!(forget_old(&system).await.unwrap(), 1);
    assert_eq!(log().await, []);
    assert_eq!(forget_old(&ctx).await.unwrap_err().kind(), FaultKind::Forbidden);
}

/// As by a process of the release before, which did not note when it sent them.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_message_without_a_noted_attempt_goes_by_when_it_was_taken(pool: PgPool) {
    let (backend, _) = at(pool.clone());
    let (url, _heard) = receiver(&[204]);
    told(&backend, &url).await;
    let system = backend.system();
    assert_eq!(deliver_due(&system).await.unwrap(), 1);
    for (days, gone) in [(29, 0), (31, 1)] {
        let statement = format!(
            "UPDATE webhook_deliveries SET attempted_at = NULL, created_at = now() - INTERVAL '1 year',
                    delivered_at = now() - INTERVAL '{days} days'"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&pool).await.unwrap();
        assert_eq!(forget_old(&system).await.unwrap(), gone, "after {days} days");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn between_those_that_are_sent_side_by_side_one_can_stop(pool: PgPool) {
    let (backend, _) = at(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    for _ in 0..=SIDE_BY_SIDE {
        create(&ctx, sample::webhook()).await.unwrap();
    }
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let session = sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
    sessions::cancel(&ctx, session.id).await.unwrap();
    let system = backend.system();
    for sent in [SIDE_BY_SIDE, 1, 0] {
        assert_eq!(deliver_due(&system).await.unwrap(), sent);
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_message_tells_of_its_end_whatever_came_after(pool: PgPool) {
    let (backend, clock) = at(pool.clone());
    let (url, heard) = receiver(&[500, 204]);
    let (ctx, _) = told(&backend, &url).await;
    let filter = sessions::SessionFilter::default();
    let id = sessions::list(&ctx, filter).await.unwrap().items[0].id;
    assert_eq!(deliver_due(&backend.system()).await.unwrap(), 1);
    let first = message_of(&heard.recv().unwrap()).body;
    // The session goes on before the receiver has taken the message.
    clock.advance(SignedDuration::from_mins(1));
    let word = NewMessage { text: "Go on".to_owned(), context: None };
    let again = sessions::say(&ctx, id, word).await.unwrap();
    assert_eq!(again.state, SessionState::Queued);
    come_due(&pool).await;
    assert_eq!(deliver_due(&backend.system()).await.unwrap(), 1);
    let second = message_of(&heard.recv().unwrap()).body;
    assert!(first.contains("\"cancelled\"") && !first.contains("queued"), "{first}");
    assert_eq!(first, second);
}

/// Takes what comes, and never answers. Tells how many have come.
fn silent() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    drop(std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            kept.push(stream);
        }
    }));
    (url, count)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_does_not_answer_holds_nobody_up(pool: PgPool) {
    let (backend, clock) = at(pool);
    let (url, taken) = silent();
    let ctx = sample::guest(&backend).await.unwrap();
    create(&ctx, NewWebhook { url, agent_id: None }).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let end_one = async || {
        let session = sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
        sessions::cancel(&ctx, session.id).await.unwrap();
    };
    for _ in 0..2 * SIDE_BY_SIDE {
        end_one().await;
    }
    // The one who answers is told last.
    clock.advance(SignedDuration::from_mins(1));
    let (url, heard) = receiver(&[204]);
    create(&ctx, NewWebhook { url, agent_id: None }).await.unwrap();
    end_one().await;
    let deliverers = (0..DELIVERERS).map(|_| {
        let system = backend.system();
        tokio::spawn(async move {
            loop {
                deliver_due(&system).await.unwrap();
                tokio::task::yield_now().await;
            }
        })
    });
    let deliverers: Vec<_> = deliverers.collect();
    // Long before the silent one is given up.
    let patience = Duration::from_secs(8);
    let heard = tokio::task::spawn_blocking(move || heard.recv_timeout(patience));
    heard.await.unwrap().expect("it is told at once");
    assert!(taken.load(Ordering::SeqCst) <= PER_WEBHOOK);
    for deliverer in deliverers {
        deliverer.abort();
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_process_whose_clock_is_ahead_takes_no_message_in_flight(pool: PgPool) {
    let (backend, clock) = at(pool.clone());
    let (ctx, hook) = told(&backend, "http://127.0.0.1:9/hook").await;
    let shard = backend.shards().next().unwrap();
    let mut tx = backend.begin_on(shard).await.unwrap();
    let due = store::webhooks::list_due(&mut tx, &[], LOOKED_AT, backend.owners()).await.unwrap();
    let taken = store::webhooks::claim(&mut tx, &due, RETAKEN_AFTER).await;
    tx.commit().await.unwrap();
    assert_eq!(taken.unwrap().len(), 1);
    let ahead = FixedClock::new(clock.now() + SignedDuration::from_hours(24 * 4_000));
    let other = Backend::for_tests_at(pool, Arc::new(ahead));
    assert_eq!(deliver_due(&other.system()).await.unwrap(), 0);
    assert_eq!(
        deliveries(&ctx, hook.made.id, PageRequest::default()).await.unwrap().items[0].attempts,
        1
    );
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_came_of_an_attempt_counts_until_another_has_made_the_next(pool: PgPool) {
    let (backend, _) = at(pool.clone());
    let (url, heard) = receiver(&[204, 500]);
    let (ctx, hook) = told(&backend, &url).await;
    let shard = backend.shards().next().unwrap();
    let mut tx = backend.begin_on(shard).await.unwrap();
    let due = store::webhooks::list_due(&mut tx, &[], LOOKED_AT, backend.owners()).await.unwrap();
    let mut taken = store::webhooks::claim(&mut tx, &due, RETAKEN_AFTER).await.unwrap();
    tx.commit().await.unwrap();
    // Whoever has it falls asleep; another takes it over.
    come_due(&pool).await;
    assert_eq!(deliver_due(&backend.system()).await.unwrap(), 1);
    deliver(&backend, taken.remove(0)).await.unwrap();
    assert_eq!(heard.iter().take(2).count(), 2, "both were sent");
    let log = deliveries(&ctx, hook.made.id, PageRequest::default()).await.unwrap().items;
    assert_eq!(
        (log[0].state, log[0].attempts, log[0].last_status),
        (DeliveryState::Delivered, 2, Some(204))
    );
    come_due(&pool).await;
    assert_eq!(deliver_due(&backend.system()).await.unwrap(), 0);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_address_inside_is_not_told(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (ctx, hook) = told(&backend, "http://169.254.169.254/hook").await;
    assert_eq!(deliver_due(&backend.system()).await.unwrap(), 1);
    let log = deliveries(&ctx, hook.made.id, PageRequest::default()).await.unwrap().items;
    let error = log[0].last_error.clone().unwrap_or_default();
    assert!(error.contains("not on the public Internet"), "{error}");
}

/// As in a cluster, whose tables have none.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_end_is_told_without_triggers(pool: PgPool) {
    let triggers = "DROP TRIGGER sessions_tell_webhooks ON sessions;
                    DROP TRIGGER sessions_record_listing_run ON sessions";
    sqlx::raw_sql(triggers).execute(&pool).await.unwrap();
    let (ctx, hook) = told(&Backend::for_tests(pool), "http://127.0.0.1:9/hook").await;
    let told = deliveries(&ctx, hook.made.id, PageRequest::default()).await.unwrap();
    assert_eq!(told.items.len(), 1);
}

/// As by a process of the release before, which leaves it to the trigger.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_end_that_nobody_tells_of_is_told_by_the_trigger(pool: PgPool) {
    let (ctx, hook) = told(&Backend::for_tests(pool.clone()), "http://127.0.0.1:9/hook").await;
    let again = "UPDATE sessions SET state = 'queued', ended_at = NULL;
                 UPDATE sessions SET state = 'cancelled', ended_at = now() + INTERVAL '1 minute'";
    sqlx::raw_sql(again).execute(&pool).await.unwrap();
    let told = deliveries(&ctx, hook.made.id, PageRequest::default()).await.unwrap();
    assert_eq!(told.items.len(), 2);
}
