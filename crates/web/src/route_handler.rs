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

/// A row with its API handler and, if it has one, its page handler.
#[derive(Debug)]
pub(crate) struct RouteHandler {
    pub(crate) route: Route,
    /// The handler in the OpenAPI document.
    pub(crate) documented: Option<Operation>,
    /// The handler for browsers. Without a documented one, it serves every client.
    pub(crate) page: Option<fn() -> AnyHandler>,
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
            documented: Some(operation),
            page: None,
        }
    }

    /// A page, which only browsers use.
    pub(crate) const fn page(mut self, handler: fn() -> AnyHandler) -> RouteHandler {
        self.is_page = true;
        RouteHandler {
            route: self,
            documented: None,
            page: Some(handler),
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
        self.page = Some(handler);
        self
    }
}
