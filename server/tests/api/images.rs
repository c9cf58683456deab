//! Pictures over HTTP: uploaded, chosen, shown, and the cards of shared links.

use http::Method;
use resonant_backend::sample;
use resonant_domain::image::UPLOAD_MAX;
use serde_json::{Value, json};

use super::openapi::check;
use crate::support::{Answer, TestApp, Visitor};

const UPLOAD: &str = "/api/v1/images?kind=screenshot";
const FOR_EVER: &str = "public, max-age=31536000, immutable";

fn submission(pictures: &Value) -> Value {
    json!({
        "name": "Painter", "tagline": "Paints", "category": "content", "description": "It paints",
        "pictures": pictures,
    })
}

async fn upload(app: &TestApp, visitor: &Visitor, kind: &str, hue: u8) -> String {
    let (width, height) = if kind == "avatar" { (200, 200) } else { (1600, 1000) };
    let path = format!("/api/v1/images?kind={kind}");
    let file = sample::picture(width, height, hue);
    let answer = app.post(&path).by(visitor).raw("image/png", file).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.value()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_picture_is_uploaded_and_anyone_reads_its_files() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let file = sample::picture(1600, 1000, 7);
    let made = app.post(UPLOAD).by(&ada).raw("image/png", file.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let document = app.get("/api/v1/openapi.json").await.value();
    check(&document, &Method::POST, "/api/v1/images", &made);
    let image = made.value();
    assert_eq!((&image["width"], &image["height"]), (&json!(1440), &json!(900)));
    assert_eq!(image["widths"], json!([480, 960, 1440]));
    let id = image["id"].as_str().unwrap();
    assert_eq!(made.header("location"), format!("/images/{id}/1440.webp"));

    for (name, kind) in [("480.webp", "image/webp"), ("960.jpg", "image/jpeg")] {
        let path = format!("/images/{id}/{name}");
        let shown = app.get(&path).await;
        assert_eq!((shown.status, shown.header("content-type")), (200, kind));
        assert_eq!(shown.header("cache-control"), FOR_EVER);
        assert_eq!(shown.header("x-content-type-options"), "nosniff");
        let tag = shown.header("etag").to_owned();
        let again = app.get(&path).header("if-none-match", &tag).await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, &*tag));
        let head = app.call(Method::HEAD, &path).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), shown.body.len().to_string());
    }
    for name in ["480.png", "481.webp", "0480.webp", "480.svg", "480", "..%2f480.webp"] {
        let missing = app.get(&format!("/images/{id}/{name}")).await;
        assert_eq!((missing.status, missing.body.len()), (404, 0), "{name}");
        assert_eq!(missing.header("cache-control"), "no-store");
    }
    assert_eq!(app.get("/images/nothing/480.webp").await.status, 404);

    // Sent again under the same name it counts once, however large it is.
    let mut large = sample::picture(2400, 1500, 9);
    large.extend(vec![0; 3 << 20]);
    let call = || {
        let call = app.post(UPLOAD).by(&ada).header("idempotency-key", "one");
        call.raw("application/octet-stream", large.clone())
    };
    let (one, two) = (call().await, call().await);
    assert_eq!((one.status, two.status), (201, 201), "{one:?}");
    assert_eq!((one.value(), two.header("idempotency-replayed")), (two.value(), "true"));
    app.end().await;
}

#[tokio::test]
async fn what_is_no_picture_of_ones_own_is_refused() {
    let app = TestApp::start().await;
    let (ada, guest) = (app.member("ada").await, app.guest().await);
    let file = sample::picture(400, 300, 7);
    let send = |kind: &'static str, file: Vec<u8>| app.post(UPLOAD).by(&ada).raw(kind, file);
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec();
    for (kind, file) in [("image/svg+xml", svg.clone()), ("image/png", svg), ("image/png", vec![])]
    {
        assert_eq!(send(kind, file).await.problem(), (400, vec!["image".to_owned()]));
    }
    assert_eq!(send("text/html", file.clone()).await.problem().0, 415);
    assert_eq!(send("application/json", b"{}".to_vec()).await.problem().0, 415);
    let large = send("image/png", vec![0; UPLOAD_MAX + 1]).await;
    assert_eq!(large.problem(), (413, vec!["body".to_owned()]));
    assert!(large.value()["detail"].as_str().unwrap().contains(&UPLOAD_MAX.to_string()));
    let kind = app.post("/api/v1/images").by(&ada).raw("image/png", file.clone()).await;
    assert_eq!(kind.problem(), (400, vec!["kind".to_owned()]));
    for (visitor, expected) in [(&guest, 409), (&Visitor::ANONYMOUS, 401)] {
        let refused = app.post(UPLOAD).by(visitor).raw("image/png", file.clone()).await;
        assert_eq!(refused.problem().0, expected);
    }
    let elsewhere = app.post(UPLOAD).by(&ada).header("origin", "https://evil.example");
    assert_eq!(elsewhere.raw("image/png", file).await.problem().0, 403);

    let agent = app.published_agent(&ada, "Painter").await;
    let path = format!("/api/v1/agents/{}/submissions", agent.id);
    let shot = upload(&app, &ada, "screenshot", 1).await;
    let of_bob = upload(&app, &app.member("bob").await, "screenshot", 2).await;
    for (pictures, field) in [
        (json!({ "avatar": shot }), "pictures.avatar"),
        (
            json!({ "screenshots": [{ "image": of_bob, "alt": "x" }] }),
            "pictures.screenshots[0].image",
        ),
        (json!({ "screenshots": [{ "image": shot, "alt": "" }] }), "pictures.screenshots[0].alt"),
        (json!({ "screenshots": [{ "image": "x", "alt": "x" }] }), "pictures.screenshots[0].image"),
    ] {
        let refused = app.post(&path).by(&ada).json(&submission(&pictures)).await;
        assert_eq!(refused.problem(), (400, vec![field.to_owned()]), "{refused:?}");
    }
    app.end().await;
}

/// The value of an attribute of the first tag that holds all of these.
fn attribute(page: &Answer, parts: &[&str], name: &str) -> String {
    let text = page.text();
    let tag = text
        .split('<')
        .filter_map(|tag| tag.split('>').next())
        .find(|tag| parts.iter().all(|part| tag.contains(part)))
        .unwrap_or_else(|| panic!("{parts:?}: {text}"));
    let value = tag.split(&format!("{name}=\"")).nth(1).unwrap_or_else(|| panic!("{name}: {tag}"));
    value.split('"').next().unwrap().replace("&amp;", "&")
}

/// Width and height of a PNG.
fn size(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[tokio::test]
async fn a_listing_shows_its_pictures_and_its_card() {
    let app = TestApp::start().await;
    let (root, ada) = (app.admin().await, app.member("ada").await);
    let agent = app.published_agent(&ada, "Painter").await;
    let path = format!("/api/v1/agents/{}/submissions", agent.id);
    let (avatar, shot) =
        (upload(&app, &ada, "avatar", 1).await, upload(&app, &ada, "screenshot", 2).await);
    let pictures =
        json!({ "avatar": avatar, "screenshots": [{ "image": shot, "alt": "A <b>table" }] });
    let made = app.post(&path).by(&ada).json(&submission(&pictures)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let handed_in = &made.value()["submissions"][0];
    assert_eq!(handed_in["pictures"]["avatar"]["id"], json!(avatar));
    let case = format!("/admin/reviews/{}", handed_in["id"].as_str().unwrap());
    let judged = app.get(&case).by(&root).await.text();
    assert!(judged.contains("In the listing") && judged.contains(&shot), "{judged}");
    app.decide(&root, &made, &json!({ "verdict": "approve" })).await;

    let listing = app.get("/api/v1/listings/painter").await;
    assert_eq!(listing.value()["picture"]["id"], json!(avatar));
    assert_eq!(listing.value()["screenshots"][0]["alt"], "A <b>table");
    let chosen = app.get("/api/v1/listings/painter?fields=picture,screenshots").await.value();
    assert_eq!(chosen["screenshots"][0]["id"], json!(shot));

    let page = app.get("/marketplace/painter").await;
    let mark = format!("/images/{shot}/480.jpg");
    assert_eq!(attribute(&page, &[&mark], "width"), "1440");
    assert_eq!(attribute(&page, &[&mark], "height"), "900");
    assert_eq!(attribute(&page, &[&mark], "loading"), "lazy");
    assert_eq!(attribute(&page, &[&mark], "decoding"), "async");
    assert!(attribute(&page, &[&mark], "style").contains("url('data:image/png;base64,"));
    assert!(attribute(&page, &[&mark], "srcset").ends_with(&format!("{shot}/1440.jpg 1440w")));
    let webp = attribute(&page, &["source", &shot], "srcset");
    assert!(webp.starts_with(&format!("/images/{shot}/480.webp 480w, ")), "{webp}");
    assert!(page.text().contains("A &lt;b&gt;table"), "{}", page.text());
    for path in ["/marketplace/painter", "/marketplace"] {
        let page = app.get(path).await;
        assert_eq!(attribute(&page, &["img", &avatar], "width"), "200", "{path}");
    }

    let card = attribute(&page, &["og:image\""], "content");
    let card = card.strip_prefix("http://resonant.test").unwrap_or_else(|| panic!("{card}"));
    assert!(card.starts_with("/og/listings/painter.png?v="), "{card}");
    assert_eq!(attribute(&page, &["og:image:width"], "content"), "1200");
    assert_eq!(attribute(&page, &["og:image:height"], "content"), "630");
    assert_eq!(attribute(&page, &["twitter:card"], "content"), "summary_large_image");
    let drawn = app.get(card).await;
    assert_eq!((drawn.status, drawn.header("content-type")), (200, "image/png"));
    assert_eq!((size(&drawn.body), drawn.header("cache-control")), ((1200, 630), FOR_EVER));
    assert_eq!(drawn.header("cross-origin-resource-policy"), "cross-origin");
    let again = app.get(card).header("if-none-match", drawn.header("etag")).await;
    assert_eq!(again.status, 304);
    let old = app.get("/og/listings/painter.png?v=old").await;
    assert_eq!((old.status, old.header("cache-control")), (200, "public, max-age=600"));
    for path in ["/", "/marketplace"] {
        let card = attribute(&app.get(path).await, &["og:image\""], "content");
        let path = card.strip_prefix("http://resonant.test").unwrap();
        assert!(path.starts_with("/og/default.png?v="), "{card}");
        assert_eq!(size(&app.get(path).await.body), (1200, 630));
    }
    for path in ["/og/listings/nothing.png", "/og/listings/painter", "/og/people/painter.png"] {
        assert_eq!(app.get(path).await.status, 404, "{path}");
    }
    app.end().await;
}
