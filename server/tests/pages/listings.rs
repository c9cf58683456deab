//! What stands on the page of a listing for those who have not decided yet.

use std::time::Duration;

use http::Method;
use resonant_backend::GuestLimits;
use resonant_domain::agent::Agent;
use serde_json::{Value, json};

use crate::support::{TestApp, Visitor};

/// Hands an agent in and has it approved; answers the address of the listing's page.
async fn approved(app: &TestApp, root: &Visitor, owner: &Visitor, agent: &Agent) -> String {
    let path = format!("/api/v1/agents/{}/submissions", agent.id);
    let texts = json!({
        "name": agent.spec.name, "tagline": "Reckons", "category": "finance", "description": "It reckons",
        "change_log": "All new",
    });
    let made = app.post(&path).by(owner).json(&texts).await;
    assert_eq!(made.status, 201, "{made:?}");
    let done = app.decide(root, &made, &json!({ "verdict": "approve" })).await;
    format!("/marketplace/{}", done.value()["slug"].as_str().unwrap())
}

#[tokio::test]
async fn what_its_tools_reach_is_told_before_it_is_installed() {
    let app = TestApp::start().await;
    let (root, ada) = (app.admin().await, app.member("ada").await);
    let agent = app.published_agent(&ada, "Reacher").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let tools = json!({ "tools": [
        { "name": "http_fetch" },
        {
            "name": "weather",
            "settings": {
                "kind": "http", "description": "The weather", "method": "POST",
                "url": "https://api.example.org/weather",
            },
            "needs_approval": true,
        },
        {
            "name": "find",
            "settings": {
                "kind": "mcp", "server": "stdio:files", "tool": "search", "description": "Searches",
            },
            "needs_approval": true,
        },
    ] });
    assert_eq!(app.call(Method::PATCH, &path).by(&ada).json(&tools).await.status, 200);
    assert_eq!(app.post(&format!("{path}/versions")).by(&ada).json(&json!({})).await.status, 201);
    let listing = approved(&app, &root, &ada, &agent).await;
    let page = app.get(&listing).await.text();
    for part in [
        "Hosts: any public host",
        "It sends POST requests to api.example.org.",
        "It calls search of the command stdio:files on this machine.",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    app.end().await;
}

#[tokio::test]
async fn each_version_has_its_figures_beside_what_was_new() {
    let app = TestApp::builder().workers(1).start().await;
    let (root, ada) = (app.admin().await, app.member("ada").await);
    let agent = app.published_agent(&ada, "Reckoner").await;
    let listing = approved(&app, &root, &ada, &agent).await;
    let bob = app.member("bob").await;
    let copy = app.post(&format!("/api/v1{}/install", listing.replace("marketplace", "listings")));
    let copy: Agent = copy.by(&bob).await.read();
    let session = app.session(&bob, &copy, "What is 12 * 7?").await;
    app.finish(&bob, &session).await;

    let path = format!("/api/v1/agents/{}", agent.id);
    let prompt = json!({ "system_prompt": "Reckon twice." });
    assert_eq!(app.call(Method::PATCH, &path).by(&ada).json(&prompt).await.status, 200);
    assert_eq!(app.post(&format!("{path}/versions")).by(&ada).json(&json!({})).await.status, 201);
    approved(&app, &root, &ada, &agent).await;
    let page = app.get(&listing).await.text();
    let (_, log) = page.split_once("id=\"changes-title\"").unwrap_or_else(|| panic!("{page}"));
    let (second, first) = log.split_once("Version 1").unwrap_or_else(|| panic!("{page}"));
    let measured = "Measured on 1 session: 100 % reached an answer";
    assert!(first.contains(measured) && !second.contains("Measured on"), "{page}");
    app.end().await;
}

/// The session as soon as it waits for somebody.
async fn until_waiting(app: &TestApp, visitor: &Visitor, path: &str) -> Value {
    for _ in 0..1_000 {
        let session = app.get(path).by(visitor).await.value();
        if session["state"] == "waiting" {
            return session["waiting"].clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{path} does not wait")
}

#[tokio::test]
async fn a_guest_tries_a_listing_within_a_small_budget() {
    let limits = GuestLimits { micro_usd: None, tokens: Some(10), per_address: None };
    let app = TestApp::builder().workers(1).guests(limits).start().await;
    app.backend.load_content().await.unwrap();
    let page = app.get("/marketplace/unit-converter").await.text();
    assert!(page.contains("As a guest you have 10 tokens a month"), "{page}");
    let member = app.member("bob").await;
    let page = app.get("/marketplace/unit-converter").by(&member).await.text();
    assert!(!page.contains("No account needed") && !page.contains("As a guest"), "{page}");
    let ada = app.guest().await;
    let install = app.post("/api/v1/listings/unit-converter/install").by(&ada);
    let agent: Agent = install.await.read();
    let session = app.session(&ada, &agent, "5 miles in km").await;
    let path = format!("/api/v1/sessions/{}", session.id);
    let waiting = until_waiting(&app, &ada, &path).await;
    assert_eq!(waiting["reason"]["shortfall"]["scope"], "guest", "{waiting}");
    let shown = app.get(&format!("/sessions/{}", session.id)).by(&ada).await.text();
    for part in ["the guest budget for the month", "no guest any more", "/sign-up?next="] {
        assert!(shown.contains(part), "{part}: {shown}");
    }

    let choice = json!({ "do": "raise", "by": 1_000_000, "unit": "tokens" });
    let raise = json!({ "waiting": waiting["sequence"], "kind": "budget", "choice": choice });
    let refused = app.post(&format!("{path}/decisions")).by(&ada).json(&raise).await;
    assert_eq!(refused.problem(), (400, vec!["choice.do".to_owned()]));
    let more = app.call(Method::PUT, "/api/v1/budget").by(&ada).json(&json!({ "max_tokens": 11 }));
    assert_eq!(more.await.problem(), (400, vec!["max_tokens".to_owned()]));
    app.end().await;
}

#[tokio::test]
async fn a_misspelt_search_says_what_it_shows() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let page = app.get("/marketplace?q=wrold+clcok").await.text();
    let told = "Nothing matches “wrold clcok”. Showing results for “world clock”";
    for part in [told, "<mark>World<", "<mark>clock<"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let found = app.get("/api/v1/listings?query=wrold%20clcok&fields=slug").await.value();
    assert_eq!(found["corrected"], "world clock", "{found}");
    let found = app.get("/api/v1/listings?query=world").await.value();
    assert_eq!(found.get("corrected"), None, "{found}");
    app.end().await;
}
