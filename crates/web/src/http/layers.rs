//! The steps of a request before its handler, in order: `edge`, the panic handler, `plain_http`, `cors`, `guard`.
//!
//! They are one layer of the router, since axum clones the inner service of a layer at each request: with five
//! layers, the innermost was cloned ten times. To add a step: a line in [`run_steps`].

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use doorward_domain::Error;
use futures_util::FutureExt;
use tokio::sync::Semaphore;

use crate::app::App;
use crate::http::cors;
use crate::http::edge;
use crate::http::guard;
use crate::http::plain_http;
use crate::http::problem::Problem;

/// A safe request is cancelled if its client disconnects. Any other runs to its end, so that each counted attempt
/// and each session has its audit event, and this node learns of its own writes (L-01, S-06).
pub(crate) async fn run(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return respond(&app, request, next).await;
    }
    let method = request.method().clone();
    let permits = Arc::clone(&app.changing);
    let work = async move { respond(&app, request, next).await };
    // Panics are caught inside, so the task fails only if the server stops.
    let ended = || Problem::from(edge::cut_off(&method)).into_response();
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

async fn respond(app: &App, request: Request, next: Next) -> Response {
    edge::edge(app, request, async |request| {
        // Other requests see no incomplete state of a handler that panicked: shared state is behind locks that
        // survive a panic, and stores use transactions.
        let response = AssertUnwindSafe(run_steps(app, request, next)).catch_unwind();
        response.await.unwrap_or_else(|payload| panicked(&*payload))
    })
    .await
}

async fn run_steps(app: &App, request: Request, next: Next) -> Response {
    if let Some(refusal) = plain_http::refuse(app, &request) {
        return refusal;
    }
    if let Some(response) = cors::preflight(app, &request) {
        return response;
    }
    guard::guard(app, request, next).await
}

fn panicked(payload: &(dyn Any + Send)) -> Response {
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
    async fn work_goes_on_without_its_client_where_there_is_a_place() {
        assert!(completes_without_caller(1).await);
        assert!(!completes_without_caller(0).await);
        let permits = Arc::new(Semaphore::new(0));
        assert_eq!(run_to_completion(permits, async { 7 }).await, Some(7));
    }

    /// The permit is released after the work.
    #[tokio::test]
    async fn a_place_is_given_back() {
        let permits = Arc::new(Semaphore::new(1));
        for number in 0..3 {
            let done = run_to_completion(Arc::clone(&permits), async move { number }).await;
            assert_eq!((done, permits.available_permits()), (Some(number), 1));
        }
    }
}
