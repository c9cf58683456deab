//! Reviews by their stars, those that moderators remove, and those of listings that are off, as a browser without
//! JavaScript has them.

use http::Method;
use resonant_domain::agent::Agent;
use serde_json::json;

use super::forms::{send_from, shows};
use crate::support::{TestApp, Visitor};

const PAGE: &str = "/marketplace/unit-converter";

/// Somebody runs a listing and reviews it; answers what names the review.
async fn review(app: &TestApp, slug: &str, author: &Visitor, (stars, text): (u8, &str)) -> String {
    let listing = format!("/api/v1/listings/{slug}");
    let copy: Agent = app.post(&format!("{listing}/install")).by(author).await.read();
    let session = app.session(author, &copy, "5 miles in km").await;
    app.finish(author, &session).await;
    let new = json!({ "stars": stars, "text": text });
    let made = app.post(&format!("{listing}/reviews")).by(author).json(&new).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.value()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn reviews_are_read_by_their_stars_and_in_an_order() {
    let app = TestApp::builder().workers(1).start().await;
    app.backend.load_content().await.unwrap();
    assert!(!app.get(PAGE).await.text().contains("How the stars are distributed"));
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    review(&app, "unit-converter", &ada, (5, "Right to the digit")).await;
    review(&app, "unit-converter", &bob, (2, "Slow at times")).await;

    let page = app.get(PAGE).await.text();
    let ways = ["?stars=5#reviews", "?stars=2#reviews", "?sort=lowest#reviews", "1 review"];
    for part in ["How the stars are distributed", "Right to the digit"].into_iter().chain(ways) {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("?stars=3"), "nobody gave three: {page}");
    let five = app.get(&format!("{PAGE}?stars=5")).await.text();
    assert!(five.contains("Right to the digit") && !five.contains("Slow at times"), "{five}");
    assert!(five.contains(&format!("href=\"{PAGE}#reviews\"")), "the way back to all: {five}");
    for (sort, first, second) in [
        ("lowest", "Slow at times", "Right to the digit"),
        ("highest", "Right to the digit", "Slow at times"),
    ] {
        let page = app.get(&format!("{PAGE}?sort={sort}")).await.text();
        let places = (page.find(first).unwrap(), page.find(second).unwrap());
        assert!(places.0 < places.1, "{sort}: {page}");
    }
    let three = app.get(&format!("{PAGE}?stars=3")).await.text();
    assert!(three.contains("No review has so many stars."), "{three}");
    let all = app.get(&format!("{PAGE}?stars=9&sort=best")).await;
    assert!(all.status == 200 && all.text().contains("Slow at times"), "{all:?}");
    app.end().await;
}

#[tokio::test]
async fn a_review_is_reported_removed_changed_and_put_back_by_plain_forms() {
    let app = TestApp::builder().workers(1).start().await;
    app.backend.load_content().await.unwrap();
    let (root, ada, bob) = (app.admin().await, app.member("ada").await, app.member("bob").await);
    let id = review(&app, "unit-converter", &ada, (1, "Mean words")).await;

    let address = format!("{PAGE}?report={id}");
    assert!(app.get(PAGE).by(&bob).await.text().contains(&format!("{address}#report")));
    assert!(!app.get(PAGE).by(&ada).await.text().contains(&address), "it is her own");
    let asked = app.get(&address).by(&bob).await.text();
    let named = format!("name=\"review\" value=\"{id}\"");
    for part in ["Report this review", "its author does not", "The review by ada:", &named] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    let report = |text: &str| format!("slug=unit-converter&review={id}&reason=spam&report={text}");
    let function = "marketplace/report_listing";
    let refused = send_from(&app, &address, function, &bob, &report("+")).await;
    shows(&refused, &["id=\"field-report-error\"", &named]);
    let sent = send_from(&app, &address, function, &bob, &report("They+hurt")).await;
    assert_eq!(sent.status, 302, "{sent:?}");
    assert!(app.get(sent.header("location")).by(&bob).await.text().contains("Thank you"));

    let close = async |part: &str, decision: &str| {
        let queue = app.get("/admin/reviews").by(&root).await.text();
        assert!(queue.contains(part), "{part}: {queue}");
        let report = queue.split("name=\"id\" value=\"").nth(1).unwrap();
        let form = format!("id={}&{decision}", report.split('"').next().unwrap());
        let page = "/admin/reviews";
        let closed = send_from(&app, page, "moderation/close_report", &root, &form).await;
        assert_eq!(closed.status, 302, "{closed:?}");
    };
    close("They hurt", "is_removed=true&comment=It+is+mean").await;
    assert!(app.get(PAGE).await.text().contains("Nobody has reviewed it yet"));
    let told = app.get("/account/notices").by(&ada).await.text();
    assert!(
        told.contains("moderators removed your review") && told.contains("It is mean"),
        "{told}"
    );
    let own = app.get(PAGE).by(&ada).await.text();
    assert!(own.contains("Moderators removed your review: It is mean"), "{own}");

    let form = "slug=unit-converter&stars=2&text=It+is+slow";
    let saved = send_from(&app, PAGE, "marketplace/save_review", &ada, form).await;
    assert_eq!(saved.status, 302, "{saved:?}");
    assert!(app.get(PAGE).by(&ada).await.text().contains("You have changed it since"));
    assert!(!app.get(PAGE).await.text().contains("It is slow"));
    close("Put the review back", "is_removed=false").await;
    assert!(app.get(PAGE).await.text().contains("It is slow"));
    app.end().await;
}

#[tokio::test]
async fn a_review_of_a_listing_that_is_off_is_deleted_where_it_stood() {
    let app = TestApp::builder().workers(1).start().await;
    let (root, pia, ada) = (app.admin().await, app.member("pia").await, app.member("ada").await);
    let agent = app.published_agent(&pia, "Reckoner").await;
    let own = format!("/api/v1/agents/{}", agent.id);
    let texts = json!({
        "name": "Abacus of Pia", "tagline": "Reckons", "category": "finance",
        "description": "It reckons",
    });
    let made = app.post(&format!("{own}/submissions")).by(&pia).json(&texts).await;
    assert_eq!(made.status, 201, "{made:?}");
    app.decide(&root, &made, &json!({ "verdict": "approve" })).await;
    let id = review(&app, "abacus-of-pia", &ada, (4, "Right to the digit")).await;
    let off = app.call(Method::PATCH, &format!("{own}/listing")).by(&pia);
    assert_eq!(off.json(&json!({ "state": "unlisted" })).await.status, 200);

    let page = "/marketplace/abacus-of-pia";
    let delete = "Delete my review";
    for visitor in [&Visitor::ANONYMOUS, &root] {
        let shown = app.get(page).by(visitor).await;
        assert_eq!((shown.status, shown.text().contains(delete)), (404, false), "{shown:?}");
    }
    let shown = app.get(page).by(&ada).await;
    assert_eq!((shown.status, shown.text().contains(delete)), (404, true), "{shown:?}");
    let form = format!("slug=abacus-of-pia&id={id}");
    let gone = send_from(&app, page, "marketplace/delete_review", &ada, &form).await;
    assert_eq!(gone.status, 302, "{gone:?}");
    assert!(!app.get(page).by(&ada).await.text().contains(delete));
    app.end().await;
}
