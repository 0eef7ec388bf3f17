//! JSON bodies: of responses, and of requests, which [`ParsedJson`] reads.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use doorward_domain::values::ParsedJson;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::problem::{Code, Problem};

/// Maximum nesting depth of a body (H-04): the 32 levels of `data`, and the body around them.
const MAX_DEPTH: usize = 33;

/// A response with a JSON body.
pub(crate) struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => {
                tracing::error!(%error, "failed to serialize response");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// Parses a body, which must be a JSON object. Returns its fields, and the names of those with a number that does not fit.
pub fn parse_object(bytes: &[u8]) -> Result<(Map<String, Value>, Vec<String>), Problem> {
    match parse(bytes)? {
        ParsedJson {
            value: Value::Object(map),
            out_of_range,
        } => Ok((map, out_of_range)),
        _ => Err(malformed("The body is JSON, and must be a JSON object.")),
    }
}

/// Parses one JSON value.
pub fn parse(bytes: &[u8]) -> Result<ParsedJson, Problem> {
    ParsedJson::parse(bytes, MAX_DEPTH).map_err(|error| {
        malformed(&format!(
            "The body is not JSON that can be read: line {}, column {}.",
            error.line(),
            error.column()
        ))
    })
}

fn malformed(detail: &str) -> Problem {
    Problem::with_detail(Code::MalformedRequest, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H-04: repeated names, text after the end, invalid numbers, half a surrogate pair, a byte order mark.
    #[test]
    fn ambiguous_json_is_rejected() {
        for text in [
            "",
            "{",
            "{}x",
            "{} {}",
            "[1,]",
            "{\"a\":1,\"a\":2}",
            "{\"a\":{\"b\":1,\"b\":1}}",
            "\u{feff}{}",
            "NaN",
            "{\"a\":NaN}",
            "1e400",
            "{\"a\":\"\\ud800\"}",
            "{'a':1}",
            "{\"a\":01}",
            "nul",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(b"{\"a\":\"\xff\"}").is_err());
        assert!(parse_object(b"[]").is_err());
        assert!(parse_object(b" {\"a\": [null, true, -1, 1.5, \"\\ud83e\\udd80\"]} ").is_ok());
    }

    /// H-04: a body has at most 32 levels within it.
    #[test]
    fn the_nesting_depth_is_limited() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(nested(33).as_bytes()).is_ok());
        assert!(parse(nested(34).as_bytes()).is_err());
        assert!(parse(nested(30_000).as_bytes()).is_err());
    }
}
