//! The steps of a request around its handler, in order.
//!
//! They are one layer of the router, since axum clones the inner service of a layer at each request: with five
//! layers, the innermost would be cloned ten times. To add a step: a line in [`respond`].

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use doorward_domain::Error;
use doorward_domain::store::StoreError;
use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tracing::Instrument;

use crate::app::App;
use crate::html::return_to;
use crate::http::problem::Problem;
use crate::http::problem_response::{RequestInfo, write_problem};
use crate::http::request_log::RequestLog;
use crate::http::route_index::RoutesOfPath;
use crate::http::{cookies, cors, guard, headers, limits, negotiate, plain_http};

/// Maximum time of a handler.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(35);
/// Minimum time of a 429 or 503 response. Without a password hash, the time of the lookup would reveal whether
/// there is an account.
const MIN_REJECTION_TIME: Duration = Duration::from_millis(10);

/// A safe request is cancelled if its client disconnects. Any other runs to its end, so that each counted attempt
/// and each session has its audit event, and this node learns of its own writes (L-01, S-06).
pub(crate) async fn run(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return respond(&app, request, next).await;
    }
    let method = request.method().clone();
    let permits = Arc::clone(&app.in_flight_writes);
    let work = async move { respond(&app, request, next).await };
    // Panics are caught inside, so the task fails only if the server stops.
    let ended = || Problem::from(handler_timeout_error(&method)).into_response();
    run_to_completion(permits, work).await.unwrap_or_else(ended)
}

/// Runs `work` in a task that outlives its client, if a permit is available. A disconnected client frees its
/// connection slot, so the permits bound such tasks. Without a permit, `work` is cancelled with its connection; it
/// is never rejected.
async fn run_to_completion<T: Send + 'static>(
    permits: Arc<Semaphore>,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let Ok(permit) = permits.try_acquire_owned() else {
        return Some(work.await);
    };
    let done = tokio::spawn(async move {
        let done = work.await;
        drop(permit);
        done
    });
    done.await.ok()
}

/// Logs the request, checks it, calls its handler, and completes the response.
async fn respond(app: &App, mut request: Request, next: Next) -> Response {
    let routes = app.routes.get();
    let routes = routes.and_then(|routes| routes.matched(&request));
    let mut log = RequestLog::begin(app, &request, routes);
    let wants_html = negotiate::wants_html(request.headers());
    let info = RequestInfo {
        id: log.id.clone(),
        wants_html,
        page: wants_html.then(|| page_of(app, &request, routes)),
        locale: negotiate::locale(request.headers()).unwrap_or(app.options.language),
        proved: Arc::default(),
    };
    request.extensions_mut().insert(info.clone());
    let method = request.method().clone();
    let origin = cors::allowed_origin(app, request.headers());
    let response = match limits::check(&request, routes) {
        Err(rejection) => rejection.into_response(),
        Ok(()) => {
            let handling = async {
                if let Some(rejection) = plain_http::reject(app, &request) {
                    return rejection;
                }
                if let Some(response) = cors::preflight(app, &request, routes) {
                    return response;
                }
                guard::guard(app, routes, request, next).await
            };
            // Other requests see no incomplete state of a handler that panicked: shared state is behind locks that
            // survive a panic, and stores use transactions.
            let handling = AssertUnwindSafe(handling).catch_unwind();
            let handling = handling.instrument(log.span.clone());
            let response = match tokio::time::timeout(HANDLER_TIMEOUT, handling).await {
                Ok(Ok(response)) => response,
                Ok(Err(payload)) => panic_response(&*payload),
                Err(_) => Problem::from(handler_timeout_error(&method)).into_response(),
            };
            if let StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE =
                response.status()
            {
                tokio::time::sleep_until((log.started + MIN_REJECTION_TIME).into()).await;
            }
            response
        }
    };
    log.problem = response.extensions().get::<Problem>().cloned();
    let mut response = match &log.problem {
        Some(problem) => write_problem(app, &info, problem, &response),
        None => response,
    };
    // Also if the handler has panicked or took too long after the proof: the old token is invalid.
    if let Some(session) = info.proved.get() {
        cookies::set_proved_session(response.headers_mut(), session);
    }
    headers::set_response_headers(app, &info.id, response.headers_mut());
    cors::set_headers(app, origin, response.headers_mut());
    log.status = Some(response.status());
    response
}

/// The page of a request: its own path, or, for a form that has no page at its path, that of its section.
fn page_of(app: &App, request: &Request, routes: Option<&RoutesOfPath>) -> String {
    let uri = request.uri();
    let has_page = |routes: &RoutesOfPath| routes.row(&Method::GET).is_some();
    match request.method().is_safe() || routes.is_some_and(has_page) {
        true => return_to::current_page(uri, &app.options.return_origins),
        false => return_to::section_of(uri.path()).to_owned(),
    }
}

/// The error of a handler that was cancelled because it took too long. A write may have been made.
fn handler_timeout_error(method: &Method) -> Error {
    let error = StoreError::new("respond in time", "a handler took too long");
    match method.is_safe() {
        true => Error::Store(error),
        false => Error::OutcomeUnknown(error),
    }
}

fn panic_response(payload: &(dyn Any + Send)) -> Response {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let reason = text.or(payload.downcast_ref::<&str>().copied());
    tracing::error!(panic = reason, "a handler panicked");
    Problem::from(Error::Internal("a handler panicked")).into_response()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    /// Returns `true` if `work` completes after its caller has stopped waiting, with this number of permits.
    async fn completes_without_caller(permits: usize) -> bool {
        let permits = Arc::new(Semaphore::new(permits));
        let (go, going) = oneshot::channel::<()>();
        let (over, is_over) = oneshot::channel::<()>();
        let work = async move {
            let _ = going.await;
            let _ = over.send(());
        };
        let left = run_to_completion(Arc::clone(&permits), work).now_or_never();
        assert!(left.is_none());
        let _ = go.send(());
        let time_limit = Duration::from_secs(60);
        let is_over = tokio::time::timeout(time_limit, is_over).await;
        is_over.expect("it ends one way or the other").is_ok()
    }

    /// L-01, H-05: a request that may change something outlives its client, up to a limit. Beyond it, the request
    /// is not rejected, and ends with its client.
    #[tokio::test]
    async fn work_completes_without_its_client_if_a_permit_is_available() {
        assert!(completes_without_caller(1).await);
        assert!(!completes_without_caller(0).await);
        let permits = Arc::new(Semaphore::new(0));
        assert_eq!(run_to_completion(permits, async { 7 }).await, Some(7));
    }

    /// The permit is released after the work.
    #[tokio::test]
    async fn the_permit_is_released() {
        let permits = Arc::new(Semaphore::new(1));
        for number in 0..3 {
            let done = run_to_completion(Arc::clone(&permits), async move { number }).await;
            assert_eq!((done, permits.available_permits()), (Some(number), 1));
        }
    }
}
