//! `?fields=…` on reads that no use case narrows: the answer is written whole and cut here. Those with
//! wide columns choose in SQL and never come here.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri, header};
use resonant_domain::fields::chosen;
use resonant_domain::{FaultKind, FieldFault};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::fault::Fault;

/// What may be chosen of an answer.
#[derive(Debug)]
pub(crate) struct Choice {
    /// The names that there are.
    pub(crate) names: Vec<String>,
    /// Where the things are whose fields they are; the answer itself is the thing without one.
    pub(crate) list: Option<&'static str>,
}

/// Answers with the fields alone that are asked for.
pub(crate) async fn choose(
    State(choice): State<Arc<Choice>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some((asked, rest)) = request.uri().query().and_then(taken_out) else {
        return next.run(request).await;
    };
    let wanted = match choice.parse(&asked) {
        Ok(wanted) => wanted,
        Err(fault) => return Fault::invalid(vec![fault]).into_response(),
    };
    if let Some(uri) = with_query(request.uri(), &rest) {
        *request.uri_mut() = uri;
    }
    // The tags that the caller has are those of whole answers.
    request.headers_mut().remove(header::IF_NONE_MATCH);
    let response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if wanted.is_empty() || response.status() != StatusCode::OK || !is_json {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.ok();
    let whole = whole.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(cut) = whole.and_then(|whole| serde_json::to_vec(&choice.cut(whole, &wanted)).ok())
    else {
        return Fault::of(FaultKind::Internal, "the answer could not be cut").into_response();
    };
    parts.headers.remove(header::ETAG);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(cut))
}

impl Choice {
    fn parse(&self, asked: &[String]) -> Result<Vec<&str>, FieldFault> {
        let [asked] = asked else {
            return Err(FieldFault::new("fields", "must be given once, with commas between them"));
        };
        if asked.trim().is_empty() {
            return Ok(Vec::new());
        }
        let known: Vec<_> = self.names.iter().map(String::as_str).collect();
        chosen(asked, &known)
    }

    fn cut(&self, mut whole: Value, wanted: &[&str]) -> Value {
        let keep = |thing: &mut Map<String, Value>| {
            thing.retain(|name, _| wanted.contains(&name.as_str()));
        };
        match self.list {
            Some(list) => {
                let things = whole.get_mut(list).and_then(Value::as_array_mut);
                things.into_iter().flatten().filter_map(Value::as_object_mut).for_each(keep);
            }
            None => whole.as_object_mut().into_iter().for_each(keep),
        }
        whole
    }
}

/// The values of `fields`, and the query without them; `None` where there are none.
fn taken_out(query: &str) -> Option<(Vec<String>, String)> {
    let mut asked = Vec::new();
    let rest: Vec<_> = query
        .split('&')
        .filter(|part| {
            let value = form_urlencoded::parse(part.as_bytes()).find(|(name, _)| name == "fields");
            asked.extend(value.as_ref().map(|(_, value)| value.clone().into_owned()));
            value.is_none()
        })
        .collect();
    (!asked.is_empty()).then(|| (asked, rest.join("&")))
}

fn with_query(uri: &Uri, query: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    let path = uri.path();
    let new = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    parts.path_and_query = Some(new.parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_leave_the_query_alone() {
        for (query, expected) in [
            ("limit=2&fields=id,name&x=%26", Some((vec!["id,name"], "limit=2&x=%26"))),
            ("fields=", Some((vec![""], ""))),
            ("%66ields=id&fields=name", Some((vec!["id", "name"], ""))),
            ("field=id&myfields=x", None),
        ] {
            let expected = expected.map(|(asked, rest)| {
                (asked.into_iter().map(str::to_owned).collect(), rest.to_owned())
            });
            assert_eq!(taken_out(query), expected, "{query}");
        }
    }

    #[test]
    fn things_are_cut_and_what_is_around_them_stays() {
        let names = ["id", "name"].map(str::to_owned).to_vec();
        let wanted = ["id"];
        let page = Choice { names: names.clone(), list: Some("keys") };
        let whole = json!({ "keys": [{ "id": 1, "name": "a" }], "has_more": false });
        assert_eq!(page.cut(whole, &wanted), json!({ "keys": [{ "id": 1 }], "has_more": false }));
        let one = Choice { names, list: None };
        assert_eq!(one.cut(json!({ "id": 1, "name": "a" }), &wanted), json!({ "id": 1 }));
    }
}
