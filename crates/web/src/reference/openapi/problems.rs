//! Problems in the OpenAPI document: their schema, an example of each, and the problem responses of an operation.
//! Codes and their texts come from [`Code`].

use serde_json::{Map, Value, json};

use crate::http::problem::Code;

/// A reference to a schema.
pub(super) fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// The response of an operation for the problems of one status.
pub(super) fn problem_response(codes: &[Code]) -> Value {
    let mut examples = Map::new();
    for code in codes {
        examples.insert(
            code.as_str().to_owned(),
            json!({"$ref": format!("#/components/examples/{}", code.as_str())}),
        );
    }
    let titles: Vec<_> = codes
        .iter()
        .map(|code| format!("{} (`{}`)", code.title(), code.as_str()))
        .collect();
    let status = codes[0].status().as_u16();
    let mut response = json!({
        "description": titles.join("; "),
        "content": {"application/problem+json": {"schema": schema_of_problems(status, codes), "examples": examples}},
    });
    match status {
        401 => {
            response["headers"] = json!({"WWW-Authenticate": {"required": true, "description": "Bearer (RFC 6750)", "schema": {"type": "string"}}});
        }
        429 | 503 => {
            response["headers"] = json!({"Retry-After": {"required": true, "description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}}});
        }
        _ => {}
    }
    response
}

/// Schema of the problems of one status: `status` or `code` determines the rest of the type.
fn schema_of_problems(status: u16, codes: &[Code]) -> Value {
    let names: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
    let mut here = json!({"type": "object", "required": ["status", "code"], "properties": {
        "status": {"type": "integer", "enum": [status]},
        "code": {"type": "string", "enum": names},
    }});
    if codes.contains(&Code::ValidationFailed) {
        here["required"] = json!(["status", "code", "errors"]);
        here["properties"]["errors"] = json!({"type": "array", "items": reference("FieldError")});
    }
    json!({"allOf": [reference("Problem"), here]})
}

/// An example of every problem, by its code. No operation returns `method-not-allowed`.
pub(super) fn examples(public_url: &str) -> Value {
    let named = |code: &Code| {
        let example = json!({"summary": code.title(), "value": example(*code, public_url)});
        (code.as_str().to_owned(), example)
    };
    let codes = Code::ALL.iter();
    let codes = codes.filter(|code| **code != Code::MethodNotAllowed);
    codes.map(named).collect::<Map<_, _>>().into()
}

fn example(code: Code, public_url: &str) -> Value {
    let mut example = json!({
        "type": format!("{public_url}/problems/{}", code.as_str()),
        "title": code.title(),
        "status": code.status().as_u16(),
        "detail": code.detail(),
        "code": code.as_str(),
        "request_id": "5f0c3a7e9b1d4c2f8a6e0d9c7b5a3f1e",
    });
    if code == Code::ValidationFailed {
        example["errors"] = json!([{"field": "email", "code": "invalid", "detail": "This is not an email address; one looks like ben@example.com."}]);
    }
    if code == Code::DeletionPending {
        example["deletion_at"] = json!("2026-12-05T08:00:00Z");
    }
    example
}

/// Schema of a problem.
pub(super) fn problem_schema() -> Value {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "type": "object",
        "description": "A problem (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri", "description": "URL of a page that explains the problem."},
            "title": {"type": "string", "description": "Name of the problem."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "HTTP status."},
            "detail": {"type": "string", "description": "What happened in this request."},
            "code": {"type": "string", "enum": codes, "description": "Stable; the texts are not."},
            "request_id": {"type": "string", "description": "Id of the request, as in the server's log."},
            "deletion_at": {"type": "string", "format": "date-time", "description": "Time at which the account is deleted; only with `deletion-pending`."},
            "errors": {"type": "array", "description": "All invalid fields; only with `validation-failed`.", "items": reference("FieldError")},
        },
    })
}

/// Schema of an item of `errors`.
pub(super) fn field_error_schema() -> Value {
    json!({
        "type": "object",
        "description": "An invalid field.",
        "required": ["field", "code", "detail"],
        "properties": {
            "field": {"type": "string", "description": "Name of the field, as it was sent.", "example": "email"},
            "code": {"type": "string", "description": "Stable, such as `missing`, `invalid`, `too-short` or `unknown`.", "example": "invalid"},
            "detail": {"type": "string", "description": "A message for the user."},
        },
    })
}
