//! One thing that can be asked: what it takes, what it answers, and how it may be refused.

mod described;

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use axum::routing::MethodFilter;
use resonant_domain::api_key::Scope;
use resonant_domain::fields::Choosable;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{Routers, answers};
use crate::middleware::fields::Choice;
use crate::middleware::idempotency::Keys;
use crate::state::AppState;

type Make = Box<dyn FnOnce(&mut SchemaGenerator) -> Schema>;

/// What is answered, for `?fields=`: one thing, or a list of things under a name.
#[derive(Clone, Copy)]
struct Things {
    list: Option<&'static str>,
    of: fn(&mut SchemaGenerator) -> Schema,
}

/// What an operation does with a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    pub(super) const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Anyone, and nobody is asked who they are.
    Probe,
    /// Anyone.
    Open,
    /// Someone who signed in; a key does not stand for them.
    InPerson,
    /// Someone who is known; a key needs this scope.
    Scope(Scope),
    /// Who looks after the installation.
    Admin,
}

/// What an operation can do beside the common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trait {
    /// A POST that may be sent again by its `Idempotency-Key`.
    CountsOnce,
    /// Its answer has an entity tag, by which it is not sent again.
    IsTagged,
    /// It changes the version that `If-Match` names and no other, and none that `If-None-Match` names.
    IsConditional,
    /// Its answer has the entity tag of what it made or changed.
    IsVersioned,
    /// Its answer says where the new thing is.
    IsLocated,
    /// It may meet a state in which it cannot be done.
    MayConflict,
    /// Its body names something that may not be there.
    NamesSomething,
    /// It takes a message that its sender has signed (Standard Webhooks).
    IsSigned,
    /// Its body is a file.
    TakesFile,
    /// A model is asked before it answers.
    AsksModel,
}

/// One thing that can be asked.
pub(crate) struct Operation {
    method: Method,
    path: &'static str,
    summary: &'static str,
    access: Access,
    traits: BTreeSet<Trait>,
    query: Option<Make>,
    /// Query parameters that are lists, by their name, and what one member is.
    lists: Vec<(&'static str, Value)>,
    body: Option<Make>,
    /// What it answers when all is well.
    things: Option<Things>,
    /// The schema of a thing of which some fields were chosen.
    part: Option<Value>,
    /// By status, the kinds of content and their schemas; none where there is no content.
    answers: BTreeMap<u16, Vec<(&'static str, Make)>>,
}

impl Operation {
    fn new(method: Method, path: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path,
            summary,
            access: Access::InPerson,
            traits: BTreeSet::new(),
            query: None,
            lists: vec![],
            body: None,
            things: None,
            part: None,
            answers: BTreeMap::new(),
        }
    }

    /// Reads something.
    pub(crate) fn get(path: &'static str, summary: &'static str) -> Self {
        Self::new(Method::Get, path, summary)
    }

    /// Makes or starts something; may be sent again with the same `Idempotency-Key`.
    pub(crate) fn post(path: &'static str, summary: &'static str) -> Self {
        Self::new(Method::Post, path, summary).having(Trait::CountsOnce).may_conflict()
    }

    /// Reads something by a question that is too large for an address.
    pub(crate) fn ask(path: &'static str, summary: &'static str) -> Self {
        Self::new(Method::Post, path, summary)
    }

    /// Replaces something.
    pub(crate) fn put(path: &'static str, summary: &'static str) -> Self {
        Self::new(Method::Put, path, summary)
    }

    /// Changes something.
    pub(crate) fn patch(path: &'static str, summary: &'static str) -> Self {
        Self::new(Method::Patch, path, summary)
    }

    /// Removes something.
    pub(crate) fn delete(path: &'static str, summary: &'static str) -> Self {
        Self::new(Method::Delete, path, summary)
    }

    /// A key needs this scope.
    pub(crate) fn scope(self, scope: Scope) -> Self {
        Self { access: Access::Scope(scope), ..self }
    }

    /// Anyone may.
    pub(crate) fn open(self) -> Self {
        Self { access: Access::Open, ..self }
    }

    /// Load balancers and the like may.
    pub(crate) fn probe(self) -> Self {
        Self { access: Access::Probe, ..self }
    }

    /// Who looks after the installation may.
    pub(crate) fn admin(self) -> Self {
        Self { access: Access::Admin, ..self }
    }

    /// Takes these query parameters.
    pub(crate) fn query<T: JsonSchema + 'static>(mut self) -> Self {
        self.query = Some(Box::new(SchemaGenerator::subschema_for::<T>));
        self
    }

    /// Takes the fields of a `T` that are wanted, in `fields`.
    pub(crate) fn fields<T: Choosable>(mut self) -> Self {
        self.lists.push(("fields", json!({ "enum": T::FIELDS })));
        self
    }

    /// Takes the things that are wanted, in `ids`.
    pub(crate) fn ids(mut self) -> Self {
        self.lists.push(("ids", json!({ "type": "string", "format": "uuid" })));
        self
    }

    /// Takes names that a listing must all have, in this parameter.
    pub(crate) fn names(mut self, parameter: &'static str) -> Self {
        let most = resonant_domain::publication::TAG_MAX;
        let name = json!({ "type": "string", "pattern": "^[\\w-]+$", "maxLength": most });
        self.lists.push((parameter, name));
        self
    }

    /// Takes this body.
    pub(crate) fn body<T: JsonSchema + 'static>(mut self) -> Self {
        self.body = Some(Box::new(SchemaGenerator::subschema_for::<T>));
        self
    }

    /// Takes a file.
    pub(crate) fn takes_file(self) -> Self {
        self.having(Trait::TakesFile)
    }

    /// Answers with this.
    pub(crate) fn answers<T: JsonSchema + 'static>(mut self, status: u16) -> Self {
        self.things = Some(Things { list: None, of: SchemaGenerator::subschema_for::<T> });
        self.answering(status, "application/json", Box::new(SchemaGenerator::subschema_for::<T>))
    }

    /// Answers, or answers too, with a text of this kind.
    pub(crate) fn answers_text(self, kind: &'static str) -> Self {
        self.answering(200, kind, Box::new(SchemaGenerator::subschema_for::<String>))
    }

    /// Answers with all of these under their name.
    pub(crate) fn answers_list<T: JsonSchema + 'static>(mut self, name: &'static str) -> Self {
        self.things = Some(Things { list: Some(name), of: SchemaGenerator::subschema_for::<T> });
        let make = move |schemas: &mut SchemaGenerator| {
            let items = schemas.subschema_for::<T>();
            json_schema!({
                "type": "object",
                "properties": { name: { "type": "array", "items": items } },
                "required": [name],
            })
        };
        self.answering(200, "application/json", Box::new(make))
    }

    /// Answers with a page of these under their name.
    pub(crate) fn answers_page<T: JsonSchema + 'static>(mut self, name: &'static str) -> Self {
        self.things = Some(Things { list: Some(name), of: SchemaGenerator::subschema_for::<T> });
        let make = move |schemas: &mut SchemaGenerator| {
            let items = schemas.subschema_for::<T>();
            json_schema!({
                "type": "object",
                "properties": {
                    name: { "type": "array", "items": items },
                    "has_more": { "type": "boolean" },
                    "next_cursor": { "type": ["string", "null"] },
                },
                "required": [name, "has_more", "next_cursor"],
            })
        };
        self.answering(200, "application/json", Box::new(make))
    }

    /// Answers with events as they come (Server-Sent Events), each with this as its data.
    pub(crate) fn answers_events<T: JsonSchema + 'static>(self) -> Self {
        let make = |schemas: &mut SchemaGenerator| {
            let data = schemas.subschema_for::<T>();
            json_schema!({
                "type": "string",
                "contentMediaType": "text/event-stream",
                "x-data": data,
            })
        };
        self.answering(200, answers::EVENTS, Box::new(make))
    }

    /// Answers with nothing but the status.
    pub(crate) fn answers_nothing(mut self, status: u16) -> Self {
        self.answers.entry(status).or_default();
        self
    }

    /// Its answer has an entity tag, which `If-None-Match` may name.
    pub(crate) fn tagged(self) -> Self {
        self.having(Trait::IsTagged)
    }

    /// Changes the version that `If-Match` names and no other, and none that `If-None-Match` names.
    pub(crate) fn conditional(self) -> Self {
        self.having(Trait::IsConditional).may_conflict()
    }

    /// Its answer has the entity tag of what it made or changed.
    pub(crate) fn versioned(self) -> Self {
        self.having(Trait::IsVersioned)
    }

    /// Its answer says where the new thing is.
    pub(crate) fn located(self) -> Self {
        self.having(Trait::IsLocated)
    }

    /// May meet a state in which it cannot be done.
    pub(crate) fn may_conflict(self) -> Self {
        self.having(Trait::MayConflict)
    }

    /// Its body names something that may not be there, or may be another's.
    pub(crate) fn names_something(self) -> Self {
        self.having(Trait::NamesSomething)
    }

    /// Takes a message that its sender has signed.
    pub(crate) fn signed(self) -> Self {
        self.having(Trait::IsSigned).may_conflict()
    }

    /// Asks a model before it answers.
    pub(crate) fn asks_model(self) -> Self {
        self.having(Trait::AsksModel)
    }

    fn having(mut self, one: Trait) -> Self {
        self.traits.insert(one);
        self
    }

    fn answering(mut self, status: u16, kind: &'static str, make: Make) -> Self {
        self.answers.entry(status).or_default().push((kind, make));
        self
    }

    pub(super) const fn method(&self) -> Method {
        self.method
    }

    pub(super) const fn path(&self) -> &'static str {
        self.path
    }

    pub(super) fn counts_once(&self) -> bool {
        self.traits.contains(&Trait::CountsOnce)
    }

    /// Whether it changes what has no version that `If-Match` could name.
    pub(super) fn changes_without_versions(&self) -> bool {
        let changes = match self.method {
            Method::Get => false,
            Method::Post => self.counts_once(),
            Method::Put | Method::Patch | Method::Delete => true,
        };
        changes && !self.traits.contains(&Trait::IsConditional)
    }

    /// Which API keys may ask.
    pub(super) const fn keys(&self) -> Keys {
        match self.access {
            Access::Scope(scope) => Keys::With(scope),
            Access::InPerson => Keys::Never,
            Access::Probe | Access::Open | Access::Admin => Keys::Some,
        }
    }

    fn is_stream(&self) -> bool {
        self.answers.values().flatten().any(|(kind, _)| *kind == answers::EVENTS)
    }

    /// Where its route belongs.
    pub(super) fn router<'a>(&self, routers: &'a mut Routers) -> &'a mut Router<AppState> {
        match self.access {
            Access::Probe => &mut routers.probes,
            _ if self.is_stream() => &mut routers.streams,
            _ if self.traits.contains(&Trait::AsksModel) => &mut routers.drafts,
            _ => &mut routers.answers,
        }
    }

    /// The fields that may be chosen of what it answers, where no use case does it by itself.
    pub(super) fn choice(&mut self, schemas: &mut SchemaGenerator) -> Option<Choice> {
        let chooses = self.lists.iter().any(|(name, _)| *name == "fields");
        if self.method != Method::Get || self.access == Access::Probe || chooses {
            return None;
        }
        let Things { list, of } = self.things?;
        let thing = of(schemas);
        let name = thing.get("$ref").and_then(Value::as_str)?.rsplit('/').next()?.to_owned();
        let mut part = schemas.definitions().get(&name)?.clone();
        // One of several kinds of things has no fields in common.
        if part.get("oneOf").or_else(|| part.get("anyOf")).is_some() {
            return None;
        }
        let names: Vec<_> = part.get("properties")?.as_object()?.keys().cloned().collect();
        self.lists.push(("fields", json!({ "enum": names })));
        part.as_object_mut()?.remove("required");
        let part_name = format!("{name}Part");
        self.part = Some(json!({ "$ref": format!("#/components/schemas/{part_name}") }));
        schemas.definitions_mut().insert(part_name, part);
        Some(Choice { names, list })
    }
}
