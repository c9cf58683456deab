//! What is posted to `/mcp`: messages of JSON-RPC 2.0, and what is none.

use serde_json::Value;

use super::{CALL, Failed, NO_JSON, NO_REQUEST, WRONG_PARAMS};

/// A message of JSON-RPC 2.0 that asks or tells something. One without an id is told, not asked.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: Option<Value>,
    pub(super) method: String,
    pub(super) params: Value,
}

/// What was sent.
pub(super) enum Sent {
    Message(Message),
    /// The answer to a question. Nothing is asked of callers, so that none of their answers is waited for.
    Answer,
}

/// What was sent and is no message: the id of the request that it was to be, and what is wrong with it.
pub(super) struct Malformed {
    id: Value,
    code: i32,
    reason: String,
}

impl Malformed {
    pub(super) fn body(self) -> Value {
        Failed::Rpc(self.code, self.reason).body(&self.id)
    }
}

impl Sent {
    pub(super) fn read(sent: Value) -> Result<Self, Malformed> {
        let Value::Object(mut fields) = sent else {
            let reason = "a message must be an object".to_owned();
            return Err(Malformed { id: Value::Null, code: NO_REQUEST, reason });
        };
        let id = fields.remove("id");
        let known = id.clone().filter(is_id).unwrap_or_default();
        let refused = |reason: &str| {
            let (id, reason) = (known.clone(), reason.to_owned());
            Err(Malformed { id, code: NO_REQUEST, reason })
        };
        if fields.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return refused("jsonrpc must be \"2.0\"");
        }
        let Some(method) = fields.remove("method") else {
            let is_answer = fields.contains_key("result") || fields.contains_key("error");
            return if is_answer { Ok(Self::Answer) } else { refused("method must be there") };
        };
        let Value::String(method) = method else { return refused("method must be text") };
        // JSON-RPC would take a fraction, and nothing at all; this protocol does not.
        if id.as_ref().is_some_and(|id| !is_id(id)) {
            return refused("id must be text or a whole number");
        }
        let params = fields.remove("params").unwrap_or_default();
        if !params.is_null() && !params.is_object() {
            let reason = "params must be an object".to_owned();
            return Err(Malformed { id: known, code: WRONG_PARAMS, reason });
        }
        Ok(Self::Message(Message { id, method, params }))
    }
}

/// Whether a request may be named so.
fn is_id(id: &Value) -> bool {
    id.is_string() || id.is_i64() || id.is_u64()
}

/// What is posted: a message, or several at once.
pub(super) enum Posted {
    One(Sent),
    Many(Vec<Value>),
}

impl Posted {
    pub(super) fn read(body: &[u8]) -> Result<Self, Malformed> {
        match serde_json::from_slice(body) {
            Ok(Value::Array(messages)) => Ok(Self::Many(messages)),
            Ok(message) => Sent::read(message).map(Self::One),
            Err(error) => {
                let reason = format!("the body must be one JSON document: {error}");
                Err(Malformed { id: Value::Null, code: NO_JSON, reason })
            }
        }
    }

    /// The id of the only request.
    pub(super) fn id(&self) -> Value {
        match self {
            Self::One(Sent::Message(message)) => message.id.clone().unwrap_or_default(),
            Self::One(Sent::Answer) | Self::Many(_) => Value::Null,
        }
    }

    /// Whether a tool is called, so that a session may answer.
    pub(super) fn calls(&self) -> bool {
        match self {
            Self::One(Sent::Message(message)) => message.method == CALL,
            Self::One(Sent::Answer) => false,
            Self::Many(messages) => messages.iter().any(|message| message["method"] == CALL),
        }
    }
}
