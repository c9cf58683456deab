//! How often somebody may try to get in.

use server::settings::Limits;

use super::limits::{from, limit};
use crate::support::TestApp;

#[tokio::test]
async fn passwords_are_not_guessed_fast() {
    let mut limits = Limits::none();
    limits.rate.sign_in = limit("sign-in", 2);
    let app = TestApp::builder().limits(limits).start().await;
    app.member("ada").await;
    let sign_in =
        || app.post("/api/fn/account/sign_in").form("email=ada%40example.org&password=wrong+one");
    for status in [400, 400, 429] {
        assert_eq!(sign_in().await.status, status);
    }
    assert_eq!(app.get("/api/v1/tools").await.status, 200);
    app.end().await;
}

/// From wherever they come, and whether anybody is called so.
#[tokio::test]
async fn a_password_is_guessed_a_few_times_and_then_seldom() {
    let app = TestApp::start().await;
    app.member("ada").await;
    for name in ["ada", "nobody"] {
        let sign_in = |number: u32| {
            let form = format!("email={name}%40example.org&password=wrong+one");
            from(app.post("/api/fn/account/sign_in"), &format!("192.0.2.{number}")).form(&form)
        };
        for number in 1..=10 {
            assert_eq!(sign_in(number).await.status, 400, "{name}");
        }
        let refused = sign_in(11).await;
        assert_eq!(refused.status, 429, "{name}: {refused:?}");
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{name}: {wait}");
    }
    app.end().await;
}

#[tokio::test]
async fn links_for_another_password_are_not_asked_for_fast() {
    let mut limits = Limits::none();
    limits.rate.sign_in = limit("sign-in", 2);
    let app = TestApp::builder().limits(limits).start().await;
    for (number, status) in (0..).zip([409, 409, 429]) {
        let form = format!("email=ada{number}%40example.org");
        let asked = app.post("/api/fn/account/ask_for_password").form(&form).await;
        assert_eq!(asked.status, status, "no mail is sent here: {asked:?}");
    }
    app.end().await;
}
