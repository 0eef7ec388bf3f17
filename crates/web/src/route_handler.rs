//! A route with its handlers: what the `routes.rs` of a feature lists.

use utoipa::openapi::OpenApi;

use crate::http::handler::AnyHandler;
use crate::http::route::Route;

/// A handler in the OpenAPI document. The macro [`operation!`] makes one of a function with the attribute `utoipa::path`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) handler: fn() -> AnyHandler,
    /// Its part of the OpenAPI document: an operation, and the schemas that it names.
    pub(crate) document: fn() -> OpenApi,
}

/// `operation!(api::sign_in)`: this handler, and its attributes of the OpenAPI document.
macro_rules! operation {
    ($($handler:tt)+) => {
        $crate::route_handler::Operation {
            handler: || $crate::http::handler::handler($($handler)+),
            document: || {
                #[derive(utoipa::OpenApi)]
                #[openapi(paths($($handler)+))]
                struct Document;
                <Document as utoipa::OpenApi>::openapi()
            },
        }
    };
}

/// A row with its handlers.
#[derive(Debug)]
pub(crate) struct RouteHandler {
    pub(crate) route: Route,
    pub(crate) handlers: Handlers,
}

/// The handlers of a route, by client.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Handlers {
    /// The operation of the API, for every client.
    Api(Operation),
    /// This page, for every client.
    Page(fn() -> AnyHandler),
    /// The page for a client that prefers HTML, and the operation of the API for others.
    ByAccept(Operation, fn() -> AnyHandler),
}

impl Handlers {
    /// What the OpenAPI document has about the route.
    pub(crate) const fn operation(self) -> Option<Operation> {
        match self {
            Self::Api(operation) | Self::ByAccept(operation, _) => Some(operation),
            Self::Page(_) => None,
        }
    }
}

/// What the `routes.rs` of each feature imports.
pub(crate) mod prelude {
    pub(crate) use doorward_domain::limits::ThrottleScope::*;

    pub(crate) use super::{RouteHandler, operation};
    pub(crate) use crate::html::redirect::redirect_to;
    pub(crate) use crate::http::handler::handler;
    pub(crate) use crate::http::problem::Code::*;
    pub(crate) use crate::http::route::Authentication::*;
    pub(crate) use crate::http::route::{
        ADMINISTRATION, LINK, QUERY, REAUTHENTICATION, Route, USER,
    };
}

pub(crate) use operation;

impl Route {
    /// A route of the API.
    pub(crate) const fn api(self, operation: Operation) -> RouteHandler {
        RouteHandler {
            route: self,
            handlers: Handlers::Api(operation),
        }
    }

    /// A page, which only browsers use.
    pub(crate) const fn page(mut self, handler: fn() -> AnyHandler) -> RouteHandler {
        self.is_page = true;
        RouteHandler {
            route: self,
            handlers: Handlers::Page(handler),
        }
    }

    /// A page of the console. Its handler takes an `AdminCaller`.
    pub(crate) const fn console(mut self, handler: fn() -> AnyHandler) -> RouteHandler {
        self.is_console = true;
        self.page(handler)
    }

    /// A page whose path the API uses as well. The OpenAPI document has it, since `Allow` names its method.
    pub(crate) const fn documented_page(mut self, operation: Operation) -> RouteHandler {
        self.is_page = true;
        self.api(operation)
    }
}

impl RouteHandler {
    /// A client that prefers HTML gets this page in place of the documented response.
    pub(crate) const fn with_page(mut self, handler: fn() -> AnyHandler) -> Self {
        self.handlers = match self.handlers.operation() {
            Some(operation) => Handlers::ByAccept(operation, handler),
            None => panic!("only a route of the API has a page beside it"),
        };
        self
    }
}
