//! What every request passes on its way to its handler, in order: `edge`, a net for panics, `plain_http`,
//! `cors`, `guard`.
//!
//! They are one layer of the router, since axum copies at each request whatever a layer goes around: of
//! five layers, the innermost was copied ten times. To add a step: a line in [`inside`].

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
use crate::cors;
use crate::edge;
use crate::guard;
use crate::plain_http;
use crate::problem::Problem;

/// What only reads ends with its connection. What may change something is brought to its end though its
/// client has left: a counted guess gets its line of the audit log, a session its own, and this node hears of
/// what it has written (L-01, S-06).
pub(crate) async fn pass(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return answer(&app, request, next).await;
    }
    let method = request.method().clone();
    let places = Arc::clone(&app.changing);
    let work = async move { answer(&app, request, next).await };
    // A panic is caught in there: this one ends early with the server alone.
    let ended = || Problem::from(edge::cut_off(&method)).into_response();
    to_its_end(places, work).await.unwrap_or_else(ended)
}

/// Does the work whether anybody waits for it or not, as long as there is a place. Whoever leaves gives back
/// their seat at the listener and takes the next, so that there is a bound to what goes on without them; where
/// it is reached, work ends with its connection again, and nobody is refused for what others have left behind.
async fn to_its_end<T: Send + 'static>(
    places: Arc<Semaphore>,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let Ok(place) = places.try_acquire_owned() else {
        return Some(work.await);
    };
    let done = tokio::spawn(async move {
        let done = work.await;
        drop(place);
        done
    });
    done.await.ok()
}

async fn answer(app: &App, request: Request, next: Next) -> Response {
    edge::edge(app, request, async |request| {
        // A handler that has panicked leaves nothing half-done that another request could see: what
        // they share is behind locks that survive it, and stores that have their transactions.
        let answer = AssertUnwindSafe(inside(app, request, next)).catch_unwind();
        answer.await.unwrap_or_else(|payload| panicked(&*payload))
    })
    .await
}

async fn inside(app: &App, request: Request, next: Next) -> Response {
    if let Some(refusal) = plain_http::refuse(app, &request) {
        return refusal;
    }
    if let Some(answer) = cors::preflight(app, &request) {
        return answer;
    }
    guard::guard(app, request, next).await
}

fn panicked(payload: &(dyn Any + Send)) -> Response {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let said = text.or(payload.downcast_ref::<&str>().copied());
    tracing::error!(panic = said, "a handler panicked");
    Problem::from(Error::Internal("a handler panicked")).into_response()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    /// Whether work that waits comes to its end once nobody waits for it any more, with so many places.
    async fn comes_to_its_end(places: usize) -> bool {
        let places = Arc::new(Semaphore::new(places));
        let (go, going) = oneshot::channel::<()>();
        let (over, is_over) = oneshot::channel::<()>();
        let work = async move {
            let _ = going.await;
            let _ = over.send(());
        };
        let left = to_its_end(Arc::clone(&places), work).now_or_never();
        assert!(left.is_none());
        let _ = go.send(());
        let patience = Duration::from_secs(60);
        let is_over = tokio::time::timeout(patience, is_over).await;
        is_over.expect("it ends one way or the other").is_ok()
    }

    /// L-01, H-05: what may change something goes on without its client, up to a bound; beyond it nobody is
    /// refused, and it ends with its client.
    #[tokio::test]
    async fn work_goes_on_without_its_client_where_there_is_a_place() {
        assert!(comes_to_its_end(1).await);
        assert!(!comes_to_its_end(0).await);
        let places = Arc::new(Semaphore::new(0));
        assert_eq!(to_its_end(places, async { 7 }).await, Some(7));
    }

    /// A place is given back with the work, so that the next finds one.
    #[tokio::test]
    async fn a_place_is_given_back() {
        let places = Arc::new(Semaphore::new(1));
        for number in 0..3 {
            let done = to_its_end(Arc::clone(&places), async move { number }).await;
            assert_eq!((done, places.available_permits()), (Some(number), 1));
        }
    }
}
