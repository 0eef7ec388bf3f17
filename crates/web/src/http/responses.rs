//! Responses that several features send.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue, LOCATION, PRAGMA};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::json::Json;

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// The message.
    #[schema(example = "POST to this URL to confirm the address.")]
    pub message: &'static str,
}

/// A response with a token, which caches must not store, HTTP/1.0 caches included (H-06; RFC 6749, 5.1).
pub(crate) fn token_response(status: StatusCode, view: impl Serialize) -> Response {
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (PRAGMA, HeaderValue::from_static("no-cache")),
    ];
    (status, headers, Json(view)).into_response()
}

/// The `Content-Disposition` of a file that browsers save under this name (RFC 6266).
pub(crate) fn attachment(name: &str) -> String {
    match name.is_ascii() {
        true => format!("attachment; filename=\"{name}\""),
        false => {
            let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
            format!("attachment; filename*=UTF-8''{name}")
        }
    }
}

/// Redirects with 303, so that a browser does not post a form again (W-05). A path is sent as it is:
/// the browser stays on the host that it used, which the page's `form-action` allows.
pub(crate) fn see_other(location: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
