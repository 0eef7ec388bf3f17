//! Request bodies: JSON or a form, parsed strictly, with all errors of all fields at once.
//!
//! A handler takes [`Fields`], takes each field out by name, and calls [`Fields::finish`]. A field that
//! remains is unknown and rejected, so that no client can set `role`.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::http::Method;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use doorward_domain::FieldError;
use doorward_domain::factors::FactorCode;
use doorward_domain::sign_in::Proof;
use doorward_domain::values::{Data, Invalid, ParsedJson, Password, Secret};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use percent_encoding::percent_decode;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::http::caller::Caller;
use crate::http::json;
use crate::http::problem::{Code, Problem};

/// Maximum size of a body, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// The time limit for the whole body (H-05).
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum number of fields in a form or a query.
const MAX_FIELDS: usize = 64;
/// Maximum number of errors in a response.
const MAX_ERRORS: usize = 32;
/// Maximum length of an unknown field's name in a response, in characters.
const MAX_ECHOED_NAME: usize = 64;
/// Maximum edit distance between an unknown field and the known field that is suggested.
const MAX_TYPOS: usize = 2;
/// Fields of a user in responses. A request that does not set one of them says so, instead of calling it unknown.
const USER_FIELDS: [&str; 12] = [
    "id",
    "username",
    "email",
    "pending_email",
    "role",
    "status",
    "locale",
    "data",
    "created_at",
    "updated_at",
    "deletion_at",
    "last_sign_in_at",
];

/// The fields of a body, taken out one by one.
pub struct Fields {
    left: Map<String, Value>,
    /// Names of the fields with a number that does not fit.
    out_of_range: Vec<String>,
    /// Names of the fields that the handler has read.
    known: Vec<String>,
    /// Fields of other routes, with the route that takes them.
    elsewhere: &'static [(&'static str, &'static str)],
    errors: Vec<FieldError>,
    form: bool,
    /// The rejection of a request over its rate limit.
    over_limit: Option<Problem>,
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let form = is_form(&request)?;
        let caller = request.extensions().get::<Caller>();
        let over_limit = caller.and_then(|caller| caller.over_limit.clone());
        let (parts, body) = request.into_parts();
        let bytes = read(&parts.headers, body).await?;
        let (left, out_of_range) = match form {
            true => (parse_form(&bytes)?, Vec::new()),
            false => json::parse_object(&bytes)?,
        };
        Ok(Self {
            left,
            out_of_range,
            known: Vec::new(),
            elsewhere: &[],
            errors: Vec::new(),
            form,
            over_limit,
        })
    }
}

/// Reads an optional body: `None` if it is empty, regardless of its `Content-Type`.
impl<S: Send + Sync> OptionalFromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        if request.body().is_end_stream() {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state)
            .await
            .map(Some)
    }
}

impl Fields {
    /// Takes `password` and `code`: the proof of a signed-in user. `None` without a password.
    pub fn proof(&mut self) -> Option<Proof> {
        let password = self.optional("password", Password::parse);
        let code = self.optional("code", FactorCode::parse);
        password.map(|password| Proof { password, code })
    }

    /// Takes `code`, and `password`, which is required.
    pub fn required_proof(&mut self) -> Option<Proof> {
        let password = self.required("password", Password::parse);
        let code = self.optional("code", FactorCode::parse);
        password.map(|password| Proof { password, code })
    }

    /// Takes an optional text. `null`, and an empty value in a form, count as absent.
    pub fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        self.known.push(name.to_owned());
        let is_absent = self.is_absent(name);
        match self.left.remove(name)? {
            _ if is_absent => None,
            Value::String(text) => self.take_parsed(name, parse(Secret::new(text).expose())),
            _ => {
                let message = format!("`{name}` must be a string.");
                self.add_error(name, Invalid::new("wrong-type", message));
                None
            }
        }
    }

    /// Takes a required text. Adds an error if it is absent.
    pub fn required<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        if self.is_absent(name) {
            self.known.push(name.to_owned());
            self.left.remove(name);
            self.add_error(
                name,
                Invalid::new("missing", format!("`{name}` is required.")),
            );
            return None;
        }
        self.optional(name, parse)
    }

    /// Takes a JSON value unchanged; a form contains it as JSON text. `null` stays `null`. Adds an error if a number would
    /// be rounded.
    pub fn json(&mut self, name: &str) -> Option<Value> {
        self.known.push(name.to_owned());
        let value = self.left.remove(name)?;
        let (value, is_out_of_range) = match value {
            Value::String(text) if self.form && text.is_empty() => return None,
            Value::String(text) if self.form => {
                let read = json::parse(text.as_bytes()).map_err(|_| {
                    Invalid::new("invalid", format!("In a form, `{name}` must be JSON text."))
                });
                let read = self.take_parsed(name, read)?;
                (read.value, !read.out_of_range.is_empty())
            }
            other => (other, self.out_of_range.iter().any(|other| other == name)),
        };
        if is_out_of_range {
            self.add_error(name, ParsedJson::out_of_range_error(name));
            return None;
        }
        Some(value)
    }

    /// Takes the application's JSON object for a user; an empty one if it is absent or `null`.
    pub fn data(&mut self) -> Data {
        let data = match self.json("data") {
            None | Some(Value::Null) => None,
            Some(value) => self.take_parsed("data", Data::parse(value)),
        };
        data.unwrap_or_default()
    }

    /// Returns `true` if the field is present, even if it is `null`.
    pub fn contains(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    /// Returns `true` if the field is absent, `null`, or empty in a form.
    pub fn is_absent(&self, name: &str) -> bool {
        match self.left.get(name) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => self.form && text.is_empty(),
            Some(_) => false,
        }
    }

    /// Returns the text of a field without taking it.
    pub fn peek(&self, name: &str) -> Option<&str> {
        self.left.get(name)?.as_str()
    }

    /// Moves a `username` with an `@` to `email`: pages have one field for both, and no username contains an `@`
    ///
    pub fn move_address_to_email(&mut self) {
        if self.form
            && self.peek("username").is_some_and(|text| text.contains('@'))
            && !self.contains("email")
        {
            let address = self.left.remove("username").unwrap_or_default();
            self.left.insert("email".to_owned(), address);
        }
    }

    /// Adds an error that was found by comparing fields.
    pub fn add_error(&mut self, name: &str, invalid: Invalid) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(FieldError::new(name, invalid));
        }
    }

    /// Returns `true` if a field that was taken so far is invalid.
    pub fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Returns the parsed value, or adds its error.
    pub fn take_parsed<T>(&mut self, name: &str, parsed: Result<T, Invalid>) -> Option<T> {
        parsed.map_err(|invalid| self.add_error(name, invalid)).ok()
    }

    /// Rejects a request over its rate limit and unknown fields, and returns all errors. `build` returns the body if every
    /// required field was present.
    pub fn finish<T>(mut self, build: impl FnOnce() -> Option<T>) -> Result<T, Problem> {
        if let Some(problem) = self.over_limit.take() {
            return Err(problem);
        }
        let unknown: Vec<String> = self.left.keys().take(MAX_ERRORS).cloned().collect();
        for name in unknown {
            let shown: String = name.chars().take(MAX_ECHOED_NAME).collect();
            let message = self.unknown(&shown);
            self.add_error(&shown, Invalid::new("unknown", message));
        }
        match build() {
            Some(body) if self.errors.is_empty() => Ok(body),
            _ => Err(Problem::invalid(self.errors)),
        }
    }

    /// Sets the routes of fields that this route does not accept, for error messages.
    #[must_use]
    pub fn with_other_routes(self, elsewhere: &'static [(&'static str, &'static str)]) -> Self {
        Self { elsewhere, ..self }
    }

    /// The message for an unknown field: where it belongs, or the nearest known field, or all of them.
    fn unknown(&self, name: &str) -> String {
        if let Some((_, route)) = self.elsewhere.iter().find(|(field, _)| *field == name) {
            return format!("This request does not change `{name}`. Use `{route}`.");
        }
        if USER_FIELDS.contains(&name) {
            return format!("This request does not set `{name}`.");
        }
        let distance = |known: &&String| strsim::damerau_levenshtein(name, known);
        let nearest = self.known.iter().min_by_key(distance);
        let mut message = match nearest.filter(|known| distance(known) <= MAX_TYPOS) {
            Some(nearest) => format!("Unknown field. Did you mean `{nearest}`?"),
            None => format!(
                "Unknown field. Known fields: `{}`.",
                self.known.join("`, `")
            ),
        };
        if self.known.iter().any(|known| known == "data") {
            message += " Your own fields belong in `data`.";
        }
        message
    }
}

/// Reads the proof that a request may contain in an optional body: `password`, and `code` for an account with a second
/// factor.
pub(crate) fn optional_proof(fields: Option<Fields>) -> Result<Option<Proof>, Problem> {
    let Some(mut fields) = fields else {
        return Ok(None);
    };
    let proof = fields.proof();
    fields.finish(|| Some(proof))
}

/// Reads the password of an optional body.
pub(crate) fn optional_password(fields: Option<Fields>) -> Result<Option<Password>, Problem> {
    let Some(mut fields) = fields else {
        return Ok(None);
    };
    let password = fields.optional("password", Password::parse);
    fields.finish(|| Some(password))
}

/// Returns `true` for a form, `false` for JSON, by the `Content-Type`.
fn is_form(request: &Request) -> Result<bool, Problem> {
    let unsupported = || Problem::new(Code::UnsupportedMediaType);
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Err(Problem::with_detail(
            Code::UnsupportedMediaType,
            "The body is compressed. Leave out `Content-Encoding`.",
        ));
    }
    // `limits` has rejected a repeated field.
    let value = request
        .headers()
        .get(CONTENT_TYPE)
        .ok_or_else(unsupported)?;
    let value = value.to_str().map_err(|_| unsupported())?;
    let essence = value.split(';').next().unwrap_or_default();
    match essence.trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(false),
        "application/merge-patch+json" if request.method() == Method::PATCH => Ok(false),
        "application/x-www-form-urlencoded" => Ok(true),
        _ => Err(unsupported()),
    }
}

/// Reads a body to its end, up to [`MAX_BODY_BYTES`] and [`BODY_TIMEOUT`].
async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    let too_large = || Problem::new(Code::BodyTooLarge);
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(too_large());
    }
    let body = Limited::new(body, MAX_BODY_BYTES);
    match timeout(BODY_TIMEOUT, body.collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::with_detail(
            Code::MalformedRequest,
            "The connection closed before the end of the body.",
        )),
        Err(_) => Err(Problem::new(Code::RequestTimeout)),
    }
}

/// Parses `application/x-www-form-urlencoded` (URL Standard, 5) strictly: text that is not UTF-8 and repeated
/// fields are errors.
pub(crate) fn parse_form(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    let mut fields = Map::new();
    for pair in bytes.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        let (name, value) = match pair.iter().position(|b| *b == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &[][..]),
        };
        let name = decode(name)?;
        if fields.len() == MAX_FIELDS {
            return Err(Problem::with_detail(
                Code::MalformedRequest,
                "The form has too many fields.",
            ));
        }
        if fields.contains_key(&name) {
            return Err(Problem::with_detail(
                Code::MalformedRequest,
                "A field appears twice in the form.",
            ));
        }
        fields.insert(name, Value::String(decode(value)?));
    }
    Ok(fields)
}

fn decode(text: &[u8]) -> Result<String, Problem> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    let decoded = percent_decode(&spaced).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Problem::with_detail(Code::MalformedRequest, "The form is not UTF-8."))
}

/// Parses the query of a URL. A repeated name is an error.
pub fn parse_query(query: Option<&str>) -> Result<Map<String, Value>, Problem> {
    parse_form(query.unwrap_or_default().as_bytes()).map_err(|problem| {
        Problem::with_detail(
            Code::MalformedRequest,
            problem.detail.unwrap_or_default().replace("form", "query"),
        )
    })
}
