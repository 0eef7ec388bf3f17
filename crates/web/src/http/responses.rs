//! Responses that several features send.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, ETAG, HeaderValue, LOCATION, PRAGMA};
use axum::response::{IntoResponse, Response};
use doorward_domain::model::User;
use serde::Serialize;

use crate::http::etag;
use crate::http::json::Json;
use crate::users::view::UserView;

/// A response with a user and its `ETag`.
pub(crate) fn user_response(status: StatusCode, user: &User) -> Response {
    let headers = [(ETAG, etag::tag(user.version))];
    (status, headers, Json(UserView::from(user))).into_response()
}

/// A response with a token, which caches must not store, HTTP/1.0 caches included (H-06; RFC 6749, 5.1).
pub(crate) fn token_response(status: StatusCode, view: impl Serialize) -> Response {
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (PRAGMA, HeaderValue::from_static("no-cache")),
    ];
    (status, headers, Json(view)).into_response()
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
