//! What is done to alerts, in the audit log.

use resonant_domain::audit::{AuditFilter, DeedGroup};
use tokio::net::TcpListener;

use super::*;
use crate::{Seen, audit, version_of};

/// What the audit log says that was done to an alert, and how it was called then.
async fn deeds(world: &World, alert: &Alert) -> Vec<(Deed, String)> {
    let filter = AuditFilter { group: Some(DeedGroup::Alerts), ..AuditFilter::default() };
    let page = PageRequest::default();
    let entries = audit::list(&world.admin, audit::Whose::All, filter, page).await.unwrap().items;
    let deeds = entries.into_iter().rev().map(|entry| {
        let subject = entry.subject.unwrap();
        assert_eq!(subject.id, Some(alert.id.as_uuid()));
        assert_eq!(entry.actor.name.as_deref(), Some("root"));
        (entry.deed, subject.name)
    });
    deeds.collect()
}

fn named((deed, name): (Deed, &str)) -> (Deed, String) {
    (deed, name.to_owned())
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
    // That it fired by itself is nobody's deed.
    assert_eq!(deeds(&world, &alert).await, expected.map(named));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_deletes_an_alert_that_fires_does_one_thing(pool: PgPool) {
    let mut world = World::new(pool).await;
    let alert = world.alert(json!({ "channels": [] })).await;
    world.hour_with(2_000).await;
    assert_eq!(world.state(&alert).await, AlertState::Firing);
    world.tick();
    delete(&world.admin, alert.id).await.unwrap();
    let expected = [Deed::AlertCreated, Deed::AlertDeleted].map(|deed| (deed, "Slow API Response"));
    assert_eq!(deeds(&world, &alert).await, expected.map(named));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_alert_that_is_changed_while_its_end_is_told_stays(pool: PgPool) {
    let mut world = World::new(pool).await;
    let channel = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/alert", channel.local_addr().unwrap());
    let alert = world.alert(json!({ "channels": [{ "type": "webhook", "url": url }] })).await;
    world.hour_with(2_000).await;
    world.tick();
    let seen = world.admin.expecting(Seen::at(version_of(&alert)));
    let changed = async {
        let told = channel.accept().await.unwrap();
        world.tick();
        replace(&world.admin, alert.id, slow(&json!({ "name": "Other" }))).await.unwrap();
        world.tick();
        drop((told, channel));
    };
    let (deleted, ()) = tokio::join!(delete(&seen, alert.id), changed);
    assert!(matches!(deleted, Err(Error::Changed("alert"))), "{deleted:?}");
    assert_eq!(get(&world.admin, alert.id).await.unwrap().name, "Other");
    let expected = [
        (Deed::AlertCreated, "Slow API Response"),
        (Deed::AlertChanged, "Slow API Response"),
        (Deed::AlertResolved, "Other"),
    ];
    assert_eq!(deeds(&world, &alert).await, expected.map(named));
}
