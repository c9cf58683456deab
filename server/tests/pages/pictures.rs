//! The form that adds a picture, as a browser sends it by itself.

use resonant_backend::sample;
use resonant_domain::image::UPLOAD_MAX;
use serde_json::json;

use super::forms::send_from;
use crate::support::{Answer, TestApp, Visitor};

fn part(name: &str, more: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

async fn send(
    app: &TestApp,
    page: &str,
    visitor: &Visitor,
    (kind, alt): (&str, &str),
    file: &[u8],
) -> Answer {
    let form = [
        part("kind", "", kind.as_bytes()),
        part("alt", "", alt.as_bytes()),
        part("image", "; filename=\"a.png\"\r\nContent-Type: image/png", file),
        b"--edge--\r\n".to_vec(),
    ];
    let path = page.replace("/publish", "/pictures");
    app.post(&path)
        .by(visitor)
        .header("accept", "text/html")
        .header("origin", "http://resonant.test")
        .raw("multipart/form-data; boundary=edge", form.concat())
        .await
}

#[tokio::test]
async fn pictures_are_added_ordered_and_removed_by_plain_forms() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let agent = app.published_agent(&ada, "Painter").await;
    let api = format!("/api/v1/agents/{}", agent.id);
    let page = format!("/studio/agents/{}/publish", agent.id);
    assert!(!app.get(&page).by(&ada).await.text().contains("id=\"pictures\""));
    let draft = json!({
        "name": "Painter", "tagline": "Paints", "category": "content", "description": "It paints",
        "submit": false,
    });
    let saved = app.post(&format!("{api}/submissions")).by(&ada).json(&draft).await;
    assert_eq!(saved.status, 201, "{saved:?}");
    let shown = app.get(&page).by(&ada).await.text();
    let action = format!("action=\"/studio/agents/{}/pictures\"", agent.id);
    for text in ["enctype=\"multipart/form-data\"", &action, "accept=\"image/png,image/jpeg"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }

    let avatar = sample::picture(100, 100, 1);
    let added = send(&app, &page, &ada, ("avatar", ""), &avatar).await;
    assert_eq!((added.status, added.header("location")), (303, &*format!("{page}#pictures")));
    for (hue, alt) in [(2, "First"), (3, "Second")] {
        let file = sample::picture(400, 300, hue);
        let added = send(&app, &page, &ada, ("screenshot", alt), &file).await;
        assert_eq!((added.status, added.header("location")), (303, &*format!("{page}#pictures")));
    }
    let shown = app.get(&page).by(&ada).await.text();
    let place = |text: &str, of: &str| text.find(&format!("alt=\"{of}\"")).unwrap();
    assert!(place(&shown, "First") < place(&shown, "Second"), "{shown}");
    assert!(shown.contains("The avatar of the listing"), "{shown}");
    // What stands at the head of the listing's page is fetched at once, what is below when it comes near.
    let preview = app.get(&format!("{page}/preview")).by(&ada).await.text();
    let count = |part: &str| preview.matches(part).count();
    assert_eq!((count("loading=\"eager\""), count("fetchpriority=\"high\"")), (1, 1), "{preview}");
    assert_eq!(count("loading=\"lazy\""), 4, "each screenshot, small and large: {preview}");

    for (kind, alt, file, code) in [
        ("screenshot", "Third", b"<svg/>".to_vec(), "format"),
        ("screenshot", "Third", vec![0; UPLOAD_MAX + 1], "bytes"),
        ("screenshot", " ", sample::picture(400, 300, 4), "alt"),
        ("screenshot", "Third", sample::picture(100, 100, 4), "small"),
        ("banner", "", avatar.clone(), "damaged"),
    ] {
        let refused = send(&app, &page, &ada, (kind, alt), &file).await;
        let back = format!("{page}?refused={code}#pictures");
        assert_eq!((refused.status, refused.header("location")), (303, &*back));
    }
    let told = app.get(&format!("{page}?refused=format")).by(&ada).await.text();
    assert!(told.contains("The picture must be a PNG, JPEG, WebP or GIF picture."), "{told}");
    let forged = app.get(&format!("{page}?refused=Call+this+number")).by(&ada).await.text();
    assert!(!forged.contains("The picture "), "only what we say ourselves: {forged}");
    for visitor in [&bob, &Visitor::ANONYMOUS] {
        let refused = send(&app, &page, visitor, ("avatar", ""), &avatar).await;
        assert_eq!(
            (refused.status, refused.header("location")),
            (303, &*format!("{page}#pictures"))
        );
    }
    let foreign = page.replace("/publish", "/pictures");
    let foreign = app.post(&foreign).by(&ada).header("origin", "https://evil.example");
    assert_eq!(foreign.raw("multipart/form-data; boundary=edge", "").await.status, 403);

    let standing = app.get(&format!("{api}/submissions")).by(&ada).await.value();
    let shots = &standing["submissions"][0]["pictures"]["screenshots"];
    let second = shots[1]["id"].as_str().unwrap();
    let change = "publishing/change_picture";
    let form = format!("id={}&image={second}&act=earlier", agent.id);
    let moved = send_from(&app, &page, change, &ada, &form).await;
    assert_eq!((moved.status, moved.header("location")), (302, &*format!("{page}#pictures")));
    let form = format!("id={}&image={second}&act=describe&alt=Now+first", agent.id);
    assert_eq!(send_from(&app, &page, change, &ada, &form).await.status, 302);
    let shown = app.get(&page).by(&ada).await.text();
    assert!(place(&shown, "Now first") < place(&shown, "First"), "{shown}");
    let form = format!("id={}&image={second}&act=remove", agent.id);
    assert_eq!(send_from(&app, &page, change, &ada, &form).await.status, 302);
    assert!(!app.get(&page).by(&ada).await.text().contains("Now first"));
    app.end().await;
}
