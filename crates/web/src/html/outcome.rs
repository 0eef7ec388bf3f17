//! The outcome of a form, which the page after it reports: the first field of the page's query, and a cookie with the same text.
//! Anyone can write a link with such a query, so a page ignores it without the cookie.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;

use crate::http::cookies;
use crate::http::paging::Query;
use crate::http::responses::see_other;

const COOKIE: &str = "__Host-doorward-outcome";
/// Lifetime of the cookie, in seconds: the page can be loaded again in this time.
const COOKIE_SECONDS: i64 = 15 * 60;

/// Redirects to a page. If its path has a query, that begins with the outcome.
pub(crate) fn redirect(page: &str) -> Response {
    let mut response = see_other(page);
    set(response.headers_mut(), page);
    response
}

/// Sets the cookie, for a page that the browser opens next.
pub(crate) fn set(headers: &mut HeaderMap, page: &str) {
    if let Some((_, query)) = page.split_once('?') {
        cookies::set(headers, COOKIE, first(query), COOKIE_SECONDS);
    }
}

/// Returns `true` if the outcome in the query is that of the last redirect in this browser.
pub(crate) fn is_from_redirect(headers: &HeaderMap, query: &str) -> bool {
    cookies::single(headers, COOKIE) == Some(first(query))
}

fn first(query: &str) -> &str {
    query.split('&').next().unwrap_or_default()
}

/// The outcome that the page of a request reports. A handler takes it as a parameter.
pub(crate) struct Outcome(Option<String>);

impl Outcome {
    /// Returns the outcome, if it is one of these.
    pub(crate) fn one_of(&self, names: &[&'static str]) -> Option<&'static str> {
        let mut names = names.iter().copied();
        names.find(|name| self.0.as_deref() == Some(name))
    }

    /// Takes the parameter `done` of a list, and returns it if it is the outcome and one of these.
    pub(crate) fn done(&self, query: &mut Query, names: &[&'static str]) -> Option<&'static str> {
        query.flag("done");
        let done = self.0.as_deref()?.strip_prefix("done=")?;
        names.iter().copied().find(|name| *name == done)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Outcome {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let is_ours = is_from_redirect(&parts.headers, query);
        Ok(Self(is_ours.then(|| first(query).to_owned())))
    }
}
