//! Observes requests, for metrics and traces.
//!
//! An observer gets method, route, status and duration. Of the headers it may use only those of the trace
//! context, and it gets only the headers that a trusted proxy sent.

use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode};
use tracing::Span;

/// Receives every request. Must not block or fail.
pub trait Observer: Send + Sync {
    /// A request has begun, with its span. `trusted` are its headers if a trusted proxy sent it. Returns the id of
    /// its trace, if it is recorded, for the log.
    fn began(&self, span: &Span, trusted: Option<&HeaderMap>) -> Option<String>;
    /// A request has ended. Called once for each that has begun.
    fn ended(&self, ended: &Ended);
}

/// A request that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Its method, or `other` if no route has it.
    pub method: &'static str,
    /// Its route as in [`crate::routes::TABLE`], or `-` if there is no route with this path and method.
    pub route: &'static str,
    /// Status of the response; `None` if the request was aborted first: the client disconnected, or the server
    /// stopped.
    pub status: Option<StatusCode>,
    /// Time from the request header to the beginning of the response.
    pub took: Duration,
}

/// Ignores all requests.
#[derive(Debug, Clone, Copy)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn began(&self, _: &Span, _: Option<&HeaderMap>) -> Option<String> {
        None
    }

    fn ended(&self, _: &Ended) {}
}

/// Returns the method's name from a fixed list, since a client can send any method.
pub(crate) fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
