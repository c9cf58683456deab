use resonant_domain::grant::ToolSettings;
use resonant_domain::http_tool::{HttpTool, QueryStyle};
use serde_json::json;

use super::*;

const PETSTORE: &str = r##"
openapi: 3.0.3
info: { title: Pet Store, version: 1 }
servers:
  - url: https://{region}.example.org/v1/
    variables: { region: { default: eu } }
security: [ { api_key: [] } ]
paths:
  /pets/{petId}:
    parameters:
      - { name: petId, in: path, required: true, schema: { type: integer, minimum: 0, exclusiveMinimum: true } }
    get:
      operationId: pets.get
      summary: One pet
      parameters:
        - $ref: "#/components/parameters/Fields"
        - { name: X-Trace, in: header, schema: { type: string, nullable: true } }
        - { name: theme, in: cookie, schema: { type: string } }
      responses: { 200: { description: ok } }
    delete:
      security: []
      responses: { 204: { description: gone } }
  /pets:
    post:
      operationId: addPet
      summary: Adds a pet
      description: Adds a pet. It must have a name.
      security: [ { basic: [] } ]
      requestBody:
        required: true
        content:
          application/json:
            schema: { $ref: "#/components/schemas/Pet" }
      responses: { 201: { description: made } }
  /login:
    post:
      operationId: login
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: { type: object, properties: { user: { type: string } } }
      responses: {}
  /upload:
    post:
      requestBody: { content: { multipart/form-data: {} } }
      responses: {}
  /elsewhere:
    get:
      parameters:
        - { name: q, in: query, schema: { $ref: "file:///etc/passwd" } }
      responses: {}
components:
  parameters:
    Fields: { name: "fields[]", in: query, description: Which ones, schema: { type: array, items: { type: string } } }
  schemas:
    Pet:
      type: object
      required: [name]
      properties:
        name: { type: string, example: Rex }
        mother: { $ref: "#/components/schemas/Pet" }
  securitySchemes:
    api_key: { type: apiKey, in: header, name: X-Key }
    basic: { type: http, scheme: basic }
"##;

fn tool<'a>(found: &'a OpenApiTools, name: &str) -> &'a HttpTool {
    let grant = found.tools.iter().find(|grant| grant.name == name);
    match &grant.unwrap_or_else(|| panic!("{name}: {found:?}")).settings {
        ToolSettings::Http(tool) => tool,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_operation_becomes_a_tool() {
    let found = read(PETSTORE, None, &[]).unwrap();
    assert_eq!(found.title, "Pet Store");
    let names: Vec<_> = found.tools.iter().map(|grant| grant.name.as_str()).collect();
    assert_eq!(names, ["pets_get", "DELETE_pets_petId", "addPet", "login"]);
    assert_eq!(found.secrets, ["PET_STORE_API_KEY", "PET_STORE_BASIC"]);

    let get = tool(&found, "pets_get");
    assert_eq!(get.url, "https://eu.example.org/v1/pets/{{petId}}");
    assert_eq!(get.query, [("fields[]".to_owned(), "{{fields__}}".to_owned())].into());
    assert_eq!(get.headers["x-key"], "{{secrets.PET_STORE_API_KEY}}");
    assert_eq!(get.headers["x-trace"], "{{X-Trace}}");
    assert_eq!(get.operation.as_deref(), Some("GET /pets/{petId}"));
    assert_eq!(
        get.input_schema["properties"]["petId"],
        json!({ "type": "integer", "exclusiveMinimum": 0 })
    );
    assert_eq!(get.input_schema["properties"]["X-Trace"], json!({ "type": ["string", "null"] }));
    assert_eq!(get.input_schema["properties"]["fields__"]["description"], "Which ones");
    assert_eq!(get.input_schema["required"], json!(["petId"]));

    let delete = tool(&found, "DELETE_pets_petId");
    assert_eq!((delete.headers.len(), delete.description.as_str()), (0, "DELETE /pets/{petId}"));

    let add = tool(&found, "addPet");
    assert_eq!(add.description, "Adds a pet. It must have a name.");
    assert_eq!(add.headers["authorization"], "Basic {{secrets.PET_STORE_BASIC}}");
    assert_eq!(add.body, Some(json!("{{body}}")));
    assert_eq!(
        add.input_schema["properties"]["body"]["properties"]["name"],
        json!({ "type": "string" })
    );
    assert_eq!(tool(&found, "login").body, Some(json!({ "user": "{{body.user}}" })));

    let skipped: Vec<_> = found
        .skipped
        .iter()
        .map(|skipped| (skipped.operation.as_str(), skipped.reason.as_str()))
        .collect();
    assert_eq!(
        skipped,
        [
            ("POST /upload", "its body is neither JSON, a form nor text"),
            ("GET /elsewhere", "it refers to \"file:///etc/passwd\""),
        ]
    );
}

#[test]
fn chosen_operations_alone_are_read() {
    let wanted = ["addPet".to_owned(), "DELETE /pets/{petId}".to_owned()];
    let found = read(PETSTORE, None, &wanted).unwrap();
    assert_eq!((found.tools.len(), found.skipped.len()), (2, 0));
}

#[test]
fn a_server_without_a_host_is_the_documents_own() {
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "T" },
        "servers": [{ "url": "/api" }],
        "paths": { "/x": { "get": {} } },
    });
    let base = Url::parse("https://example.org/docs/openapi.json").unwrap();
    let found = read(&document.to_string(), Some(&base), &[]).unwrap();
    assert_eq!(tool(&found, "GET_x").url, "https://example.org/api/x");
    let found = read(&document.to_string(), None, &[]).unwrap();
    assert_eq!(found.skipped[0].reason, "its server is named without a host");
}

#[test]
fn what_is_no_document_says_why() {
    let deep = format!("{{\"openapi\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n";
    for text in [
        "",
        "plain text",
        "{",
        "[]",
        "openapi: 2.0",
        "{\"swagger\": \"2.0\"}",
        "openapi: 3.0.0",
        &deep,
        bomb,
    ] {
        let error = read(text, None, &[]).unwrap_err().to_string();
        assert!(error.starts_with("must "), "{error}");
    }
}

/// Two levels are enough where both are wide.
#[test]
fn an_alias_counts_as_often_as_it_is_named() {
    let (items, names) = ("x,".repeat(3_000), "*a,".repeat(3_000));
    let error = read(&format!("a: &a [{items}]\nb: [{names}]\n"), None, &[]).unwrap_err();
    assert!(error.to_string().contains("repeat too much"), "{error}");
    let few = "openapi: 3.0.0\nx: &x { get: { operationId: one } }\npaths: { /x: *x }\n";
    let base = Url::parse("https://example.org/").unwrap();
    assert_eq!(tool(&read(few, Some(&base), &[]).unwrap(), "one").url, "https://example.org/x");
}

/// A document that holds itself, or that grows without end, is cut and not followed.
#[test]
fn references_end() {
    let wide: Map<String, Value> = (0..60)
        .map(|n| (format!("p{n}"), json!({ "$ref": "#/components/schemas/Wide" })))
        .collect();
    let document = json!({
        "openapi": "3.0.0",
        "servers": [{ "url": "https://example.org" }],
        "paths": { "/x": { "post": { "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Wide" } } } } } }, "/y": { "$ref": "#/paths/~1y" } },
        "components": { "schemas": { "Wide": { "type": "object", "properties": wide } } },
    });
    let found = read(&document.to_string(), None, &[]).unwrap();
    assert_eq!(found.skipped[0].reason, "its schema has more than 2000 parts");
}

/// A document whose only operation takes this as its body.
fn document_of(schemas: &Value, schema: &Value) -> String {
    let content = json!({ "application/json": { "schema": schema } });
    json!({
        "openapi": "3.0.0",
        "servers": [{ "url": "https://example.org" }],
        "paths": { "/x": { "post": { "operationId": "x", "requestBody": { "content": content } } } },
        "components": { "schemas": schemas },
    })
    .to_string()
}

#[test]
fn a_tree_is_open_where_it_goes_on() {
    let node = json!({ "$ref": "#/components/schemas/Node" });
    let tree = json!({ "type": "object", "properties": { "left": node, "right": node } });
    let found = read(&document_of(&json!({ "Node": tree }), &node), None, &[]).unwrap();
    let body = &tool(&found, "x").input_schema["properties"]["body"];
    assert_eq!(body["properties"]["left"]["properties"]["right"], json!({}));
}

/// What is written once can be referred to often.
#[test]
fn long_texts_are_not_repeated_without_end() {
    let long = json!({ "type": "string", "description": "x".repeat(10_000) });
    let all: Map<String, Value> = (0..300)
        .map(|n| (format!("p{n}"), json!({ "$ref": "#/components/schemas/Long" })))
        .collect();
    let schema = json!({ "type": "object", "properties": all });
    let found = read(&document_of(&json!({ "Long": long }), &schema), None, &[]).unwrap();
    assert_eq!(found.skipped[0].reason, "its schema holds more than 512 KiB of text");

    let parameters: Vec<_> =
        (0..201).map(|n| json!({ "name": format!("p{n}"), "in": "query" })).collect();
    let document = json!({
        "openapi": "3.1.0",
        "servers": [{ "url": "https://example.org" }],
        "paths": { "/x": { "get": { "parameters": parameters } } },
    });
    let found = read(&document.to_string(), None, &[]).unwrap();
    assert_eq!(found.skipped[0].reason, "it has more than 200 parameters");
}

#[test]
fn a_reference_may_be_written_as_in_an_address() {
    let id = json!({ "name": "id", "in": "path", "schema": { "type": "integer" } });
    let same = json!({ "$ref": "#/paths/~1x~1%7Bid%7D/parameters/0" });
    let document = json!({
        "openapi": "3.0.0",
        "servers": [{ "url": "https://example.org" }],
        "paths": {
            "/x/{id}": { "parameters": [id] },
            "/y/{id}": { "get": { "operationId": "y", "parameters": [same] } },
            "/z/{id}/{part}": { "get": { "parameters": [same] } },
        },
    });
    let found = read(&document.to_string(), None, &[]).unwrap();
    assert_eq!(tool(&found, "y").url, "https://example.org/y/{{id}}");
    assert_eq!(read(&format!("\u{feff}\n{document}"), None, &[]).unwrap(), found);
    // Nobody could fill in the rest.
    let reason = "its path has {part}, which no parameter describes";
    assert_eq!(found.skipped[0].reason, reason);
}

#[test]
fn lists_and_objects_are_written_as_the_document_says() {
    let list = json!({ "type": "array", "items": { "type": "string" } });
    let object = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    for (parameter, style) in [
        (json!({ "in": "query", "schema": list }), None),
        (json!({ "in": "query", "schema": { "type": "string" } }), None),
        (json!({ "in": "query", "schema": object }), Some(QueryStyle::Form)),
        (json!({ "in": "query", "schema": {} }), Some(QueryStyle::Form)),
        (json!({ "in": "query", "schema": list, "explode": false }), Some(QueryStyle::Comma)),
        (
            json!({ "in": "query", "schema": list, "style": "pipeDelimited" }),
            Some(QueryStyle::Pipe),
        ),
        (
            json!({ "in": "query", "schema": list, "style": "spaceDelimited" }),
            Some(QueryStyle::Space),
        ),
        (json!({ "in": "query", "schema": list, "style": "pipeDelimited", "explode": true }), None),
        (
            json!({ "in": "query", "schema": object, "style": "deepObject" }),
            Some(QueryStyle::DeepObject),
        ),
        (
            json!({ "in": "query", "content": { "application/json": { "schema": object } } }),
            Some(QueryStyle::Json),
        ),
        (json!({ "in": "header", "schema": list }), None),
        // It is not needed and cannot be sent: the rest can.
        (json!({ "in": "header", "schema": object }), None),
    ] {
        let found = read(&document_with(&parameter, "{}"), None, &[]).unwrap();
        let styles = &tool(&found, "GET_x_id").styles;
        assert_eq!(styles.get("it").copied(), style, "{parameter}");
    }
    for (parameter, reason) in [
        (
            json!({ "in": "query", "schema": list, "style": "matrix" }),
            "it writes it as matrix in its query",
        ),
        (
            json!({ "in": "query", "content": { "text/csv": {} } }),
            "it writes it as text/csv in its query",
        ),
        (
            json!({ "in": "header", "required": true, "schema": object }),
            "it writes it as object in its header",
        ),
        (
            json!({ "in": "path", "name": "id", "style": "label", "schema": list }),
            "it writes id as label in its path",
        ),
        (json!({ "in": "cookie", "required": true, "schema": list }), "it needs it in its cookie"),
    ] {
        let found = read(&document_with(&parameter, "{}"), None, &[]).unwrap();
        assert_eq!(found.skipped[0].reason, reason, "{parameter}");
    }
}

#[test]
fn what_an_operation_answers_with_is_asked_for() {
    let parameter = json!({ "in": "query", "schema": { "type": "string" } });
    for (responses, accepted) in [
        (r#"{ "200": { "content": { "application/json": {}, "text/csv": {} } } }"#, None),
        (
            r#"{ "200": { "content": { "*/*": {} } }, "404": { "content": { "text/x": {} } } }"#,
            None,
        ),
        (r#"{ "204": { "description": "gone" } }"#, None),
        (
            r#"{ "200": { "content": { "text/csv; charset=utf-8": {} } }, "201": { "content": { "application/vnd.x+json": {} } } }"#,
            Some("text/csv, application/vnd.x+json"),
        ),
    ] {
        let found = read(&document_with(&parameter, responses), None, &[]).unwrap();
        let told = tool(&found, "GET_x_id").headers.get("accept").map(String::as_str);
        assert_eq!(told, accepted, "{responses}");
    }
}

/// A document with one operation that has this parameter, called `it`, and these responses.
fn document_with(parameter: &Value, responses: &str) -> String {
    let mut parameter = parameter.clone();
    if parameter.get("name").is_none() {
        parameter["name"] = "it".into();
    }
    let id =
        json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } });
    let responses: Value = responses.parse().unwrap();
    let operation = json!({ "parameters": [id, parameter], "responses": responses });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "T" },
        "servers": [{ "url": "https://example.org" }],
        "paths": { "/x/{id}": { "get": operation } },
    })
    .to_string()
}
