//! Observes requests, for metrics and traces.
//!
//! An observer gets method, route, status and duration. Of the headers it may use only those of the trace
//! context, and it gets only the headers that a trusted proxy sent.

use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode};
use tracing::Span;

/// Told of every request. It never blocks and never fails.
pub trait Observer: Send + Sync {
    /// One has come, and this is its span; the id of its trace, where one is kept, for the log. The
    /// headers are those that a trusted proxy sent; none is the rule.
    fn began(&self, span: &Span, trusted: Option<&HeaderMap>) -> Option<String>;
    /// It is over; told once for each that began.
    fn ended(&self, ended: &Ended);
}

/// A request that is over.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Its method, or `other` where it is none of those that routes have.
    pub method: &'static str,
    /// Its route as [`crate::routes::TABLE`] spells it, or `-` where none has this path and method.
    pub route: &'static str,
    /// The status of the answer; none where the request was broken off before there was one: the client
    /// hung up, or the server ended.
    pub status: Option<StatusCode>,
    /// From the headers to the beginning of the answer.
    pub took: Duration,
}

/// Takes no notice.
#[derive(Debug, Clone, Copy)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn began(&self, _: &Span, _: Option<&HeaderMap>) -> Option<String> {
        None
    }

    fn ended(&self, _: &Ended) {}
}

/// A method by a name out of a short list: a client may call its method anything.
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
