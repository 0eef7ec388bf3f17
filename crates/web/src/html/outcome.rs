//! What has happened before a page: the first field of its query, and a cookie with the same text. Anyone can write a link with
//! such a query, so a page ignores it without the cookie.

use axum::http::HeaderMap;
use axum::response::Response;

use crate::http::cookies;
use crate::http::responses::see_other;

const COOKIE: &str = "__Host-doorward-outcome";
/// Lifetime of the cookie, in seconds: the page can be loaded again in this time.
const COOKIE_SECONDS: i64 = 15 * 60;

/// Redirects to a page whose query begins with the outcome.
pub(crate) fn redirect(page: &str) -> Response {
    let mut response = see_other(page);
    let query = page.split_once('?').map(|(_, query)| query);
    cookies::set(
        response.headers_mut(),
        COOKIE,
        first(query.unwrap_or_default()),
        COOKIE_SECONDS,
    );
    response
}

/// Returns `true` if the outcome in the query is that of the last redirect in this browser.
pub(crate) fn is_from_redirect(headers: &HeaderMap, query: &str) -> bool {
    cookies::single(headers, COOKIE) == Some(first(query))
}

fn first(query: &str) -> &str {
    query.split('&').next().unwrap_or_default()
}
