//! The router of the service: the routes of the [table](crate::routes::TABLE) behind the steps of every request.

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect, Response};

use crate::app::App;
use crate::http::middleware;
use crate::http::problem::{Code, Problem};
use crate::routes::{self, Route, TABLE};

/// The router of all routes.
pub fn router(app: App) -> Router {
    let (routes, _) = routes::handlers().split_for_parts();
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(|| async { Problem::new(Code::MethodNotAllowed) })
        .layer(from_fn_with_state(app.clone(), middleware::run))
        .with_state(app)
}

/// Redirects a page's path with a trailing slash, such as `/docs/`, to the path without it.
async fn not_found(method: Method, uri: Uri) -> Result<Response, Problem> {
    let path = uri.path().trim_end_matches('/');
    let is_page = |route: &&Route| route.page && route.method == Method::GET && route.path == path;
    match TABLE.iter().find(is_page) {
        Some(page) if method.is_safe() => Ok(Redirect::permanent(page.path).into_response()),
        _ => Err(Problem::new(Code::NotFound)),
    }
}
