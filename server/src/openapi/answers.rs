//! What many answers share: problem documents, headers, and who may ask.

use schemars::SchemaGenerator;
use serde_json::{Value, json};

use crate::middleware::problem::Document as Problem;

/// The content type of answers that come event by event.
pub(super) const EVENTS: &str = "text/event-stream";

/// What may stand in the way of an answer: the status, and what it means.
const REFUSALS: [(&str, &str); 13] = [
    ("400", "A value breaks a rule, or another has it already; `errors` names each field"),
    ("401", "Nobody known asks, or the key stands for nobody"),
    ("403", "The key has not the scope, or a page of another site asks"),
    ("404", "There is no such thing, or it is another's"),
    ("406", "The answer cannot be sent in an encoding that is accepted"),
    ("409", "The state of the thing does not allow it, or a twin of the request is under way"),
    ("412", "The thing is not as `If-Match` or `If-None-Match` says"),
    ("413", "The body is too large"),
    ("415", "The body is of another kind, or packed"),
    ("422", "The `Idempotency-Key` belongs to another request"),
    ("429", "Too many requests; `Retry-After` says when to ask again"),
    ("500", "A defect of the server"),
    ("503", "A part that the answer needs does not respond; `Retry-After` says when to ask again"),
];

/// All that operations refer to. What the answers hold must have been described before.
pub(super) fn components(schemas: &mut SchemaGenerator) -> Value {
    let problem = schemas.subschema_for::<Problem<'_>>();
    let mut responses = json!({
        "304": {
            "description": "The caller has this version",
            "headers": { "ETag": { "$ref": "#/components/headers/ETag" } },
        },
    });
    for (status, meaning) in REFUSALS {
        let mut headers =
            json!({ "X-Request-Id": { "$ref": "#/components/headers/X-Request-Id" } });
        let more = match status {
            "401" => &["WWW-Authenticate"][..],
            "409" | "503" => &["Retry-After"],
            "429" => &["Retry-After", "RateLimit", "RateLimit-Policy"],
            _ => &[],
        };
        for name in more {
            headers[*name] = json!({ "$ref": format!("#/components/headers/{name}") });
        }
        responses[status] = json!({
            "description": meaning,
            "headers": headers,
            "content": { "application/problem+json": { "schema": problem } },
        });
    }
    json!({
        "schemas": schemas.take_definitions(true),
        "responses": responses,
        "headers": headers(),
        "securitySchemes": {
            "key": { "type": "http", "scheme": "bearer", "description": "An API key" },
            "sign_in": {
                "type": "apiKey",
                "in": "cookie",
                "name": "resonant_sign_in",
                "description": "What a browser has after a sign-in; `__Host-` stands before its \
                    name where the site has https",
            },
        },
    })
}

fn headers() -> Value {
    let text = |description: &str, pattern: &str| json!({ "description": description, "schema": { "type": "string", "pattern": pattern } });
    json!({
        "ETag": text("Names this version of the thing", "^\"[^\"]+\"$"),
        "Idempotency-Replayed": text("The answer was given before", "^true$"),
        "Location": text("Where the new thing is", "^/(api/v1|images)/"),
        "RateLimit": text(
            "How many requests are left in the window (`r`), and its seconds (`t`)",
            "^\"[^\"]+\";r=[0-9]+;t=[0-9]+$",
        ),
        "RateLimit-Policy": text(
            "How many requests a window allows (`q`), and its seconds (`w`)",
            "^\"[^\"]+\";q=[0-9]+;w=[0-9]+$",
        ),
        "Retry-After": {
            "description": "In how many seconds to ask again",
            "schema": { "type": "integer", "minimum": 0 },
        },
        "WWW-Authenticate": text("How a program may show who it is (RFC 6750)", "^Bearer"),
        "X-Request-Id": {
            "description": "Names the request, in the log too",
            "required": true,
            "schema": { "type": "string", "minLength": 1 },
        },
    })
}
