//! A route with its handlers: what the `routes.rs` of a feature lists.

use axum::routing::MethodRouter;
use utoipa_axum::router::UtoipaMethodRouter;

use crate::app::App;
use crate::http::route::Route;

/// Returns a handler, bound to its method.
pub(crate) type PageHandler = fn() -> MethodRouter<App>;
/// Returns a handler, bound to its method, with its attributes of the OpenAPI document.
pub(crate) type DocumentedHandler = fn() -> UtoipaMethodRouter<App>;

/// A row with its API handler and, if it has one, its page handler.
#[derive(Debug)]
pub(crate) struct RouteHandler {
    pub(crate) route: Route,
    /// The handler in the OpenAPI document.
    pub(crate) documented: Option<DocumentedHandler>,
    /// The handler for browsers. Without a documented one, it serves every client.
    pub(crate) page: Option<PageHandler>,
}

/// What the `routes.rs` of each feature imports.
pub(crate) mod prelude {
    pub(crate) use doorward_domain::limits::ThrottleScope::*;
    pub(crate) use utoipa_axum::routes;

    pub(crate) use super::RouteHandler;
    pub(crate) use crate::html::redirect::redirect_to;
    pub(crate) use crate::http::handler::{get, post};
    pub(crate) use crate::http::problem::Code::*;
    pub(crate) use crate::http::route::Authentication::*;
    pub(crate) use crate::http::route::{
        ADMINISTRATION, LINK, QUERY, REAUTHENTICATION, Route, USER,
    };
}

impl Route {
    /// A route of the API.
    pub(crate) const fn api(self, handler: DocumentedHandler) -> RouteHandler {
        RouteHandler {
            route: self,
            documented: Some(handler),
            page: None,
        }
    }

    /// A page, which only browsers use.
    pub(crate) const fn page(mut self, handler: PageHandler) -> RouteHandler {
        self.is_page = true;
        RouteHandler {
            route: self,
            documented: None,
            page: Some(handler),
        }
    }

    /// A page of the console. Its handler takes an `AdminCaller`.
    pub(crate) const fn console(mut self, handler: PageHandler) -> RouteHandler {
        self.is_console = true;
        self.page(handler)
    }

    /// A page whose path the API uses as well. The OpenAPI document has it, since `Allow` names its method.
    pub(crate) const fn documented_page(mut self, handler: DocumentedHandler) -> RouteHandler {
        self.is_page = true;
        self.api(handler)
    }
}

impl RouteHandler {
    /// A client that prefers HTML gets this page in place of the documented response.
    pub(crate) const fn with_page(mut self, handler: PageHandler) -> Self {
        self.page = Some(handler);
        self
    }
}
