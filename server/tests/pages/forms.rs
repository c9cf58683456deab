//! The forms as a browser without JavaScript sends them.

use crate::support::{Answer, TestApp, Visitor};

/// Installs a listing by its form; whoever is nobody becomes a guest.
pub(crate) async fn install(app: &TestApp, slug: &str, visitor: &Visitor) -> Answer {
    let form = format!("slug={slug}");
    send(app, "marketplace/install_listing", visitor, &form).await
}

async fn send(app: &TestApp, function: &str, visitor: &Visitor, form: &str) -> Answer {
    app.post(&format!("/api/fn/{function}"))
        .by(visitor)
        .header("accept", "text/html,application/xhtml+xml")
        .header("origin", "http://resonant.test")
        .header("referer", "http://resonant.test/sign-in")
        .form(form)
        .await
}

/// The visitor that an answer's cookie makes.
fn visitor(answer: &Answer) -> Visitor {
    let cookie = answer.header("set-cookie");
    let token = cookie.strip_prefix("resonant_sign_in=").unwrap_or_else(|| panic!("{answer:?}"));
    Visitor { token: Some(token.split(';').next().unwrap().to_owned()) }
}

async fn agents(app: &TestApp, visitor: &Visitor) -> usize {
    let list = app.get("/api/v1/agents").by(visitor).await.value();
    list["agents"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_guest_signs_up_and_keeps_everything() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let page = app.get("/api/v1/listings?limit=1").await.value();
    let slug = page["listings"][0]["slug"].as_str().unwrap();

    let installed = install(&app, slug, &Visitor::ANONYMOUS).await;
    assert_eq!(installed.status, 302, "{installed:?}");
    assert!(installed.header("location").starts_with("/studio/agents/"), "{installed:?}");
    let guest = visitor(&installed);
    assert_eq!(agents(&app, &guest).await, 1);

    let form = "display_name=Ada&email=ada%40example.org&password=correct+horse";
    let signed_up = send(&app, "account/sign_up", &guest, form).await;
    assert_eq!(signed_up.status, 302, "{signed_up:?}");
    let ada = visitor(&signed_up);
    assert_ne!(ada.token, guest.token, "signing up changes the id of the sign-in");
    assert_eq!(agents(&app, &ada).await, 1);
    assert_eq!(app.get("/api/v1/agents").by(&guest).await.status, 401, "the old id is void");

    let signed_out = send(&app, "account/sign_out", &ada, "").await;
    let cookie = signed_out.header("set-cookie");
    assert!(cookie.starts_with("resonant_sign_in=;") && cookie.contains("Max-Age=0"), "{cookie}");
    assert_eq!(app.get("/api/v1/agents").by(&ada).await.status, 401);

    let form = "email=ada%40example.org&password=wrong";
    let refused = send(&app, "account/sign_in", &Visitor::ANONYMOUS, form).await;
    assert!(refused.headers.get("set-cookie").is_none(), "{refused:?}");
    let form = "email=Ada%40Example.org&password=correct+horse";
    let signed_in = send(&app, "account/sign_in", &Visitor::ANONYMOUS, form).await;
    assert_eq!(agents(&app, &visitor(&signed_in)).await, 1);
    app.end().await;
}

#[tokio::test]
async fn a_form_leads_nowhere_else() {
    let app = TestApp::start().await;
    app.member("ada").await;
    for next in
        ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "a%0d%0ab"]
    {
        let form = format!("email=ada%40example.org&password=correct+horse&next={next}");
        let answer = send(&app, "account/sign_in", &Visitor::ANONYMOUS, &form).await;
        assert_eq!(answer.status, 302, "{answer:?}");
        assert_eq!(answer.header("location"), "/studio", "{next}");
    }
    app.end().await;
}

#[tokio::test]
async fn server_functions_tell_their_faults() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    // A script asks; the status is the fault's, the body the app's own error.
    let call = |name: &str, form: &str| {
        app.post(&format!("/api/fn/{name}"))
            .by(&ada)
            .header("accept", "application/json")
            .form(form)
    };
    let missing = call("marketplace/install_listing", "slug=no-such-listing").await;
    assert_eq!(missing.status, 404, "{missing:?}");
    assert!(missing.headers.contains_key("serverfnerror"), "{missing:?}");
    assert_eq!(missing.value()["kind"], "not_found");
    // What no function answers is a problem document.
    assert_eq!(call("nothing/at_all", "").await.problem(), (404, vec![]));
    assert_eq!(app.get("/api/fn/account/sign_up").await.problem(), (405, vec![]));
    let large = format!("slug={}", "x".repeat(3 * 1024 * 1024));
    let refused = call("marketplace/install_listing", &large).await;
    assert_eq!(refused.problem(), (413, vec!["body".to_owned()]));
    app.end().await;
}
