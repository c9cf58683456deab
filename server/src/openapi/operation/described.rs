//! An operation as the description has it.

use std::collections::BTreeSet;

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::{Access, Method, Operation, Trait};
use crate::openapi::parameters;

impl Operation {
    /// What the description says of it.
    pub(in crate::openapi) fn describe(self, schemas: &mut SchemaGenerator) -> Value {
        let refusals: Vec<_> = self.refusals().into_iter().collect();
        let mut responses: Map<String, Value> = Map::new();
        for status in self.answers.keys() {
            let answer = json!({ "description": self.summary, "headers": self.headers(*status) });
            responses.insert(status.to_string(), answer);
        }
        let is_stream = self.is_stream();
        let mut parameters = parameters::in_path(self.path);
        if let Some(make) = self.query {
            parameters.extend(parameters::in_query(make, &self.lists));
        }
        parameters.extend(self.lists.into_iter().map(parameters::list));
        let has = |one| self.traits.contains(&one);
        let taken = [
            (has(Trait::CountsOnce), "Idempotency-Key"),
            (has(Trait::IsTagged) || has(Trait::IsConditional), "If-None-Match"),
            (has(Trait::IsConditional), "If-Match"),
        ];
        let taken = taken.iter().filter(|(is_taken, _)| *is_taken).map(|(_, name)| *name);
        parameters.extend(taken.map(parameters::header));
        if is_stream && self.path.contains('{') {
            parameters.push(parameters::header("Last-Event-ID"));
        }
        let (is_signed, takes_file) = (has(Trait::IsSigned), has(Trait::TakesFile));
        if is_signed {
            let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
            parameters.extend(names.map(parameters::header));
        }

        for (status, contents) in self.answers {
            for (kind, make) in contents {
                let mut schema = make(schemas).to_value();
                let is_cut = kind == "application/json" && status == 200;
                if let (Some(part), Some(things), true) = (&self.part, self.things, is_cut) {
                    let whole = match things.list {
                        Some(name) => &mut schema["properties"][name]["items"],
                        None => &mut schema,
                    };
                    *whole = json!({ "anyOf": [whole.take(), part] });
                }
                responses[&status.to_string()]["content"][kind] = json!({ "schema": schema });
            }
        }
        for status in refusals {
            let place = json!({ "$ref": format!("#/components/responses/{status}") });
            responses.insert(status.to_owned(), place);
        }
        let mut described = json!({
            "operationId": operation_id(self.method, self.path),
            "tags": [self.path.split('/').nth(1)],
            "summary": self.summary,
            "parameters": parameters,
            "responses": responses,
            "security": match self.access {
                Access::Probe | Access::Open => json!([]),
                Access::InPerson => json!([{ "sign_in": [] }]),
                Access::Scope(_) | Access::Admin => json!([{ "key": [] }, { "sign_in": [] }]),
            },
        });
        match self.access {
            Access::Scope(scope) => {
                described["description"] =
                    json!(format!("A key needs the scope `{}`.", scope.as_str()));
            }
            Access::Admin => {
                described["description"] = json!("For those who look after the installation.");
            }
            Access::InPerson => {
                described["description"] = json!("No key stands for a person here.");
            }
            Access::Probe | Access::Open => {}
        }
        if is_signed {
            described["requestBody"] = json!({ "content": { "*/*": { "schema": {} } } });
        }
        if takes_file {
            let file = json!({ "schema": { "type": "string", "format": "binary" } });
            described["requestBody"] =
                json!({ "required": true, "content": { "application/octet-stream": file } });
        }
        if let Some(make) = self.body {
            described["requestBody"] = json!({
                "required": true,
                "content": { "application/json": { "schema": parameters::of_request(make) } },
            });
        }
        described
    }

    /// The headers that a success carries.
    fn headers(&self, status: u16) -> Value {
        let has = |one| self.traits.contains(&one);
        let is_counted = self.access != Access::Probe;
        let tagged = [Trait::IsTagged, Trait::IsConditional, Trait::IsVersioned];
        let is_tagged = tagged.into_iter().any(has);
        let headers = [
            (true, "X-Request-Id"),
            (is_counted, "RateLimit"),
            (is_counted, "RateLimit-Policy"),
            (is_tagged && status != 204, "ETag"),
            (has(Trait::IsLocated), "Location"),
            (has(Trait::CountsOnce), "Idempotency-Replayed"),
        ];
        headers
            .iter()
            .filter(|(is_there, _)| *is_there)
            .map(|(_, name)| {
                let place = json!({ "$ref": format!("#/components/headers/{name}") });
                ((*name).to_owned(), place)
            })
            .collect()
    }

    /// The statuses of all that may stand in the way.
    fn refusals(&self) -> BTreeSet<&'static str> {
        if self.access == Access::Probe {
            return BTreeSet::from(["503"]);
        }
        let has = |one| self.traits.contains(&one);
        let has_body = self.body.is_some() || has(Trait::TakesFile);
        let is_signed = has(Trait::IsSigned);
        let is_safe = self.method == Method::Get;
        let is_about_a_thing =
            self.path.contains('{') || self.access == Access::Admin || has(Trait::NamesSomething);
        let takes_values = has_body
            || self.query.is_some()
            || !self.lists.is_empty()
            || has(Trait::CountsOnce)
            || is_signed
            || self.is_stream();
        let refusals = [
            (has(Trait::IsTagged), "304"),
            (takes_values, "400"),
            // A key that stands for nobody is refused wherever it is shown.
            (true, "401"),
            // A page of another site may not ask for changes.
            (self.access != Access::Open || !is_safe, "403"),
            (is_about_a_thing, "404"),
            (!self.is_stream(), "406"),
            (has(Trait::MayConflict), "409"),
            (has(Trait::IsConditional), "412"),
            (has_body || is_signed || has(Trait::CountsOnce), "413"),
            (has_body || is_signed, "415"),
            (has(Trait::CountsOnce), "422"),
            (true, "429"),
            (true, "500"),
            (true, "503"),
        ];
        refusals.iter().filter(|(may_be, _)| *may_be).map(|(_, status)| *status).collect()
    }
}

fn operation_id(method: Method, path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty());
    let words = parts.map(|part| part.trim_matches(['{', '}']).replace(['.', '-'], "_"));
    std::iter::once(method.name().to_owned()).chain(words).collect::<Vec<_>>().join("_")
}
