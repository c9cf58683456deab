//! Reviews over HTTP.

use http::Method;
use resonant_domain::agent::Agent;
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_listing_is_run_reviewed_and_judged_anew() {
    let app = TestApp::builder().workers(1).start().await;
    app.backend.load_content().await.unwrap();
    let listing = "/api/v1/listings/unit-converter";
    let reviews = format!("{listing}/reviews");
    let ada = app.member("ada").await;
    let new = json!({ "stars": 4, "text": "Right to the last digit" });
    let early = app.post(&reviews).by(&ada).json(&new).await;
    assert_eq!(early.problem(), (409, vec![]));

    let agent: Agent = app.post(&format!("{listing}/install")).by(&ada).await.read();
    let session = app.session(&ada, &agent, "5 miles in km").await;
    app.finish(&ada, &session).await;
    for (field, value) in [("stars", json!(0)), ("text", json!(" "))] {
        let mut broken = new.clone();
        broken[field] = value;
        let refused = app.post(&reviews).by(&ada).json(&broken).await;
        assert_eq!(refused.problem(), (400, vec![field.to_owned()]));
    }
    let made = app.post(&reviews).by(&ada).json(&new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.value();
    assert_eq!((&made["author"], &made["version"]), (&json!("ada"), &json!(1)));
    let path = format!("{reviews}/{}", made["id"].as_str().unwrap());

    let changed = app.call(Method::PATCH, &path).by(&ada).json(&json!({ "stars": 2 })).await;
    assert_eq!((changed.status, &changed.value()["stars"]), (200, &json!(2)));
    let told = app.get(listing).await.value();
    assert_eq!((&told["rating_count"], &told["rating_hundredths"]), (&json!(1), &json!(200)));
    let page = app.get(&reviews).await.value();
    assert_eq!(page["reviews"][0]["text"], "Right to the last digit");
    assert_eq!(page["has_more"], false);
    for (query, found) in [("stars=2&sort=newest", 1), ("stars=3", 0), ("sort=lowest&limit=1", 1)] {
        let page = app.get(&format!("{reviews}?{query}")).await.value();
        assert_eq!(page["reviews"].as_array().map(Vec::len), Some(found), "{query}: {page}");
    }
    // They are the same to everybody.
    for place in [&reviews, &path] {
        let kept = app.get(place).by(&ada).await;
        let cache = kept.header("cache-control");
        assert_eq!(cache, "public, max-age=60, stale-while-revalidate=60", "{place}");
    }
    let known = app.get(&path).await.header("etag").to_owned();
    assert_eq!(app.get(&path).header("if-none-match", &known).await.status, 304);
    let facts = app.get(&format!("{listing}/facts")).await.value();
    assert_eq!((&facts["sessions"], &facts["completed"]), (&json!(1), &json!(1)), "{facts}");
    assert_eq!(app.get(&format!("{listing}/facts?version=1")).await.value(), facts);
    assert_eq!(app.get(&format!("{listing}/facts?version=2")).await.status, 404);
    let refused = app.get(&format!("{listing}/facts?version=0")).await;
    assert_eq!(refused.problem(), (400, vec!["version".to_owned()]));

    let bob = app.member("bob").await;
    assert_eq!(app.call(Method::DELETE, &path).by(&bob).await.status, 404);
    assert_eq!(app.call(Method::DELETE, &path).by(&ada).await.status, 204);
    assert_eq!(app.call(Method::DELETE, &path).by(&ada).await.status, 404);
    assert_eq!(app.get(listing).await.value()["rating_count"], 0);
    app.end().await;
}
