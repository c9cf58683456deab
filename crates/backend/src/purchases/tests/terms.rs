//! How far what was paid reaches: sessions that are counted, and spans of time.

use super::*;
use crate::sessions::SessionFilter;

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn sessions_that_are_paid_for_one_by_one_are_counted(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::PerExecution)).await;
    let bought = shop.buy(2).await;
    assert_eq!((bought.quantity, bought.total), (2, 1_000));
    let copy = listings::install(&shop.bob, "reader").await.unwrap();
    let start = || sessions::start(&shop.bob, copy.id, sample::goal("Read"));
    // Three at the same time: two are there.
    let (one, two, three) = tokio::join!(start(), start(), start());
    let started = [one, two, three].into_iter().flatten().count();
    assert_eq!(started, 2);
    let refused = start().await.unwrap_err();
    assert!(refused.message().contains("has used all the sessions"), "{refused}");
    let page = sessions::list(&shop.bob, SessionFilter::default()).await.unwrap();
    assert_eq!(page.items.len(), 2, "what was refused left nothing");
    // What is begun may be seen to its end.
    let id = page.items[0].id;
    sessions::cancel(&shop.bob, id).await.unwrap();
    sessions::retry(&shop.bob, id).await.unwrap();
    shop.buy(1).await;
    start().await.unwrap();
    let held = entitlements(&shop.bob).await.unwrap();
    assert_eq!((held[0].1.executions_granted, held[0].1.executions_used), (3, 3));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_rental_ends_and_is_rented_once_more_from_its_end(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::Rental)).await;
    let bought = shop.buy(1).await;
    assert_eq!(bought.valid_until.unwrap().to_string(), "2026-02-10T08:00:00Z");
    let copy = listings::install(&shop.bob, "reader").await.unwrap();
    let more = shop.buy(1).await;
    assert_eq!(more.valid_until.unwrap().to_string(), "2026-03-10T08:00:00Z");
    shop.clock.advance(SignedDuration::from_hours(24 * 58));
    sessions::start(&shop.bob, copy.id, sample::goal("Read")).await.unwrap();
    shop.clock.advance(SignedDuration::from_hours(24 * 2));
    let refused = sessions::start(&shop.bob, copy.id, sample::goal("Read")).await.unwrap_err();
    assert!(refused.message().contains("a time that is over"), "{refused}");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_subscription_is_renewed_and_ends_with_what_was_paid(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::Subscription)).await;
    let bought = shop.buy(1).await;
    let copy = listings::install(&shop.bob, "reader").await.unwrap();
    for _ in 0..2 {
        // Pressed twice: one message a span.
        let message = shop.message("renewed-1", PaymentKind::Renewed, &bought).await;
        shop.take(&message).await.unwrap();
    }
    let until = |purchase: &Purchase| purchase.valid_until.unwrap().to_string();
    assert_eq!(until(&get(&shop.bob, bought.id).await.unwrap()), "2026-03-10T08:00:00Z");
    let cancelled = cancel(&shop.bob, bought.id).await.unwrap();
    assert_eq!(cancelled.state, PurchaseState::Cancelled);
    assert_eq!(until(&cancelled), "2026-03-10T08:00:00Z");
    assert_eq!(kind(cancel(&shop.bob, bought.id).await), Some(FaultKind::Conflict));
    sessions::start(&shop.bob, copy.id, sample::goal("Read")).await.unwrap();
    shop.clock.advance(SignedDuration::from_hours(24 * 60));
    let refused = sessions::start(&shop.bob, copy.id, sample::goal("Read")).await;
    assert_eq!(kind(refused), Some(FaultKind::Conflict));
    // And may be subscribed to anew.
    shop.buy(1).await;
    sessions::start(&shop.bob, copy.id, sample::goal("Read")).await.unwrap();
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_was_used_of_a_refunded_purchase_counts_against_no_other(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::PerExecution)).await;
    let first = shop.buy(2).await;
    let copy = listings::install(&shop.bob, "reader").await.unwrap();
    let start = async || sessions::start(&shop.bob, copy.id, sample::goal("Read")).await;
    let counts = async || {
        let held = entitlements(&shop.bob).await.unwrap()[0].1;
        (held.executions_granted, held.executions_used)
    };
    for _ in 0..2 {
        start().await.unwrap();
    }
    refund(&shop.ada, first.id).await.unwrap();
    assert_eq!(counts().await, (0, 0));
    shop.tick();
    let second = shop.buy(2).await;
    start().await.unwrap();
    shop.tick();
    shop.buy(2).await;
    for _ in 0..2 {
        start().await.unwrap();
    }
    assert_eq!(counts().await, (4, 3));
    // Two of the three were of the purchase that is given back, which counts once.
    refund(&shop.ada, second.id).await.unwrap();
    let listing = first.listing_id;
    entitlements::follow_purchases(&shop.backend, user(&shop.bob), listing).await.unwrap();
    assert_eq!(counts().await, (2, 1));
    start().await.unwrap();
    assert_eq!(kind(start().await), Some(FaultKind::Conflict));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_rental_that_was_given_back_counts_against_no_other(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::Rental)).await;
    let first = shop.buy(1).await;
    refund(&shop.ada, first.id).await.unwrap();
    shop.clock.advance(SignedDuration::from_hours(24));
    let second = shop.buy(1).await;
    assert_eq!(second.valid_until.unwrap().to_string(), "2026-02-11T08:00:00Z");
    let held = entitlements(&shop.bob).await.unwrap();
    assert_eq!(held[0].1.valid_until, second.valid_until);
}
