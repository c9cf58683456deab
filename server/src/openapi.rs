//! The description of the REST interface (OpenAPI 3.1). A route is registered together with what it reads
//! and answers, and the schemas are made from the very types that do so: what is described is there, and
//! what is there is described.

mod viewer;

use axum::Router;
use axum::handler::Handler;
use axum::response::Html;
use axum::routing::{MethodFilter, get, on};
use http::{HeaderValue, StatusCode, header};
use resonant_domain::api_key::Scope;
use resonant_domain::page::{DEFAULT_LIMIT, MAX_LIMIT};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::middleware::problem::Document as Problem;
use crate::reply;
use crate::state::AppState;

/// Where the interface begins.
const BASE: &str = "/api/v1";

type Make = Box<dyn FnOnce(&mut SchemaGenerator) -> Schema>;

/// Routes with their description.
pub(crate) struct Api {
    router: Router<AppState>,
    paths: Map<String, Value>,
    schemas: SchemaGenerator,
}

impl Api {
    /// No route yet.
    pub(crate) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12()
            .with(|settings| {
                "/components/schemas".clone_into(settings.definitions_path.to_mut());
                settings.meta_schema = None;
            })
            .for_serialize();
        Self { router: Router::new(), paths: Map::new(), schemas: settings.into_generator() }
    }

    /// Adds a route.
    pub(crate) fn add<H, T>(mut self, operation: Operation, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        let path = format!("{BASE}{}", operation.path);
        self.router = self.router.route(&path, on(operation.method.filter(), handler));
        self.describe(path, operation);
        self
    }

    /// Describes a route that stands elsewhere, because it answers in another way than all others.
    pub(crate) fn mention(mut self, operation: Operation) -> Self {
        let path = format!("{BASE}{}", operation.path);
        self.describe(path, operation);
        self
    }

    fn describe(&mut self, path: String, operation: Operation) {
        let (method, described) = (operation.method.name(), operation.describe(&mut self.schemas));
        if let Value::Object(methods) = self.paths.entry(path).or_insert_with(|| json!({})) {
            methods.insert(method.to_owned(), described);
        }
    }

    /// The routes, and what describes them.
    pub(crate) fn into_parts(mut self) -> (Router<AppState>, Value) {
        let problem = self.schemas.subschema_for::<Problem<'_>>();
        let document = json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Resonant",
                "version": env!("CARGO_PKG_VERSION"),
                "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
                "description": "Agents, their sessions, and the marketplace. Failures are problem \
                    documents (RFC 9457) that name the field.",
            },
            "servers": [{ "url": "/" }],
            "paths": self.paths,
            "components": {
                "schemas": self.schemas.take_definitions(true),
                "responses": {
                    "Problem": {
                        "description": "What is wrong, and with which fields",
                        "content": { "application/problem+json": { "schema": problem } },
                    },
                },
                "securitySchemes": {
                    "key": { "type": "http", "scheme": "bearer", "description": "An API key" },
                    "sign_in": { "type": "apiKey", "in": "cookie", "name": "resonant_sign_in" },
                },
            },
        });
        (self.router, document)
    }
}

/// The routes that show a description.
pub(crate) fn routes(document: &Value) -> Router<AppState> {
    let page = viewer::page(document);
    let json = document.clone();
    let policy = HeaderValue::from_static(
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    let headers =
        [(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, reply::PUBLIC)];
    let style = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/css")),
        (header::CACHE_CONTROL, reply::PUBLIC),
    ];
    Router::new()
        .route(
            "/api/v1/openapi.json",
            get(async move || reply::json(StatusCode::OK, reply::PUBLIC, &json)),
        )
        .route("/api/docs", get(async move || (headers, Html(page))))
        .route(
            "/api/docs/viewer.css",
            get(async move || (style, include_str!("openapi/viewer.css"))),
        )
}

/// What an operation does with a thing.
#[derive(Clone, Copy, Debug)]
enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

impl Method {
    const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// One thing that can be asked.
pub(crate) struct Operation {
    method: Method,
    path: &'static str,
    summary: &'static str,
    scope: Option<Scope>,
    is_open: bool,
    query: Option<Make>,
    body: Option<Make>,
    status: u16,
    kind: &'static str,
    answer: Option<Make>,
    headers: Vec<(&'static str, &'static str)>,
}

impl Operation {
    fn new(method: Method, path: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path,
            summary,
            scope: None,
            is_open: false,
            query: None,
            body: None,
            status: 200,
            kind: "application/json",
            answer: None,
            headers: vec![],
        }
    }

    /// Reads something.
    pub(crate) fn get(path: &'static str, summary: &'static str) -> Self {
        Self::new(Method::Get, path, summary)
    }

    /// Makes or starts something; may be sent again with the same `Idempotency-Key`.
    pub(crate) fn post(path: &'static str, summary: &'static str) -> Self {
        Self::new(Method::Post, path, summary).with_header(
            "Idempotency-Key",
            "Makes the request count once: sent again within a day, it gets the same answer",
        )
    }

    /// Changes something.
    pub(crate) fn patch(path: &'static str, summary: &'static str) -> Self {
        Self::new(Method::Patch, path, summary)
            .with_header("If-Match", "The entity tag that the thing must have")
    }

    /// Removes something.
    pub(crate) fn delete(path: &'static str, summary: &'static str) -> Self {
        Self::new(Method::Delete, path, summary)
    }

    /// A key needs this scope.
    pub(crate) fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Anyone may.
    pub(crate) fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// Takes these query parameters.
    pub(crate) fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(Box::new(SchemaGenerator::subschema_for::<T>));
        self
    }

    /// Takes this body.
    pub(crate) fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(Box::new(SchemaGenerator::subschema_for::<T>));
        self
    }

    /// Answers with this.
    pub(crate) fn answers<T: JsonSchema>(mut self, status: u16) -> Self {
        self.status = status;
        self.answer = Some(Box::new(SchemaGenerator::subschema_for::<T>));
        self
    }

    /// Answers with a page of these under their name.
    pub(crate) fn answers_page<T: JsonSchema>(mut self, name: &'static str) -> Self {
        self.answer = Some(Box::new(move |schemas| {
            let items = schemas.subschema_for::<T>();
            schemars::json_schema!({
                "type": "object",
                "properties": {
                    name: { "type": "array", "items": items },
                    "has_more": { "type": "boolean" },
                    "next_cursor": { "type": ["string", "null"] },
                },
                "required": [name],
            })
        }));
        self
    }

    /// Answers with events as they come (Server-Sent Events), each with this as its data.
    pub(crate) fn answers_events<T: JsonSchema>(mut self) -> Self {
        self.kind = "text/event-stream";
        self.answers::<T>(200)
    }

    /// Answers with nothing but the status.
    pub(crate) fn answers_nothing(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    fn with_header(mut self, name: &'static str, description: &'static str) -> Self {
        self.headers.push((name, description));
        self
    }

    fn describe(self, answers: &mut SchemaGenerator) -> Value {
        let mut parameters = path_parameters(self.path);
        parameters.extend(self.query.map(query_parameters).unwrap_or_default());
        parameters.extend(self.headers.iter().map(|(name, description)| {
            json!({ "name": name, "in": "header", "description": description,
                    "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" } })
        }));
        let mut answer = json!({ "description": self.summary });
        if let Some(make) = self.answer {
            answer["content"] = json!({ self.kind: { "schema": make(answers) } });
        }
        let mut described = json!({
            "operationId": operation_id(self.method, self.path),
            "tags": [self.path.split('/').nth(1)],
            "summary": self.summary,
            "parameters": parameters,
            "responses": {
                self.status.to_string(): answer,
                "default": { "$ref": "#/components/responses/Problem" },
            },
            "security": if self.is_open { json!([]) } else { json!([{ "key": [] }, { "sign_in": [] }]) },
        });
        if let Some(scope) = self.scope {
            described["description"] =
                json!(format!("A key needs the scope `{}`.", scope.as_str()));
        }
        if let Some(make) = self.body {
            let schema = make(&mut requests());
            described["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        }
        described
    }
}

/// What makes schemas of what is read: each stands where it is used, because what is written of the same
/// type may be another.
fn requests() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .for_deserialize()
        .into_generator()
}

fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let schema = |name: &str| match name {
        "id" => json!({ "type": "string", "format": "uuid" }),
        "version" => json!({ "type": "integer", "minimum": 1, "maximum": i32::MAX }),
        "token" => json!({ "type": "string", "minLength": 1 }),
        _ => json!({ "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$" }),
    };
    names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": schema(name) }))
        .collect()
}

fn query_parameters(make: Make) -> Vec<Value> {
    let schema = make(&mut requests());
    let Some(Value::Object(properties)) = schema.get("properties") else { return vec![] };
    properties
        .iter()
        .map(|(name, schema)| {
            let mut schema = schema.clone();
            let description =
                schema.as_object_mut().and_then(|schema| schema.remove("description"));
            let schema = match name.as_str() {
                "limit" => json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT,
                                   "default": DEFAULT_LIMIT }),
                _ => without_null(schema),
            };
            let mut parameter = json!({ "name": name, "in": "query", "schema": schema });
            if let Some(description) = description {
                parameter["description"] = description;
            }
            parameter
        })
        .collect()
}

/// A parameter is absent rather than null.
fn without_null(mut schema: Value) -> Value {
    if let Some(Value::Array(kinds)) = schema.get_mut("anyOf") {
        kinds.retain(|kind| kind["type"] != "null");
        if let [only] = kinds.as_slice() {
            return only.clone();
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            schema["type"] = only.clone();
        }
    }
    if schema.get("default").is_some_and(Value::is_null)
        && let Some(schema) = schema.as_object_mut()
    {
        schema.remove("default");
    }
    schema
}

fn operation_id(method: Method, path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty());
    let words = parts.map(|part| part.trim_matches(['{', '}']));
    std::iter::once(method.name()).chain(words).collect::<Vec<_>>().join("_")
}
