//! Buyers and publishers whose accounts end.

use resonant_domain::team::{NewInvitation, NewTeam};

use super::*;
use crate::members;
use crate::teams::{self, Invited};

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_leaves_pays_no_more_and_the_earnings_stay(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::Subscription)).await;
    let bought = shop.buy(1).await;
    let eve = sample::member(&shop.backend, "eve").await.unwrap();
    let begun = begin(&eve, "reader", NewPurchase::default()).await.unwrap();
    act_as_test(&eve, begun.id, TestAct::Approve).await.unwrap();

    // Who cannot leave yet keeps what they pay for.
    let team = NewTeam { name: "Readers".to_owned(), slug: "readers".to_owned() };
    teams::create(&shop.bob, team).await.unwrap();
    let made = teams::invite(&shop.bob, "readers", NewInvitation::default()).await.unwrap();
    teams::accept(&eve, Invited::ByLink(&made.token.unwrap())).await.unwrap();
    let password = || sample::new_member("bob").password;
    let refused = members::close_account(&shop.bob, password()).await;
    assert_eq!(kind(refused), Some(FaultKind::Conflict));
    assert_eq!(get(&shop.bob, bought.id).await.unwrap().state, PurchaseState::Paid);
    teams::delete(&shop.bob, "readers").await.unwrap();

    members::close_account(&shop.bob, password()).await.unwrap();
    let mut conn = shop.backend.conn().await.unwrap();
    let left = store::purchases::find(&mut conn, bought.id).await.unwrap().unwrap();
    assert_eq!(left.purchase.state, PurchaseState::Cancelled);
    drop(conn);
    members::purge_closed(&shop.backend.system()).await.unwrap();
    let mut conn = shop.backend.conn().await.unwrap();
    assert!(store::purchases::find(&mut conn, bought.id).await.unwrap().is_none());
    drop(conn);
    assert_eq!(earned(&shop.ada).await[0].amount, 1_000);

    // Whose publisher leaves is not charged again either.
    members::close_account(&shop.ada, sample::new_member("ada").password).await.unwrap();
    assert_eq!(get(&eve, begun.id).await.unwrap().state, PurchaseState::Cancelled);
    members::purge_closed(&shop.backend.system()).await.unwrap();
    assert_eq!(get(&eve, begun.id).await.unwrap().id, begun.id);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_paid_after_its_publisher_left_is_paid_once(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::Subscription)).await;
    let begun = begin(&shop.bob, "reader", NewPurchase::default()).await.unwrap();
    let paid = shop.message("paid", PaymentKind::Paid, &begun).await;
    members::close_account(&shop.ada, sample::new_member("ada").password).await.unwrap();
    for _ in 0..2 {
        shop.take(&paid).await.unwrap();
        let kept = get(&shop.bob, begun.id).await.unwrap();
        assert_eq!(kept.state, PurchaseState::Cancelled);
        assert_eq!(kept.valid_until.unwrap().to_string(), "2026-02-10T08:00:00Z");
    }
    let held = entitlements(&shop.bob).await.unwrap();
    assert!(held[0].1.admits(shop.clock.now()).is_ok(), "what is paid lasts");
}
