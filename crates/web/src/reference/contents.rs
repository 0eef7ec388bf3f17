//! The contents of the API reference, which the page `/docs` and `docs/API.md` show: the operations by task, with their
//! permissions, fields, responses and problems. They come from the OpenAPI document and the rows of the routes, so a new
//! endpoint needs nothing here.

use std::time::Duration;

use axum::http::Method;
use doorward_domain::limits::ThrottleScope;
use doorward_domain::policy::ThrottleLimits;
use serde_json::{Map, Value};

use super::objects::{Field, field, fields, name_in, resolve};
use crate::http::problem::Code;
use crate::http::route::{Authentication, Route};
use crate::routes;

/// The tag of pages that are in the document. The reference lists all pages, at the end.
pub(super) const PAGES: &str = "Pages";

/// Rules for all requests: a subject, and the rule.
pub(super) const RULES: [(&str, &str); 14] = [
    (
        "request bodies",
        "JSON, or a form (`application/x-www-form-urlencoded`) with the same fields; in a form, `data` is JSON text and an empty field counts as absent. At most 64 KiB. An unknown field is rejected",
    ),
    (
        "response bodies",
        "JSON. Times are RFC 3339 in UTC, ids are UUIDv7. A client that prefers `text/html` gets the page of the route, if there is one",
    ),
    (
        "authentication",
        "`Authorization: Bearer TOKEN`, with the token of `POST /auth`, or the cookie of the server's own pages. A request with both is rejected with 400",
    ),
    ("`{user}`", "`me`, a username or a user id"),
    (
        "errors",
        "`application/problem+json` (RFC 9457), the object `Problem`, with a stable `code`. `errors` lists all invalid fields at once; a wrong password is reported before other errors of a change that requires it",
    ),
    (
        "lost updates",
        "a user has an `ETag`. A write or deletion of the user, their address, password, role or status is rejected with 412 if its `If-Match` (a list of tags, or `*`) does not match or its `If-None-Match` does. With the setting `api.require_if_match`, a write without `If-Match` is rejected with 428 (`precondition-required`). Sessions and factors have no tags; a change of the password without a session can send `If-Match: *`",
    ),
    (
        "cross-site requests",
        "with an unsafe method, a browser must send `Sec-Fetch-Site: same-origin` or `none`, or, without that field, the `Origin` of this server (or of `cors.origins`, where the cookie and the forms of the pages do not work); a program that sends neither field must not send the session cookie. Otherwise 403 `cross-site-request`",
    ),
    (
        "other origins",
        "none, unless the operator lists them in `cors.origins`: their scripts use a bearer token, get no cookie, and can read `ETag`, `Link`, `Location`, `RateLimit`, `RateLimit-Policy`, `Retry-After`, `WWW-Authenticate` and `X-Request-Id` in addition to the usual fields",
    ),
    (
        "retries",
        "a repeated sign-up with the same address gets the same response and creates one account; one with the same username is 409, and signing in shows whether it was yours",
    ),
    (
        "unconfirmed addresses",
        "any number of accounts can wait for the confirmation of the same address. A sign-in with it is compared with the newest of them only: with its password, the response is 403 `email-unconfirmed`. The earlier ones get the response to a wrong password",
    ),
    (
        "lists",
        "`items` and `next`: send `next` as `cursor` until it is null",
    ),
    (
        "rate limits",
        "counted by network (IPv4 /32, IPv6 /64); `RateLimit` fields say how many requests are left, and with 429 `too-many-attempts` which limit denied the request and in `Retry-After` when to try again. Wrong passwords are also counted by account: each one makes the next attempt wait longer",
    ),
    (
        "known devices",
        "a sign-in sets the cookie `__Host-doorward-device`, also for programs. It is not a credential; a later sign-in that sends it is accepted even if other clients have used up the limits",
    ),
    (
        "overload",
        "`store-unavailable` and `overloaded` are 503 with `Retry-After`: nothing was changed, retry then. After `outcome-unknown` (503) read the current state first: the write may have been made",
    ),
];

/// Problems that the operations do not repeat, and the requests that can have them.
pub(super) const COMMON_PROBLEMS: [(&str, &[Code]); 5] = [
    (
        "Every request",
        &[
            Code::MalformedRequest,
            Code::HttpsRequired,
            Code::NotAcceptable,
            Code::UriTooLong,
            Code::HeadersTooLarge,
            Code::InternalError,
            Code::Overloaded,
            Code::StoreUnavailable,
            Code::OutcomeUnknown,
        ],
    ),
    (
        "With a request body",
        &[
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::ValidationFailed,
        ],
    ),
    (
        "With a session",
        &[Code::AuthenticationRequired, Code::InvalidToken],
    ),
    ("With an unsafe method", &[Code::CrossSiteRequest]),
    ("With a rate limit", &[Code::TooManyAttempts]),
];

/// A task, which is a tag of the document, and its operations in the order of the table of routes.
#[derive(Debug)]
pub(super) struct Section<'a> {
    pub(super) name: &'a str,
    pub(super) about: &'a str,
    pub(super) operations: Vec<Operation<'a>>,
}

/// An operation.
#[derive(Debug)]
pub(super) struct Operation<'a> {
    pub(super) route: &'static Route,
    pub(super) summary: &'a str,
    pub(super) description: Option<&'a str>,
    /// Who may use it, such as `a signed-in user`.
    pub(super) access: &'static str,
    /// The rate limit as a sentence.
    pub(super) limit: Option<String>,
    pub(super) parameters: Vec<Field<'a>>,
    pub(super) body: Option<Body<'a>>,
    /// The responses of a success.
    pub(super) responses: Vec<Response<'a>>,
    /// The problems that only some operations have.
    pub(super) problems: Vec<Code>,
}

/// The body of a request.
#[derive(Debug)]
pub(super) struct Body<'a> {
    pub(super) about: &'a str,
    /// `true` if it may also be `application/merge-patch+json`.
    pub(super) is_patch: bool,
    pub(super) fields: Vec<Field<'a>>,
    pub(super) example: &'a Value,
}

/// A response of a success.
#[derive(Debug)]
pub(super) struct Response<'a> {
    pub(super) status: &'a str,
    pub(super) about: &'a str,
    /// The name of the object in its body.
    pub(super) object: Option<&'a str>,
    /// Names of its headers.
    pub(super) headers: Vec<&'a str>,
}

/// All operations but pages.
pub(super) fn sections<'a>(document: &'a Value, limits: &ThrottleLimits) -> Vec<Section<'a>> {
    let tags = document["tags"].as_array().into_iter().flatten();
    let tags = tags.filter(|tag| tag["name"] != PAGES);
    let section = |tag: &'a Value| Section {
        name: text(&tag["name"]),
        about: text(&tag["description"]),
        operations: documented(document)
            .filter(|(_, operation)| operation["tags"][0] == tag["name"])
            .map(|(route, operation)| self::operation(document, limits, route, operation))
            .collect(),
    };
    tags.map(section).collect()
}

/// The pages and their rate limits.
pub(super) fn pages(
    limits: &ThrottleLimits,
) -> impl Iterator<Item = (&'static Route, Option<String>)> {
    let pages = routes::table().filter(|route| route.is_page);
    pages.map(move |route| (route, route.scope.map(|scope| rate(limits, scope))))
}

/// A name for links: letters, digits and hyphens, as GitHub makes them of a heading.
pub(super) fn anchor(heading: &str) -> String {
    let slug = heading.to_lowercase().replace(' ', "-");
    slug.chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect()
}

/// A command that sends a request of the operation to the server with this URL. It has shell
/// variables: `TOKEN`, the token of a session, and `LINK_TOKEN` and `ID` in the path.
pub(super) fn curl(public_url: &str, operation: &Operation<'_>) -> String {
    let Operation { route, body, .. } = operation;
    let path = example_path(operation)
        .replace("{token}", "$LINK_TOKEN")
        .replace("{id}", "$ID");
    let mut command = String::from("curl");
    let is_implied = match body {
        Some(_) => route.method == Method::POST,
        None => route.method == Method::GET,
    };
    if !is_implied {
        command += &format!(" -X {}", route.method);
    }
    command += &format!(" \"{public_url}{path}\"");
    if needs_session(operation) {
        command += " \\\n  -H \"Authorization: Bearer $TOKEN\"";
    }
    if let Some(body) = body {
        let example = body.example.to_string().replace('\'', r"'\''");
        command += &format!(" \\\n  -H 'Content-Type: application/json' \\\n  -d '{example}'");
    }
    command
}

/// The path of the example, in which `{token}` and `{id}` are left to fill in.
pub(super) fn example_path(operation: &Operation<'_>) -> String {
    let user = if operation.access == ADMIN {
        "ben"
    } else {
        "me"
    };
    operation.route.path.replace("{user}", user)
}

/// Returns `true` if the example is sent with a session. A user who is named in its body has none.
pub(super) fn needs_session(operation: &Operation<'_>) -> bool {
    let body = operation.body.as_ref();
    let names_a_user = body.is_some_and(|body| {
        ["username", "email"]
            .iter()
            .any(|name| body.example.get(name).is_some())
    });
    match operation.route.authentication {
        Authentication::Ignored | Authentication::InvalidIgnored => false,
        Authentication::InvalidRejected => !names_a_user,
        Authentication::Required
        | Authentication::RequiredOrEnrolling
        | Authentication::RequiredOrSignInPage => true,
    }
}

/// The operations in the document but pages, in the order of the table.
fn documented(document: &Value) -> impl Iterator<Item = (&'static Route, &Value)> {
    let api = routes::table().filter(|route| !route.is_page);
    api.filter_map(|route| {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = document["paths"].get(route.path)?.get(method)?;
        Some((route, operation))
    })
}

fn operation<'a>(
    document: &'a Value,
    limits: &ThrottleLimits,
    route: &'static Route,
    operation: &'a Value,
) -> Operation<'a> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let responses = operation["responses"].as_object().into_iter().flatten();
    let successes = responses.filter(|(status, _)| status.starts_with('2'));
    Operation {
        route,
        summary: text(&operation["summary"]),
        description: operation["description"].as_str(),
        access: access(route, operation),
        limit: route.scope.map(|scope| limit(limits, scope)),
        parameters: parameters.map(parameter).collect(),
        body: body(document, operation),
        responses: successes.map(response).collect(),
        problems: route.problems.concat(),
    }
}

const ADMIN: &str = "an admin";
/// Its route is for no one but the user, like those that add an authenticator app.
const RECOVERY_CODES: &str = "/user/{user}/recovery-codes";

fn access(route: &Route, operation: &Value) -> &'static str {
    let is_of_a_user = route.path.starts_with("/user/{user}");
    match route.authentication {
        Authentication::Ignored => "anyone",
        Authentication::InvalidIgnored => "anyone; a valid session is used",
        Authentication::InvalidRejected => "anyone, with or without a session",
        Authentication::Required if operation["tags"][0] == "Admin" => ADMIN,
        Authentication::Required if route.path == RECOVERY_CODES => "the user",
        Authentication::Required if is_of_a_user => "the user, or an admin",
        Authentication::Required => "a signed-in user",
        Authentication::RequiredOrEnrolling if route.method == Method::GET => {
            "the user, an admin, or the challenge of a sign-in"
        }
        Authentication::RequiredOrEnrolling => "the user, or the challenge of a sign-in",
        Authentication::RequiredOrSignInPage => "a signed-in user; a browser gets the sign-in page",
    }
}

fn limit(limits: &ThrottleLimits, scope: ThrottleScope) -> String {
    let network = "from one network (IPv4 /32, IPv6 /64)";
    let (what, key) = match scope {
        // Only what is compared counts.
        ThrottleScope::SignIn => (" passwords or codes", network),
        ThrottleScope::Token | ThrottleScope::Profile => ("", "per account"),
        _ => ("", network),
    };
    let rate = scope.rate(limits);
    let window = in_words(rate.window);
    format!("At most {}{what} {window} {key}.", rate.burst)
}

/// The rate of a scope, such as `20 an hour`.
fn rate(limits: &ThrottleLimits, scope: ThrottleScope) -> String {
    let rate = scope.rate(limits);
    format!("{} {}", rate.burst, in_words(rate.window))
}

fn in_words(window: Duration) -> String {
    match window.as_secs() {
        60 => "a minute".to_owned(),
        3600 => "an hour".to_owned(),
        seconds => format!("in {seconds} seconds"),
    }
}

fn parameter(parameter: &Value) -> Field<'_> {
    let is_required = parameter["required"] == true;
    Field {
        place: text(&parameter["in"]),
        about: text(&parameter["description"]).trim_end_matches('.'),
        ..field(text(&parameter["name"]), &parameter["schema"], is_required)
    }
}

fn body<'a>(document: &'a Value, operation: &'a Value) -> Option<Body<'a>> {
    let contents = &operation["requestBody"]["content"];
    let schema = contents["application/json"].get("schema")?;
    let schema = resolve(document, name_in(schema)?);
    let in_body = |field| Field {
        place: "body",
        ..field
    };
    Some(Body {
        about: text(&schema["description"]),
        is_patch: contents["application/merge-patch+json"].is_object(),
        fields: fields(schema).into_iter().map(in_body).collect(),
        example: &schema["example"],
    })
}

fn response<'a>((status, response): (&'a String, &'a Value)) -> Response<'a> {
    let contents = response["content"].as_object().into_iter().flatten();
    let first = contents.map(|(_, content)| &content["schema"]).next();
    let headers = response["headers"].as_object();
    Response {
        status,
        about: text(&response["description"]),
        object: first.and_then(name_in),
        headers: headers
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
