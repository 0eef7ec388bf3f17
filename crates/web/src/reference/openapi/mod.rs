//! The OpenAPI 3.1 document (H-15). Paths, bodies and schemas come from the handlers (`utoipa`); authentication,
//! further problems and form bodies come from the rows of the routes. A new endpoint needs nothing here.

mod patterns;
mod problems;
mod schemas;

use axum::http::Method;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use self::problems::reference;
use self::schemas::{complete_field, events};
use crate::http::cookies::SESSION_COOKIE;
use crate::http::host::is_loopback_url;
use crate::http::plain_http;
use crate::http::problem::Code;
use crate::http::route::{Authentication, HEALTH_CHECKS, Route};
use crate::reference::contents::PAGES;
use crate::route_handler::RouteHandler;

const DESCRIPTION: &str = "User accounts and sign-in. Bodies are JSON, or forms of the same fields; times are RFC 3339 in UTC; errors are problems (RFC 9457) with a stable `code`. A client that prefers `text/html` gets a page where there is one. Send the bearer token or the cookie: a request with both is rejected (400).";

/// The OpenAPI document of a server with this public URL and these routes.
pub(crate) fn document(public_url: &str, routes: &[&RouteHandler]) -> Value {
    let documented = routes
        .iter()
        .filter_map(|handler| handler.handlers.operation());
    let parts = documented.map(|operation| (operation.document)());
    let generated = parts.fold(OpenApi::default(), OpenApi::merge_from);
    let mut document =
        serde_json::to_value(generated).expect("the generated document is plain data");
    document["info"] = json!({
        "title": "Doorward",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
    });
    document["servers"] = json!([server(public_url)]);
    document["tags"] = tags();
    document["components"]["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The token of `POST /auth`; without the cookie."},
        "challenge": {"type": "http", "scheme": "bearer", "description": "The challenge of `POST /auth` with `\"next\": \"enrol\"`: the user must add a second factor before they get a session."},
        "cookie": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE, "description": "For the server's own pages; without a bearer token."},
    });
    document["components"]["examples"] = problems::examples(public_url);
    if let Some(schemas) = document
        .pointer_mut("/components/schemas")
        .and_then(Value::as_object_mut)
    {
        schemas::complete(schemas);
    }
    let routes: Vec<_> = routes.iter().map(|handler| &handler.route).collect();
    for route in &routes {
        let method = route.method.as_str().to_ascii_lowercase();
        let item = document["paths"].get_mut(route.path);
        if let Some(operation) = item.and_then(|item| item.get_mut(&method)) {
            complete(operation, route, &routes);
        }
    }
    document
}

/// The server's URL. A loopback host is a variable with a default, since other machines reach the server by
/// another host.
fn server(public_url: &str) -> Value {
    let description = "This server.";
    match public_url.split_once("://") {
        Some((scheme, host)) if is_loopback_url(public_url) => json!({
            "url": format!("{scheme}://{{host}}"),
            "description": description,
            "variables": {"host": {"default": host, "description": "Where it listens."}},
        }),
        _ => json!({"url": public_url, "description": description}),
    }
}

/// Completes a query parameter. An empty value counts as absent, except for `cursor`.
fn complete_parameter(parameter: &mut Value) {
    if parameter["in"] == "query" && parameter["name"] != "cursor" {
        parameter["allowEmptyValue"] = json!(true);
    }
    if parameter["name"] == "event" {
        parameter["schema"]["enum"] = events();
    }
    let example = match parameter["name"].as_str() {
        Some("user") if parameter["in"] == "path" => Some("me"),
        Some("If-Match") => Some("\"1\""),
        _ => None,
    };
    if let Some(example) = example {
        parameter["example"] = json!(example);
    }
    complete_field(&mut parameter["schema"]);
}

/// Splits a handler's doc comment: the first sentence is the summary, the rest the description.
fn split_summary(operation: &mut Value) {
    let text = operation["summary"]
        .as_str()
        .unwrap_or_default()
        .replace('\n', " ");
    let (first, rest) = text
        .split_once(". ")
        .unwrap_or((text.trim_end_matches('.'), ""));
    operation["summary"] = json!(first);
    if !rest.is_empty() {
        operation["description"] = json!(rest);
    }
}

/// The tasks, in the order in which a client needs them. The API reference has this order.
fn tags() -> Value {
    json!([
        {"name": "Start", "description": "Where to begin."},
        {"name": "Sign up", "description": "Create an account."},
        {"name": "Confirm", "description": "Confirm an address with the mailed link."},
        {"name": "Sign in", "description": "Get a session, in one or two steps."},
        {"name": "Session", "description": "Use the session, renew it, and get tokens for other services."},
        {"name": "Sign out", "description": "End this session or others."},
        {"name": "Profile", "description": "Read and change an account, and download what is stored about it."},
        {"name": "Password", "description": "Change the password, or recover it by mail."},
        {"name": "Address", "description": "Change the email address."},
        {"name": "Second factors", "description": "Manage authenticator apps and recovery codes."},
        {"name": "Deletion", "description": "Delete an account, at once or after some days."},
        {"name": "Admin", "description": "Manage other accounts."},
        {"name": "Operations", "description": "For operators and other services."},
        {"name": PAGES, "description": "For browsers; responses are HTML."},
    ])
}

/// Adds to an operation what its route's row says.
fn complete(operation: &mut Value, route: &Route, routes: &[&Route]) {
    operation["security"] = match route.authentication {
        Authentication::Required | Authentication::RequiredOrSignInPage => {
            json!([{"bearer": []}, {"cookie": []}])
        }
        Authentication::RequiredOrEnrolling => {
            json!([{"bearer": []}, {"cookie": []}, {"challenge": []}])
        }
        Authentication::InvalidIgnored | Authentication::InvalidRejected => {
            json!([{"bearer": []}, {"cookie": []}, {}])
        }
        Authentication::Ignored => json!([]),
    };
    split_summary(operation);
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    parameters
        .into_iter()
        .flatten()
        .for_each(complete_parameter);
    let responses = operation["responses"].as_object_mut();
    responses
        .into_iter()
        .flat_map(Map::values_mut)
        .for_each(complete_response);
    let has_body = operation.get("requestBody").is_some();
    if let Some(body) = operation.get_mut("requestBody") {
        complete_body(body);
    }
    add_problems(operation, route, problems_of(route, routes, has_body));
}

/// Marks an optional body as not required, and adds the form with the same fields.
fn complete_body(body: &mut Value) {
    make_body_optional(body);
    let content = body["content"].as_object_mut();
    if let Some(content) = content
        && let Some(json_body) = content.get("application/json")
    {
        let name = json_body["schema"]["$ref"].as_str().unwrap_or_default();
        let form = json!({"schema": {"$ref": format!("{name}Form")}});
        content.insert("application/x-www-form-urlencoded".to_owned(), form);
    }
}

/// Adds a response for each status of the route's problems.
fn add_problems(operation: &mut Value, route: &Route, codes: Vec<Code>) {
    let mut by_status: Vec<(u16, Vec<Code>)> = Vec::new();
    for code in codes {
        let status = code.status().as_u16();
        match by_status.iter_mut().find(|(known, _)| *known == status) {
            Some((_, codes)) if codes.contains(&code) => {}
            Some((_, codes)) => codes.push(code),
            None => by_status.push((status, vec![code])),
        }
    }
    for (status, codes) in by_status {
        let mut response = problems::problem_response(&codes);
        if route.is_page {
            response["content"]["text/html"] = json!({"schema": {"type": "string"}});
        }
        operation["responses"][status.to_string()] = response;
    }
}

/// Marks an optional body as not required, rather than as nullable.
fn make_body_optional(body: &mut Value) {
    let schema = body.pointer_mut("/content/application~1json/schema");
    let choices = schema
        .as_ref()
        .and_then(|schema| schema["oneOf"].as_array());
    let named = choices.and_then(|each| each.iter().find(|one| one["$ref"].is_string()));
    if let (Some(named), Some(schema)) = (named.cloned(), schema) {
        *schema = named;
        body["required"] = json!(false);
    }
}

/// Names lists by their items, and marks `ETag` and `Location` as required.
fn complete_response(response: &mut Value) {
    if let Some(schema) = response.pointer_mut("/content/application~1json/schema") {
        complete_field(schema);
        let list = schema["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next());
        if let Some(item) = list.and_then(|name| name.strip_prefix("List_")) {
            *schema = reference(&format!("{item}List"));
        }
    }
    for name in ["ETag", "Location"] {
        if let Some(header) = response.pointer_mut(&format!("/headers/{name}")) {
            header["required"] = json!(true);
        }
    }
}

/// The problems of a route, and those of all routes of its kind.
fn problems_of(route: &Route, routes: &[&Route], has_body: bool) -> Vec<Code> {
    use Code::{
        AuthenticationRequired, BodyTooLarge, CrossSiteRequest, HeadersTooLarge, HttpsRequired,
        InternalError, InvalidToken, MalformedRequest, NotAcceptable, OutcomeUnknown, Overloaded,
        PreconditionFailed, PreconditionRequired, RequestTimeout, StoreUnavailable,
        TooManyAttempts, UnsupportedMediaType, UriTooLong, ValidationFailed,
    };
    let mut codes = route.problems.concat();
    if route.is_page && route.method == Method::POST {
        // A page's form has the problems of the API route with the same path.
        let rows = routes
            .iter()
            .filter(|row| !row.is_page && row.path == route.path);
        codes.extend(rows.flat_map(|row| row.problems.concat()));
    }
    // The guard rejects an ambiguous header on every route.
    codes.extend([MalformedRequest, UriTooLong, HeadersTooLarge]);
    // Health checks ignore `Accept`.
    if !HEALTH_CHECKS.contains(&route.path) {
        codes.push(NotAcceptable);
    }
    if !plain_http::EXEMPT.contains(&route.path) {
        codes.push(HttpsRequired);
    }
    if route.has_problem(PreconditionFailed) {
        codes.push(PreconditionRequired);
    }
    if has_body {
        codes.extend([
            RequestTimeout,
            BodyTooLarge,
            UnsupportedMediaType,
            ValidationFailed,
        ]);
    }
    match route.authentication {
        Authentication::Ignored | Authentication::InvalidIgnored => {}
        Authentication::InvalidRejected
        | Authentication::Required
        | Authentication::RequiredOrEnrolling
        | Authentication::RequiredOrSignInPage => {
            codes.extend([AuthenticationRequired, InvalidToken]);
        }
    }
    if route.method != Method::GET {
        codes.push(CrossSiteRequest);
    }
    if route.scope.is_some() {
        codes.push(TooManyAttempts);
    }
    if !codes.contains(&Overloaded) {
        codes.push(Overloaded);
    }
    codes.extend([InternalError, StoreUnavailable]);
    if !route.method.is_safe() {
        codes.push(OutcomeUnknown);
    }
    codes
}

#[cfg(test)]
mod tests {
    use doorward_testkit::repository::assert_generated;

    use super::*;

    /// H-15: the stored document is the generated one. So a release has its document, and a review shows each change of
    /// the API.
    #[test]
    fn openapi_json_is_up_to_date() {
        let document = crate::openapi_document("http://localhost:8000");
        assert_generated("openapi.json", &format!("{document:#}\n"));
    }

    #[test]
    fn a_loopback_server_is_a_variable_of_the_document() {
        for (url, is_variable) in [
            ("http://localhost:8000", true),
            ("http://127.0.0.1:8000", true),
            ("https://localhost.example.com", false),
            ("https://accounts.example", false),
        ] {
            assert_eq!(server(url)["variables"].is_object(), is_variable, "{url}");
        }
    }

    #[test]
    fn a_summary_is_one_sentence() {
        let document = crate::openapi_document("https://accounts.example");
        for operation in document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|item| item.as_object().unwrap().values())
        {
            let summary = operation["summary"].as_str().unwrap();
            assert!(
                !summary.is_empty()
                    && !summary.contains('\n')
                    && !summary.contains(". ")
                    && !summary.ends_with('.'),
                "{summary}"
            );
        }
    }

    /// Every operation has a 4xx response, which the linter of the document requires.
    #[test]
    fn every_operation_has_a_4xx_response() {
        for route in crate::routes::table() {
            assert!(
                problems_of(route, &[], false).contains(&Code::MalformedRequest),
                "{}",
                route.path
            );
        }
    }
}
