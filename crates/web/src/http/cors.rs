//! CORS (H-09): scripts of the origins in `cors.origins` may call the API; no others.
//!
//! They use a bearer token. `Access-Control-Allow-Credentials` is never sent, so browsers hide responses to
//! requests with a cookie from them, and `cross_site` rejects unsafe requests with the session cookie. The
//! allowed methods come from the rows of the path; routes of pages are not included.

use axum::extract::Request;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::http::route_index::RoutesOfPath;

/// Request headers that scripts may send.
const ALLOWED_HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, If-Match");
/// Response headers that scripts may read.
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id",
);
/// Cache time of a preflight response, in seconds: short, so that a removed origin loses access soon.
const PREFLIGHT_MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Returns the `Origin` of a request if it is in `cors.origins`.
pub(crate) fn allowed_origin(app: &App, headers: &HeaderMap) -> Option<HeaderValue> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = origins.next().filter(|_| origins.next().is_none())?;
    let is_listed = app.options.cors_origins.contains(origin.to_str().ok()?);
    is_listed.then(|| origin.clone())
}

/// Sets the CORS headers of a response, if there are `cors.origins`.
pub(crate) fn set_headers(app: &App, origin: Option<HeaderValue>, headers: &mut HeaderMap) {
    if app.options.cors_origins.is_empty() {
        return;
    }
    // Caches store one response for each origin.
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
    }
}

/// Responds to the preflight request of an allowed origin for a method that the path has in the API.
pub(crate) fn preflight(
    app: &App,
    request: &Request,
    routes: Option<&RoutesOfPath>,
) -> Option<Response> {
    if request.method() != Method::OPTIONS {
        return None;
    }
    let headers = request.headers();
    allowed_origin(app, headers)?;
    let method = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let methods: Vec<_> = routes?.api_methods().collect();
    methods.iter().find(|listed| *method == **listed)?;
    let headers = [
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_str(&methods.join(", ")).ok()?,
        ),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE),
    ];
    Some((StatusCode::NO_CONTENT, headers).into_response())
}
