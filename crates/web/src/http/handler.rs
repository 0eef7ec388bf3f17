//! Handlers of any type as one type.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;

use super::negotiate;
use crate::app::App;

type ResponseFuture = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A handler of any type. axum wraps a handler in several services. The compiler generates them once for this type, and not for
/// each of some 190 handlers: that took half of the time to compile this crate.
#[derive(Clone)]
pub(crate) struct AnyHandler(Arc<dyn Fn(Request, App) -> ResponseFuture + Send + Sync>);

/// Wraps a handler, such as an async function whose arguments are extractors.
pub(crate) fn handler<T, H>(handler: H) -> AnyHandler
where
    H: Handler<T, App, Future = ResponseFuture> + Sync,
{
    AnyHandler(Arc::new(move |request, app| {
        handler.clone().call(request, app)
    }))
}

/// Calls the page if the client prefers HTML, or else the API.
pub(crate) fn by_accept(api: AnyHandler, page: AnyHandler) -> AnyHandler {
    AnyHandler(Arc::new(move |request, app| {
        match negotiate::wants_html(request.headers()) {
            true => (page.0)(request, app),
            false => (api.0)(request, app),
        }
    }))
}

impl Handler<(), App> for AnyHandler {
    type Future = ResponseFuture;

    fn call(self, request: Request, app: App) -> ResponseFuture {
        (self.0)(request, app)
    }
}
