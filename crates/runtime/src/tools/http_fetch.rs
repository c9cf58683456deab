//! Reads public web addresses, by the guarded client alone.

use std::time::Duration;

use serde_json::{Value, json};

use super::html_to_text;
use super::material::{count, floor, string};
use super::schema;
use super::secrets::Secrets;
use super::tool::{Tool, ToolContext, ToolError, ToolFuture};
use crate::egress::{Egress, EgressError, Fetched, HostLimit, Outgoing, TOTAL_TIMEOUT};

const CHARACTERS_MAX: usize = 60_000;
const CHARACTERS: usize = 20_000;
/// The longest text of an answer, in bytes, so that the answer stays below the limit of results.
const BYTES_MAX: usize = 56 * 1024;

/// Reads a public web address.
#[derive(Clone)]
pub struct HttpFetch {
    egress: Egress,
    /// The hosts that it may reach; empty: every public one.
    hosts: Vec<String>,
}

impl HttpFetch {
    /// A tool that fetches by `egress`.
    #[must_use]
    pub const fn new(egress: Egress) -> Self {
        Self { egress, hosts: Vec::new() }
    }

    /// The same tool for these hosts alone.
    #[must_use]
    pub fn within(self, hosts: Vec<String>) -> Self {
        Self { hosts, ..self }
    }
}

impl Tool for HttpFetch {
    fn name(&self) -> &'static str {
        "http_fetch"
    }

    fn description(&self) -> &'static str {
        "Reads a public web address with GET and answers with JSON: url (after redirects), status, content_type, title, \
         text, truncated. A web page comes as readable text unless `as` is \"raw\"; JSON, CSV and plain text come as they \
         are. One that is cut says in next_offset from which `offset` on the rest is read. Internal and private addresses are \
         refused. The text can be given to other tools by naming this call in their `source`."
    }

    fn parameters(&self) -> Value {
        schema::object(
            &json!({
                "url": { "type": "string", "minLength": 1, "maxLength": 4096, "description": "The whole address, beginning with https:// or http://." },
                "as": { "type": "string", "enum": ["text", "raw"], "description": "\"text\" (when absent): a web page as readable text. \"raw\": the HTML itself." },
                "offset": { "type": "integer", "minimum": 0, "description": "The first character of the text to give, counted from 0; 0 when absent." },
                "max_characters": { "type": "integer", "minimum": 200, "maximum": CHARACTERS_MAX, "description": "How much of the text to give, 20000 when absent." },
            }),
            &["url"],
        )
    }

    fn timeout(&self) -> Duration {
        TOTAL_TIMEOUT + Duration::from_secs(5)
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            let mut outgoing = Outgoing::get(string(arguments, "url").unwrap_or_default());
            if !self.hosts.is_empty() {
                outgoing.limits.push(HostLimit {
                    whose: "this agent's http_fetch".to_owned(),
                    hosts: self.hosts.clone(),
                    is_secret: false,
                });
            }
            let fetched = self.egress.send(outgoing).await.map_err(told)?;
            answer(&fetched, arguments, &context.secrets)
        })
    }
}

pub(super) fn told(error: EgressError) -> ToolError {
    match error {
        EgressError::Url(_) => ToolError::Invalid(error.to_string()),
        error => ToolError::Failed(error.to_string()),
    }
}

fn answer(fetched: &Fetched, arguments: &Value, secrets: &Secrets) -> Result<String, ToolError> {
    let media_type = fetched.media_type();
    if is_binary(&media_type, &fetched.body) {
        let kind = if media_type.is_empty() { "data" } else { &media_type };
        return Err(ToolError::Failed(format!(
            "{} answers {} with {kind}, which is not text",
            fetched.final_url, fetched.status
        )));
    }
    // Before the cut: half a secret would not be known for one.
    let whole = secrets.hide_in(fetched.text());
    let is_page =
        media_type.contains("html") || (media_type.is_empty() && looks_like_a_page(&whole));
    let mut title = String::new();
    let mut text = if is_page && string(arguments, "as") != Some("raw") {
        let page = html_to_text::read(&whole, Some(&fetched.final_url));
        title = page.title;
        page.text
    } else {
        whole
    };
    let offset = count(arguments, "offset", 0);
    if offset > 0 {
        let total = text.chars().count();
        let Some((start, _)) = text.char_indices().nth(offset) else {
            let reason = format!("`offset` must be below {total}: the text has so many characters");
            return Err(ToolError::Invalid(reason));
        };
        text.drain(..start);
    }
    let is_cut = cut(&mut text, count(arguments, "max_characters", CHARACTERS));
    let end = offset + text.chars().count();
    let mut answer = json!({
        "url": fetched.final_url.as_str(),
        "status": fetched.status,
        "content_type": media_type,
    });
    if is_cut {
        // Before the text: models are shown the head of what is long.
        answer["next_offset"] = end.into();
    }
    answer["text"] = text.into();
    answer["truncated"] = (fetched.truncated | is_cut).into();
    if !title.is_empty() {
        answer["title"] = title.into();
    }
    Ok(answer.to_string())
}

pub(super) fn is_binary(media_type: &str, body: &[u8]) -> bool {
    let texts = ["text/", "json", "xml", "javascript", "html", "csv", "yaml", "form-urlencoded"];
    let named = [
        "image/",
        "audio/",
        "video/",
        "font/",
        "application/pdf",
        "application/zip",
        "application/gzip",
    ];
    if media_type == "image/svg+xml" || texts.iter().any(|text| media_type.contains(text)) {
        return false;
    }
    let has_mark = body.starts_with(&[0xff, 0xfe]) || body.starts_with(&[0xfe, 0xff]);
    named.iter().any(|kind| media_type.starts_with(kind))
        || (!has_mark && body.iter().take(2048).any(|byte| *byte == 0))
}

fn looks_like_a_page(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(15).collect::<String>().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// Cuts a text to the characters wanted, and to what its JSON may take.
fn cut(text: &mut String, characters: usize) -> bool {
    let end = text.char_indices().nth(characters.min(CHARACTERS_MAX)).map(|(at, _)| at);
    let is_long = end.is_some();
    text.truncate(end.unwrap_or(text.len()));
    cut_as_json(text, BYTES_MAX) | is_long
}

/// Cuts a text to so many bytes as it has in JSON.
pub(super) fn cut_as_json(text: &mut String, most: usize) -> bool {
    // JSON writes quotes, backslashes and line breaks with two bytes, other control characters with six.
    let mut size = 0;
    let by_size = text.bytes().position(|byte| {
        size += match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
            0..=0x1f => 6,
            _ => 1,
        };
        size > most
    });
    let end = floor(text, by_size.unwrap_or(text.len()));
    let is_cut = end < text.len();
    text.truncate(end);
    is_cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(content_type: Option<&str>, body: &[u8]) -> Fetched {
        Fetched {
            final_url: "https://example.org/a".parse().unwrap(),
            status: 200,
            content_type: content_type.map(str::to_owned),
            headers: reqwest::header::HeaderMap::new(),
            body: body.to_vec(),
            truncated: false,
        }
    }

    fn told(content_type: Option<&str>, body: &[u8], arguments: &Value) -> Value {
        match answer(&fetched(content_type, body), arguments, &Secrets::default()) {
            Ok(text) => serde_json::from_str(&text).unwrap(),
            Err(error) => json!({ "error": error.to_string() }),
        }
    }

    #[test]
    fn pages_come_as_text_and_data_as_it_is() {
        let html = b"<title>T</title><p>Hello &amp; more</p>";
        let page = told(Some("text/html; charset=utf-8"), html, &json!({}));
        assert_eq!(page["text"], "Hello & more");
        assert_eq!(page["title"], "T");
        assert_eq!(page["content_type"], "text/html");
        assert_eq!(page["truncated"], false);
        assert!(
            told(Some("text/html"), html, &json!({ "as": "raw" }))["text"]
                .as_str()
                .unwrap()
                .starts_with("<title>")
        );
        assert_eq!(
            told(Some("application/json"), br#"{"a":"<b>"}"#, &json!({}))["text"],
            r#"{"a":"<b>"}"#
        );
        assert_eq!(told(Some("text/csv"), b"a,b", &json!({}))["text"], "a,b");
        assert_eq!(told(None, b"<!DOCTYPE html><p>x", &json!({}))["text"], "x");
        assert_eq!(told(None, b"plain <p>", &json!({}))["text"], "plain <p>");
        assert_eq!(told(None, b"\xff\xfeh\0i\0", &json!({}))["text"], "hi");
    }

    #[test]
    fn what_is_not_text_says_so() {
        for (content_type, body) in [
            (Some("image/png"), &b"\x89PNG"[..]),
            (Some("application/pdf"), b"%PDF"),
            (Some("application/octet-stream"), b"a\0b"),
            (None, b"\0\0"),
        ] {
            let error = told(content_type, body, &json!({}))["error"].to_string();
            assert!(error.contains("not text"), "{error}");
        }
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let long = "é".repeat(30_000);
        let page = told(Some("text/plain"), long.as_bytes(), &json!({}));
        assert_eq!(
            (page["text"].as_str().unwrap().chars().count(), &page["truncated"]),
            (20_000, &json!(true))
        );
        let page = told(
            Some("text/plain"),
            "\u{1}\n\"".repeat(60_000).as_bytes(),
            &json!({ "max_characters": 60_000 }),
        );
        assert!(page.to_string().len() < 64 * 1024);
        assert_eq!(
            told(Some("text/plain"), b"abc", &json!({ "max_characters": 200 }))["truncated"],
            false
        );
    }

    #[test]
    fn a_long_text_is_read_part_by_part() {
        let long = "0123456789é".repeat(5_000);
        let read = |offset: &Value| {
            let arguments = json!({ "offset": offset });
            told(Some("text/plain"), long.as_bytes(), &arguments)
        };
        let (mut whole, mut offset) = (String::new(), json!(0));
        while !offset.is_null() {
            let page = read(&offset);
            whole.push_str(page["text"].as_str().unwrap());
            offset = page["next_offset"].clone();
            assert_eq!(page["truncated"], !offset.is_null());
        }
        assert_eq!(whole, long);
        let beyond = read(&json!(55_000))["error"].to_string();
        assert!(beyond.contains("`offset` must be below 55000"), "{beyond}");
    }
}
