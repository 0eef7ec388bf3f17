//! What every request passes on its way to its handler, in order: `edge`, a net for panics, `plain_http`,
//! `cors`, `guard`.
//!
//! They are one layer of the router, since axum copies at each request whatever a layer goes around: of
//! five layers, the innermost was copied ten times. To add a step: a line in [`inside`].

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use doorward_domain::Error;
use futures_util::FutureExt;

use crate::app::App;
use crate::cors;
use crate::edge;
use crate::guard;
use crate::plain_http;
use crate::problem::Problem;

pub(crate) async fn pass(State(app): State<App>, request: Request, next: Next) -> Response {
    edge::edge(&app, request, async |request| {
        // A handler that has panicked leaves nothing half-done that another request could see: what
        // they share is behind locks that survive it, and stores that have their transactions.
        let answer = AssertUnwindSafe(inside(&app, request, next)).catch_unwind();
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
