mod noted;
mod told;

use std::sync::Arc;
use std::time::Duration;

use resonant_domain::FaultKind;
use resonant_domain::metric::Family;
use resonant_runtime::clock::FixedClock;
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgListener;

use super::*;
use crate::cache::tests::until;
use crate::metrics::Keeper;
use crate::{Actor, RequestId, Settings, api_keys, members, sample};

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
        let settings = Settings {
            allow_private_egress: true,
            public_origin: Some("https://resonant.example.org".to_owned()),
            ..sample::settings()
        };
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
    let log = events(&world.admin, alert.id, PageRequest::default()).await.unwrap().items;
    let texts: Vec<_> = log.iter().rev().map(|event| event.text.as_str()).collect();
    assert!(texts[0].starts_with("api.latency.p99 is 2000 ms over 5m, above"), "{texts:?}");
    assert!(texts[1].ends_with(" ms over 5m, limit above 1000 ms"), "{texts:?}");
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
async fn too_few_are_too_few_when_there_are_none(pool: PgPool) {
    let mut world = World::new(pool).await;
    let of = |operator: &str| {
        let condition = json!({ "operator": operator, "value": 1, "period": "5m" });
        json!({ "metric": "api.latency.count", "condition": condition })
    };
    let (few, many) = (world.alert(of("lte")).await, world.alert(of("gte")).await);
    assert_eq!(world.look().await, 0, "nobody has counted");
    assert_eq!(world.hour_with(20).await, 2);
    // The process goes on, and nobody asks it any more.
    for moved in [1, 0, 0] {
        world.clock.advance(SignedDuration::from_mins(6));
        world.keeper.keep(&world.backend.system()).await.unwrap();
        assert_eq!(world.look().await, moved);
    }
    assert_eq!(world.state(&few).await, AlertState::Firing);
    assert_eq!(get(&world.admin, few.id).await.unwrap().values, [Some(0.0)]);
    assert_eq!(world.state(&many).await, AlertState::Quiet, "at once");
    assert_eq!(world.told(&many).await, ["fired", "ended"]);
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
