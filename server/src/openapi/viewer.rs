//! The description as a page that needs no script.

use std::fmt::Write as _;

use serde_json::Value;

/// Draws the whole description.
pub(super) fn page(document: &Value) -> String {
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
    for (path, operations) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            draw(&mut html, path, method, operation);
        }
    }
    html.push_str("<h2>Schemas</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        fold(&mut html, &format!("schema-{name}"), name, schema);
    }
    html.push_str("</main></body></html>");
    html
}

fn draw(html: &mut String, path: &str, method: &str, operation: &Value) {
    let id = escape(operation["operationId"].as_str().unwrap_or_default());
    push(
        html,
        format_args!(
            "<section id=\"{id}\"><h2><code class=\"method\">{}</code> <code>{}</code></h2>",
            method.to_ascii_uppercase(),
            escape(path)
        ),
    );
    paragraph(html, &operation["summary"]);
    paragraph(html, &operation["description"]);
    let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    if !parameters.is_empty() {
        html.push_str("<table><thead><tr><th>Parameter<th>In<th>Value</tr></thead><tbody>");
        for parameter in parameters {
            let text = |name: &str| escape(parameter[name].as_str().unwrap_or_default());
            let schema = escape(&parameter["schema"].to_string());
            push(
                html,
                format_args!(
                    "<tr><td><code>{}</code><td>{}<td>{} <code>{schema}</code></tr>",
                    text("name"),
                    text("in"),
                    text("description"),
                ),
            );
        }
        html.push_str("</tbody></table>");
    }
    let json = "application/json";
    if let Some(body) = operation["requestBody"]["content"].get(json) {
        fold(html, &format!("{id}-body"), "Body", &body["schema"]);
    }
    for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
        if let Some(content) = answer["content"].get(json) {
            fold(html, &format!("{id}-{status}"), &format!("Answer {status}"), &content["schema"]);
        }
    }
    html.push_str("</section>");
}

/// A schema behind its title.
fn fold(html: &mut String, id: &str, title: &str, schema: &Value) {
    let text = serde_json::to_string_pretty(schema).unwrap_or_default();
    push(
        html,
        format_args!(
            "<details id=\"{}\"><summary>{}</summary><pre tabindex=\"0\">{}</pre></details>",
            escape(id),
            escape(title),
            escape(&text)
        ),
    );
}

fn paragraph(html: &mut String, text: &Value) {
    if let Some(text) = text.as_str() {
        push(html, format_args!("<p>{}</p>", escape(text)));
    }
}

fn push(html: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = html.write_fmt(text);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
