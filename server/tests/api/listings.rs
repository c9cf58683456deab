//! The marketplace by REST.

use resonant_domain::agent::Agent;

use crate::support::TestApp;

#[tokio::test]
async fn a_listing_is_found_opened_and_installed() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let page = app.get("/api/v1/listings?category=finance&sort=name&limit=2").await;
    assert_eq!(page.header("cache-control"), "public, max-age=60, stale-while-revalidate=60");
    let page = page.value();
    for listing in page["listings"].as_array().unwrap() {
        assert_eq!(listing["category"], "finance");
    }
    assert!(page["total"].as_i64().unwrap() >= 24, "{page}");
    let slug = page["listings"][0]["slug"].as_str().unwrap();

    let listing = app.get(&format!("/api/v1/listings/{slug}")).await.value();
    let ada = app.guest().await;
    let installed = app.post(&format!("/api/v1/listings/{slug}/install")).by(&ada).await;
    assert_eq!(installed.status, 201, "{installed:?}");
    let agent: Agent = installed.read();
    assert_eq!(installed.header("location"), format!("/api/v1/agents/{}", agent.id));
    assert_eq!(agent.spec.name, listing["agent"]["name"]);
    assert_eq!(agent.listing_id.unwrap().to_string(), listing["id"]);
    app.end().await;
}

#[tokio::test]
async fn loading_the_content_twice_changes_nothing() {
    let app = TestApp::start().await;
    assert!(app.backend.load_content().await.unwrap() >= 24);
    assert_eq!(app.backend.load_content().await.unwrap(), 0);
    app.end().await;
}
