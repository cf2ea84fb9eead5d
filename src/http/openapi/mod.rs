//! `GET /openapi.json`: the API's description (`OpenAPI` 3.1), made from the table of routes.
//!
//! What the table knows (path, method, listener, who may) is taken from there; what it does not (parameters, bodies,
//! answers) stands in `operations.rs`, a line for each route, and the shapes in `schemas.json`. Tests hold that each
//! route has its line, and that a running server answers as described.

mod admin_operations;
mod operations;

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use self::operations::{Answer, Operation, Parameter};
use super::routes::{Access, Listener, ROUTES, RouteEntry};

const SCHEMAS: &str = include_str!("schemas.json");

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(document().to_string()));

/// The description, as prepared bytes.
pub(super) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.clone())
}

/// The description of every route, as a value.
#[must_use]
pub fn document() -> Value {
    let mut paths = Map::new();
    // The documents that AWS reads have standards of their own, and another address.
    for route in ROUTES.iter().filter(|route| route.listener != Listener::Public) {
        let Some(operation) = operation(route) else { continue };
        let path = paths.entry(route.path).or_insert_with(|| json!({ "parameters": path_parameters(route.path) }));
        path[route.method.to_ascii_lowercase()] = described(route, operation);
    }
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "feedpass",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "An OpenID Connect issuer for machines and a token broker for AWS ECR. Errors are RFC 9457 problems.",
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "A client secret, an access token, or the JWT of a trusted workload issuer" },
                "basic": { "type": "http", "scheme": "basic", "description": "The client's id and secret" },
            },
        },
    })
}

fn lines() -> impl Iterator<Item = &'static Operation> {
    operations::OPERATIONS.iter().chain(admin_operations::OPERATIONS)
}

/// What is known of a route beyond the table.
fn operation(route: &RouteEntry) -> Option<&'static Operation> {
    lines().find(|operation| operation.method == route.method && operation.path == route.path)
}

fn described(route: &RouteEntry, operation: &Operation) -> Value {
    let mut value = json!({
        "summary": operation.summary,
        "operationId": operation_id(route),
        "parameters": operation.parameters.iter().map(|parameter| query_parameter(*parameter)).collect::<Vec<_>>(),
        "responses": answers(route, operation),
    });
    if let Some((content_type, schema)) = operation.body {
        value["requestBody"] =
            json!({ "required": true, "content": { content_type: { "schema": schema_of(schema) } } });
    }
    value["security"] = match route.access {
        Access::Anyone => json!([]),
        Access::Client | Access::Operator(_) => json!([{ "bearer": [] }, { "basic": [] }]),
    };
    if let Access::Operator(duty) = route.access {
        value["description"] = format!("Takes a role with the duty {duty:?}.").into();
    }
    value
}

/// `post_v1_spaces_space_feeds_feed_credentials`
fn operation_id(route: &RouteEntry) -> String {
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(route.method.to_ascii_lowercase()).chain(words.map(str::to_owned)).collect::<Vec<_>>().join("_")
}

/// The parts of a path in braces, each of its own shape.
fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        let (schema, example) = match name {
            "space" => ("Slug", "default"),
            "feed" => ("Slug", "images"),
            "client" => ("ClientId", "ci"),
            "rename" => ("Text", "feed:default%2Fimages"),
            "host" => ("RegistryHost", "123456789012.dkr.ecr.us-east-1.amazonaws.com"),
            "name" => ("Slug", "github"),
            "kid" => ("Kid", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
            _ => ("Text", "0a1b2c3d"),
        };
        json!({ "name": name, "in": "path", "required": true, "schema": schema_of(schema), "example": example })
    };
    names.map(parameter).collect()
}

fn query_parameter(parameter: Parameter) -> Value {
    let (place, name) = match parameter.name.strip_prefix("header ") {
        Some(header) => ("header", header),
        None => ("query", parameter.name),
    };
    json!({
        "name": name, "in": place, "required": parameter.required, "description": parameter.about,
        "schema": schema_of(parameter.schema),
    })
}

fn schema_of(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// What the route answers: its own, and what any route of its kind may.
fn answers(route: &RouteEntry, operation: &Operation) -> Value {
    let mut answers = Map::new();
    for answer in operation.answers {
        answers.insert(answer.status.to_string(), success(answer));
    }
    let mut problems: Vec<u16> = operation.problems.to_vec();
    let limited = route.listener == Listener::Internal;
    match route.access {
        Access::Anyone => {}
        Access::Client => problems.extend([400, 401, 503]),
        Access::Operator(_) => problems.extend([400, 401, 403, 503]),
    }
    if limited {
        problems.extend([400, 413, 429]);
    }
    for status in problems {
        let about = axum::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        answers.entry(status.to_string()).or_insert_with(|| {
            json!({
                "description": about.unwrap_or("Refused"),
                "content": { "application/problem+json": { "schema": schema_of("Problem") } },
            })
        });
    }
    Value::Object(answers)
}

fn success(answer: &Answer) -> Value {
    let content: Map<String, Value> = answer
        .content
        .iter()
        .map(|(content_type, schema)| ((*content_type).to_owned(), json!({ "schema": schema_of(schema) })))
        .collect();
    let mut value = json!({ "description": answer.about });
    if !content.is_empty() {
        value["content"] = content.into();
    }
    value
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_route_has_its_line_and_each_line_its_route() {
        let described = ROUTES.iter().filter(|route| route.listener != Listener::Public);
        let routes: BTreeSet<_> = described.map(|route| (route.path, route.method)).collect();
        let written: BTreeSet<_> = lines().map(|line| (line.path, line.method)).collect();
        assert_eq!(routes, written);
        assert_eq!(written.len(), lines().count(), "no line twice");
    }

    #[test]
    fn every_shape_that_is_named_is_described() {
        let document = document();
        let known = document["components"]["schemas"].as_object().expect("schemas.json is an object");
        let text = document.to_string();
        let named: BTreeSet<_> =
            text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let known: BTreeSet<_> = known.keys().map(String::as_str).collect();
        assert_eq!(named.difference(&known).collect::<Vec<_>>(), [&""; 0], "named and not described");
        assert_eq!(known.difference(&named).collect::<Vec<_>>(), [&""; 0], "described and not named");
    }

    #[test]
    fn each_operation_has_an_id_of_its_own() {
        let ids: BTreeSet<_> = ROUTES.iter().map(operation_id).collect();
        assert_eq!(ids.len(), ROUTES.len());
    }
}
