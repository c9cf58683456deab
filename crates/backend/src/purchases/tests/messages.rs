//! A payment provider's messages.

use super::*;

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_message_counts_once_whole_and_signed(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::OneTime)).await;
    let begun = begin(&shop.bob, "reader", NewPurchase::default()).await.unwrap();
    let good = shop.message("evt-1", PaymentKind::Paid, &begun).await;

    let forged = Signed { signature: "v1,AAAA".to_owned(), ..good.clone() };
    assert_eq!(kind(shop.take(&forged).await), Some(FaultKind::Unauthenticated));
    let changed = Signed { body: good.body.replace("500", "1"), ..good.clone() };
    assert_eq!(kind(shop.take(&changed).await), Some(FaultKind::Unauthenticated));
    // What is signed must still be the price: of the amount, and of the money.
    for (amount, currency) in [(1, Currency::Usd), (501, Currency::Usd), (500, Currency::Jpy)] {
        let mut other = begun.clone();
        (other.total, other.price.currency) = (amount, currency);
        let message = shop.message("evt-2", PaymentKind::Paid, &other).await;
        assert_eq!(shop.take(&message).await.unwrap_err().fields()[0].field, "amount");
    }
    assert_eq!(get(&shop.bob, begun.id).await.unwrap().state, PurchaseState::Pending);
    assert_eq!(standing(&shop.bob, "reader").await.unwrap(), Standing::Buyer);
    let mut nobodys = begun.clone();
    nobodys.id = PurchaseId::from_uuid(user(&shop.bob).as_uuid());
    let message = shop.message("evt-3", PaymentKind::Paid, &nobodys).await;
    assert_eq!(kind(shop.take(&message).await), Some(FaultKind::NotFound));

    for _ in 0..3 {
        shop.take(&good).await.unwrap();
    }
    let other = shop.message("evt-4", PaymentKind::Paid, &begun).await;
    shop.take(&other).await.unwrap();
    let earned = &earned(&shop.ada).await[0];
    assert_eq!((earned.payments, earned.amount, earned.slug.as_str()), (1, 500, "reader"));

    // An old message is none of now.
    shop.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(kind(shop.take(&good).await), Some(FaultKind::Unauthenticated));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_message_that_overtakes_the_payment_comes_again(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::Subscription)).await;
    let begun = begin(&shop.bob, "reader", NewPurchase::default()).await.unwrap();
    let message = async |kind: PaymentKind| shop.message(kind.as_str(), kind, &begun).await;
    let [paid, renewed, refunded] =
        [PaymentKind::Paid, PaymentKind::Renewed, PaymentKind::Refunded];
    for kind_of in [renewed, PaymentKind::Ended, refunded] {
        let early = shop.take(&message(kind_of).await).await;
        assert_eq!(kind(early), Some(FaultKind::Conflict), "{kind_of:?}");
    }
    assert_eq!(get(&shop.bob, begun.id).await.unwrap().state, PurchaseState::Pending);
    for kind in [paid, renewed] {
        shop.take(&message(kind).await).await.unwrap();
    }
    let until = get(&shop.bob, begun.id).await.unwrap().valid_until.unwrap();
    assert_eq!(until.to_string(), "2026-03-10T08:00:00Z", "both spans that were paid");
    shop.take(&message(refunded).await).await.unwrap();
    assert_eq!(get(&shop.bob, begun.id).await.unwrap().state, PurchaseState::Refunded);
    assert_eq!(standing(&shop.bob, "reader").await.unwrap(), Standing::Buyer);
}
