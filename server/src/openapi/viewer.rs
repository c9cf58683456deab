//! The description as a page that needs no script.

use std::fmt::{Arguments, Write as _};
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::routing::get;
use http::{HeaderMap, HeaderValue, header};
use serde_json::Value;

use crate::packed::Packed;
use crate::reply;
use crate::state::AppState;

/// The routes of the page and of its style.
pub(super) fn routes(document: &Arc<Value>) -> Router<AppState> {
    let policy = HeaderValue::from_static(
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    let policy = [(header::CONTENT_SECURITY_POLICY, policy)];
    let style = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/css")),
        (header::CACHE_CONTROL, reply::PUBLIC),
    ];
    let document = Arc::clone(document);
    // Drawn when it is first asked for.
    let drawn =
        Arc::new(LazyLock::new(move || Packed::new("text/html; charset=utf-8", page(&document))));
    let docs = get(async move |headers: HeaderMap| (policy, drawn.answer(&headers).await));
    Router::new()
        .route("/api/docs", docs)
        .route("/api/docs/viewer.css", get(async move || (style, include_str!("viewer.css"))))
}

/// Draws the whole description.
fn page(document: &Value) -> String {
    let mut html = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>API · Resonant</title>\
         <link rel=\"stylesheet\" href=\"/api/docs/viewer.css\"></head><body><main>\
         <h1>Resonant’s REST interface</h1>",
    );
    paragraph(&mut html, &document["info"]["description"]);
    html.push_str(
        "<p>As a document for machines: <a href=\"/api/v1/openapi.json\">OpenAPI 3.1</a>.</p>",
    );
    html.push_str("<nav aria-label=\"Operations\"><ul>");
    for (path, method, operation) in operations(document) {
        let id = escape(text(&operation["operationId"]));
        let method = method.to_ascii_uppercase();
        push(
            &mut html,
            format_args!("<li><a href=\"#{id}\"><code>{method} {}</code></a> ", escape(path)),
        );
        push(&mut html, format_args!("{}</li>", escape(text(&operation["summary"]))));
    }
    html.push_str("</ul></nav>");
    for (path, method, operation) in operations(document) {
        draw(&mut html, path, method, operation);
    }
    html.push_str("<h2>Schemas</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        fold(&mut html, &format!("schema-{name}"), name, schema);
    }
    html.push_str("</main></body></html>");
    html
}

/// Every operation with its path and method.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn draw(html: &mut String, path: &str, method: &str, operation: &Value) {
    let id = escape(text(&operation["operationId"]));
    let method = method.to_ascii_uppercase();
    push(
        html,
        format_args!(
            "<section id=\"{id}\"><h2><code class=\"method\">{method}</code> <code>{}</code></h2>",
            escape(path)
        ),
    );
    paragraph(html, &operation["summary"]);
    paragraph(html, &operation["description"]);
    let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    if !parameters.is_empty() {
        html.push_str("<table><thead><tr><th>Parameter<th>In<th>Value</tr></thead><tbody>");
        for parameter in parameters {
            let cell = |name: &str| escape(text(&parameter[name]));
            let schema = escape(&parameter["schema"].to_string());
            push(
                html,
                format_args!(
                    "<tr><td><code>{}</code><td>{}<td>{} <code>{schema}</code></tr>",
                    cell("name"),
                    cell("in"),
                    cell("description"),
                ),
            );
        }
        html.push_str("</tbody></table>");
    }
    for (_, body) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        fold(html, &format!("{id}-body"), "Body", &body["schema"]);
    }
    let mut refusals = Vec::new();
    for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
        if answer.get("$ref").is_some() {
            refusals.push(status.as_str());
            continue;
        }
        match answer["content"].as_object() {
            None => push(html, format_args!("<p>Answers {status} and nothing more.</p>")),
            Some(contents) => {
                for (kind, content) in contents {
                    let title = format!("Answer {status}, {kind}");
                    fold(html, &format!("{id}-{status}-{kind}"), &title, &content["schema"]);
                }
            }
        }
    }
    push(html, format_args!("<p>May be refused with {}.</p></section>", refusals.join(", ")));
}

/// A schema behind its title. The name is that of the schema and not of what holds it: a browser that is led
/// to something in there opens it.
fn fold(html: &mut String, id: &str, title: &str, schema: &Value) {
    let text = serde_json::to_string_pretty(schema).unwrap_or_default();
    push(
        html,
        format_args!(
            "<details><summary>{}</summary><pre id=\"{}\" tabindex=\"0\">{}</pre></details>",
            escape(title),
            escape(id),
            linked(&escape(&text))
        ),
    );
}

/// Makes what a schema says of another one a way to it.
fn linked(text: &str) -> String {
    const OTHER: &str = "#/components/schemas/";
    let mut parts = text.split(OTHER);
    let mut html = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_at(part.find("&quot;").unwrap_or(part.len()));
        push(&mut html, format_args!("<a href=\"#schema-{name}\">{OTHER}{name}</a>{rest}"));
    }
    html
}

fn paragraph(html: &mut String, words: &Value) {
    if let Some(words) = words.as_str() {
        push(html, format_args!("<p>{}</p>", escape(words)));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn push(html: &mut String, text: Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = html.write_fmt(text);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
