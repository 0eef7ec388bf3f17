//! Rejects cross-site requests (H-10, W-03): one rule for the API and the pages.
//!
//! The rule is that of Go 1.25's `http.CrossOriginProtection`. Browsers send `Sec-Fetch-Site` to
//! secure origins and `Origin` with every unsafe method, and a page cannot change either. A request
//! with neither comes from a program; programs have no cookie that another site could use.

use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::http::uri::Authority;

use crate::app::App;
use crate::http::cookies::{self, CHALLENGE_COOKIE, SESSION_COOKIE};
use crate::http::cors;
use crate::http::problem::{Code, Problem};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The rule for cookies in the response to an accepted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetCookieRule {
    /// The response may set cookies.
    Allowed,
    /// The request comes from an origin in `cors.origins`: its page must not change who is signed in here.
    Removed,
}

/// Returns whether the response may set cookies. Fails with 403 `cross-site-request` for an unsafe request of another site.
///
/// An origin in `cors.origins` uses the API with bearer tokens. The cookies and the forms are for our own pages only: with
/// the form, a page of that origin could sign the browser in to another account (login CSRF).
pub(crate) fn check(
    app: &App,
    request: &Parts,
    wants_html: bool,
) -> Result<SetCookieRule, Problem> {
    let headers = &request.headers;
    let has_cookie = [SESSION_COOKIE, CHALLENGE_COOKIE]
        .iter()
        .any(|name| cookies::values(headers, name).next().is_some());
    let is_own_page_or_program = match (headers.get(SEC_FETCH_SITE), headers.get(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => {
            let origin = origin.to_str().unwrap_or_default();
            origin.eq_ignore_ascii_case(&app.origin) || is_request_host(request, origin)
        }
        (None, None) => !has_cookie,
    };
    let is_safe = request.method.is_safe();
    if !is_own_page_or_program && cors::allowed_origin(app, headers).is_some() {
        return match is_safe || !(has_cookie || wants_html) {
            true => Ok(SetCookieRule::Removed),
            false => Err(Problem::new(Code::CrossSiteRequest)),
        };
    }
    match is_safe || is_own_page_or_program {
        true => Ok(SetCookieRule::Allowed),
        false => Err(Problem::new(Code::CrossSiteRequest)),
    }
}

/// Returns `true` if the origin has the host and port that the request was sent to. A server can be
/// reached under other names than that of `public_url`.
fn is_request_host(request: &Parts, origin: &str) -> bool {
    let Some((_, authority)) = origin.split_once("://") else {
        return false;
    };
    let host = request.headers.get(header::HOST);
    let host = host.map_or_else(
        || request.uri.authority().map(Authority::as_str),
        |host| host.to_str().ok(),
    );
    host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
}
