//! The start page for browsers, and files that browsers and search engines ask for by name.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::http::caller::Caller;
use crate::http::responses::see_other;

/// Browsers ask for these files again after a day.
const CACHED: &str = "public, max-age=86400";
/// No page of Doorward belongs in a search engine.
const ROBOTS: &str = "User-agent: *\nDisallow: /\n";

/// Redirects to the account page, or to the sign-in page.
pub(crate) async fn start_page(caller: Caller) -> Response {
    see_other(match caller.session() {
        Some(_) => "/account",
        None => "/sign-in",
    })
}

/// The rules for search engines.
pub(crate) async fn robots() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, CACHED),
    ];
    (headers, ROBOTS).into_response()
}

/// The icon for browsers that ask for it by name, such as for a JSON response.
pub(crate) async fn favicon() -> Response {
    let headers = [(CONTENT_TYPE, "image/x-icon"), (CACHE_CONTROL, CACHED)];
    let icon: &[u8] = include_bytes!("../../icons/favicon.ico");
    (headers, icon).into_response()
}
