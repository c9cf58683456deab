//! The description of the REST interface (OpenAPI 3.1). A route is registered together with what it reads
//! and answers, and the schemas are made from the very types that do so: what is described is there, and
//! what is there is described.

mod answers;
mod operation;
mod parameters;
mod viewer;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, on};
use http::HeaderMap;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

pub(crate) use self::operation::Operation;
use crate::conditional;
use crate::middleware::{fields, idempotency};
use crate::packed::Packed;
use crate::state::AppState;

/// Where the interface begins.
const BASE: &str = "/api/v1";

/// The routes, by how they are answered.
#[derive(Default)]
pub(crate) struct Routers {
    /// Whole answers to callers.
    pub(crate) answers: Router<AppState>,
    /// Whole answers that a model is asked for meanwhile, to callers.
    pub(crate) drafts: Router<AppState>,
    /// Answers without an end, to callers.
    pub(crate) streams: Router<AppState>,
    /// Answers to whoever looks after the process: nobody is asked who they are.
    pub(crate) probes: Router<AppState>,
}

/// Routes with their description.
pub(crate) struct Api {
    routers: Routers,
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
        Self { routers: Routers::default(), paths: Map::new(), schemas: settings.into_generator() }
    }

    /// Adds a route.
    pub(crate) fn add<H, T>(mut self, mut operation: Operation, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        let path = format!("{BASE}{}", operation.path());
        let methods = on(operation.method().filter(), handler);
        let methods = if operation.counts_once() {
            methods.layer(from_fn_with_state(operation.keys(), idempotency::once))
        } else {
            methods
        };
        let methods = if operation.changes_without_versions() {
            methods.layer(from_fn(conditional::refuse_versions))
        } else {
            methods
        };
        let methods = match operation.choice(&mut self.schemas) {
            Some(choice) => methods.layer(from_fn_with_state(Arc::new(choice), fields::choose)),
            None => methods,
        };
        let router = operation.router(&mut self.routers);
        *router = std::mem::take(router).route(&path, methods);

        self.describe(path, operation);
        self
    }

    fn describe(&mut self, path: String, operation: Operation) {
        let (method, described) = (operation.method(), operation.describe(&mut self.schemas));
        if let Value::Object(methods) = self.paths.entry(path).or_insert_with(|| json!({})) {
            methods.insert(method.name().to_owned(), described);
        }
    }

    /// The routes, together with those that show their description.
    pub(crate) fn into_routers(mut self) -> Routers {
        let own = Operation::get("/openapi.json", "Reads this description");
        let own_path = format!("{BASE}{}", own.path());
        self.describe(own_path.clone(), own.open().tagged().answers::<Map<String, Value>>(200));
        let document = Arc::new(document(self.paths, &mut self.schemas));

        let mut routers = self.routers;
        let pages = viewer::routes(&document);
        let written = Arc::new(Packed::new("application/json", document.to_string()));
        let own = get(async move |headers: HeaderMap| written.answer(&headers).await);
        routers.answers = routers.answers.route(&own_path, own).merge(pages);
        routers
    }
}

fn document(paths: Map<String, Value>, schemas: &mut SchemaGenerator) -> Value {
    // In the order of their names, whatever the order in which they were added.
    let paths: BTreeMap<_, _> = paths.into_iter().collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Resonant",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "description": "Agents, their sessions, and the marketplace. Failures are problem \
                documents (RFC 9457) that name the field. A key or a sign-in says who asks; every \
                answer carries `X-Request-Id` and, where a limit applies, `RateLimit`.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": answers::components(schemas),
    })
}
