//! What channels are told, and in which order.

use resonant_domain::webhook::DeliveryState;
use resonant_runtime::clock::Clock as _;

use super::*;
use crate::receiver::{message_of, receiver};

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn channels_are_told_once_and_in_order(pool: PgPool) {
    let mut world = World::new(pool).await;
    let (url, heard) = receiver(&[204, 204]);
    let (slack, slack_heard) = receiver(&[204]);
    let channels = json!([{ "type": "webhook", "url": url }, { "type": "slack", "url": slack }]);
    let alert = world.alert(json!({ "name": "Slow <API>", "channels": channels })).await;
    world.hour_with(2_000).await;
    let system = world.backend.system();
    let (one, two) = tokio::join!(deliver_due(&system), deliver_due(&system));
    assert_eq!(one.unwrap() + two.unwrap(), 2);
    let message = message_of(&heard.recv().unwrap());
    let key = key_of(&world.backend, alert.id).await.unwrap();
    let page = PageRequest::default;
    let whole = get_with_history(&world.admin, alert.id, page(), page()).await.unwrap();
    assert_eq!(whole.signing_key, key.to_text());
    assert_eq!(whole.alert, get(&world.admin, alert.id).await.unwrap());
    assert_eq!(whole.events, events(&world.admin, alert.id, page()).await.unwrap());
    assert_eq!(whole.deliveries, deliveries(&world.admin, alert.id, page()).await.unwrap());
    assert!(key.verify(&message, world.clock.now()).unwrap(), "{message:?}");
    let told: Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!(told["type"], "alert.fired");
    assert_eq!(told["data"]["alert"]["state"], "firing");
    assert_eq!(told["data"]["alert"]["channels"], json!([]), "channels do not learn of others");
    let place = format!("https://resonant.example.org/admin/alerts/{}", alert.id);
    assert_eq!(told["data"]["url"], place);
    let told = message_of(&slack_heard.recv().unwrap()).body;
    let told: Value = serde_json::from_str(&told).unwrap();
    let text = told["text"].as_str().unwrap();
    assert!(text.starts_with("[firing] warning · Slow &lt;API&gt;: api.latency.p99 is"), "{text}");
    assert_eq!(told["blocks"][0]["text"]["text"], text);
    let slack_id =
        deliveries(&world.admin, alert.id, PageRequest::default()).await.unwrap().items[1].id;
    let below = &told["blocks"][1]["elements"];
    assert_eq!(below[0]["text"], format!("<{place}|See the alert>"));
    assert_eq!(below[1]["text"], format!("Message {slack_id}"));

    // The Slack channel is gone; its message waits, and holds nobody else up.
    world.hour_with(100).await;
    assert_eq!(deliver_due(&system).await.unwrap(), 2);
    assert!(heard.recv().unwrap().contains("alert.ended"));
    let log = deliveries(&world.admin, alert.id, PageRequest::default()).await.unwrap().items;
    let states: Vec<_> = log.iter().map(|message| message.state).collect();
    let delivered = DeliveryState::Delivered;
    assert_eq!(states, [delivered, DeliveryState::Pending, delivered, delivered]);
    world.hour_with(2_000).await;
    let waiting = deliveries(&world.admin, alert.id, PageRequest::default()).await.unwrap().items;
    assert_eq!(waiting[1].attempts, 0);
    come_due(&world.pool).await;
    deliver_due(&system).await.unwrap();
    let waiting = deliveries(&world.admin, alert.id, PageRequest::default()).await.unwrap().items;
    assert_eq!((waiting[1].attempts, waiting[3].attempts), (0, 2), "no beginning overtakes an end");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_waits_for_long_is_tried_once_more_before_what_is_newer(pool: PgPool) {
    let world = World::new(pool).await;
    let alert = world.alert(json!({})).await;
    let system = world.backend.system();
    let tries = async || {
        let all = deliveries(&world.admin, alert.id, PageRequest::default()).await.unwrap().items;
        all.iter().rev().map(|message| message.attempts).collect::<Vec<_>>()
    };
    test(&world.admin, alert.id).await.unwrap();
    assert_eq!(deliver_due(&system).await.unwrap(), 1);
    let long = "UPDATE alert_deliveries SET attempts = 6, \
                next_attempt_at = now() + INTERVAL '3 hours'";
    sqlx::raw_sql(long).execute(&world.pool).await.unwrap();
    assert_eq!(deliver_due(&system).await.unwrap(), 0);
    world.tick();
    test(&world.admin, alert.id).await.unwrap();
    assert_eq!(deliver_due(&system).await.unwrap(), 1, "the first one; the second waits for it");
    assert_eq!(tries().await, [6, 0], "it is given up no sooner");
    // One that is under way is not sent by somebody else too.
    come_due(&world.pool).await;
    let mut tx = world.backend.catalogue_begin().await.unwrap();
    let retaken_after = crate::webhooks::RETAKEN_AFTER;
    let taken = store::alert_events::claim_due(&mut tx, None, retaken_after, 8).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(taken.len(), 1);
    world.tick();
    test(&world.admin, alert.id).await.unwrap();
    assert_eq!(deliver_due(&system).await.unwrap(), 0);
    assert_eq!(tries().await, [7, 0, 0]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_process_whose_clock_is_ahead_takes_no_message_in_flight(pool: PgPool) {
    let mut world = World::new(pool.clone()).await;
    let alert = world.alert(json!({})).await;
    world.hour_with(2_000).await;
    let mut tx = world.backend.catalogue_begin().await.unwrap();
    let retaken_after = crate::webhooks::RETAKEN_AFTER;
    let taken = store::alert_events::claim_due(&mut tx, None, retaken_after, 8).await;
    tx.commit().await.unwrap();
    assert_eq!(taken.unwrap().len(), 1);
    world.clock.advance(SignedDuration::from_hours(24 * 4_000));
    let other = Backend::for_tests_at(pool, world.clock.clone());
    assert_eq!(deliver_due(&other.system()).await.unwrap(), 0);
    assert_eq!(
        deliveries(&world.admin, alert.id, PageRequest::default()).await.unwrap().items[0].attempts,
        1
    );
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_was_told_that_an_alert_fires_hears_that_it_is_over_when_it_is_deleted(pool: PgPool) {
    let mut world = World::new(pool).await;
    let (url, heard) = receiver(&[204, 204]);
    let alert = world.alert(json!({ "channels": [{ "type": "webhook", "url": url }] })).await;
    world.hour_with(2_000).await;
    world.tick();
    delete(&world.admin, alert.id).await.unwrap();
    assert!(heard.recv().unwrap().contains("alert.fired"));
    assert!(heard.recv().unwrap().contains("alert.ended"));
    let gone = get(&world.admin, alert.id).await.unwrap_err();
    assert_eq!(gone.kind(), FaultKind::NotFound);
}
