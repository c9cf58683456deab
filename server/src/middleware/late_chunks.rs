//! Leptos names the chunks of a page in its head as something to be fetched at once. They are named as
//! something for later here: `app/src/shell/program.js` has them fetched once the page has been painted.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header;
use http_body_util::BodyExt as _;

/// How Leptos writes the links, and how they wait. Both are of the same length.
const LATER: [(&str, &str); 2] = [
    (r#" rel="preload" type="application/wasm""#, r#" rel="later" type="application/wasm"  "#),
    (r#".js" rel="modulepreload""#, r#".js" rel="later"        "#),
];

/// Has the chunks of a page wait.
pub async fn name(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) {
        return response;
    }
    response.map(|body| {
        // The head comes first and in one piece; of a link that came in two, nothing is changed.
        let mut is_over = false;
        Body::new(body.map_frame(move |frame| {
            frame.map_data(|data| {
                if std::mem::replace(&mut is_over, true) { data } else { with_late(data) }
            })
        }))
    })
}

fn with_late(data: Bytes) -> Bytes {
    let Some((head, body)) = str::from_utf8(&data).ok().and_then(|text| text.split_once("</head>"))
    else {
        return data;
    };
    let mut head = head.to_owned();
    for (at_once, later) in LATER {
        head = head.replace(at_once, later);
    }
    Bytes::from(head + "</head>" + body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_wait_and_fonts_do_not() {
        for (at_once, later) in LATER {
            assert_eq!(at_once.len(), later.len());
        }
        let page = concat!(
            r#"<head><link rel="preload" href="/fonts/a.woff2" as="font" type="font/woff2">"#,
            r#"<link as="fetch" crossorigin="" href="/pkg/a.wasm" rel="preload" type="application/wasm">"#,
            r#"<link crossorigin="" href="/pkg/s.js" rel="modulepreload"></head>"#,
            r#"<body>.js" rel="modulepreload"</body>"#,
        );
        let late = with_late(Bytes::from_static(page.as_bytes()));
        let late = str::from_utf8(&late).unwrap();
        assert_eq!(late.len(), page.len());
        assert_eq!(late.matches(r#"rel="later""#).count(), 2);
        assert!(late.contains(r#"rel="preload" href="/fonts/a.woff2""#));
        assert!(late.ends_with(r#"<body>.js" rel="modulepreload"</body>"#));
        let half = Bytes::from_static(b"<head><link");
        assert_eq!(with_late(half.clone()), half);
    }
}
