//! What a server answers: JSON-RPC messages, as one document or as an event stream.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::McpError;

/// The pause before a stream is taken up again where the server names none, and the longest that it may name.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// What goes round without a pause does so no faster.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The error of a call before which a person has to open pages (2025-11-25), and how many of them are told.
const PAGES_NEEDED: i64 = -32_042;
const PAGES_MAX: usize = 3;

/// The answer to the request of this number. `None`: it is not answered there.
pub(super) fn answer(body: &[u8], is_stream: bool, id: u64) -> Option<Value> {
    let text = String::from_utf8_lossy(body);
    let is_it = |message: &Value| message["id"] == id && is_answer(message);
    if is_stream {
        events(&text).iter().flat_map(Event::messages).find(is_it)
    } else {
        messages(&text).into_iter().find(is_it)
    }
}

/// The result in an answer.
pub(super) fn result_of(message: &Value) -> Result<Value, McpError> {
    match reason(message) {
        Some(reason) => Err(McpError::Refused(reason)),
        None => Ok(message["result"].clone()),
    }
}

/// The error in what is answered to a request that is refused; nothing where it tells none.
pub(super) fn error(body: &[u8]) -> Value {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    message["error"].clone()
}

/// Why a request is refused whose body this is.
pub(super) fn refusal(body: &[u8]) -> Option<String> {
    let message: Value = serde_json::from_slice(body).ok()?;
    reason(&message).filter(|_| message["jsonrpc"] == "2.0")
}

fn reason(message: &Value) -> Option<String> {
    let error = message.get("error")?;
    let text = error["message"].as_str().unwrap_or("without a reason");
    let mut reason: String = text.chars().take(1_000).collect();
    if error["code"] == PAGES_NEEDED {
        let pages = error["data"]["elicitations"].as_array().into_iter().flatten();
        for url in pages.filter_map(|page| page["url"].as_str()).take(PAGES_MAX) {
            let url: String = url.chars().take(2_000).collect();
            let _ = write!(reason, "; a person has to open {url} before it is called again");
        }
    }
    Some(reason)
}

fn is_answer(message: &Value) -> bool {
    message["id"].is_u64() && (message.get("result").is_some() || message.get("error").is_some())
}

/// What was heard of an event stream while it came.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// How many of its bytes were looked at.
    read: usize,
    /// Where it can be taken up again.
    place: Option<String>,
    pause: Option<Duration>,
}

impl Heard {
    /// Another stream comes: the same, from where it broke off.
    pub(super) fn begin(&mut self) {
        self.read = 0;
    }

    /// Looks at what has come since the last time. Gives what the server asks, and whether it has answered:
    /// it answers nothing but what was sent to get the stream.
    pub(super) fn take(&mut self, body: &[u8]) -> (Vec<Value>, bool) {
        let fresh = body.get(self.read..).unwrap_or_default();
        // Looked at only where an event ends, and never where the body is JSON.
        if !fresh.ends_with(b"\n\n") && !fresh.ends_with(b"\n\r\n") {
            return (Vec::new(), false);
        }
        self.read = body.len();
        let (mut asked, mut has_answered) = (Vec::new(), false);
        for event in events(&String::from_utf8_lossy(fresh)) {
            for message in event.messages() {
                has_answered |= is_answer(&message);
                if message["method"].is_string() && !message["id"].is_null() {
                    asked.push(message);
                }
            }
            if event.id.is_some() {
                self.place = event.id.filter(|id| !id.is_empty());
            }
            self.pause = event.retry.map(Duration::from_millis).or(self.pause);
        }
        (asked, has_answered)
    }

    /// Where to go on with a stream that has ended without the answer, and after which pause.
    pub(super) fn goes_on(&self) -> Option<(String, Duration)> {
        let pause = self.pause.unwrap_or(PAUSE).clamp(PAUSE_MIN, PAUSE_MAX);
        Some((self.place.clone()?, pause))
    }
}

/// An event of a stream (WHATWG HTML, 9.2.6).
#[derive(Debug, Default)]
struct Event {
    id: Option<String>,
    retry: Option<u64>,
    data: Vec<String>,
}

impl Event {
    fn read(text: &str) -> Self {
        let mut event = Self::default();
        for line in text.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => event.id = Some(value.to_owned()),
                "retry" => event.retry = value.parse().ok(),
                "data" => event.data.push(value.to_owned()),
                _ => {}
            }
        }
        event
    }

    /// What it holds; nothing where it only says that the server is still there, or names a place.
    fn messages(&self) -> Vec<Value> {
        messages(&self.data.join("\n"))
    }
}

fn events(text: &str) -> Vec<Event> {
    text.replace("\r\n", "\n").split("\n\n").map(Event::read).collect()
}

/// The messages of a document: one, or several at once.
fn messages(text: &str) -> Vec<Value> {
    match serde_json::from_str(text) {
        Ok(Value::Array(messages)) => messages,
        Ok(message) => vec![message],
        Err(_) => Vec::new(),
    }
}

/// A tool's answer as text. What is no text is named, and data that its text does not hold stands behind it.
pub(super) fn content(result: &Value) -> String {
    let parts: Vec<_> =
        result["content"].as_array().into_iter().flatten().map(part_as_text).collect();
    match &result["structuredContent"] {
        Value::Null => parts.join("\n"),
        data if parts.is_empty() => data.to_string(),
        data if is_told(&parts, data) => parts.join("\n"),
        data => format!("{}\n{data}", parts.join("\n")),
    }
}

fn part_as_text(part: &Value) -> String {
    let of = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let resource = &part["resource"];
    match part["type"].as_str().unwrap_or_default() {
        "text" => of(part, "text"),
        "resource" if resource["text"].is_string() => of(resource, "text"),
        "resource" => format!("[resource {}]", of(resource, "uri")),
        "resource_link" => {
            let (name, uri, about) = (of(part, "name"), of(part, "uri"), of(part, "description"));
            format!("[{name}: {uri}] {about}").trim_end().to_owned()
        }
        other => format!("[{other}]"),
    }
}

/// Whether the texts of an answer hold its data, as they should: whole, or item by item.
fn is_told(parts: &[String], data: &Value) -> bool {
    let is = |text: &str, value: &Value| {
        value.as_str() == Some(text)
            || serde_json::from_str::<Value>(text).is_ok_and(|read| read == *value)
    };
    let is_held = |value: &Value| {
        let is_each = |items: &Vec<Value>| {
            items.len() == parts.len() && items.iter().zip(parts).all(|(item, text)| is(text, item))
        };
        parts.iter().any(|text| is(text, value)) || value.as_array().is_some_and(is_each)
    };
    // Some servers wrap what is no object into one.
    let wrapped = data.as_object().filter(|fields| fields.len() == 1);
    is_held(data) || wrapped.and_then(|fields| fields.get("result")).is_some_and(is_held)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_comes_is_looked_at_once() {
        let question = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        let note = json!({ "jsonrpc": "2.0", "method": "notifications/progress" });
        let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
        let mut heard = Heard::default();
        let mut body = Vec::new();
        let mut take = |heard: &mut Heard, piece: &str| {
            body.extend_from_slice(piece.as_bytes());
            heard.take(&body)
        };
        assert_eq!(heard.goes_on(), None);
        assert_eq!(take(&mut heard, "id: 7\r\ndata: \r\nretry: 250\r\n\r\n"), (vec![], false));
        assert_eq!(heard.goes_on(), Some(("7".to_owned(), Duration::from_millis(250))));
        assert_eq!(take(&mut heard, &format!("data: {question}")), (vec![], false));
        let asked = take(&mut heard, &format!("\r\n\r\n: comment\r\n\r\ndata: {note}\n\n"));
        assert_eq!(asked, (vec![question], false));
        assert_eq!(take(&mut heard, &format!("id: 8\ndata: {answer}\n\n")), (vec![], true));
        assert_eq!(heard.goes_on(), Some(("8".to_owned(), Duration::from_millis(250))));
        // From where it broke off.
        heard.begin();
        assert_eq!(heard.take(b"id\nretry: 0\ndata\n\n"), (vec![], false));
        assert_eq!(heard.goes_on(), None);
    }

    #[test]
    fn data_stands_behind_a_text_that_does_not_hold_it() {
        let told = |texts: &[&str], data: Value| {
            let text = |text: &&str| json!({ "type": "text", "text": text });
            let parts: Vec<_> = texts.iter().map(text).collect();
            content(&json!({ "content": parts, "structuredContent": data }))
        };
        let users = json!([{ "id": "7" }, { "id": "8" }]);
        for (texts, data, expected) in [
            (&["Found 2 users"][..], users.clone(), format!("Found 2 users\n{users}")),
            (
                &[r#"[{"id": "7"}, {"id":"8"}]"#],
                users.clone(),
                r#"[{"id": "7"}, {"id":"8"}]"#.to_owned(),
            ),
            (&[], users.clone(), users.to_string()),
            (&["Good day"], json!({ "result": "Good day" }), "Good day".to_owned()),
            (&["a", "b"], json!({ "result": ["a", "b"] }), "a\nb".to_owned()),
            (&["3"], json!({ "result": 3 }), "3".to_owned()),
            (&["3"], json!({ "result": 4 }), "3\n{\"result\":4}".to_owned()),
            (&["no data"], Value::Null, "no data".to_owned()),
        ] {
            assert_eq!(told(texts, data), expected);
        }
    }

    #[test]
    fn what_is_no_text_is_named() {
        let link = json!({
            "type": "resource_link", "uri": "file:///a.rs", "name": "a.rs", "description": "The code",
        });
        let bare = json!({ "type": "resource_link", "uri": "file:///b.rs", "name": "b.rs" });
        let blob = json!({ "type": "resource", "resource": { "uri": "x://1", "blob": "AA==" } });
        let parts = json!([link, bare, blob, { "type": "image", "data": "AA==" }]);
        let expected =
            "[a.rs: file:///a.rs] The code\n[b.rs: file:///b.rs]\n[resource x://1]\n[image]";
        assert_eq!(content(&json!({ "content": parts })), expected);
    }

    #[test]
    fn a_page_that_a_person_has_to_open_is_told() {
        let page = json!({ "mode": "url", "url": "https://a.org/connect", "message": "Connect" });
        let error = json!({
            "code": -32_042, "message": "It needs your consent", "data": { "elicitations": [page] },
        });
        let told = result_of(&json!({ "jsonrpc": "2.0", "id": 1, "error": error })).unwrap_err();
        let expected = "It needs your consent; a person has to open https://a.org/connect before";
        assert!(told.to_string().contains(expected), "{told}");
    }

    #[test]
    fn an_answer_is_found_by_its_number() {
        let two = r#"{"jsonrpc":"2.0","id":2,"result":{"a":1}}"#;
        let ask = r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#;
        let stream = format!("data: {ask}\n\ndata: [{ask},\ndata: {two}]\n\n");
        for (body, is_stream) in
            [(two, false), (&*format!("[{ask},{two}]"), false), (&*stream, true)]
        {
            let found = answer(body.as_bytes(), is_stream, 2).map(|answer| result_of(&answer));
            assert_eq!(found, Some(Ok(json!({ "a": 1 }))), "{body}");
            assert_eq!(answer(body.as_bytes(), is_stream, 1), None, "{body}");
        }
        let refused = br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}"#;
        assert_eq!(refusal(refused).as_deref(), Some("no"));
        assert_eq!(refusal(br#"{"error":{"message":"no"}}"#), None);
    }
}
