//! The router of the service: [all routes](crate::routes) behind the steps of every request.

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::app::App;
use crate::http::handler::by_accept;
use crate::http::middleware;
use crate::http::problem::{Code, Problem};
use crate::http::route::Route;
use crate::http::route_index::RouteIndex;
use crate::route_handler::{Handlers, RouteHandler};
use crate::routes;

/// The router of all routes.
pub fn router(app: App) -> Router {
    app.routes.get_or_init(|| RouteIndex::new(routes::table()));
    routes::handlers()
        .fold(Router::new(), |router, handler| {
            router.route(handler.route.path, bound(handler))
        })
        .fallback(not_found)
        .method_not_allowed_fallback(|| async { Problem::new(Code::MethodNotAllowed) })
        .layer(from_fn_with_state(app.clone(), middleware::run))
        .with_state(app)
}

/// The handler of a route, bound to its method.
fn bound(handler: &RouteHandler) -> MethodRouter<App> {
    let method = handler.route.method.clone();
    let filter = MethodFilter::try_from(method).expect("the rows have standard methods");
    match handler.handlers {
        Handlers::Api(operation) => on(filter, (operation.handler)()),
        Handlers::Page(page) => on(filter, page()),
        Handlers::ByAccept(operation, page) => on(filter, by_accept((operation.handler)(), page())),
    }
}

/// Redirects a page's path with a trailing slash, such as `/docs/`, to the path without it.
async fn not_found(method: Method, uri: Uri) -> Result<Response, Problem> {
    let path = uri.path().trim_end_matches('/');
    let is_page =
        |route: &&Route| route.is_page && route.method == Method::GET && route.path == path;
    match routes::table().find(is_page) {
        Some(page) if method.is_safe() => Ok(Redirect::permanent(page.path).into_response()),
        _ => Err(Problem::new(Code::NotFound)),
    }
}
