//! The log line, the span and the observation of a request.
//!
//! The line has the route and never the path, since paths contain the tokens of mailed links.

use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::{ConnectInfo, Request};
use axum::http::{Method, StatusCode};
use doorward_domain::error::chain;
use tracing::Span;

use crate::app::App;
use crate::http::observer::CompletedRequest;
use crate::http::problem::Problem;
use crate::http::route_index::RoutesOfPath;

/// A request that is being handled. It is logged when this value is dropped.
pub(super) struct RequestLog {
    app: App,
    pub(super) id: String,
    pub(super) span: Span,
    pub(super) started: Instant,
    /// Status of the response. Without one, the request was aborted: the client disconnected or the server stopped.
    pub(super) status: Option<StatusCode>,
    pub(super) problem: Option<Problem>,
    method: &'static str,
    route: &'static str,
    /// The route if it supports the method; other methods must not create new metric series.
    metrics_route: &'static str,
    trace_id: Option<String>,
}

impl RequestLog {
    pub(super) fn begin(app: &App, request: &Request, routes: Option<&RoutesOfPath>) -> Self {
        let started = Instant::now();
        // A sequential id would reveal how many requests other clients send.
        let mut id = [0; 16];
        app.random.fill(&mut id);
        let id = format!("{:032x}", u128::from_be_bytes(id));
        let method = name_of(request.method());
        let path = routes.map(|routes| routes.path);
        let span = tracing::trace_span!(
            "request",
            otel.name = path.map_or_else(|| method.to_owned(), |path| format!("{method} {path}")),
            otel.kind = "server",
            otel.status_code = tracing::field::Empty,
            error.type = tracing::field::Empty,
            http.request.method = method,
            http.route = path,
            http.response.status_code = tracing::field::Empty,
            doorward.request_id = id,
            doorward.problem = tracing::field::Empty,
        );
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let is_ours = peer.is_some_and(|ConnectInfo(peer)| app.trusted_proxies.contains(peer.ip()));
        let trusted = is_ours.then(|| request.headers());
        let trace_id = app.observer.on_request(&span, trusted);
        Self {
            app: app.clone(),
            id,
            span,
            started,
            status: None,
            problem: None,
            method,
            route: path.unwrap_or("-"),
            metrics_route: routes
                .and_then(|routes| routes.row(request.method()))
                .map_or("-", |route| route.path),
            trace_id,
        }
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        self.app.observer.on_response(&CompletedRequest {
            method: self.method,
            route: self.metrics_route,
            status: self.status,
            duration,
        });
        let duration_ms = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX) as f64 / 1000.0;
        let (id, method, route) = (&self.id, self.method, self.route);
        let trace_id = self.trace_id.as_deref();
        let Some(status) = self.status else {
            self.span.record("error.type", "aborted");
            tracing::info!(
                http.request.method = method,
                http.route = route,
                duration_ms,
                request.id = id,
                trace_id,
                "request aborted"
            );
            return;
        };
        let code = self.problem.as_ref().map(|problem| problem.code.as_str());
        self.span
            .record("http.response.status_code", i64::from(status.as_u16()));
        self.span.record("doorward.problem", code);
        if status.is_server_error() {
            self.span.record("otel.status_code", "ERROR");
            self.span.record("error.type", code.unwrap_or("5xx"));
        }
        let status = status.as_u16();
        match self
            .problem
            .as_ref()
            .and_then(|problem| problem.cause.as_deref())
        {
            Some(cause) => {
                tracing::error!(http.request.method = method, http.route = route, http.response.status_code = status, problem = code, duration_ms, error = %chain(cause), request.id = id, trace_id, "request failed");
            }
            None => {
                tracing::info!(
                    http.request.method = method,
                    http.route = route,
                    http.response.status_code = status,
                    problem = code,
                    duration_ms,
                    request.id = id,
                    trace_id,
                    "request"
                );
            }
        }
    }
}

/// Returns the method's name from a fixed list, since a client can send any method.
fn name_of(method: &Method) -> &'static str {
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
