//! Limits of a request's header, and header fields that may appear only once (H-04, H-05, H-13).

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use doorward_domain::Error;

use crate::http::negotiate;
use crate::http::problem::{Code, Problem};
use crate::http::route::HEALTH_CHECKS;
use crate::http::route_index::RoutesOfPath;

/// Maximum length of a request target, in bytes.
const MAX_URI_BYTES: usize = 8 * 1024;
/// Maximum number of header fields.
pub const MAX_FIELDS: usize = 100;

/// Set by the listener as a request extension if the request must not be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestRejection {
    /// Too many requests are in flight.
    Overloaded,
}

/// Rejects a request with a header that is too large or ambiguous, a request for a media type that is not
/// available, and any request but a health check if the server is overloaded: a load balancer would treat a busy
/// node as failed (H-14).
pub(crate) fn check(request: &Request, routes: Option<&RoutesOfPath>) -> Result<(), Problem> {
    let (uri, fields) = (request.uri(), request.headers());
    let route = routes.map(|routes| routes.path);
    let is_overloaded = request.extensions().get::<RequestRejection>().is_some();
    if is_overloaded && !route.is_some_and(|path| HEALTH_CHECKS.contains(&path)) {
        return Err(Error::Overloaded.into());
    }
    if uri
        .path_and_query()
        .is_some_and(|target| target.as_str().len() > MAX_URI_BYTES)
    {
        return Err(Problem::new(Code::UriTooLong));
    }
    if fields.len() > MAX_FIELDS {
        return Err(Problem::new(Code::HeadersTooLarge));
    }
    for name in [AUTHORIZATION, CONTENT_TYPE, HOST] {
        if fields.get_all(&name).iter().nth(1).is_some() {
            let detail = format!("The header field `{name}` was sent more than once.");
            return Err(Problem::with_detail(Code::MalformedRequest, detail));
        }
    }
    // Health checks and static files ignore `Accept`.
    let ignores_accept = |path: &str| path == "/assets/{file}" || HEALTH_CHECKS.contains(&path);
    let uses_accept = route.is_some_and(|path| !ignores_accept(path));
    if uses_accept && !negotiate::is_acceptable(fields) {
        return Err(Problem::new(Code::NotAcceptable));
    }
    Ok(())
}
