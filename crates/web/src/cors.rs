//! Which other origins' scripts may read answers (H-09): none, but those of `cors.origins`.
//!
//! They come with a bearer token. The session cookie stays ours alone: no answer says
//! `Access-Control-Allow-Credentials`, so that a browser gives no script what it fetched with a cookie,
//! and `cross_site` refuses what it would change. What may be asked comes from the route table: a route of
//! the API needs no line here, and a page's route is nobody else's to call.

use axum::extract::{MatchedPath, Request};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::routes;

/// What a client may send beside what every page can send anyway.
const TAKEN: HeaderValue = HeaderValue::from_static("Authorization, Content-Type, If-Match");
/// What a client may read beside what every page can read anyway.
const SHOWN: HeaderValue = HeaderValue::from_static(
    "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id",
);
/// For how many seconds a browser need not ask again: an origin that is taken off the list is soon off.
const ASKED_AGAIN_AFTER: HeaderValue = HeaderValue::from_static("600");

/// The origin that a request says it comes from, where it is one of those that are let in.
pub(crate) fn allowed_origin(app: &App, headers: &HeaderMap) -> Option<HeaderValue> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = origins.next().filter(|_| origins.next().is_none())?;
    let is_listed = app.choices.cors_origins.contains(origin.to_str().ok()?);
    is_listed.then(|| origin.clone())
}

/// Says who may read an answer. Where nobody else is let in, nothing is said.
pub(crate) fn dress(app: &App, origin: Option<HeaderValue>, headers: &mut HeaderMap) {
    if app.choices.cors_origins.is_empty() {
        return;
    }
    // Whoever keeps answers keeps one for each origin.
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN);
    }
}

/// Answers a browser that asks whether a script of a listed origin may do something.
pub(crate) fn preflight(app: &App, request: &Request) -> Option<Response> {
    let methods = allowed(app, request)?;
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, TAKEN),
        (header::ACCESS_CONTROL_MAX_AGE, ASKED_AGAIN_AFTER),
    ];
    Some((StatusCode::NO_CONTENT, headers).into_response())
}

/// The methods of a path, where it is asked for one of them from an origin that is let in.
fn allowed(app: &App, request: &Request) -> Option<HeaderValue> {
    if request.method() != Method::OPTIONS {
        return None;
    }
    let headers = request.headers();
    allowed_origin(app, headers)?;
    let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let wanted = Method::from_bytes(wanted.as_bytes()).ok()?;
    let path = request.extensions().get::<MatchedPath>()?;
    let methods = routes::api_methods(path.as_str());
    methods.contains(&wanted).then_some(())?;
    let methods: Vec<_> = methods.iter().map(Method::as_str).collect();
    HeaderValue::from_str(&methods.join(", ")).ok()
}
