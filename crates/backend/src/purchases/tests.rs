//! What is for sale, who buys it, and what becomes of it, with the checkout of our own.

use std::sync::Arc;

use jiff::SignedDuration;
use resonant_domain::FaultKind;
use resonant_domain::agent_version::NewVersion;
use resonant_domain::audit::{ActorKind, AuditFilter};
use resonant_domain::listing::{ListingFilter, PriceFilter};
use resonant_domain::price::{Currency, Interval, Price};
use resonant_domain::purchase::{PaymentEvent, PaymentKind};
use resonant_domain::session::NewFork;
use resonant_runtime::clock::{Clock as _, FixedClock};
use sqlx::PgPool;

use super::*;
use crate::audit::Whose;
use crate::publications::tests::{admin, approve, hand_in, published_agent, texts};
use crate::{Actor, PaymentSettings, Settings, agents, publications, sample, sessions};

mod copies;
mod holders;
mod leavers;
mod messages;
mod terms;

fn kind<T>(answer: Result<T>) -> Option<FaultKind> {
    answer.err().map(|error| error.kind())
}

fn selling() -> Settings {
    Settings { payments: Some(PaymentSettings::Test), ..sample::settings() }
}

fn price(kind: PriceKind) -> Price {
    let interval = kind.has_interval().then_some(Interval::Month);
    Price { kind, amount: 500, interval, ..Price::FREE }
}

async fn earned(ctx: &Ctx) -> Vec<Earning> {
    earnings(ctx, PageRequest::default()).await.unwrap().items
}

fn user(ctx: &Ctx) -> UserId {
    access::user(ctx).unwrap()
}

/// A backend that sells, a publisher, a buyer, and the publisher's listing `reader` at a price.
struct Shop {
    backend: Backend,
    clock: Arc<FixedClock>,
    root: Ctx,
    ada: Ctx,
    bob: Ctx,
    agent: resonant_domain::AgentId,
}

impl Shop {
    async fn open(pool: PgPool, price: Price) -> Self {
        let clock = Arc::new(FixedClock::new("2026-01-10T08:00:00Z".parse().unwrap()));
        let backend = Backend::for_tests_at_with(pool, clock.clone(), &selling());
        let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
        let bob = sample::member(&backend, "bob").await.unwrap();
        let agent = published_agent(&ada, "Reader").await;
        let shop = Self { backend, clock, root, ada, bob, agent };
        shop.publish(price).await;
        shop
    }

    /// Approves the agent as it is now at a price.
    async fn publish(&self, price: Price) {
        let texts = resonant_domain::publication::ListingTexts { price, ..texts("Reader") };
        let id = hand_in(&self.ada, self.agent, texts).await;
        approve(&self.root, id).await;
    }

    /// Time goes by: what comes then comes later.
    fn tick(&self) {
        self.clock.advance(SignedDuration::from_secs(1));
    }

    async fn buy(&self, quantity: u32) -> Purchase {
        let begun = begin(&self.bob, "reader", NewPurchase { quantity }).await.unwrap();
        act_as_test(&self.bob, begun.id, TestAct::Approve).await.unwrap();
        get(&self.bob, begun.id).await.unwrap()
    }

    async fn message(&self, id: &str, kind: PaymentKind, purchase: &Purchase) -> Signed {
        let event = PaymentEvent {
            id: id.to_owned(),
            kind,
            reference: format!("test_{}", purchase.id),
            amount: purchase.total,
            currency: purchase.price.currency,
        };
        test_message(&self.backend, &event).await.unwrap()
    }

    async fn take(&self, message: &Signed) -> Result<()> {
        take_message(&self.backend.anonymous(), message).await
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn only_free_is_enabled_without_a_provider(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let agent = published_agent(&ada, "Reader").await;
    let found = publications::get(&ada, agent, PageRequest::default()).await.unwrap();
    assert!(!found.takes_payments);
    let sold = resonant_domain::publication::ListingTexts {
        price: price(PriceKind::OneTime),
        ..texts("Reader")
    };
    let refused = publications::save(&ada, agent, sold).await.unwrap_err();
    assert_eq!(refused.fields()[0].field, "price");
    publications::save(&ada, agent, texts("Reader")).await.unwrap();
    backend.load_content().await.unwrap();
    let bought = begin(&ada, "unit-converter", NewPurchase::default()).await;
    assert_eq!(kind(bought), Some(FaultKind::Conflict));
    assert_eq!(standing(&ada, "unit-converter").await.unwrap(), Standing::Entitled);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_price_is_public_and_the_prompt_is_sold(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::OneTime)).await;
    let listing = listings::get(&shop.bob, "reader").await.unwrap();
    assert_eq!(listing.summary.price, price(PriceKind::OneTime));
    assert_eq!(listing.agent.system_prompt, "", "it is told to those who buy it");
    for (wanted, count) in [(PriceFilter::Paid, 1), (PriceFilter::Free, 0)] {
        let filter = ListingFilter { price: Some(wanted), ..ListingFilter::default() };
        let page = listings::browse(&shop.bob, filter).await.unwrap();
        assert_eq!(page.listings.len(), count);
        let paid = page.facets.prices.iter().find(|facet| facet.value == "paid").unwrap();
        assert_eq!(paid.count, 1, "as if none was asked for");
    }
    let refused = listings::install(&shop.bob, "reader").await.unwrap_err();
    assert_eq!(refused.kind(), FaultKind::Conflict);
    assert!(
        refused.message().contains("$5.00") && refused.message().contains("/marketplace/reader")
    );
    // The publisher's own needs nothing.
    let own = listings::install(&shop.ada, "reader").await.unwrap();
    assert_eq!(own.spec.system_prompt, "Answer briefly.");
    sessions::start(&shop.ada, own.id, sample::goal("Read")).await.unwrap();

    let bought = shop.buy(1).await;
    assert_eq!((bought.state, bought.total, bought.valid_until), (PurchaseState::Paid, 500, None));
    assert_eq!(bought.paid_at, Some(shop.clock.now()));
    assert_eq!(standing(&shop.bob, "reader").await.unwrap(), Standing::Entitled);
    let copy = listings::install(&shop.bob, "reader").await.unwrap();
    assert_eq!(copy.spec.system_prompt, "Answer briefly.");
    sessions::start(&shop.bob, copy.id, sample::goal("Read")).await.unwrap();
    let again = begin(&shop.bob, "reader", NewPurchase::default()).await;
    assert_eq!(kind(again), Some(FaultKind::Conflict), "once is enough");
    agents::publish(&shop.bob, copy.id, NewVersion::default(), None).await.unwrap();
    let resold = publications::save(&shop.bob, copy.id, texts("Reader")).await;
    assert_eq!(kind(resold), Some(FaultKind::Conflict), "it is not theirs to give away");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_buys_is_a_member_and_buys_what_is_for_sale(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::OneTime)).await;
    let guest = sample::guest(&shop.backend).await.unwrap();
    let Actor::User { id, .. } = shop.bob.actor() else { panic!("bob is a person") };
    let scopes = resonant_domain::api_key::Scope::ALL.into_iter().collect();
    let key = resonant_domain::ApiKeyId::from_uuid(id.as_uuid());
    let key = Actor::Key { owner: id, key, scopes };
    let key = shop.backend.ctx(key, crate::RequestId::new("test"));
    for (ctx, slug, quantity, expected) in [
        (&shop.backend.anonymous(), "reader", 1, FaultKind::Unauthenticated),
        (&shop.backend.system(), "reader", 1, FaultKind::Forbidden),
        (&key, "reader", 1, FaultKind::Forbidden),
        (&guest, "reader", 1, FaultKind::Conflict),
        (&shop.ada, "reader", 1, FaultKind::Conflict),
        (&shop.bob, "nothing-here", 1, FaultKind::NotFound),
        (&shop.bob, "../x", 1, FaultKind::NotFound),
        (&shop.bob, "reader", 2, FaultKind::Invalid),
        (&shop.bob, "reader", 0, FaultKind::Invalid),
    ] {
        let answer = begin(ctx, slug, NewPurchase { quantity }).await;
        assert_eq!(kind(answer), Some(expected), "{slug} {quantity}");
    }
    // A purchase is its buyer's, and its publisher may give the money back.
    let bought = shop.buy(1).await;
    for ctx in [&shop.ada, &shop.root, &guest] {
        assert_eq!(kind(get(ctx, bought.id).await), Some(FaultKind::NotFound));
        assert_eq!(kind(cancel(ctx, bought.id).await), Some(FaultKind::NotFound));
        let acted = act_as_test(ctx, bought.id, TestAct::Renew).await;
        assert_eq!(kind(acted), Some(FaultKind::NotFound));
        assert!(list(ctx, PageRequest::default()).await.unwrap().items.is_empty());
    }
    for ctx in [&shop.bob, &shop.root, &guest] {
        assert_eq!(kind(refund(ctx, bought.id).await), Some(FaultKind::NotFound));
        assert!(earned(ctx).await.is_empty());
        assert!(sales(ctx, PageRequest::default()).await.unwrap().items.is_empty());
    }
    assert_eq!(kind(cancel(&shop.bob, bought.id).await), Some(FaultKind::Conflict));
    assert_eq!(list(&shop.bob, PageRequest::default()).await.unwrap().items, [bought]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn two_tabs_begin_one_purchase(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::OneTime)).await;
    let tab = || begin(&shop.bob, "reader", NewPurchase::default());
    let (one, two, three) = tokio::join!(tab(), tab(), tab());
    let (one, two, three) = (one.unwrap(), two.unwrap(), three.unwrap());
    assert_eq!((one.id, two.id), (two.id, three.id));
    assert_eq!(one.checkout_url, Some(format!("/checkout/test/{}", one.id)));
    // Paid in both at the same time: once.
    let pay = || act_as_test(&shop.bob, one.id, TestAct::Approve);
    let (first, second) = tokio::join!(pay(), pay());
    first.unwrap();
    second.unwrap();
    assert_eq!(earned(&shop.ada).await[0].amount, 500);
    assert_eq!(list(&shop.bob, PageRequest::default()).await.unwrap().items.len(), 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_refund_ends_what_was_bought(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::OneTime)).await;
    let bought = shop.buy(1).await;
    let copy = listings::install(&shop.bob, "reader").await.unwrap();
    let session = sessions::start(&shop.bob, copy.id, sample::goal("Read")).await.unwrap();
    sessions::cancel(&shop.bob, session.id).await.unwrap();
    refund(&shop.ada, bought.id).await.unwrap();
    assert_eq!(kind(refund(&shop.ada, bought.id).await), Some(FaultKind::Conflict));
    assert_eq!(get(&shop.bob, bought.id).await.unwrap().state, PurchaseState::Refunded);
    let refused = sessions::start(&shop.bob, copy.id, sample::goal("Read")).await.unwrap_err();
    assert!(refused.message().contains("is not paid for"), "{refused}");
    let fork = resonant_domain::session::NewFork::default();
    assert_eq!(kind(sessions::fork(&shop.bob, session.id, fork).await), Some(FaultKind::Conflict));
    assert_eq!(kind(sessions::retry(&shop.bob, session.id).await), Some(FaultKind::Conflict));
    assert_eq!(kind(listings::install(&shop.bob, "reader").await), Some(FaultKind::Conflict));
    let earned = &earned(&shop.ada).await[0];
    assert_eq!((earned.payments, earned.refunds, earned.amount), (1, 1, 0));
    // It may be bought anew.
    shop.buy(1).await;
    sessions::start(&shop.bob, copy.id, sample::goal("Read")).await.unwrap();
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn another_price_is_another_purchase(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::OneTime)).await;
    let begun = begin(&shop.bob, "reader", NewPurchase::default()).await.unwrap();
    shop.publish(Price { amount: 700, ..price(PriceKind::OneTime) }).await;
    let next = begin(&shop.bob, "reader", NewPurchase::default()).await.unwrap();
    assert_ne!(next.id, begun.id);
    assert_eq!((next.total, next.state), (700, PurchaseState::Pending));
    assert_eq!(get(&shop.bob, begun.id).await.unwrap().state, PurchaseState::Declined);
    let given_up = cancel(&shop.bob, next.id).await.unwrap();
    assert_eq!(given_up.state, PurchaseState::Declined);
    // Money that comes late after all buys what it was for.
    let late = shop.message("late", PaymentKind::Paid, &begun).await;
    shop.take(&late).await.unwrap();
    assert_eq!(standing(&shop.bob, "reader").await.unwrap(), Standing::Entitled);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_becomes_of_a_purchase_is_written_down(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::Subscription)).await;
    let deeds = async |ctx: &Ctx| {
        let filter = AuditFilter::default();
        let page = audit::list(ctx, Whose::Own, filter, PageRequest::default()).await.unwrap();
        let of_money = page.items.into_iter().filter(|entry| {
            let deeds = [Deed::ListingBought, Deed::PurchaseCancelled, Deed::PurchaseRefunded];
            deeds.contains(&entry.deed)
        });
        let told = of_money.map(|entry| {
            assert_eq!(entry.subject.unwrap().name, "Reader");
            (entry.deed, entry.actor.kind, entry.actor.id)
        });
        told.collect::<Vec<_>>()
    };
    let (ada, bob) = (Some(user(&shop.ada)), Some(user(&shop.bob)));
    let begun = begin(&shop.bob, "reader", NewPurchase::default()).await.unwrap();
    assert_eq!(deeds(&shop.bob).await, [], "nothing is bought yet");
    let paid = shop.message("paid-1", PaymentKind::Paid, &begun).await;
    for _ in 0..2 {
        shop.take(&paid).await.unwrap();
    }
    let renewed = shop.message("renewed-1", PaymentKind::Renewed, &begun).await;
    shop.take(&renewed).await.unwrap();
    // The provider has signed it.
    let mut expected = vec![(Deed::ListingBought, ActorKind::System, None)];
    assert_eq!(deeds(&shop.bob).await, expected);
    shop.tick();
    cancel(&shop.bob, begun.id).await.unwrap();
    expected.insert(0, (Deed::PurchaseCancelled, ActorKind::Person, bob));
    shop.tick();
    let at_home = shop.ada.clone().from_address("192.0.2.7".parse().ok());
    refund(&at_home, begun.id).await.unwrap();
    expected.insert(0, (Deed::PurchaseRefunded, ActorKind::Person, ada));
    assert_eq!(deeds(&shop.bob).await, expected);
    assert_eq!(deeds(&shop.ada).await, expected[..1]);
    let from_where = async |ctx: &Ctx| {
        let filter = AuditFilter::default();
        let page = audit::list(ctx, Whose::Own, filter, PageRequest::default()).await.unwrap();
        let mut entries = page.items.into_iter();
        entries.find(|entry| entry.deed == Deed::PurchaseRefunded).unwrap().address
    };
    assert_eq!(from_where(&shop.ada).await.as_deref(), Some("192.0.2.7"));
    assert_eq!(from_where(&shop.bob).await, None, "its buyer does not learn where she lives");
    shop.tick();
    let next = begin(&shop.bob, "reader", NewPurchase::default()).await.unwrap();
    act_as_test(&shop.bob, next.id, TestAct::Approve).await.unwrap();
    assert_eq!(deeds(&shop.bob).await[0], (Deed::ListingBought, ActorKind::Person, bob));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn earnings_and_sales_are_read_page_by_page(pool: PgPool) {
    let shop = Shop::open(pool, price(PriceKind::PerExecution)).await;
    let mut sold = vec![];
    for currency in [Currency::Eur, Currency::Usd, Currency::Jpy] {
        shop.tick();
        shop.publish(Price { currency, ..price(PriceKind::PerExecution) }).await;
        for quantity in [2, 1] {
            shop.tick();
            sold.insert(0, shop.buy(quantity).await.id);
        }
    }
    let (mut found, mut cursor) = (vec![], None);
    loop {
        let page = earnings(&shop.ada, PageRequest { cursor, limit: Some(1) }).await.unwrap();
        found.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        // It is the list of one publisher.
        let foreign = PageRequest { cursor: cursor.clone(), limit: None };
        assert_eq!(kind(earnings(&shop.bob, foreign).await), Some(FaultKind::Invalid));
    }
    let sums: Vec<_> = found.iter().map(|it| (it.currency, it.payments, it.amount)).collect();
    let each = |currency| (currency, 2, 1_500);
    assert_eq!(sums, [each(Currency::Usd), each(Currency::Jpy), each(Currency::Eur)]);
    assert_eq!(found, earned(&shop.ada).await);
    assert_eq!(found, earnings_of(&shop.ada, "reader").await.unwrap());
    assert_eq!(earnings_of(&shop.bob, "reader").await.unwrap(), []);

    let (mut found, mut cursor) = (vec![], None);
    loop {
        let page = sales(&shop.ada, PageRequest { cursor, limit: Some(4) }).await.unwrap();
        found.extend(page.items.into_iter().map(|sale| sale.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, sold);
}
