//! Binds the handlers of pages to methods, in place of the functions of `axum::routing`, which take longer to compile.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::app::App;

type ResponseFuture = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A handler of any type. axum puts a handler into several services, which are compiled for this type only, and not for that
/// of each handler.
#[derive(Clone)]
struct AnyHandler(Arc<dyn Fn(Request, App) -> ResponseFuture + Send + Sync>);

impl AnyHandler {
    fn new<T, H: Handler<T, App, Future = ResponseFuture> + Sync>(handler: H) -> Self {
        Self(Arc::new(move |request, app| {
            handler.clone().call(request, app)
        }))
    }
}

impl Handler<(), App> for AnyHandler {
    type Future = ResponseFuture;

    fn call(self, request: Request, app: App) -> ResponseFuture {
        (self.0)(request, app)
    }
}

/// Binds the handler of a page to `GET`.
pub(crate) fn get<T, H>(handler: H) -> MethodRouter<App>
where
    H: Handler<T, App, Future = ResponseFuture> + Sync,
{
    on(MethodFilter::GET, AnyHandler::new(handler))
}

/// Binds the handler of a page to `POST`.
pub(crate) fn post<T, H>(handler: H) -> MethodRouter<App>
where
    H: Handler<T, App, Future = ResponseFuture> + Sync,
{
    on(MethodFilter::POST, AnyHandler::new(handler))
}
