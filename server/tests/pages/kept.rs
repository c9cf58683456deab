//! Public pages as those get them whom nobody knows: one answer for all of them, with its tag.

use std::time::{Duration, Instant};

use futures::future::join_all;
use http::Method;
use resonant_backend::CacheFigures;
use resonant_domain::agent::Agent;
use serde_json::json;

use super::forms::send_from;
use super::html::{is_whole_page, obeys_its_policy};
use crate::support::{Answer, TestApp, Visitor};

const LISTING: &str = "/marketplace/unit-converter";

fn figures(app: &TestApp) -> CacheFigures {
    app.backend.cache_figures().into_iter().find(|figures| figures.kind == "page").unwrap()
}

/// Asks until the answer is one that was kept: before the ear is open, none is.
async fn kept(app: &TestApp, path: &str) -> Answer {
    let began = Instant::now();
    loop {
        let before = figures(app).hits;
        let answer = app.get(path).await;
        if figures(app).hits > before {
            return answer;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{path} is never kept: {answer:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// What a page shows only after a write is there for whoever comes next.
async fn shows_after(app: &TestApp, path: &str, part: &str, write: impl Future<Output = ()>) {
    let before = kept(app, path).await;
    assert!(!before.text().contains(part), "{path} has {part}: {before:?}");
    write.await;
    let after = app.get(path).header("if-none-match", before.header("etag")).await;
    assert!(after.text().contains(part), "{path} lacks {part}: {after:?}");
}

#[tokio::test]
async fn a_public_page_is_one_answer_for_all_whom_nobody_knows() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let (root, ada, guest) = (app.admin().await, app.member("ada").await, app.guest().await);
    let profile = "handle=ada-l&name=Ada+L.&bio=Reckons";
    let saved = send_from(&app, "/account", "account/save_profile", &ada, profile).await;
    assert_eq!(saved.status, 302, "{saved:?}");
    let shelf = "slug=&title=First+steps&description=For+a+start&is_featured=true\
                 &listings=world-clock";
    let page = "/admin/collections";
    let saved = send_from(&app, page, "moderation/save_collection", &root, shelf).await;
    assert_eq!(saved.status, 302, "{saved:?}");

    for path in [
        "/",
        "/?agent=unit-converter",
        "/marketplace",
        "/marketplace?q=unit",
        LISTING,
        "/marketplace/collections/first-steps",
        "/publishers/ada-l",
    ] {
        let page = kept(&app, path).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        is_whole_page(path, &page);
        obeys_its_policy(path, &page);
        let policy = page.header("content-security-policy");
        assert!(policy.contains("'sha256-") && !policy.contains("nonce"), "{path}: {policy}");
        assert_eq!(page.header("cache-control"), "public, max-age=0, must-revalidate", "{path}");
        assert_eq!(page.header("vary"), "accept-encoding, accept-language, cookie", "{path}");
        assert!(page.headers.get("set-cookie").is_none(), "{path}: {page:?}");

        let tag = page.header("etag");
        let known = app.get(path).header("if-none-match", tag).await;
        assert_eq!((known.status, known.body.len()), (304, 0), "{path}: {known:?}");
        // A browser takes these over from an answer without the page.
        for name in ["etag", "content-security-policy", "cache-control", "vary"] {
            assert_eq!(known.header(name), page.header(name), "{path}: {name}");
        }
        let head = app.call(Method::HEAD, path).await;
        assert_eq!((head.status, head.header("etag"), head.body.len()), (200, tag, 0), "{path}");
        assert_eq!(head.header("content-length"), page.body.len().to_string(), "{path}");

        // Whoever says who they are gets a page of their own, also when nobody knows them.
        let made_up = Visitor { token: Some("made-up".to_owned()) };
        for visitor in [&ada, &guest, &made_up] {
            let own = app.get(path).by(visitor).header("if-none-match", tag).await;
            is_own(path, &own);
        }
        let basic = app.get(path).header("authorization", "Basic YTpi");
        is_own(path, &basic.header("if-none-match", tag).await);
    }
    app.end().await;
}

/// Checks that an answer is a page for one visitor alone.
fn is_own(path: &str, page: &Answer) {
    assert_eq!((page.status, page.header("etag")), (200, ""), "{path}: {page:?}");
    assert_eq!(page.header("cache-control"), "private, no-cache", "{path}");
    assert!(page.header("content-security-policy").contains("'nonce-"), "{path}: {page:?}");
    obeys_its_policy(path, page);
}

#[tokio::test]
async fn a_page_is_packed_as_each_takes_it_under_tags_of_their_own() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let plain = kept(&app, LISTING).await;
    let tag = plain.header("etag").trim_end_matches('"');
    for encoding in ["br", "gzip", "zstd"] {
        let ask = |takes: &str, tag: &str| {
            app.get(LISTING).header("accept-encoding", takes).header("if-none-match", tag)
        };
        let packed = ask(encoding, "\"other\"").await;
        assert_eq!((packed.status, packed.header("content-encoding")), (200, encoding));
        assert!(packed.body.len() < plain.body.len() / 2, "{encoding}");
        assert_eq!(packed.header("etag"), format!("{tag}-{encoding}\""));
        assert_eq!(packed.header("vary"), plain.header("vary"));
        let known = ask(encoding, packed.header("etag")).await;
        assert_eq!((known.status, known.header("etag")), (304, packed.header("etag")));
        for answer in [&packed, &known] {
            let name = "content-security-policy";
            assert_eq!(answer.header(name), plain.header(name), "{encoding}");
        }
        // Who does not take it any more gets the plain one.
        let unpacked = ask("identity", packed.header("etag")).await;
        assert_eq!((unpacked.status, &unpacked.body), (200, &plain.body));
    }
    app.end().await;
}

#[tokio::test]
async fn languages_and_colours_are_told_apart() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let usual = kept(&app, LISTING).await;
    assert!(usual.text().contains("<html lang=\"en\""), "{usual:?}");
    for (name, value, part) in [
        ("accept-language", "de-AT,en;q=0.5", "<html lang=\"de\""),
        ("cookie", "resonant_language=de", "<html lang=\"de\""),
        ("cookie", "resonant_theme=dark", "data-theme=\"dark\""),
        ("cookie", "a=b; resonant_theme=light", "data-theme=\"light\""),
    ] {
        for _ in 0..2 {
            let call = app.get(LISTING).header(name, value);
            let page = call.header("if-none-match", usual.header("etag")).await;
            assert_eq!(page.status, 200, "{name}: {value}");
            assert!(page.text().contains(part), "{name}: {value}: {page:?}");
            obeys_its_policy(LISTING, &page);
        }
    }
    let other = app.get(LISTING).header("cookie", "a=b; resonant_theme=pink").await;
    assert_eq!(other.header("etag"), usual.header("etag"));
    // Cards and canonical addresses begin with it.
    let at = TestApp::builder().at("https://public.example.org").start().await;
    at.backend.load_content().await.unwrap();
    let page = kept(&at, LISTING).await.text();
    assert!(page.contains("https://public.example.org/marketplace/unit-converter"), "{page}");
    at.end().await;
    app.end().await;
}

#[tokio::test]
async fn what_is_no_public_page_is_not_kept() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    kept(&app, "/").await;
    for (path, status) in [
        ("/marketplace/no-such-listing", 404),
        ("/marketplace/collections/none", 404),
        ("/publishers/nobody", 404),
        ("/sign-in", 200),
    ] {
        let mut bodies = vec![];
        for _ in 0..2 {
            let page = app.get(path).await;
            assert_eq!((page.status, page.header("etag")), (status, ""), "{path}: {page:?}");
            assert_eq!(page.header("cache-control"), "private, no-cache", "{path}");
            obeys_its_policy(path, &page);
            bodies.push(page.body);
        }
        assert_ne!(bodies[0], bodies[1], "{path}: each has a nonce of its own");
    }
    // Two ask for what is not there at once: one waits for the other, and each gets an answer.
    let path = "/marketplace/nor-this-one";
    let answers = join_all((0..5).map(|_| app.get(path).into_future())).await;
    for answer in &answers {
        assert_eq!(answer.status, 404, "{answer:?}");
        is_whole_page(path, answer);
    }
    app.end().await;
}

#[tokio::test]
async fn a_herd_has_a_page_rendered_once() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    kept(&app, "/").await;
    let before = figures(&app);
    let herd = (0..50).map(|_| app.get("/marketplace?q=unit").into_future());
    let answers = join_all(herd).await;
    let now = figures(&app);
    assert_eq!((now.loads - before.loads, now.hits - before.hits), (1, 49));
    for answer in &answers {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("etag"), answers[0].header("etag"));
    }
    app.end().await;
}

#[tokio::test]
async fn a_page_shows_what_was_said_of_a_listing_before_it_was_asked_for() {
    let app = TestApp::builder().workers(1).start().await;
    app.backend.load_content().await.unwrap();
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let copy: Agent = app.post("/api/v1/listings/unit-converter/install").by(&ada).await.read();
    let session = app.session(&ada, &copy, "5 miles in km").await;
    app.finish(&ada, &session).await;

    let reviews = "/api/v1/listings/unit-converter/reviews";
    shows_after(&app, LISTING, "Right to the digit", async {
        let review = json!({ "stars": 4, "text": "Right to the digit" });
        let made = app.post(reviews).by(&ada).json(&review).await;
        assert_eq!(made.status, 201, "{made:?}");
    })
    .await;
    let listed = app.get(reviews).await.value();
    let id = listed["reviews"][0]["id"].as_str().unwrap().to_owned();
    shows_after(&app, LISTING, "1 person finds this helpful", async {
        let vote = format!("slug=unit-converter&id={id}&is_helpful=true");
        let voted = send_from(&app, LISTING, "marketplace/vote_review", &bob, &vote).await;
        assert_eq!(voted.status, 302, "{voted:?}");
    })
    .await;
    shows_after(&app, LISTING, "Ada Lovelace", async {
        let name = "display_name=Ada+Lovelace";
        let renamed = send_from(&app, "/account", "account/update_profile", &ada, name).await;
        assert_eq!(renamed.status, 302, "{renamed:?}");
    })
    .await;
    shows_after(&app, LISTING, "Nobody has reviewed it yet", async {
        let gone = app.call(Method::DELETE, &format!("{reviews}/{id}")).by(&ada).await;
        assert_eq!(gone.status, 204, "{gone:?}");
    })
    .await;
    app.end().await;
}

#[tokio::test]
async fn a_page_shows_what_was_published_before_it_was_asked_for() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let (root, ada, bob) = (app.admin().await, app.member("ada").await, app.member("bob").await);
    let agent = app.published_agent(&ada, "Reckoner").await;
    let (own, listing) = (format!("/api/v1/agents/{}", agent.id), "/marketplace/abacus-of-ada");
    assert_eq!(app.get(listing).await.status, 404);
    shows_after(&app, "/marketplace?sort=newest", "Abacus of Ada", async {
        let texts = json!({
            "name": "Abacus of Ada", "tagline": "Reckons", "category": "finance",
            "description": "It reckons", "tags": ["sums"], "change_log": "All new",
        });
        let made = app.post(&format!("{own}/submissions")).by(&ada).json(&texts).await;
        assert_eq!(made.status, 201, "{made:?}");
        app.decide(&root, &made, &json!({ "verdict": "approve" })).await;
    })
    .await;
    shows_after(&app, listing, "Ada L.", async {
        let form = "handle=ada-l&name=Ada+L.&bio=";
        let saved = send_from(&app, "/account", "account/save_profile", &ada, form).await;
        assert_eq!(saved.status, 302, "{saved:?}");
    })
    .await;
    shows_after(&app, "/publishers/ada-l", ">1 follower<", async {
        let follow = app.call(Method::PUT, "/api/v1/publishers/ada-l/follow").by(&bob).await;
        assert_eq!(follow.status, 204, "{follow:?}");
    })
    .await;
    let before = kept(&app, "/marketplace?sort=newest").await;
    shows_after(&app, listing, "has paused this listing", async {
        let pause = app.call(Method::PATCH, &format!("{own}/listing")).by(&ada);
        let paused = pause.json(&json!({ "state": "paused" })).await;
        assert_eq!(paused.status, 200, "{paused:?}");
    })
    .await;
    let after = app.get("/marketplace?sort=newest").await;
    assert!(before.text().contains("Abacus of Ada"), "{before:?}");
    assert!(!after.text().contains("Abacus of Ada"), "{after:?}");
    app.end().await;
}
