use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use resonant_domain::FaultKind;
use resonant_domain::audit::{AuditFilter, DeedGroup};
use resonant_domain::metric::Family;
use resonant_domain::webhook::DeliveryState;
use resonant_runtime::clock::{Clock as _, FixedClock};
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgListener;

use super::*;
use crate::cache::tests::until;
use crate::metrics::Keeper;
use crate::signature::Signed;
use crate::{Actor, RequestId, Settings, api_keys, audit, members, sample};

struct World {
    pool: PgPool,
    backend: Backend,
    clock: Arc<FixedClock>,
    admin: Ctx,
    keeper: Keeper,
}

impl World {
    async fn new(pool: PgPool) -> Self {
        let clock = Arc::new(FixedClock::new("2026-11-24T10:30:20Z".parse().unwrap()));
        let settings = Settings { allow_private_egress: true, ..sample::settings() };
        let backend = Backend::for_tests_at_with(pool.clone(), clock.clone(), &settings);
        let admin = sample::member(&backend, "root").await.unwrap();
        members::appoint_admin(&backend.system(), "root@example.org").await.unwrap();
        Self { pool, backend, clock, admin, keeper: Keeper::default() }
    }

    async fn alert(&self, more: Value) -> Alert {
        create(&self.admin, slow(&more)).await.unwrap().made
    }

    /// Lets an hour pass, in which one request took so long, and looks.
    async fn hour_with(&mut self, took_ms: u64) -> usize {
        self.clock.advance(SignedDuration::from_hours(1));
        let took = Duration::from_millis(took_ms);
        self.backend.metrics().observe(Family::ApiLatency, "GET /a", took);
        self.keeper.keep(&self.backend.system()).await.unwrap();
        self.look().await
    }

    /// What happens after this is later: within an instant there is no order.
    fn tick(&self) {
        self.clock.advance(SignedDuration::from_secs(1));
    }

    async fn look(&self) -> usize {
        self.tick();
        evaluate(&self.backend.system()).await.unwrap()
    }

    async fn state(&self, alert: &Alert) -> AlertState {
        get(&self.admin, alert.id).await.unwrap().state
    }

    async fn kinds(&self, alert: &Alert) -> Vec<&'static str> {
        let events = events(&self.admin, alert.id, PageRequest::default()).await.unwrap().items;
        events.iter().rev().map(|event| event.kind.as_str()).collect()
    }

    async fn told(&self, alert: &Alert) -> Vec<&'static str> {
        let told = deliveries(&self.admin, alert.id, PageRequest::default()).await.unwrap().items;
        told.iter().rev().map(|message| message.event.as_str()).collect()
    }
}

/// Ends every wait of a message. No clock of a process does: the database's tells what is due.
pub(super) async fn come_due(pool: &PgPool) {
    let statement = "UPDATE alert_deliveries SET next_attempt_at = now() \
                     WHERE next_attempt_at IS NOT NULL";
    sqlx::raw_sql(statement).execute(pool).await.unwrap();
}

/// An alert for requests that take more than a second, over at half of that.
fn slow(more: &Value) -> NewAlert {
    let mut new = json!({
        "name": "Slow API Response",
        "type": "threshold",
        "metric": "api.latency.p99",
        "condition": { "operator": "gt", "value": 1000, "clear_value": 500, "period": "5m" },
        "channels": [{ "type": "webhook", "url": "http://127.0.0.1:9/alert" }],
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        new[name] = value.clone();
    }
    serde_json::from_value(new).unwrap()
}

/// Takes one message after the other, and hands on what it was sent.
fn receiver(count: usize) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/alert", listener.local_addr().unwrap());
    let (told, heard) = channel();
    drop(std::thread::spawn(move || {
        for _ in 0..count {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            let mut piece = [0; 4096];
            loop {
                let count = stream.read(&mut piece).unwrap();
                request.push_str(std::str::from_utf8(&piece[..count]).unwrap());
                let Some((top, body)) = request.split_once("\r\n\r\n") else { continue };
                if body.len() >= header(top, "content-length").parse::<usize>().unwrap() {
                    break;
                }
            }
            let answer = "HTTP/1.1 204 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).unwrap();
            told.send(request).unwrap();
        }
    }));
    (url, heard)
}

fn header(head: &str, name: &str) -> String {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value).unwrap_or_default().to_owned()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_alert_fires_once_and_ends(pool: PgPool) {
    let mut world = World::new(pool).await;
    let alert = world.alert(json!({})).await;
    assert_eq!(world.look().await, 0, "nothing was measured");
    assert_eq!(world.hour_with(200).await, 0);
    assert_eq!(world.hour_with(2_000).await, 1);
    assert_eq!(world.look().await, 0);
    assert_eq!(world.hour_with(700).await, 0, "between the two values it stays what it is");
    assert_eq!(world.hour_with(3_000).await, 0);
    assert_eq!(world.state(&alert).await, AlertState::Firing);
    assert_eq!(world.hour_with(400).await, 1);
    assert_eq!(world.state(&alert).await, AlertState::Quiet);
    assert_eq!(world.kinds(&alert).await, ["fired", "ended"]);
    assert_eq!(world.told(&alert).await, ["fired", "ended"]);
    let text = &events(&world.admin, alert.id, PageRequest::default()).await.unwrap().items[1].text;
    assert!(text.starts_with("api.latency.p99 is 2000 ms over 5m"), "{text}");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_alert_ends_when_nothing_was_measured_for_a_period(pool: PgPool) {
    let mut world = World::new(pool).await;
    let alert = world.alert(json!({})).await;
    assert_eq!(world.hour_with(2_000).await, 1);
    // The five minutes that it looks back to are over, and nobody asks any more.
    for (minutes, moved) in [(6, 0), (3, 0), (3, 1), (60, 0)] {
        world.clock.advance(SignedDuration::from_mins(minutes));
        assert_eq!(world.look().await, moved, "{minutes}");
    }
    assert_eq!(world.state(&alert).await, AlertState::Quiet);
    assert_eq!(world.told(&alert).await, ["fired", "ended"]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_condition_must_hold_for_its_time(pool: PgPool) {
    let mut world = World::new(pool).await;
    let alert = world.alert(json!({ "for_duration": "90m" })).await;
    world.hour_with(2_000).await;
    assert_eq!(world.state(&alert).await, AlertState::Pending);
    world.hour_with(200).await;
    assert_eq!(world.state(&alert).await, AlertState::Quiet);
    for _ in 0..2 {
        assert_eq!(world.hour_with(2_000).await, 0);
    }
    assert_eq!(world.hour_with(2_000).await, 1);
    assert_eq!(world.kinds(&alert).await, ["fired"]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_silence_keeps_messages_back_and_loses_none(pool: PgPool) {
    let mut world = World::new(pool).await;
    let alert = world.alert(json!({})).await;
    let hours = |text: &str| Silence { period: Some(text.to_owned()) };
    silence(&world.admin, alert.id, hours("90m")).await.unwrap();
    let page = events(&world.admin, alert.id, PageRequest::default()).await.unwrap();
    let silenced = page.items.iter().find(|event| event.kind == AlertEventKind::Silenced).unwrap();
    assert_eq!(silenced.text, "90m", "each page says it in its own language");
    world.hour_with(2_000).await;
    assert_eq!(world.state(&alert).await, AlertState::Firing);
    assert!(world.told(&alert).await.is_empty());
    world.hour_with(2_000).await;
    assert_eq!(world.told(&alert).await, ["told"], "it fires on when the silence is over");
    world.tick();
    silence(&world.admin, alert.id, hours("3h")).await.unwrap();
    world.hour_with(100).await;
    assert_eq!(world.told(&alert).await, ["told", "ended"]);
    world.hour_with(2_000).await;
    world.tick();
    silence(&world.admin, alert.id, Silence::default()).await.unwrap();
    world.tick();
    acknowledge(&world.admin, alert.id).await.unwrap();
    assert_eq!(world.look().await, 0);
    assert_eq!(world.told(&alert).await.len(), 2, "someone has seen it");
    let again = acknowledge(&world.admin, alert.id).await.unwrap_err();
    assert_eq!(again.kind(), FaultKind::Conflict);
    let kinds = world.kinds(&alert).await;
    assert_eq!(
        kinds,
        ["silenced", "fired", "told", "silenced", "ended", "fired", "unsilenced", "acknowledged"]
    );
    let newest = &events(&world.admin, alert.id, PageRequest::default()).await.unwrap().items[0];
    assert_eq!(newest.by.as_deref(), Some("root"));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_resolved_by_hand_stays_quiet_until_it_was_over(pool: PgPool) {
    let mut world = World::new(pool).await;
    let alert = world.alert(json!({})).await;
    world.hour_with(2_000).await;
    world.tick();
    acknowledge(&world.admin, alert.id).await.unwrap();
    world.tick();
    let resolved = resolve(&world.admin, alert.id).await.unwrap();
    assert_eq!((resolved.state, resolved.acknowledged_at), (AlertState::Resolved, None));
    assert_eq!(world.hour_with(2_000).await, 0);
    assert_eq!(world.state(&alert).await, AlertState::Resolved);
    world.hour_with(100).await;
    assert_eq!(world.hour_with(2_000).await, 1);
    assert_eq!(world.told(&alert).await, ["fired", "resolved", "fired"]);
    world.tick();
    replace(&world.admin, alert.id, slow(&json!({ "severity": "critical" }))).await.unwrap();
    assert_eq!(world.state(&alert).await, AlertState::Quiet);
    assert_eq!(world.look().await, 1, "changed, it begins anew");
    assert_eq!(world.told(&alert).await[3..], ["changed", "fired"]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_done_to_an_alert_is_in_the_audit_log_when_it_is_gone(pool: PgPool) {
    let mut world = World::new(pool).await;
    let alert = world.alert(json!({ "name": "Before" })).await;
    world.tick();
    replace(&world.admin, alert.id, slow(&json!({ "name": "After" }))).await.unwrap();
    world.tick();
    test(&world.admin, alert.id).await.unwrap();
    world.hour_with(2_000).await;
    world.tick();
    acknowledge(&world.admin, alert.id).await.unwrap();
    world.tick();
    let hour = Silence { period: Some("1h".to_owned()) };
    silence(&world.admin, alert.id, hour).await.unwrap();
    world.tick();
    silence(&world.admin, alert.id, Silence::default()).await.unwrap();
    // What is refused is no deed.
    acknowledge(&world.admin, alert.id).await.unwrap_err();
    world.tick();
    resolve(&world.admin, alert.id).await.unwrap();
    world.tick();
    delete(&world.admin, alert.id).await.unwrap();

    let filter = AuditFilter { group: Some(DeedGroup::Alerts), ..AuditFilter::default() };
    let page = PageRequest::default();
    let entries = audit::list(&world.admin, audit::Whose::All, filter, page).await.unwrap().items;
    let told: Vec<_> = entries
        .iter()
        .rev()
        .map(|entry| {
            let subject = entry.subject.as_ref().unwrap();
            assert_eq!(subject.id, Some(alert.id.as_uuid()));
            assert_eq!(entry.actor.name.as_deref(), Some("root"));
            (entry.deed, subject.name.as_str())
        })
        .collect();
    let expected = [
        (Deed::AlertCreated, "Before"),
        (Deed::AlertChanged, "Before"),
        (Deed::AlertTested, "After"),
        (Deed::AlertAcknowledged, "After"),
        (Deed::AlertSilenced, "After"),
        (Deed::AlertUnsilenced, "After"),
        (Deed::AlertResolved, "After"),
        (Deed::AlertDeleted, "After"),
    ];
    assert_eq!(told, expected, "that it fired by itself is nobody's deed");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn whoever_looks_in_another_process_is_called_out(pool: PgPool) {
    async fn is_called(watch: &mut AlertWatch, what: &str) {
        timeout(Duration::from_secs(10), watch.called()).await.expect(what);
    }

    let mut world = World::new(pool.clone()).await;
    let other = Backend::for_tests_at(pool, world.clock.clone());
    until("the ear opens", async || other.cache().hears()).await;
    let ctx = other.ctx(world.admin.actor(), RequestId::new("test"));
    let mut watch = watch(&ctx).await.unwrap();
    let alert = world.alert(json!({})).await;
    is_called(&mut watch, "it is made").await;
    world.hour_with(2_000).await;
    is_called(&mut watch, "it fires").await;
    world.tick();
    acknowledge(&world.admin, alert.id).await.unwrap();
    is_called(&mut watch, "somebody saw it").await;
    world.hour_with(100).await;
    is_called(&mut watch, "it is over").await;
    let gone = world.alert(json!({})).await;
    is_called(&mut watch, "another one is made").await;
    delete(&world.admin, gone.id).await.unwrap();
    is_called(&mut watch, "that one is gone").await;
    assert_eq!(deliver_due(&world.backend.system()).await.unwrap(), 1);
    is_called(&mut watch, "a message was sent").await;
    let member = sample::member(&other, "ada").await.unwrap();
    let refused = super::watch(&member).await.unwrap_err();
    assert_eq!(refused.kind(), FaultKind::NotFound);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_look_after_which_all_stands_as_before_calls_nobody_out(pool: PgPool) {
    let mut world = World::new(pool.clone()).await;
    let alert = world.alert(json!({})).await;
    world.hour_with(100).await;
    let before = get(&world.admin, alert.id).await.unwrap();
    let mut listener = PgListener::connect_with(&pool).await.unwrap();
    listener.listen("resonant_alerts").await.unwrap();
    world.look().await;
    assert!(get(&world.admin, alert.id).await.unwrap().evaluated_at > before.evaluated_at);
    sqlx::raw_sql("NOTIFY resonant_alerts, 'the next'").execute(&pool).await.unwrap();
    assert_eq!(listener.recv().await.unwrap().payload(), "the next");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn absence_and_composites_fire_too(pool: PgPool) {
    let mut world = World::new(pool).await;
    let absence = json!({ "type": "absence", "condition": { "period": "30m" } });
    let absent = world.alert(absence).await;
    let part = |metric: &str, value: u32| json!({ "metric": metric, "operator": "gt", "value": value, "period": "5m" });
    let parts = json!([part("api.latency.p99", 1_000), part("api.latency.count", 0)]);
    let both = world
        .alert(json!({ "type": "composite", "metric": null, "condition": { "parts": parts } }))
        .await;
    assert_eq!(world.look().await, 1);
    assert_eq!(world.state(&absent).await, AlertState::Firing);
    assert_eq!(world.state(&both).await, AlertState::Quiet);
    assert_eq!(world.hour_with(2_000).await, 2);
    assert_eq!(world.state(&absent).await, AlertState::Quiet);
    assert_eq!(world.state(&both).await, AlertState::Firing);
    assert_eq!(get(&world.admin, both.id).await.unwrap().values.len(), 2);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn one_process_looks_and_another_goes_on_where_it_died(pool: PgPool) {
    let mut world = World::new(pool.clone()).await;
    let alert = world.alert(json!({})).await;
    let other = Backend::for_tests_at(pool, world.clock.clone());
    assert_eq!(world.hour_with(100).await, 0);
    world.clock.advance(SignedDuration::from_hours(1));
    world.backend.metrics().observe(Family::ApiLatency, "GET /a", Duration::from_secs(2));
    world.keeper.keep(&world.backend.system()).await.unwrap();
    assert_eq!(evaluate(&other.system()).await.unwrap(), 0, "it does not lead");
    assert_eq!(world.look().await, 1);
    crate::leadership::give_up(&world.backend.system()).await.unwrap();
    assert_eq!(evaluate(&other.system()).await.unwrap(), 0, "it was told already");
    assert_eq!(world.look().await, 0, "it leads no more");
    assert_eq!(world.told(&alert).await, ["fired"]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn channels_are_told_once_and_in_order(pool: PgPool) {
    let mut world = World::new(pool).await;
    let (url, heard) = receiver(2);
    let (slack, slack_heard) = receiver(1);
    let channels = json!([{ "type": "webhook", "url": url }, { "type": "slack", "url": slack }]);
    let alert = world.alert(json!({ "name": "Slow <API>", "channels": channels })).await;
    world.hour_with(2_000).await;
    let system = world.backend.system();
    let (one, two) = tokio::join!(deliver_due(&system), deliver_due(&system));
    assert_eq!(one.unwrap() + two.unwrap(), 2);
    let request = heard.recv().unwrap();
    let (top, body) = request.split_once("\r\n\r\n").unwrap();
    let message = Signed {
        id: header(top, "webhook-id"),
        timestamp: header(top, "webhook-timestamp"),
        signature: header(top, "webhook-signature"),
        body: body.to_owned(),
    };
    let key = key_of(&world.backend, alert.id).await.unwrap();
    let page = PageRequest::default;
    let whole = get_with_history(&world.admin, alert.id, page(), page()).await.unwrap();
    assert_eq!(whole.signing_key, key.to_text());
    assert_eq!(whole.alert, get(&world.admin, alert.id).await.unwrap());
    assert_eq!(whole.events, events(&world.admin, alert.id, page()).await.unwrap());
    assert_eq!(whole.deliveries, deliveries(&world.admin, alert.id, page()).await.unwrap());
    assert!(key.verify(&message, world.clock.now()).unwrap(), "{message:?}");
    let told: Value = serde_json::from_str(body).unwrap();
    assert_eq!(told["type"], "alert.fired");
    assert_eq!(told["data"]["alert"]["state"], "firing");
    assert_eq!(told["data"]["alert"]["channels"], json!([]), "channels do not learn of others");
    let told = slack_heard.recv().unwrap();
    let told: Value = serde_json::from_str(told.split_once("\r\n\r\n").unwrap().1).unwrap();
    let text = told["text"].as_str().unwrap();
    assert!(text.starts_with("[firing] warning · Slow &lt;API&gt;: api.latency.p99 is"), "{text}");
    assert_eq!(told["blocks"][0]["text"]["text"], text);
    let slack_id =
        deliveries(&world.admin, alert.id, PageRequest::default()).await.unwrap().items[1].id;
    assert_eq!(told["blocks"][1]["elements"][0]["text"], format!("Message {slack_id}"));

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
    let (url, heard) = receiver(2);
    let alert = world.alert(json!({ "channels": [{ "type": "webhook", "url": url }] })).await;
    world.hour_with(2_000).await;
    world.tick();
    delete(&world.admin, alert.id).await.unwrap();
    assert!(heard.recv().unwrap().contains("alert.fired"));
    assert!(heard.recv().unwrap().contains("alert.ended"));
    let gone = get(&world.admin, alert.id).await.unwrap_err();
    assert_eq!(gone.kind(), FaultKind::NotFound);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn those_who_operate_have_alerts_and_nobody_else(pool: PgPool) {
    let world = World::new(pool).await;
    let backend = &world.backend;
    let alert = world.alert(json!({})).await;
    let key = async |who: &Ctx, scopes: &[Scope]| {
        let made = api_keys::create(who, sample::key("CI", scopes)).await.unwrap().0;
        let owner = access::user(who).unwrap();
        let actor = Actor::Key { owner, key: made.id, scopes: made.scopes };
        backend.ctx(actor, RequestId::new("test"))
    };
    let member = sample::member(backend, "ada").await.unwrap();
    let both = [Scope::AlertsRead, Scope::AlertsWrite];
    let (forbidden, not_found) = (Some(FaultKind::Forbidden), Some(FaultKind::NotFound));
    for (who, ctx, reads, writes) in [
        ("admin", world.admin.clone(), None, None),
        ("reading key", key(&world.admin, &both[..1]).await, None, forbidden),
        ("key", key(&world.admin, &both).await, None, None),
        ("key without scope", key(&world.admin, &[]).await, forbidden, forbidden),
        ("member", member.clone(), not_found, not_found),
        ("member's key", key(&member, &both).await, not_found, not_found),
        ("guest", sample::guest(backend).await.unwrap(), not_found, not_found),
        (
            "anonymous",
            backend.anonymous(),
            Some(FaultKind::Unauthenticated),
            Some(FaultKind::Unauthenticated),
        ),
        ("system", backend.system(), None, None),
    ] {
        let kind = |answer: Option<Error>| answer.map(|error| error.kind());
        let hour = Silence { period: Some("1h".to_owned()) };
        let read = [
            list(&ctx, PageRequest::default()).await.err(),
            get(&ctx, alert.id).await.err(),
            events(&ctx, alert.id, PageRequest::default()).await.err(),
            deliveries(&ctx, alert.id, PageRequest::default()).await.err(),
        ];
        assert_eq!(read.map(kind), [reads; 4], "{who} reads");
        let page = PageRequest::default;
        let whole = get_with_history(&ctx, alert.id, page(), page()).await.err();
        // It holds the key that signs.
        let is_key = matches!(ctx.actor(), Actor::Key { .. });
        assert_eq!(kind(whole), if is_key { forbidden } else { reads }, "{who} reads all of it");
        let own = create(&ctx, slow(&json!({}))).await;
        let id = own.as_ref().map_or(alert.id, |own| own.made.id);
        let write = [
            own.err(),
            replace(&ctx, id, slow(&json!({}))).await.err(),
            silence(&ctx, id, hour).await.err(),
            test(&ctx, id).await.err(),
            acknowledge(&ctx, id).await.err().filter(|error| error.kind() != FaultKind::Conflict),
            resolve(&ctx, id).await.err().filter(|error| error.kind() != FaultKind::Conflict),
            delete(&ctx, id).await.err(),
        ];
        assert_eq!(write.map(kind), [writes; 7], "{who} writes");
        for answer in [evaluate(&ctx).await, deliver_due(&ctx).await] {
            let is_system = matches!(ctx.actor(), Actor::System);
            assert_eq!(answer.is_ok(), is_system, "{who} works");
        }
    }
    let wrong = create(&world.admin, slow(&json!({ "metric": "x" }))).await.err().unwrap();
    assert_eq!(wrong.fields()[0].field, "metric");
}
