//! Redirects to a page: from its former path, and from names that people type.

use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::http::handler::{AnyHandler, handler};
use crate::http::negotiate;
use crate::http::problem::{Code, Problem};
use crate::http::responses::see_other;

/// Redirects a browser to a page, with the query. Any other client gets 404.
pub(crate) fn from_former_path(
    headers: &HeaderMap,
    query: Option<&str>,
    page: &str,
) -> Result<Response, Problem> {
    if !negotiate::wants_html(headers) {
        return Err(Problem::new(Code::NotFound));
    }
    Ok(see_other(&match query {
        Some(query) => format!("{page}?{query}"),
        None => page.to_owned(),
    }))
}

/// The handler of a path that redirects to a page.
pub(crate) fn redirect_to(page: &'static str) -> AnyHandler {
    handler(async move |headers: HeaderMap, RawQuery(query): RawQuery| {
        from_former_path(&headers, query.as_deref(), page)
    })
}
