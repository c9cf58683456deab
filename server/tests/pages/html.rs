//! Status, title and escaping.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use resonant_domain::agent::{Agent, AgentSpec};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::support::{Answer, TestApp, Visitor};

const HOSTILE: &str =
    "</textarea></title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

fn title(page: &Answer) -> String {
    let text = page.text();
    let start = text.find("<title>").unwrap_or_else(|| panic!("no title: {text}")) + 7;
    let end = start + text[start..].find("</title>").unwrap();
    text[start..end].to_owned()
}

pub(super) fn is_whole_page(path: &str, page: &Answer) {
    let text = page.text();
    assert!(page.header("content-type").starts_with("text/html"), "{path}: {page:?}");
    assert!(text.starts_with("<!DOCTYPE html>"), "{path}: {text}");
    // What hydration needs follows after the document.
    assert!(text.contains("</body>") && text.contains("</html>"), "{path}: {text}");
    assert!(text.contains("<main") && text.contains("<h1"), "{path}: {text}");
    assert!(title(page).contains("Resonant"), "{path}: {}", title(page));
    assert_eq!(page.header("content-encoding"), "", "{path}");
}

/// Every script of the page is one that the header names: by the nonce that it carries, or, where there is
/// none, by its place or its hash.
pub(super) fn obeys_its_policy(path: &str, page: &Answer) {
    let policy = page.header("content-security-policy");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next());
    assert!(nonce.is_none_or(|nonce| nonce.len() >= 22), "{path}: {policy}");
    assert!(policy.contains("script-src 'self' '"), "{path}: {policy}");
    assert!(policy.contains("'wasm-unsafe-eval'") && !policy.contains("'unsafe-eval'"));
    let text = page.text();
    assert!(nonce.is_some() || !text.contains(" nonce="), "{path}: {text}");
    for script in text.split("<script").skip(1) {
        let (tag, rest) = script.split_once('>').unwrap();
        let (content, _) = rest.split_once("</script>").unwrap();
        let is_data = tag.contains("type=\"application/ld+json\"");
        let is_named = match nonce {
            Some(nonce) => tag.contains(&format!("nonce=\"{nonce}\"")),
            None if tag.contains(" src=\"/") => content.is_empty(),
            None => policy.contains(&hash(content)),
        };
        assert!(is_data || is_named, "{path}: <script{tag}>{content}");
    }
    for handler in ["onclick=", "onload=", "onsubmit=", "javascript:"] {
        assert!(!text.contains(handler), "{path} has {handler}");
    }
}

/// A script as a policy names it.
fn hash(script: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(script).into();
    format!("'sha256-{}'", STANDARD.encode(digest))
}

#[tokio::test]
async fn each_page_answers_with_its_title() {
    let app = TestApp::builder().workers(1).start().await;
    app.backend.load_content().await.unwrap();
    let ada = app.member("ada").await;
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "What is 12 * 7?").await;
    app.finish(&ada, &session).await;
    let slug = app.get("/api/v1/listings?limit=1").await.value()["listings"][0]["slug"].clone();
    let slug = slug.as_str().unwrap();

    let mut titles = Vec::new();
    for (path, shows) in [
        ("/".to_owned(), "Resonant"),
        ("/marketplace".to_owned(), slug),
        (format!("/marketplace/{slug}"), "system prompt"),
        ("/studio".to_owned(), "Reckoner"),
        ("/studio/new".to_owned(), "name=\"form[name]\""),
        (format!("/studio/agents/{}", agent.id), "Reckoner"),
        (format!("/studio/agents/{}/publish", agent.id), "No version is published yet"),
        (format!("/studio/agents/{}/bench", agent.id), "Require them to pass"),
        (format!("/studio/agents/{}/bench/edit", agent.id), "name=\"set[cases][0][goal]\""),
        (format!("/studio/agents/{}/tools", agent.id), "What it takes"),
        (format!("/studio/agents/{}/tools/edit", agent.id), "name=\"tool[url]\""),
        (format!("/studio/agents/{}/tools/import", agent.id), "name=\"server\""),
        (format!("/studio/agents/{}/knowledge?query=leave", agent.id), "name=\"title\""),
        ("/studio/automations".to_owned(), "name=\"cron\""),
        ("/sessions".to_owned(), "12 * 7"),
        (format!("/sessions/{}", session.id), "84"),
        ("/account".to_owned(), "ada@example.org"),
        ("/account/secrets".to_owned(), "name=\"hosts\""),
        ("/account/usage".to_owned(), "name=\"dollars\""),
        ("/sign-in".to_owned(), "name=\"password\""),
        ("/sign-up".to_owned(), "name=\"password\""),
    ] {
        let page = app.get(&path).by(&ada).header("accept", "text/html").await;
        let is_form_for_strangers = path.starts_with("/sign");
        if is_form_for_strangers && page.status == 302 {
            // Someone signed in needs no such form.
            let page = app.get(&path).header("accept", "text/html").await;
            assert_eq!(page.status, 200, "{path}: {page:?}");
            titles.push(title(&page));
            continue;
        }
        assert_eq!(page.status, 200, "{path}: {page:?}");
        is_whole_page(&path, &page);
        obeys_its_policy(&path, &page);
        assert!(
            page.text().to_lowercase().contains(&shows.to_lowercase()),
            "{path} lacks {shows}: {}",
            page.text()
        );
        assert_eq!(page.header("cache-control"), "private, no-cache", "{path}");
        titles.push(title(&page));
    }
    let mut distinct = titles.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), titles.len(), "{titles:?}");
    app.end().await;
}

#[tokio::test]
async fn open_pages_need_nobody() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    for path in [
        "/",
        "/marketplace",
        "/studio",
        "/studio/new",
        "/sessions",
        "/sign-in",
        "/sign-up",
        "/account",
    ] {
        let page = app.get(path).header("accept", "text/html").await;
        assert!(page.status == 200 || page.status == 302, "{path}: {page:?}");
        if page.status == 200 {
            is_whole_page(path, &page);
            obeys_its_policy(path, &page);
        }
        assert!(page.headers.get("set-cookie").is_none(), "looking at {path} makes no guest");
    }
    app.end().await;
}

#[tokio::test]
async fn what_is_not_there_is_a_page_with_404() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.guest().await, app.guest().await);
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "What is 1 + 1?").await;
    for path in [
        "/nothing".to_owned(),
        "/nothing/at/all".to_owned(),
        "/marketplace/no-such-listing".to_owned(),
        format!("/studio/agents/{}", agent.id),
        format!("/sessions/{}", session.id),
        "/studio/agents/7".to_owned(),
        "/sessions/7".to_owned(),
    ] {
        let page = app.get(&path).by(&bob).header("accept", "text/html").await;
        assert_eq!(page.status, 404, "{path}: {page:?}");
        is_whole_page(&path, &page);
        obeys_its_policy(&path, &page);
        assert!(!page.text().contains("Reckoner"), "{path}");
    }
    let post = app.post("/nothing").by(&bob).form("a=b").await;
    assert_eq!(post.status, 405);
    app.end().await;
}

#[tokio::test]
async fn a_cursor_that_nobody_gave_is_a_bad_request_with_a_way_on() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let agent = app.agent(&ada, "Reckoner").await;
    for path in [
        "/sessions?cursor=x".to_owned(),
        "/marketplace?cursor=x".to_owned(),
        "/studio/trash?cursor=x".to_owned(),
        "/studio/shared?cursor=x".to_owned(),
        "/account/notices?cursor=x".to_owned(),
        "/account/following?cursor=x".to_owned(),
        format!("/studio/agents/{}/versions?cursor=x", agent.id),
    ] {
        let page = app.get(&path).by(&ada).header("accept", "text/html").await;
        assert_eq!(page.status, 400, "{path}: {page:?}");
        let text = page.text();
        assert!(
            text.contains("href=\"?\"") && text.contains("To the first page"),
            "{path}: {text}"
        );
    }
    app.end().await;
}

#[tokio::test]
async fn what_people_write_stays_text() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let spec = AgentSpec {
        name: HOSTILE.to_owned(),
        description: HOSTILE.to_owned(),
        system_prompt: HOSTILE.to_owned(),
        ..AgentSpec::default()
    };
    let agent: Agent = app.post("/api/v1/agents").by(&ada).json(&spec).await.read();
    let run = json!({ "goal": HOSTILE, "context": HOSTILE });
    let run = app.post(&format!("/api/v1/agents/{}/execute", agent.id)).by(&ada).json(&run).await;
    let session = run.value()["id"].as_str().unwrap().to_owned();
    let profile = app.post("/api/fn/account/update_profile").by(&ada);
    let hostile_form = format!("display_name={}", encoded(&HOSTILE[..60]));
    assert_eq!(profile.form(&hostile_form).await.status, 200);

    for path in [
        "/studio".to_owned(),
        format!("/studio/agents/{}", agent.id),
        "/sessions".to_owned(),
        format!("/sessions/{session}"),
        "/account".to_owned(),
        format!("/marketplace?query={}", encoded(HOSTILE)),
        format!("/sign-in?next={}", encoded(HOSTILE)),
        format!("/studio/new?template={}", encoded(HOSTILE)),
        format!("/{}", encoded(HOSTILE)),
    ] {
        let page = app.get(&path).by(&ada).header("accept", "text/html").await;
        let text = page.text();
        assert!(!text.contains("<script>alert"), "{path}: {text}");
        assert!(!text.contains("<img src=x"), "{path}: {text}");
        if page.status != 302 {
            is_whole_page(&path, &page);
            obeys_its_policy(&path, &page);
        }
    }
    app.end().await;
}

#[tokio::test]
async fn files_know_no_callers_and_how_long_they_keep() {
    let app = TestApp::start().await;
    let icon = app.get("/favicon.svg").by(&Visitor { token: Some("made-up".to_owned()) }).await;
    assert_eq!(icon.status, 200, "{icon:?}");
    assert_eq!(icon.header("content-type"), "image/svg+xml");
    assert_eq!(icon.header("cache-control"), "public, max-age=600");
    let again = app.get("/favicon.svg").header("if-none-match", icon.header("etag")).await;
    assert_eq!(again.status, 304);
    let missing = app.get("/pkg/resonant.rSv2MpKGgyXOrX3Ycd9gMw.js").await;
    assert_eq!((missing.status, missing.header("cache-control")), (404, "no-store"));
    for path in
        ["/../Cargo.toml", "/%2e%2e/Cargo.toml", "/..%2fCargo.toml", "/pkg/../../Cargo.toml"]
    {
        let answer = app.call(Method::GET, path).await;
        assert!(!answer.text().contains("[workspace]"), "{path}");
    }
    app.end().await;
}

/// Percent-encodes all but letters and digits.
pub(super) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => (byte as char).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[tokio::test]
async fn only_a_guest_is_warned_before_signing_in() {
    let app = TestApp::start().await;
    let guest = app.guest().await;
    let warning = "leaves what you made as a guest behind";
    assert!(app.get("/sign-in").by(&guest).await.text().contains(warning));
    assert!(!app.get("/sign-in").await.text().contains(warning));
    app.end().await;
}

#[tokio::test]
async fn search_engines_find_every_public_page() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let robots = app.get("/robots.txt").await;
    assert_eq!(robots.header("content-type"), "text/plain; charset=utf-8");
    assert!(robots.text().contains("Sitemap: http://resonant.test/sitemap.xml"), "{robots:?}");

    let map = app.get("/sitemap.xml").await;
    assert_eq!(map.status, 200, "{map:?}");
    let map = map.text();
    let paths = map.split("<loc>http://resonant.test").skip(1);
    let paths: Vec<_> = paths.map(|rest| &rest[..rest.find('<').unwrap()]).collect();
    let listings = app.get("/api/v1/listings?limit=200").await.value();
    for listing in listings["listings"].as_array().unwrap() {
        let path = format!("/marketplace/{}", listing["slug"].as_str().unwrap());
        assert!(paths.contains(&&*path), "{path} is not in {map}");
    }
    for path in [paths[0], paths[1], paths[2], paths[paths.len() - 1]] {
        let page = app.get(path).header("accept", "text/html").await;
        let text = page.text();
        assert_eq!(page.status, 200, "{path}");
        for part in [
            format!("<link href=\"http://resonant.test{path}\" rel=\"canonical\""),
            format!("<meta property=\"og:url\" content=\"http://resonant.test{path}\""),
            "<meta property=\"og:title\" content=\"".to_owned(),
            "<meta name=\"description\" content=\"".to_owned(),
            "<meta property=\"og:image\" content=\"http://resonant.test/og/".to_owned(),
        ] {
            assert!(text.contains(&part), "{path} lacks {part}: {text}");
        }
        assert!(data(path, &text)["@type"].is_string(), "{path}: {text}");
    }
    let home = data("/", &app.get("/").await.text());
    assert_eq!(
        (&home["@type"], &home["potentialAction"]["target"]["urlTemplate"]),
        (&json!("WebSite"), &json!("http://resonant.test/marketplace?q={words}"))
    );
    let front = data("/marketplace", &app.get("/marketplace").await.text());
    assert_eq!(front["@type"], "ItemList");
    let first = front["itemListElement"][0]["url"].as_str().unwrap();
    assert!(first.starts_with("http://resonant.test/marketplace/"), "{front}");
    app.end().await;
}

/// What a page tells search engines beside its text (schema.org).
fn data(path: &str, page: &str) -> serde_json::Value {
    let scripts: Vec<_> = page.split("<script type=\"application/ld+json\">").skip(1).collect();
    assert_eq!(scripts.len(), 1, "{path}: {page}");
    let text = scripts[0].split("</script>").next().unwrap();
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
}

#[tokio::test]
async fn a_page_is_compressed_for_whoever_can_read_it() {
    let app = TestApp::start().await;
    let page = app.get("/sign-in").header("accept-encoding", "br, gzip").await;
    assert_eq!((page.status, page.header("content-encoding")), (200, "br"));
    app.end().await;
}

#[tokio::test]
async fn a_page_speaks_the_language_of_its_reader() {
    let app = TestApp::start().await;
    let ask = async |accepted: &str, cookie: &str| {
        let call = app.get("/sign-in").header("accept-language", accepted);
        call.header("cookie", cookie).await
    };
    let german = ask("de-AT,en;q=0.5", "a=b").await;
    let text = german.text();
    assert!(text.contains("<html lang=\"de\""), "{text}");
    let (_, rest) = text.split_once("src=\"/languages/").unwrap();
    let script = app.get(&format!("/languages/{}", rest.split('"').next().unwrap())).await;
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(script.header("cache-control"), "public, max-age=31536000, immutable");
    let words = script.text();
    let words = words.strip_prefix("globalThis.resonantWords=").unwrap();
    let words: serde_json::Value =
        serde_json::from_str(words.trim_end_matches([';', '\n'])).unwrap();
    let word = |english: &str| words[english].as_str().unwrap();
    assert!(title(&german).starts_with(word("Sign in")), "{}", title(&german));

    // What was chosen stands above what the browser asks for; English brings no words.
    assert!(ask("en", "resonant_language=de").await.text().contains("<html lang=\"de\""));
    let english = ask("de", "resonant_language=en").await.text();
    assert!(english.contains("<html lang=\"en\"") && !english.contains("/languages/"), "{english}");

    // What a use case says is said in the language of whoever calls.
    let refused =
        app.post("/api/fn/teams/list_teams").header("accept-language", "de").form("").await;
    assert_eq!((refused.status, &refused.value()["message"]), (401, &words["Sign in first"]));

    // The words of another version are here for a while alone.
    let other = app.get("/languages/de.js?v=0").await;
    assert_eq!((other.status, other.header("cache-control").contains("immutable")), (200, false));
    assert_eq!(app.get("/languages/en.js").await.status, 404);
    app.end().await;
}
