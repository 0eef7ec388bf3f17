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

use crate::app::App;
use crate::cors;
use crate::edge;
use crate::guard;
use crate::limits::Refusal;
use crate::plain_http;
use crate::problem::Problem;

/// What only reads ends with its connection. What may change something is brought to its end though its
/// client has left: a counted guess gets its line of the audit log, a session its own, and this node hears of
/// what it has written (L-01, S-06). How many there are at once is bounded, since who leaves gives back a
/// place at the listener and takes the next.
pub(crate) async fn pass(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return answer(&app, request, next).await;
    }
    let place = Arc::clone(&app.changing).try_acquire_owned();
    let method = request.method().clone();
    let work = tokio::spawn(async move {
        if place.is_err() {
            let extensions = request.extensions_mut();
            extensions.insert(Refusal::Overloaded);
        }
        answer(&app, request, next).await
    });
    // A panic is caught in there: this one ends early with the server alone.
    let ended = |_| Problem::from(edge::cut_off(&method)).into_response();
    work.await.unwrap_or_else(ended)
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
