//! The outermost layer, for every response.
//!
//! Sets the request id, writes problems as JSON or as a page, sets the default headers, reports to the
//! observer, and logs one line, also for an aborted request. The line has the route and never the path,
//! since paths contain the tokens of mailed links.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use doorward_domain::Error;
use doorward_domain::ports::StoreError;
use tracing::{Instrument, Span};

use crate::app::App;
use crate::http::cors;
use crate::http::limits;
use crate::http::negotiate;
use crate::http::observer::{Ended, name_of};
use crate::http::problem::Problem;
use crate::http::problem_response::{ResponseFormat, write_problem};
use crate::routes;

/// Maximum time of a handler.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(35);
/// Minimum time of a 429 or 503 response. Without a password hash, the time of the lookup would reveal whether
/// there is an account.
const REFUSED_AFTER: Duration = Duration::from_millis(10);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const API_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");
/// With `no-referrer`, browsers send `Origin: null` with a form, which the cross-site check rejects.
/// This sends no path, so that no link token leaves a page.
const PAGE_REFERRER: HeaderValue = HeaderValue::from_static("strict-origin");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Browser features that pages do not use (W-06).
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), clipboard-read=(), display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), screen-wake-lock=(), serial=(), storage-access=(), usb=(), window-management=(), xr-spatial-tracking=()";

/// Headers of every response.
static DEFAULT_HEADERS: [(HeaderName, HeaderValue); 6] = [
    default_header("x-content-type-options", "nosniff"),
    default_header("referrer-policy", "no-referrer"),
    default_header("x-frame-options", "DENY"),
    default_header("cross-origin-resource-policy", "same-origin"),
    default_header("cross-origin-opener-policy", "same-origin"),
    default_header("permissions-policy", PERMISSIONS),
];

const fn default_header(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (
        HeaderName::from_static(name),
        HeaderValue::from_static(value),
    )
}

/// Id of a request, as a request extension.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

pub(crate) async fn edge(
    app: &App,
    mut request: Request,
    handle: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let request_log = RequestLog::begin(app, &request);
    let id = request_log.id.clone();
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let origin = cors::allowed_origin(app, request.headers());
    let format = ResponseFormat {
        wants_html: negotiate::wants_html(request.headers()),
        locale: negotiate::locale(request.headers()),
    };
    let response = match limits::check(&request) {
        Err(refused) => refused.into_response(),
        Ok(()) => {
            let handling = handle(request).instrument(request_log.span.clone());
            let response = match tokio::time::timeout(HANDLER_TIMEOUT, handling).await {
                Ok(response) => response,
                Err(_) => Problem::from(cut_off(&method)).into_response(),
            };
            if is_refusal(response.status()) {
                tokio::time::sleep_until((request_log.started + REFUSED_AFTER).into()).await;
            }
            response
        }
    };
    let problem = response.extensions().get::<Problem>().cloned();
    let mut response = match &problem {
        Some(problem) => write_problem(app, &format, problem, &id, &response),
        None => response,
    };
    set_response_headers(app, &id, response.headers_mut());
    cors::set_headers(app, origin, response.headers_mut());
    request_log.end(response.status(), problem.as_ref());
    response
}

/// Logs and observes a request. If it is dropped before the response, the request was aborted: the client
/// disconnected or the server stopped.
struct RequestLog {
    app: App,
    id: String,
    method: &'static str,
    route: &'static str,
    /// The route if it supports the method; other methods must not create new metric series.
    counted_as: &'static str,
    span: Span,
    trace_id: Option<String>,
    started: Instant,
    is_over: bool,
}

impl RequestLog {
    fn begin(app: &App, request: &Request) -> Self {
        let started = Instant::now();
        let id = app.new_request_id();
        let method = name_of(request.method());
        let path = request.extensions().get::<MatchedPath>();
        let path = path.and_then(|path| routes::known_path(path.as_str()));
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
        let is_ours = peer.is_some_and(|ConnectInfo(peer)| app.trusted_proxies.has(peer.ip()));
        let trusted = is_ours.then(|| request.headers());
        let trace_id = app.observer.began(&span, trusted);
        Self {
            app: app.clone(),
            id,
            method,
            route: path.unwrap_or("-"),
            counted_as: path
                .filter(|path| routes::find(request.method(), path).is_some())
                .unwrap_or("-"),
            span,
            trace_id,
            started,
            is_over: false,
        }
    }

    fn end(mut self, status: StatusCode, problem: Option<&Problem>) {
        self.is_over = true;
        let took = self.report(Some(status));
        let code = problem.map(|problem| problem.code.as_str());
        self.span
            .record("http.response.status_code", i64::from(status.as_u16()));
        self.span.record("doorward.problem", code);
        if status.is_server_error() {
            self.span.record("otel.status_code", "ERROR");
            self.span.record("error.type", code.unwrap_or("5xx"));
        }
        let (id, method, route) = (&self.id, self.method, self.route);
        let (status, trace_id) = (status.as_u16(), self.trace_id.as_deref());
        let duration_ms = millis(took);
        let cause = problem
            .and_then(|problem| problem.cause.as_deref())
            .map(chain);
        match cause {
            Some(cause) => {
                tracing::error!(request.id = id, trace_id, http.request.method = method, http.route = route, http.response.status_code = status, problem = code, duration_ms, error = %cause, "request failed");
            }
            None => {
                tracing::info!(
                    request.id = id,
                    trace_id,
                    http.request.method = method,
                    http.route = route,
                    http.response.status_code = status,
                    problem = code,
                    duration_ms,
                    "request"
                );
            }
        }
    }

    fn report(&self, status: Option<StatusCode>) -> Duration {
        let took = self.started.elapsed();
        self.app.observer.ended(&Ended {
            method: self.method,
            route: self.counted_as,
            status,
            took,
        });
        took
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let duration_ms = millis(self.report(None));
        let (id, method, route) = (&self.id, self.method, self.route);
        let trace_id = self.trace_id.as_deref();
        self.span.record("error.type", "aborted");
        tracing::info!(
            request.id = id,
            trace_id,
            http.request.method = method,
            http.route = route,
            duration_ms,
            "request aborted"
        );
    }
}

fn millis(took: Duration) -> f64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX) as f64 / 1000.0
}

fn is_refusal(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    )
}

/// The error of a handler that was cancelled because it took too long. A write may have been made.
pub(crate) fn cut_off(method: &Method) -> Error {
    let error = StoreError::new("respond in time", "a handler took too long");
    match method.is_safe() {
        true => Error::Store(error),
        false => Error::OutcomeUnknown(error),
    }
}

/// Sets the headers of every response, on every listener (H-06, H-11).
pub fn set_default_headers(headers: &mut HeaderMap) {
    headers.reserve(DEFAULT_HEADERS.len() + 4);
    for (name, value) in &DEFAULT_HEADERS {
        headers.insert(name, value.clone());
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, API_POLICY);
    let cache = headers.entry(header::CACHE_CONTROL);
    cache.or_insert(NO_STORE);
}

/// Sets all headers of a response of the service (H-11, W-01, W-06).
pub(crate) fn set_response_headers(app: &App, id: &str, headers: &mut HeaderMap) {
    let is_page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    set_default_headers(headers);
    if is_page {
        headers.insert(header::CONTENT_SECURITY_POLICY, app.page_policy.clone());
        headers.insert(header::REFERRER_POLICY, PAGE_REFERRER);
    }
    if app.has_hsts {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, value);
    }
}

/// An error with all its causes, on one line.
fn chain(error: &Error) -> String {
    let first: &dyn std::error::Error = error;
    let causes = std::iter::successors(first.source(), |cause| cause.source());
    causes.fold(first.to_string(), |line, cause| format!("{line}: {cause}"))
}
