//! Alerts that are told by mail, against a server that speaks SMTP.

use std::sync::Arc;

use jiff::SignedDuration;
use resonant_domain::FaultKind;
use resonant_domain::webhook::DeliveryState;
use resonant_runtime::clock::FixedClock;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::net::TcpListener;

use super::*;
use crate::mail_server::{Answer, mail_server};
use crate::{MailSettings, Settings, members, sample};

fn by_mail(to: &str) -> NewAlert {
    let new: Value = json!({
        "name": "Schlange zu lang – prüfen",
        "type": "threshold",
        "metric": "queue.age",
        "condition": { "operator": "gt", "value": 1000, "period": "5m" },
        "severity": "critical",
        "channels": [{ "type": "mail", "to": to }],
    });
    serde_json::from_value(new).unwrap()
}

async fn world(pool: PgPool, mail: Option<MailSettings>) -> (Backend, Arc<FixedClock>, Ctx) {
    let clock = Arc::new(FixedClock::new("2026-11-24T10:30:20Z".parse().unwrap()));
    let public_origin = Some("https://resonant.example.org".to_owned());
    let settings = Settings { mail, public_origin, ..sample::settings() };
    let backend = Backend::for_tests_at_with(pool, clock.clone(), &settings);
    let admin = sample::member(&backend, "root").await.unwrap();
    members::appoint_admin(&backend.system(), "root@example.org").await.unwrap();
    (backend, clock, admin)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn mail_is_sent_again_under_the_same_id_until_it_is_taken(pool: PgPool) {
    let (url, mut heard) = mail_server(vec![Answer::NotNow, Answer::Takes]);
    let mail = MailSettings::new(&url, "Resonant <alerts@example.org>").unwrap();
    let (backend, clock, admin) = world(pool.clone(), Some(mail)).await;
    let alert = create(&admin, by_mail(" ops@example.net ")).await.unwrap().made;
    assert_eq!(alert.channels[0].to, "ops@example.net");
    test(&admin, alert.id).await.unwrap();

    assert_eq!(deliver_due(&backend.system()).await.unwrap(), 1);
    let refused = heard.recv().await.unwrap();
    assert!(!refused.contains("Subject"), "{refused}");
    let message =
        deliveries(&admin, alert.id, PageRequest::default()).await.unwrap().items.remove(0);
    assert_eq!((message.state, message.attempts), (DeliveryState::Pending, 1));
    let reason = message.last_error.unwrap();
    assert!(reason.contains("greylisted"), "{reason}");

    assert_eq!(deliver_due(&backend.system()).await.unwrap(), 0, "it is not due");
    clock.advance(SignedDuration::from_hours(1));
    super::tests::come_due(&pool).await;
    assert_eq!(deliver_due(&backend.system()).await.unwrap(), 1);
    let taken = heard.recv().await.unwrap();
    let whole = taken.replace("=\r\n", "");
    let place = format!("Alert: https://resonant.example.org/admin/alerts/{}", alert.id);
    assert!(whole.contains(&place), "{taken}");
    for text in [
        "MAIL FROM:<alerts@example.org>",
        "RCPT TO:<ops@example.net>",
        "From: Resonant <alerts@example.org>",
        "To: ops@example.net",
        "Date: Tue, 24 Nov 2026 11:30:20 +0000",
        "Content-Type: text/plain; charset=utf-8",
        "Severity: Critical",
    ] {
        assert!(taken.contains(text), "lacks {text}: {taken}");
    }
    assert!(taken.contains(&format!("Message-ID: <{}@example.org>", message.id)), "{taken}");
    let message =
        deliveries(&admin, alert.id, PageRequest::default()).await.unwrap().items.remove(0);
    assert_eq!((message.state, message.attempts), (DeliveryState::Delivered, 2));
    assert_eq!((message.last_status, message.last_error), (Some(250), None));
    assert_eq!(message.channel, alert.channels[0]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn mail_is_refused_where_none_can_be_sent(pool: PgPool) {
    let (_, _, admin) = world(pool, None).await;
    let error = create(&admin, by_mail("ops@example.net")).await.err().unwrap();
    assert_eq!(error.kind(), FaultKind::Invalid);
    assert_eq!(error.fields()[0].field, "channels[0].type");
    assert!(error.message().contains("SMTP_URL"), "{}", error.message());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_mail_server_that_is_away_is_noted_without_its_password(pool: PgPool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("smtp://user:hunter2@{address}");
    let mail = MailSettings::new(&url, "alerts@example.org").unwrap();
    assert!(!format!("{mail:?}").contains("hunter2"));
    let (backend, _, admin) = world(pool, Some(mail)).await;
    let alert = create(&admin, by_mail("ops@example.net")).await.unwrap().made;
    test(&admin, alert.id).await.unwrap();
    assert_eq!(deliver_due(&backend.system()).await.unwrap(), 1);
    let message =
        deliveries(&admin, alert.id, PageRequest::default()).await.unwrap().items.remove(0);
    assert_eq!(message.state, DeliveryState::Pending);
    let reason = message.last_error.unwrap();
    assert!(!reason.contains("hunter2"), "{reason}");
    assert!(backend.try_mail().await.unwrap().is_err());
}
