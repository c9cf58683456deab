//! Conditional requests (RFC 9110, 13): who has the present version is not sent it again, and who
//! changes an older one is told so.

use std::hash::{DefaultHasher, Hasher as _};

use axum::body::Bytes;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use resonant_backend::{Changeable, Ctx, Document, Seen, Versions, version_of};
use serde::Serialize;
use serde_json::Value;

use crate::fault::Fault;
use crate::reply;

/// Who may see an answer, and therefore who may keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Everybody, alike.
    Public,
    /// Everybody who is nobody in particular: a page in their language and colours. Caches may keep it and
    /// ask each time, which costs no rendering: so a write is seen at once by whomever, a page never names
    /// files of an earlier release, and a cache that does not look at `Vary` does no harm.
    Visitors,
    /// Its owner alone. The owner's own cache may keep it and asks each time.
    Owner,
}

impl Audience {
    /// `Cache-Control` and `Vary`.
    pub(crate) fn headers(self) -> [(HeaderName, HeaderValue); 2] {
        let (cache, vary) = match self {
            Self::Public => (
                "public, max-age=60, stale-while-revalidate=60",
                // The same bytes for everybody, packed as the caller takes them.
                "accept-encoding",
            ),
            Self::Visitors => {
                ("public, max-age=0, must-revalidate", "accept-encoding, accept-language, cookie")
            }
            Self::Owner => ("private, no-cache", "accept-encoding, authorization, cookie"),
        };
        [
            (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
            (header::VARY, HeaderValue::from_static(vary)),
        ]
    }
}

/// What is the same for as long as the process runs: written as JSON once, with its version.
pub(crate) struct Constant {
    json: Bytes,
    version: String,
}

impl Constant {
    /// Writes a value.
    pub(crate) fn new(value: &Value) -> Self {
        let json = Bytes::from(value.to_string());
        Self { version: digest(&json), json }
    }
}

/// Answers with a document from its bytes, or with 304 when the caller has this version.
pub(crate) fn answer<T>(
    request: &HeaderMap,
    audience: Audience,
    document: &Document<T>,
) -> Response {
    written(request, audience, document.version(), document.json())
}

/// Answers everybody with a constant from its bytes, or with 304 when the caller has this version.
pub(crate) fn answer_constant(request: &HeaderMap, constant: &Constant) -> Response {
    written(request, Audience::Public, &constant.version, constant.json.clone())
}

/// Answers with some of the fields of a document. Each choice of fields has a tag of its own.
pub(crate) fn answer_part<T>(
    request: &HeaderMap,
    audience: Audience,
    document: &Document<T>,
    part: &impl Serialize,
) -> Response {
    let Ok(json) = serde_json::to_vec(part) else {
        return reply::json(StatusCode::OK, reply::NO_STORE, part);
    };
    let version = format!("{}.{}", document.version(), digest(&json));
    written(request, audience, &version, json.into())
}

fn written(request: &HeaderMap, audience: Audience, version: &str, json: Bytes) -> Response {
    let tag = [(header::ETAG, tag(version))];
    if has(request, version) {
        return (StatusCode::NOT_MODIFIED, tag, audience.headers()).into_response();
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (kind, tag, audience.headers(), json).into_response()
}

/// Answers with something that people change, or with 304 when the caller has it like this.
pub(crate) fn answer_changeable<T: Changeable + Serialize>(
    request: &HeaderMap,
    thing: &T,
) -> Response {
    answer_changeable_to(request, Audience::Owner, thing)
}

/// The same to whoever may see it.
pub(crate) fn answer_changeable_to<T: Changeable + Serialize>(
    request: &HeaderMap,
    audience: Audience,
    thing: &T,
) -> Response {
    match serde_json::to_vec(thing) {
        Ok(json) => {
            let version = version_with(thing, &json);
            written(request, audience, &version, json.into())
        }
        Err(_) => reply::json(StatusCode::OK, reply::NO_STORE, thing),
    }
}

/// Answers whoever has made or changed a thing: with it, or with something around it.
pub(crate) fn changed<T: Changeable + Serialize>(
    status: StatusCode,
    thing: &T,
    body: &impl Serialize,
) -> Response {
    let mut response = reply::json(status, reply::PRIVATE, body);
    if let Ok(json) = serde_json::to_vec(thing) {
        response.headers_mut().insert(header::ETAG, tag(&version_with(thing, &json)));
    }
    response
}

/// The version of what people change, then that of all that is written: whoever changes a thing is not
/// held up by what happened to it by itself, and a cache is not left with what it was before.
fn version_with<T: Changeable>(thing: &T, json: &[u8]) -> String {
    format!("{}.{}", version_of(thing), digest(json))
}

/// The context of a request that changes a thing as it is said to be, or not at all.
pub(crate) fn expecting(ctx: &Ctx, request: &HeaderMap) -> Ctx {
    ctx.expecting(seen(request))
}

/// What `If-Match` and `If-None-Match` say of the thing that a request changes. The first compares strongly,
/// the second weakly, and what is no entity tag names no version.
pub(crate) fn seen(request: &HeaderMap) -> Seen {
    let versions = |name: &HeaderName| {
        if !request.contains_key(name) {
            return None;
        }
        let mut versions = Vec::new();
        for tag in tags(request, name) {
            if tag == "*" {
                return Some(Versions::Any);
            }
            let tag = if *name == header::IF_NONE_MATCH { weakly(tag) } else { tag };
            // By the part that people change, where the tag has another.
            let part = |tag: &str| tag.split('.').next().map(str::to_owned);
            versions.extend(unquoted(tag).and_then(part));
        }
        Some(Versions::OneOf(versions))
    };
    Seen { is: versions(&header::IF_MATCH), is_not: versions(&header::IF_NONE_MATCH) }
}

/// Refuses what is to be done to a version where there are none: a tag names nothing there, and whoever sends
/// one counts on it. `*` names whatever there is.
pub(crate) async fn refuse_versions(request: Request, next: Next) -> Response {
    if matches!(seen(request.headers()).is, Some(Versions::OneOf(_))) {
        return Fault::precondition_failed().into_response();
    }
    next.run(request).await
}

/// Tells two texts apart.
pub(crate) fn digest(json: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(json);
    format!("{:016x}", hasher.finish())
}

/// The strong entity tag of a version.
pub(crate) fn tag(version: &str) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// Whether `If-None-Match` names the version.
pub(crate) fn has(request: &HeaderMap, version: &str) -> bool {
    tags(request, &header::IF_NONE_MATCH)
        .any(|tag| tag == "*" || unquoted(weakly(tag)) == Some(version))
}

/// A tag as weak comparison takes it: a `W/` that a cache on the way has added does not matter.
fn weakly(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

fn unquoted(tag: &str) -> Option<&str> {
    tag.strip_prefix('"')?.strip_suffix('"')
}

/// The entity tags in a header. None of ours holds a comma.
fn tags<'a>(request: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = request.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|text| text.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use resonant_domain::budget::{Budget, BudgetLimits};
    use serde_json::json;

    use super::*;

    fn headers(name: &HeaderName, text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(text))])
    }

    #[test]
    fn if_none_match_compares_weakly() {
        for (text, expected) in [
            ("\"3\"", true),
            ("W/\"3\"", true),
            ("\"1\", \"3\"", true),
            ("\"1\",W/\"3\"", true),
            ("*", true),
            ("3", false),
            ("\"33\"", false),
            ("", false),
        ] {
            assert_eq!(has(&headers(&header::IF_NONE_MATCH, text), "3"), expected, "{text}");
        }
        assert!(!has(&HeaderMap::new(), "3"));
    }

    #[test]
    fn a_constant_is_not_sent_to_whoever_has_it() {
        let constant = Constant::new(&json!(["calculator"]));
        let whole = answer_constant(&HeaderMap::new(), &constant);
        let tag = whole.headers()[header::ETAG].clone();
        assert_eq!((whole.status(), tag.len()), (StatusCode::OK, 18));
        let known = HeaderMap::from_iter([(header::IF_NONE_MATCH, tag.clone())]);
        let known = answer_constant(&known, &constant);
        assert_eq!(
            (known.status(), &known.headers()[header::ETAG]),
            (StatusCode::NOT_MODIFIED, &tag)
        );
        let other = Constant::new(&json!(["clock"]));
        assert_ne!(answer_constant(&HeaderMap::new(), &other).headers()[header::ETAG], tag);
    }

    #[test]
    fn what_happens_by_itself_changes_the_tag_and_not_the_version() {
        let limits = BudgetLimits { max_tokens: Some(7), max_micro_usd: None };
        let unused = Budget { limits, ..Budget::default() };
        let used = Budget { used_tokens: 1, ..unused };
        let raised = BudgetLimits { max_tokens: Some(8), ..limits };
        let raised = Budget { limits: raised, ..Budget::default() };
        let tags = [&unused, &used, &raised].map(|budget| {
            let answer = answer_changeable(&HeaderMap::new(), budget);
            answer.headers()[header::ETAG].to_str().unwrap().to_owned()
        });
        let version = |tag: &String| tag.split_once('.').unwrap().0.to_owned();
        assert_ne!(tags[0], tags[1]);
        assert_eq!(version(&tags[0]), version(&tags[1]));
        assert_ne!(version(&tags[0]), version(&tags[2]));
        let known = HeaderValue::from_str(&tags[0]).unwrap();
        let known = HeaderMap::from_iter([(header::IF_NONE_MATCH, known)]);
        assert_eq!(answer_changeable(&known, &unused).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(answer_changeable(&known, &used).status(), StatusCode::OK);
    }

    #[test]
    fn if_match_compares_strongly_and_if_none_match_weakly() {
        let these = |versions: &[&str]| {
            Some(Versions::OneOf(versions.iter().map(|version| (*version).to_owned()).collect()))
        };
        for (text, is, is_not) in [
            ("\"3\"", these(&["3"]), these(&["3"])),
            ("\"2.a\", \"3.b\"", these(&["2", "3"]), these(&["2", "3"])),
            ("\"2\",W/\"3\"", these(&["2"]), these(&["2", "3"])),
            ("W/\"3\"", these(&[]), these(&["3"])),
            ("3", these(&[]), these(&[])),
            ("\"3", these(&[]), these(&[])),
            ("", these(&[]), these(&[])),
            ("\"2\", *", Some(Versions::Any), Some(Versions::Any)),
            ("*", Some(Versions::Any), Some(Versions::Any)),
        ] {
            let told = seen(&headers(&header::IF_MATCH, text));
            assert_eq!(told, Seen { is, is_not: None }, "{text}");
            let told = seen(&headers(&header::IF_NONE_MATCH, text));
            assert_eq!(told, Seen { is: None, is_not }, "{text}");
        }
        assert_eq!(seen(&HeaderMap::new()), Seen::default());
        let both = [(header::IF_MATCH, "*"), (header::IF_NONE_MATCH, "\"3\"")];
        let both = both.map(|(name, text)| (name, HeaderValue::from_static(text)));
        let both = seen(&HeaderMap::from_iter(both));
        assert_eq!(both, Seen { is: Some(Versions::Any), is_not: these(&["3"]) });
    }
}
