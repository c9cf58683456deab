//! What a server answers: JSON-RPC messages, as one document or as an event stream.

use std::time::Duration;

use serde_json::Value;

use super::McpError;

/// The pause before a stream is taken up again where the server names none, and the longest that it may name.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// What goes round without a pause does so no faster.
const PAUSE_MIN: Duration = Duration::from_millis(50);

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
    let text = message.get("error")?["message"].as_str().unwrap_or("without a reason");
    Some(text.chars().take(1_000).collect())
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

/// A tool's answer as text. What is no text is named.
pub(super) fn content(result: &Value) -> String {
    let parts: Vec<_> = result["content"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|part| match part["type"].as_str().unwrap_or_default() {
            "text" => part["text"].as_str().unwrap_or_default().to_owned(),
            "resource" if part["resource"]["text"].is_string() => {
                part["resource"]["text"].as_str().unwrap_or_default().to_owned()
            }
            other => format!("[{other}]"),
        })
        .collect();
    match &result["structuredContent"] {
        Value::Null => parts.join("\n"),
        structured if parts.is_empty() => structured.to_string(),
        _ => parts.join("\n"),
    }
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
