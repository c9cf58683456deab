//! What was paid for and is not to be had by others any more.

use resonant_domain::publication::ReportReason;

use super::*;
use crate::members;
use crate::moderation::{self, Verdict};

async fn place(ctx: &Ctx) -> Place {
    let bought = list(ctx, PageRequest::default()).await.unwrap().items;
    let held = entitlements(ctx).await.unwrap();
    places(ctx, &bought, &held).await.unwrap()[0]
}

/// The buyer, who has not installed it yet, still can, and runs it; others are refused.
async fn holds(shop: &Shop, refused: FaultKind, has_page: bool) {
    let eve = sample::member(&shop.backend, "eve").await.unwrap();
    assert_eq!(kind(listings::install(&eve, "reader").await), Some(refused));
    let before = place(&shop.bob).await;
    assert_eq!((before.has_page, before.can_add), (has_page, true));
    let copy = listings::install(&shop.bob, "reader").await.unwrap();
    assert_eq!(copy.spec.system_prompt, "Answer briefly.");
    sessions::start(&shop.bob, copy.id, sample::goal("Read")).await.unwrap();
    let again = listings::install(&shop.bob, "reader").await.unwrap();
    assert_eq!(again.id, copy.id);
    assert_eq!(place(&shop.bob).await.can_add, !has_page, "where else could it be added again");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_paused_listing_is_installed_by_who_subscribed(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::Subscription)).await;
    shop.buy(1).await;
    publications::set_state(&shop.ada, shop.agent, ListingState::Paused).await.unwrap();
    holds(&shop, FaultKind::Conflict, true).await;
    shop.clock.advance(SignedDuration::from_hours(24 * 60));
    let over = listings::install(&shop.bob, "reader").await;
    assert_eq!(kind(over), Some(FaultKind::Conflict));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_listing_that_was_taken_off_is_installed_by_who_bought_it(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::OneTime)).await;
    let bought = shop.buy(1).await;
    publications::set_state(&shop.ada, shop.agent, ListingState::Unlisted).await.unwrap();
    holds(&shop, FaultKind::NotFound, false).await;
    refund(&shop.ada, bought.id).await.unwrap();
    let refunded = listings::install(&shop.bob, "reader").await;
    assert_eq!(kind(refunded), Some(FaultKind::NotFound));
    assert!(!place(&shop.bob).await.can_add);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_listing_whose_publisher_left_is_installed_by_who_has_sessions_left(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::PerExecution)).await;
    shop.buy(2).await;
    members::close_account(&shop.ada, sample::new_member("ada").password).await.unwrap();
    holds(&shop, FaultKind::NotFound, false).await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_moderators_removed_is_installed_by_nobody(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::OneTime)).await;
    shop.buy(1).await;
    moderation::report(&shop.bob, "reader", ReportReason::Misleading, "It lies").await.unwrap();
    let reports = moderation::reports(&shop.root, PageRequest::default()).await.unwrap().items;
    moderation::close_report(&shop.root, reports[0].id, Verdict::Remove("Lies")).await.unwrap();
    let refused = listings::install(&shop.bob, "reader").await;
    assert_eq!(kind(refused), Some(FaultKind::NotFound));
    let place = place(&shop.bob).await;
    assert_eq!((place.has_page, place.can_add), (false, false));
}
