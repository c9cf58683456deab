//! Buying, selling and following over HTTP. What a message is worth, the backend's own tests say.

use http::Method;
use resonant_backend::{Actor, RequestId, purchases};
use resonant_domain::price::Currency;
use resonant_domain::purchase::{PaymentEvent, PaymentKind};
use serde_json::{Value, json};

use crate::support::{TestApp, Visitor, lose_checkouts, lose_replies};

/// A listing of the visitor's at a price; answers its slug.
pub(super) async fn publish(app: &TestApp, root: &Visitor, ada: &Visitor, price: &Value) -> String {
    let agent = app.published_agent(ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}/submissions", agent.id);
    let texts = json!({
        "name": "Reckoner", "tagline": "Reckons", "category": "finance",
        "description": "It reckons", "price": price,
    });
    let made = app.post(&path).by(ada).json(&texts).await;
    assert_eq!(made.status, 201, "{made:?}");
    let done = app.decide(root, &made, &json!({ "verdict": "approve" })).await;
    done.value()["slug"].as_str().unwrap().to_owned()
}

/// What the provider says of a purchase that is paid.
async fn paid(app: &TestApp, purchase: &Value) -> purchases::Signed {
    let id = purchase["id"].as_str().unwrap();
    let event = PaymentEvent {
        id: format!("paid-{id}"),
        kind: PaymentKind::Paid,
        reference: format!("test_{id}"),
        amount: purchase["total"].as_i64().unwrap(),
        currency: Currency::Eur,
    };
    purchases::test_message(&app.backend, &event).await.unwrap()
}

/// The provider says that a purchase is paid.
pub(super) async fn pay(app: &TestApp, purchase: &Value) {
    let message = paid(app, purchase).await;
    let nobody = app.backend.ctx(Actor::Anonymous, RequestId::new("test"));
    purchases::take_message(&nobody, &message).await.unwrap();
}

#[tokio::test]
async fn a_purchase_that_was_lost_on_its_way_to_the_provider_is_given_in_again() {
    let app = TestApp::builder().selling().start().await;
    let (root, ada, bob) = (app.admin().await, app.member("ada").await, app.member("bob").await);
    let price = json!({ "kind": "one_time", "amount": 500, "currency": "EUR" });
    let path = format!("/api/v1/listings/{}/purchases", publish(&app, &root, &ada, &price).await);
    let ask = || app.post(&path).by(&bob).header("idempotency-key", "one").json(&json!({}));
    let first = ask().await;
    assert_eq!(first.status, 201, "{first:?}");
    let url = app.database_url();
    lose_checkouts(&url).await;
    lose_replies(&url).await;
    let again = ask().await;
    assert_eq!((again.status, again.value()), (201, first.value()));
    pay(&app, &first.value()).await;
    lose_replies(&url).await;
    let paid = ask().await;
    assert_eq!((paid.status, &paid.value()["state"]), (201, &json!("paid")), "{paid:?}");
    app.end().await;
}

#[tokio::test]
async fn a_listing_is_bought_installed_and_given_back() {
    let app = TestApp::builder().selling().start().await;
    let (root, ada, bob) = (app.admin().await, app.member("ada").await, app.member("bob").await);
    let guest = app.guest().await;
    let price = json!({ "kind": "one_time", "amount": 500, "currency": "EUR" });
    let slug = publish(&app, &root, &ada, &price).await;
    let listing = app.get(&format!("/api/v1/listings/{slug}")).await.value();
    assert_eq!((&listing["price"], &listing["agent"]["system_prompt"]), (&price, &json!("")));
    for (query, count) in [("price=paid", 1), ("price=free", 0)] {
        let page = app.get(&format!("/api/v1/listings?{query}")).await.value();
        assert_eq!(page["listings"].as_array().unwrap().len(), count, "{query}");
    }
    let install = format!("/api/v1/listings/{slug}/install");
    let refused = app.post(&install).by(&bob).await;
    assert_eq!(refused.problem().0, 409);
    assert!(refused.text().contains("/marketplace/reckoner"), "{refused:?}");

    let path = format!("/api/v1/listings/{slug}/purchases");
    for (caller, body, expected) in [
        (&Visitor::ANONYMOUS, json!({}), 401),
        (&guest, json!({}), 409),
        (&ada, json!({}), 409),
        (&bob, json!({ "quantity": 2 }), 400),
        (&bob, json!({ "amount": 1 }), 400),
    ] {
        let answer = app.post(&path).by(caller).json(&body).await;
        assert_eq!(answer.problem().0, expected, "{answer:?}");
    }
    let begun = app.post(&path).by(&bob).json(&json!({})).await;
    assert_eq!(begun.status, 201, "{begun:?}");
    let place = begun.header("location").to_owned();
    let begun = begun.value();
    let id = begun["id"].as_str().unwrap().to_owned();
    assert_eq!((&begun["state"], &begun["total"]), (&json!("pending"), &json!(500)));
    assert_eq!(begun["checkout_url"], format!("/checkout/test/{id}"));
    assert_eq!(app.get(&place).by(&bob).await.status, 200);
    assert_eq!(app.get(&place).by(&ada).await.status, 404);

    let message = paid(&app, &begun).await;
    let send = |signature: &str| {
        app.post("/api/v1/payments/messages")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", &message.timestamp)
            .header("webhook-signature", signature)
            .raw("application/json", message.body.clone())
    };
    assert_eq!(send("v1,AAAA").await.problem().0, 401);
    assert_eq!(app.get(&place).by(&bob).await.value()["state"], "pending");
    for _ in 0..2 {
        assert_eq!(send(&message.signature).await.status, 204);
    }
    let bought = app.get("/api/v1/purchases").by(&bob).await.value();
    assert_eq!(bought["purchases"][0]["state"], "paid");
    assert!(bought["purchases"][0]["checkout_url"].is_null());
    let copy = app.post(&install).by(&bob).await;
    assert_eq!((copy.status, &copy.value()["system_prompt"]), (201, &json!("Reckon.")));
    let agent = copy.value()["id"].as_str().unwrap().to_owned();
    let run = format!("/api/v1/agents/{agent}/execute");
    assert_eq!(app.post(&run).by(&bob).json(&json!({ "goal": "1 + 1" })).await.status, 202);

    let earned = app.get("/api/v1/earnings").by(&ada).await.value();
    assert_eq!(earned["earnings"][0]["amount"], 500, "{earned}");
    assert_eq!(app.post(&format!("{place}/cancel")).by(&bob).await.status, 409);
    assert_eq!(app.post(&format!("{place}/refund")).by(&bob).await.status, 404);
    assert_eq!(app.post(&format!("{place}/refund")).by(&ada).await.status, 204);
    assert_eq!(app.get(&place).by(&bob).await.value()["state"], "refunded");
    let refused = app.post(&run).by(&bob).json(&json!({ "goal": "1 + 1" })).await;
    assert_eq!(refused.problem().0, 409);
    app.end().await;
}

#[tokio::test]
async fn nothing_is_sold_without_a_provider() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let ada = app.member("ada").await;
    let agent = app.published_agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}/submissions", agent.id);
    for (price, field) in [
        (json!({ "kind": "one_time", "amount": 500 }), "price"),
        (json!({ "kind": "one_time", "amount": 0 }), "price.amount"),
        (json!({ "kind": "rental", "amount": 500 }), "price.interval"),
    ] {
        let texts = json!({
            "name": "Reckoner", "tagline": "Reckons", "category": "finance",
            "description": "It reckons", "price": price,
        });
        let refused = app.post(&path).by(&ada).json(&texts).await;
        assert_eq!(refused.problem(), (400, vec![field.to_owned()]));
    }
    let buy = app.post("/api/v1/listings/unit-converter/purchases").by(&ada);
    assert_eq!(buy.json(&json!({})).await.problem().0, 409);
    let message = app.post("/api/v1/payments/messages").raw("application/json", "{}");
    assert_eq!(message.await.problem().0, 409);
    app.end().await;
}

#[tokio::test]
async fn people_follow_publishers() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let profile = "handle=ada-l&name=Ada&bio=";
    let saved = app.post("/api/fn/account/save_profile").by(&ada).form(profile).await;
    assert!(saved.status < 400, "{saved:?}");
    let path = "/api/v1/publishers/ada-l/follow";
    let call = |method: Method, path: &str, caller: &Visitor| app.call(method, path).by(caller);
    assert_eq!(call(Method::PUT, path, &Visitor::ANONYMOUS).await.problem().0, 401);
    assert_eq!(call(Method::PUT, path, &ada).await.problem().0, 409);
    let nobody = "/api/v1/publishers/nobody/follow";
    assert_eq!(call(Method::PUT, nobody, &bob).await.problem().0, 404);
    for _ in 0..2 {
        assert_eq!(call(Method::PUT, path, &bob).await.status, 204);
    }
    let publisher = app.get("/api/v1/publishers/ada-l").await.value();
    assert_eq!(publisher["followers"], 1);
    let following = app.get("/api/v1/following").by(&bob).await.value();
    assert_eq!(following["following"][0]["handle"], "ada-l");
    assert_eq!(app.get("/api/v1/following").by(&ada).await.value()["following"], json!([]));
    assert_eq!(call(Method::DELETE, path, &bob).await.status, 204);
    assert_eq!(app.get("/api/v1/publishers/ada-l").await.value()["followers"], 0);
    app.end().await;
}
