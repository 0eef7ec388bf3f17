//! The web layer: the HTTP API, the pages, problems and the OpenAPI document.
//!
//! Handlers translate: they parse a request into typed values, call one method of [`doorward_domain::Doorward`],
//! and write its result. They contain no rules and access no store.
//!
//! A feature is a folder: `routes.rs` lists its routes, `api.rs` has their handlers, and `pages.rs` what only browsers use.
//! A request passes the steps in `http::middleware`, is admitted by the row of its route, and goes to the handler of that
//! row. Files of `http` and `html` import neither a feature nor [`routes`], and no feature imports `router`. To add an
//! endpoint: its handler, its row in the `routes.rs` of its feature, its test.

mod app;
mod audit;
mod deletion;
mod email;
mod factors;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod home;
mod html;
mod http;
mod inbox;
mod inbox_source;
mod invitation;
mod keys;
mod operations;
mod outbox;
mod passwords;
mod recovery;
mod reference;
mod route_handler;
mod router;
pub mod routes;
mod sessions;
mod sign_in;
mod sign_up;
mod totals;
mod users;

pub use app::{
    App, AppParts, ConsoleOptions, Diagnose, IfMatchRule, ShownSetting, ShutdownFlag, WebOptions,
};
pub use factors::api::FactorListView;
pub use inbox_source::{InboxEntry, InboxSource};
pub use reference::documents::{openapi_document, openapi_document_of};
pub use router::router;
pub use users::export_document::ExportDocument;
pub use users::view::UserView;

pub use crate::html::brand::{Brand, BrandError, BrandSettings};
pub use crate::html::color::Color;
pub use crate::html::texts::{Texts, TextsError};
pub use crate::http::body::MAX_BODY_BYTES;
pub use crate::http::headers::set_default_headers;
pub use crate::http::host::{host_of, is_loopback_url};
pub use crate::http::limits::{MAX_FIELDS, RequestRejection};
pub use crate::http::networks::Networks;
pub use crate::http::observer::{CompletedRequest, NoObserver, RequestObserver};
pub use crate::http::origins::Origins;
pub use crate::http::problem::{Code, Problem};
pub use crate::http::trusted_proxies::{ForwardedBy, TrustedProxies};
