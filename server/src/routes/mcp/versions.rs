//! The versions of the protocol, and what they ask of a request.
//!
//! Until 2025-11-25 a conversation begins with `initialize`. Since then each request stands alone: it says
//! itself which version it speaks and what its caller can do, its headers repeat what it is about, so that
//! nobody on the way has to read it, and errors have an HTTP status each.

use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;

use super::messages::Message;
use super::{CALL, Failed, LIST, NO_METHOD, NO_REQUEST, WRONG_PARAMS};

/// Those that are spoken, the newest first.
pub(super) const VERSIONS: [&str; 5] = [ALONE, "2025-11-25", "2025-06-18", BATCHES, "2024-11-05"];
/// The one whose requests stand alone.
const ALONE: &str = "2026-07-28";
/// The one whose messages may come in batches, which is also that of whoever names none: its
/// successor brought both the header and the end of batches.
pub(super) const BATCHES: &str = "2025-03-26";

/// Where the version stands in a request.
pub(super) const VERSION: &str = "mcp-protocol-version";
/// Where stands what is asked for, and of which tool.
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";

/// What a request that stands alone says of itself in `_meta`.
const SPOKEN: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// What its answer says of the server there.
pub(super) const SERVER: &str = "io.modelcontextprotocol/serverInfo";
/// Asks for what `initialize` answers.
pub(super) const DISCOVER: &str = "server/discover";

/// The error numbers of the protocol.
const OTHER_HEADERS: i32 = -32_020;
pub(super) const NO_VERSION: i32 = -32_022;

/// A version that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version(&'static str);

impl Version {
    /// The one that the headers name.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Failed> {
        let Some(named) = headers.get(VERSION) else { return Ok(Self(BATCHES)) };
        let known = VERSIONS.iter().find(|known| known.as_bytes() == named.as_bytes());
        let unknown = || Failed::Version(String::from_utf8_lossy(named.as_bytes()).into_owned());
        known.copied().map(Self).ok_or_else(unknown)
    }

    /// The one of a conversation that its caller would hold in this one.
    pub(super) fn agreed(asked: &str) -> &'static str {
        let [_, held @ ..] = &VERSIONS;
        held.iter().copied().find(|version| *version == asked).unwrap_or(held[0])
    }

    pub(super) fn is_alone(self) -> bool {
        self.0 == ALONE
    }

    pub(super) fn has_batches(self) -> bool {
        self.0 == BATCHES
    }

    /// Whether a request says of itself what it must.
    pub(super) fn check(self, request: &Message, headers: &HeaderMap) -> Result<(), Failed> {
        if !self.is_alone() {
            return Ok(());
        }
        let about = &request.params["_meta"];
        if let Some(missing) = [SPOKEN, CAPABILITIES].iter().find(|key| about[**key].is_null()) {
            return Err(Failed::Rpc(WRONG_PARAMS, format!("params._meta must hold {missing}")));
        }
        // Whoever reads the headers alone, and whoever reads the body, must come to the same end. What needs
        // to be encoded for a header is no name of a tool here.
        let of_tool = (request.method == CALL).then(|| (NAME, request.params["name"].as_str()));
        let told = [(VERSION, about[SPOKEN].as_str()), (METHOD, Some(request.method.as_str()))];
        for (header, told) in told.into_iter().chain(of_tool) {
            let mut given = headers.get_all(header).iter().map(HeaderValue::as_bytes);
            if given.next() != told.map(str::as_bytes) || given.next().is_some() {
                let reason = format!("{header} must say what stands in the body");
                return Err(Failed::Rpc(OTHER_HEADERS, reason));
            }
        }
        Ok(())
    }

    /// Adds to the result of a request what belongs into each.
    pub(super) fn complete(self, method: &str, mut result: Value) -> Value {
        if self.is_alone() {
            result["resultType"] = "complete".into();
            if matches!(method, LIST | DISCOVER) {
                // Agents come and go, and are their owner's.
                result["ttlMs"] = 0.into();
                result["cacheScope"] = "private".into();
            }
        }
        result
    }

    /// The status of an answer.
    pub(super) fn status(self, answer: &Value) -> StatusCode {
        if !self.is_alone() {
            return StatusCode::OK;
        }
        let code = answer["error"]["code"].as_i64().and_then(|code| i32::try_from(code).ok());
        match code {
            Some(NO_METHOD) => StatusCode::NOT_FOUND,
            Some(NO_REQUEST | WRONG_PARAMS | OTHER_HEADERS | NO_VERSION) => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_conversation_is_held_in_a_version_of_conversations() {
        for (asked, agreed) in [
            ("2025-11-25", "2025-11-25"),
            ("2024-11-05", "2024-11-05"),
            (ALONE, "2025-11-25"),
            ("", "2025-11-25"),
        ] {
            assert_eq!(Version::agreed(asked), agreed, "{asked}");
        }
    }

    #[test]
    fn a_request_that_stands_alone_says_what_it_is() {
        let good = [(VERSION, ALONE), (METHOD, CALL), (NAME, "reader")];
        let about = json!({ SPOKEN: ALONE, CAPABILITIES: {} });
        let check = |headers: &[(&'static str, &'static str)], about: Value| {
            let mut all = HeaderMap::new();
            for &(name, value) in headers {
                all.append(name, HeaderValue::from_static(value));
            }
            let params = json!({ "name": "reader", "_meta": about });
            let message = Message { id: Some(json!(1)), method: CALL.to_owned(), params };
            let checked = Version::of(&all).and_then(|version| version.check(&message, &all));
            checked.err().map(|failed| failed.body(&json!(1))["error"]["code"].clone())
        };
        assert_eq!(check(&good, about.clone()), None);
        for (headers, about, code) in [
            (&good[..], json!({}), WRONG_PARAMS),
            (&good[..], json!({ SPOKEN: ALONE }), WRONG_PARAMS),
            (&good[..], json!({ SPOKEN: BATCHES, CAPABILITIES: {} }), OTHER_HEADERS),
            (&good[..2], about.clone(), OTHER_HEADERS),
            (&[good[0], good[2]][..], about.clone(), OTHER_HEADERS),
            (&[good[0], good[1], good[2], (NAME, "another")][..], about.clone(), OTHER_HEADERS),
            (&[(VERSION, "1999-01-01")][..], about.clone(), NO_VERSION),
        ] {
            assert_eq!(check(headers, about), Some(json!(code)), "{headers:?}");
        }
        // Whoever holds a conversation has said it all at its beginning.
        assert_eq!(check(&[(VERSION, "2025-11-25")], Value::Null), None);
        assert_eq!(check(&[], Value::Null), None);
    }
}
