//! Cookies, cross-site requests and headers.

use http::Method;
use serde_json::json;

use crate::support::{TestApp, Visitor};

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let app = TestApp::builder().at("http://public.example.org").start().await;
    let ada = app.guest().await;
    let post = || app.post("/api/v1/agents").by(&ada).json(&json!({ "name": "New" }));
    let cases: [(&[(&str, &str)], u16); 9] = [
        (&[], 201),
        (&[("sec-fetch-site", "same-origin")], 201),
        (&[("sec-fetch-site", "none")], 201),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("origin", "http://resonant.test")], 201),
        (&[("origin", "http://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[("sec-fetch-site", "cross-site"), ("origin", "http://public.example.org")], 201),
    ];
    for (headers, expected) in cases {
        let call = headers.iter().fold(post(), |call, (name, value)| call.header(name, value));
        let answer = call.await;
        assert_eq!(answer.status, expected, "{headers:?}: {answer:?}");
        if expected == 403 {
            assert_eq!(answer.problem(), (403, vec![]));
        }
    }
    // Reading is not changing.
    let read = app.get("/api/v1/agents").by(&ada).header("sec-fetch-site", "cross-site").await;
    assert_eq!(read.value()["agents"].as_array().unwrap().len(), 5);
    // No other site's page may read it: nothing allows its origin.
    assert_eq!(read.header("access-control-allow-origin"), "");
    let preflight =
        app.call(Method::OPTIONS, "/api/v1/agents").header("origin", "http://evil.example");
    assert_eq!(preflight.await.header("access-control-allow-origin"), "");
    // Server functions and forms as well.
    for path in ["/api/fn/account/sign_out", "/anything"] {
        let call = app.post(path).by(&ada).form("a=b").header("sec-fetch-site", "cross-site");
        assert_eq!(call.await.status, 403, "{path}");
    }
    app.end().await;
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let app = TestApp::start().await;
    let paths = [
        "/api/v1/health",
        "/api/v1/agents",
        "/api/v1/nothing",
        "/",
        "/nothing",
        "/robots.txt",
        "/pkg/no.js",
    ];
    for path in paths {
        let answer = app.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "strict-origin-when-cross-origin", "{path}");
        assert!(answer.header("permissions-policy").contains("camera=()"), "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("script-src 'unsafe-inline'"), "{path}: {policy}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
    }
    app.end().await;
}

#[tokio::test]
async fn a_guest_gets_a_cookie_that_scripts_cannot_read() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let cookie = begin(&app).await;
    assert!(cookie.starts_with("resonant_sign_in="), "{cookie}");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.split("; ").any(|own| own == part), "{cookie} has no {part}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");
    let token = cookie["resonant_sign_in=".len()..].split(';').next().unwrap().to_owned();
    let guest = Visitor { token: Some(token) };
    assert_eq!(app.get("/api/v1/agents").by(&guest).await.status, 200);
    // Only what changes the sign-in sets the cookie.
    assert!(app.get("/api/v1/agents").by(&guest).await.headers.get("set-cookie").is_none());
    app.end().await;
}

#[tokio::test]
async fn over_https_the_cookie_is_bound_to_the_host() {
    let app = TestApp::builder().at("https://public.example.org").start().await;
    app.backend.load_content().await.unwrap();
    let cookie = begin(&app).await;
    assert!(cookie.starts_with("__Host-resonant_sign_in="), "{cookie}");
    assert!(cookie.contains("; Secure"), "{cookie}");
    let hsts = app.get("/api/v1/health").await;
    assert_eq!(hsts.header("strict-transport-security"), "max-age=31536000");
    // The plain cookie counts for nothing here.
    let guest = app.guest().await;
    assert_eq!(app.get("/api/v1/agents").by(&guest).await.status, 401);
    app.end().await;
}

/// Becomes a guest as the pages do, and gives the cookie.
async fn begin(app: &TestApp) -> String {
    let page = app.get("/api/v1/listings?templates_only=true&limit=1").await.value();
    let slug = page["listings"][0]["slug"].as_str().unwrap();
    let answer = crate::pages::install(app, slug, &Visitor::ANONYMOUS).await;
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies.len(), 1, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    cookies[0].to_str().unwrap().to_owned()
}
