//! Observes requests, for metrics and traces.
//!
//! An observer gets method, route, status and duration. Of the headers it may use only those of the trace
//! context, and it gets only the headers that a trusted proxy sent.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use tracing::Span;

/// Receives every request. Must not block or fail.
pub trait RequestObserver: Send + Sync {
    /// A request has begun, with its span. `trusted` are its headers if a trusted proxy sent it. Returns the id of
    /// its trace, if it is recorded, for the log.
    fn on_request(&self, span: &Span, trusted: Option<&HeaderMap>) -> Option<String>;
    /// A request has ended. Called once for each that has begun.
    fn on_response(&self, ended: &CompletedRequest);
}

/// A request that has ended.
#[derive(Debug, Clone, Copy)]
pub struct CompletedRequest {
    /// Its method, or `other` if no route has it.
    pub method: &'static str,
    /// Its route as in its row, or `-` if there is no route with this path and method.
    pub route: &'static str,
    /// Status of the response; `None` if the request was aborted first: the client disconnected, or the server
    /// stopped.
    pub status: Option<StatusCode>,
    /// Time from the request header to the beginning of the response.
    pub duration: Duration,
}

/// Ignores all requests.
#[derive(Debug, Clone, Copy)]
pub struct NoObserver;

impl RequestObserver for NoObserver {
    fn on_request(&self, _: &Span, _: Option<&HeaderMap>) -> Option<String> {
        None
    }

    fn on_response(&self, _: &CompletedRequest) {}
}
