//! The web layer: the HTTP API, the pages, problems and the OpenAPI document.
//!
//! Handlers translate: they parse a request into typed values, call one method of [`doorward_domain::Accounts`],
//! and write its result. They contain no rules and access no store.
//!
//! A request passes `edge` (request id, log line, headers, problem bodies), then `guard` (authentication, rate
//! limits, cross-site checks, by the table in `routes`), then its handler; `layers` has all steps. To add an
//! endpoint: its file under `api/`, its line in the router of [`routes`], its row in [`routes::TABLE`], its test.

pub mod api;
mod app;
mod body;
mod cookies;
mod cors;
mod cross_site;
pub mod data_export;
mod device;
mod edge;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod host;
mod inbox;
mod json;
mod layers;
mod limits;
mod negotiate;
mod observer;
mod openapi;
mod origins;
mod page_operations;
mod pages;
mod plain_http;
mod problem;
#[cfg(test)]
mod reference;
pub mod routes;
mod trusted_proxies;
pub mod views;

pub use api::operations::health::Stopping;
pub use app::{App, AppParts, Choices, IfMatchRule};
pub use body::MAX_BODY_BYTES;
pub use edge::set_default_headers;
pub use host::{host_of, is_loopback_url};
pub use inbox::{InboxEntry, InboxSource};
pub use limits::{MAX_FIELDS, RequestRejection};
pub use observer::{Ended, Observer, Unobserved};
pub use openapi::document as openapi_document;
pub use origins::Origins;
pub use problem::{Code, Problem};
pub use routes::router;
pub use trusted_proxies::{ForwardedBy, TrustedProxies};
