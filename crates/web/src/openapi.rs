//! The OpenAPI 3.1 document (H-15). Paths, bodies and schemas come from the handlers (`utoipa`); authentication,
//! further problems and form bodies come from [`crate::routes::TABLE`].

mod patterns;
mod problems;

use doorward_domain::model::Event;
use serde_json::{Map, Value, json};

use crate::host::is_loopback_url;
use crate::page_operations;
use crate::plain_http;
use crate::problem::Code;
use crate::routes::{self, Authentication, Route};

const DESCRIPTION: &str = "User accounts and sign-in. Bodies are JSON, or forms of the same fields; times are RFC 3339 in UTC; errors are problems (RFC 9457) with a stable `code`. A client that prefers `text/html` gets a page where there is one. Send the bearer token or the cookie: a request with both is rejected (400).";

/// Returns the document of a server with this public URL.
pub fn document(public_url: &str) -> Value {
    let generated = routes::api_routes().into_openapi();
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
        "cookie": {"type": "apiKey", "in": "cookie", "name": crate::guard::COOKIE, "description": "For the server's own pages; without a bearer token."},
    });
    document["components"]["examples"] = problems::examples(public_url);
    if let Some(schemas) = document
        .pointer_mut("/components/schemas")
        .and_then(Value::as_object_mut)
    {
        complete_schemas(schemas);
    }
    for (route, operation) in page_operations::operations() {
        let method = route.method.as_str().to_ascii_lowercase();
        document["paths"][route.path][method] = operation;
    }
    for route in routes::TABLE {
        let method = route.method.as_str().to_ascii_lowercase();
        let item = document["paths"].get_mut(route.path);
        if let Some(operation) = item.and_then(|item| item.get_mut(&method)) {
            complete(operation, route);
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

/// Fields of responses with a fixed set of values that their types do not express.
const WORDS: &[(&str, &str, &[&str])] = &[
    ("AudienceToken", "token_type", &["Bearer"]),
    ("Health", "status", &["ok", "ready"]),
    ("Jwk", "alg", &["EdDSA"]),
    ("Jwk", "crv", &["Ed25519"]),
    ("Jwk", "kty", &["OKP"]),
    ("Jwk", "use", &["sig"]),
    ("SignedIn", "token_type", &["Bearer"]),
];

/// Completes schemas with constraints that the types do not express.
fn complete_schemas(schemas: &mut Map<String, Value>) {
    schemas.insert("Problem".to_owned(), problems::problem_schema());
    schemas.insert("FieldError".to_owned(), problems::field_error_schema());
    for (schema, field, words) in WORDS {
        let of_field = schemas[*schema].pointer_mut(&format!("/properties/{field}"));
        of_field.expect("the field of words is there")["enum"] = json!(words);
    }
    for schema in schemas.values_mut() {
        let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
        fields
            .into_iter()
            .flat_map(Map::values_mut)
            .for_each(complete_field);
    }
    // `null` counts as absent, and so does an empty value in a form.
    let given = |field: &str| json!({"required": [field], "properties": {field: {"type": "string", "minLength": 1}}});
    let names = [given("username"), given("email")];
    // In an `allOf`, since generators treat an `anyOf` next to fields as a different body.
    schemas["SignUp"]["allOf"] = json!([{"anyOf": names}]);
    schemas["SignIn"]["oneOf"] = json!(names);
    schemas["PasswordChange"]["not"] = json!({"allOf": names});
    schemas["AuditEvent"]["properties"]["event"]["enum"] = events();
    // The greeting with the fields of a user, or alone.
    schemas["Home"] = json!({
        "description": "The greeting; with a session also the fields of its user, but the display name.",
        "anyOf": [{"allOf": [reference("Greeting"), reference("User")]}, reference("Greeting")],
    });
    for item in LISTED {
        let mut list = schemas
            .remove(&format!("List_{item}"))
            .expect("a list is in the document by its item");
        list["properties"]["items"]["items"] = reference(item);
        schemas.insert(format!("{item}List"), list);
    }
    let name = patterns::name();
    for body in schemas
        .values_mut()
        .filter(|schema| schema["additionalProperties"] == false)
    {
        for (field, pattern) in [("username", patterns::USERNAME), ("name", &name)] {
            if let Some(field) = body["properties"].get_mut(field) {
                field["pattern"] = json!(pattern);
            }
        }
    }
    let bodies: Vec<_> = schemas
        .iter()
        .filter(|(_, schema)| schema["additionalProperties"] == false)
        .collect();
    let forms: Vec<_> = bodies
        .into_iter()
        .map(|(name, schema)| (format!("{name}Form"), form_of(schema)))
        .collect();
    schemas.extend(forms);
}

/// Items of lists.
const LISTED: [&str; 3] = ["User", "Session", "AuditEvent"];

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// Replaces a pattern of words by an enumeration, which generators support. Marks an object that may have any
/// fields, since some generators assume that it has none.
fn complete_field(field: &mut Value) {
    let words = field["pattern"]
        .as_str()
        .and_then(|pattern| pattern.strip_prefix("^(")?.strip_suffix(")$"));
    if let Some(words) = words {
        let words: Vec<_> = words.split('|').map(str::to_owned).collect();
        field["enum"] = json!(words);
        field.as_object_mut().map(|field| field.remove("pattern"));
    }
    let is_object = has_type(field, "object") && field.get("properties").is_none();
    if is_object {
        field["additionalProperties"] = json!(true);
    }
}

/// Returns `true` if a value may have this type.
fn has_type(schema: &Value, wanted: &str) -> bool {
    match &schema["type"] {
        Value::Array(types) => types.iter().any(|each| each == wanted),
        one => one == wanted,
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

fn events() -> Value {
    Event::ALL.iter().map(|event| event.as_str()).collect()
}

/// The schema of a body as a form: every field is text, an object is JSON text, and an empty value replaces
/// `null`, since browsers send empty fields.
fn form_of(schema: &Value) -> Value {
    let mut form = schema.clone();
    let is_required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|required| required.iter().any(|field| field == name))
    };
    for (name, field) in form["properties"].as_object_mut().into_iter().flatten() {
        let description = field["description"].clone();
        if has_type(field, "object") {
            *field = json!({"type": "string", "contentMediaType": "application/json", "contentSchema": {"type": "object"}});
        }
        field["type"] = json!("string");
        if is_required(name) {
            field["minLength"] = json!(field["minLength"].as_u64().unwrap_or(1));
        } else {
            let mut filled = std::mem::take(field);
            filled
                .as_object_mut()
                .map(|filled| filled.remove("description"));
            *field = json!({"anyOf": [filled, {"const": ""}]});
        }
        field["description"] = description;
    }
    if let Some(data) = form.pointer_mut("/example/data") {
        *data = json!(data.to_string());
    }
    form
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

fn tags() -> Value {
    json!([
        {"name": "Start", "description": "Where to begin."},
        {"name": "Account", "description": "Sign up, confirm, and manage your own account."},
        {"name": "Sessions", "description": "Sign in, sign out, and use a session."},
        {"name": "Admin", "description": "Manage other accounts."},
        {"name": "Operations", "description": "For operators and other services."},
    ])
}

fn complete(operation: &mut Value, route: &Route) {
    operation["security"] = match route.authentication {
        Authentication::Required | Authentication::RequiredOrSignInPage => {
            json!([{"bearer": []}, {"cookie": []}])
        }
        Authentication::InvalidIgnored | Authentication::InvalidRejected => {
            json!([{"bearer": []}, {"cookie": []}, {}])
        }
        Authentication::Ignored => json!([]),
    };
    split_summary(operation);
    for parameter in operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        complete_parameter(parameter);
    }
    let responses = operation["responses"].as_object_mut();
    responses
        .into_iter()
        .flat_map(Map::values_mut)
        .for_each(complete_response);
    let has_body = operation.get("requestBody").is_some();
    if let Some(body) = operation.get_mut("requestBody") {
        leave_to_choice(body);
    }
    if let Some(content) = operation
        .pointer_mut("/requestBody/content")
        .and_then(Value::as_object_mut)
        && let Some(json_body) = content.get("application/json")
    {
        let name = json_body["schema"]["$ref"].as_str().unwrap_or_default();
        content.insert(
            "application/x-www-form-urlencoded".to_owned(),
            json!({"schema": {"$ref": format!("{name}Form")}}),
        );
    }
    let mut by_status: Vec<(u16, Vec<Code>)> = Vec::new();
    for code in problems_of(route, has_body) {
        let status = code.status().as_u16();
        match by_status.iter_mut().find(|(known, _)| *known == status) {
            Some((_, codes)) if codes.contains(&code) => {}
            Some((_, codes)) => codes.push(code),
            None => by_status.push((status, vec![code])),
        }
    }
    for (status, codes) in by_status {
        let mut response = problems::problem_response(&codes);
        if route.page {
            page_operations::add_page(&mut response);
        }
        operation["responses"][status.to_string()] = response;
    }
}

/// Marks an optional body as not required, rather than as nullable.
fn leave_to_choice(body: &mut Value) {
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
        for item in LISTED {
            if *schema == reference(&format!("List_{item}")) {
                *schema = reference(&format!("{item}List"));
            }
        }
    }
    for name in ["ETag", "Location"] {
        if let Some(header) = response.pointer_mut(&format!("/headers/{name}")) {
            header["required"] = json!(true);
        }
    }
}

/// The problems of a route, and those of all routes of its kind.
pub(crate) fn problems_of(route: &Route, has_body: bool) -> Vec<Code> {
    use Code::{
        AuthenticationRequired, BodyTooLarge, CrossSiteRequest, HeadersTooLarge, HttpsRequired,
        InternalError, InvalidToken, MalformedRequest, NotAcceptable, OutcomeUnknown, Overloaded,
        PreconditionFailed, PreconditionRequired, RequestTimeout, StoreUnavailable,
        TooManyAttempts, UnsupportedMediaType, UriTooLong, ValidationFailed,
    };
    let mut codes = route.problems.to_vec();
    if route.page {
        codes.extend(page_operations::problems_of(route));
    }
    // The guard rejects an ambiguous header on every route.
    codes.extend([MalformedRequest, UriTooLong, HeadersTooLarge]);
    // Health checks ignore `Accept`.
    if !["/healthz", "/readyz"].contains(&route.path) {
        codes.push(NotAcceptable);
    }
    if !plain_http::EXEMPT.contains(&route.path) {
        codes.push(HttpsRequired);
    }
    if route.problems.contains(&PreconditionFailed) && route.path.starts_with("/user/{user}") {
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
        | Authentication::RequiredOrSignInPage => {
            codes.extend([AuthenticationRequired, InvalidToken]);
        }
    }
    if route.method != http::Method::GET {
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
    use super::*;

    /// A form has only texts: no `null`, no object.
    #[test]
    fn a_form_is_spelt_as_a_browser_spells_it() {
        let form = form_of(&json!({
            "required": ["password"],
            "properties": {
                "password": {"type": "string", "description": "Secret."},
                "name": {"type": ["string", "null"], "maxLength": 200, "description": "Yours."},
                "data": {"type": ["object", "null"], "description": "Any."},
            },
            "example": {"data": {"a": 1}},
        }));
        let data = json!({"type": "string", "contentMediaType": "application/json", "contentSchema": {"type": "object"}});
        let expected = json!({
            "password": {"type": "string", "minLength": 1, "description": "Secret."},
            "name": {"anyOf": [{"type": "string", "maxLength": 200}, {"const": ""}], "description": "Yours."},
            "data": {"anyOf": [data, {"const": ""}], "description": "Any."},
        });
        assert_eq!(form["properties"], expected);
        assert_eq!(form["example"]["data"], "{\"a\":1}");
    }

    #[test]
    fn where_it_listens_is_a_default_on_this_machine_alone() {
        for (url, is_default) in [
            ("http://localhost:8000", true),
            ("http://127.0.0.1:8000", true),
            ("https://localhost.example.com", false),
            ("https://accounts.example", false),
        ] {
            assert_eq!(server(url)["variables"].is_object(), is_default, "{url}");
        }
    }

    #[test]
    fn a_summary_is_one_sentence() {
        let document = document("https://accounts.example");
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
    fn every_operation_can_be_asked_wrongly() {
        for route in routes::TABLE {
            assert!(
                problems_of(route, false).contains(&Code::MalformedRequest),
                "{}",
                route.path
            );
        }
    }
}
