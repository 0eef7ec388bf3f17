//! The OpenAPI 3.1 document: paths, bodies and schemas come from the handlers (`utoipa`); who may
//! ask, what else can go wrong and the form spelling of bodies come from [`crate::routes::TABLE`].

use serde_json::{Map, Value, json};

use crate::problem::Code;
use crate::routes::{self, Guard, Route};

const DESCRIPTION: &str = "User accounts and sign-in. Bodies are JSON, or forms of the same fields; times are RFC 3339 in UTC; errors are problems (RFC 9457) with a stable `code`.";

/// The document of a server at this URL.
pub fn document(public_url: &str) -> Value {
    let generated = routes::api_routes().into_openapi();
    let mut document = serde_json::to_value(generated).expect("the generated document is plain data");
    document["info"] = json!({
        "title": "Doorward",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
    });
    document["servers"] = json!([{"url": public_url}]);
    document["tags"] = tags();
    document["components"]["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The token of `POST /auth`."},
        "cookie": {"type": "apiKey", "in": "cookie", "name": crate::guard::COOKIE, "description": "What this server's own pages use."},
    });
    document["components"]["schemas"]["Problem"] = problem_schema();
    for route in routes::TABLE.iter().filter(|route| !route.page) {
        let method = route.method.as_str().to_ascii_lowercase();
        if let Some(operation) = document["paths"][route.path].get_mut(&method) {
            complete(operation, route, public_url);
        }
    }
    document
}

fn tags() -> Value {
    json!([
        {"name": "Start", "description": "Where to begin."},
        {"name": "Account", "description": "Sign up, confirm, look after one's own account."},
        {"name": "Sessions", "description": "Sign in, out, and what a session is good for."},
        {"name": "Admin", "description": "Look after other people's accounts."},
        {"name": "Operations", "description": "For operators and other services."},
    ])
}

fn complete(operation: &mut Value, route: &Route, public_url: &str) {
    operation["security"] = match route.guard {
        Guard::Session => json!([{"bearer": []}, {"cookie": []}]),
        Guard::Optional | Guard::Maybe => json!([{"bearer": []}, {"cookie": []}, {}]),
        Guard::Anyone => json!([]),
    };
    let has_body = operation.get("requestBody").is_some();
    if let Some(content) = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut)
        && let Some(json_body) = content.get("application/json").cloned()
    {
        content.insert("application/x-www-form-urlencoded".to_owned(), json_body);
    }
    let mut by_status: Vec<(u16, Vec<Code>)> = Vec::new();
    for code in problems_of(route, has_body) {
        let status = code.status().as_u16();
        match by_status.iter_mut().find(|(kept, _)| *kept == status) {
            Some((_, codes)) if codes.contains(&code) => {}
            Some((_, codes)) => codes.push(code),
            None => by_status.push((status, vec![code])),
        }
    }
    for (status, codes) in by_status {
        operation["responses"][status.to_string()] = problem_response(&codes, public_url);
    }
}

/// Its own problems, and those of every route of its kind.
pub(crate) fn problems_of(route: &Route, has_body: bool) -> Vec<Code> {
    use Code::{
        AuthenticationRequired, BodyTooLarge, CrossSiteRequest, InternalError, InvalidToken, MalformedRequest, RequestTimeout,
        StoreUnavailable, TooManyAttempts, UnsupportedMediaType, ValidationFailed,
    };
    let mut codes = route.problems.to_vec();
    if has_body {
        codes.extend([MalformedRequest, RequestTimeout, BodyTooLarge, UnsupportedMediaType, ValidationFailed]);
    }
    match route.guard {
        Guard::Anyone => {}
        Guard::Optional => codes.push(MalformedRequest),
        Guard::Maybe | Guard::Session => {
            codes.extend([MalformedRequest, AuthenticationRequired, InvalidToken]);
            if route.method != http::Method::GET {
                codes.push(CrossSiteRequest);
            }
        }
    }
    if route.budget.is_some() {
        codes.push(TooManyAttempts);
    }
    codes.extend([InternalError, StoreUnavailable]);
    codes
}

fn problem_response(codes: &[Code], public_url: &str) -> Value {
    let mut examples = Map::new();
    for code in codes {
        examples.insert(code.as_str().to_owned(), json!({"summary": code.title(), "value": example(*code, public_url)}));
    }
    let titles: Vec<_> = codes.iter().map(|code| format!("{} (`{}`)", code.title(), code.as_str())).collect();
    let mut response = json!({
        "description": titles.join("; "),
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}},
    });
    match codes[0].status().as_u16() {
        401 => response["headers"] = json!({"WWW-Authenticate": {"required": true, "description": "Bearer (RFC 6750)", "schema": {"type": "string"}}}),
        429 | 503 => response["headers"] = json!({"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}}}),
        _ => {}
    }
    response
}

fn example(code: Code, public_url: &str) -> Value {
    let mut example = json!({
        "type": format!("{public_url}/problems/{}", code.as_str()),
        "title": code.title(),
        "status": code.status().as_u16(),
        "detail": code.help(),
        "code": code.as_str(),
        "request_id": "5f0c3a7e9b1d4c2f8a6e0d9c7b5a3f1e",
    });
    if code == Code::ValidationFailed {
        example["errors"] = json!([{"field": "email", "code": "invalid", "detail": "This is not an e-mail address; one looks like ben@example.com."}]);
    }
    example
}

fn problem_schema() -> Value {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "type": "object",
        "description": "A problem (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri", "description": "A page that explains it."},
            "title": {"type": "string", "description": "What happened, in a few words."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "What it means here, and what to do next."},
            "code": {"type": "string", "enum": codes, "description": "Stable; the texts are not."},
            "request_id": {"type": "string", "description": "Names the line in the server's log."},
            "errors": {"type": "array", "description": "Every field at fault.", "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {"field": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
            }},
        },
    })
}
