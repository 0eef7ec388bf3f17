//! A request on its way in, and its answer on its way out: the seat is told when it is this server
//! that is waited for, and when it is the client.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use hyper::body::{Body as _, Bytes, Frame, SizeHint};
use hyper::{Request, Response};

use super::seats::Visit;

/// A request that has its place, until its answer has gone out. None where it has none.
pub struct Visiting(Option<Arc<Mutex<Visit>>>);

/// Watches the body of a request come in.
pub fn receive(request: Request<Body>, visit: Option<Visit>) -> (Request<Body>, Visiting) {
    let Some(visit) = visit else {
        return (request, Visiting(None));
    };
    let visiting = Visiting(Some(Arc::new(Mutex::new(visit))));
    if request.body().is_end_stream() {
        visiting.is_in();
        return (request, visiting);
    }
    let visit = Visiting(visiting.0.clone());
    (
        request.map(|body| Body::new(Coming { body, visit })),
        visiting,
    )
}

impl Visiting {
    /// Watches the answer go out.
    pub fn send_off(self, answer: Response<Body>) -> Response<Body> {
        self.with(Visit::answered);
        answer.map(|body| Body::new(Going { body, _visit: self }))
    }

    fn is_in(&self) {
        self.with(Visit::is_in);
    }

    fn with(&self, tell: impl FnOnce(&mut Visit)) {
        if let Some(visit) = &self.0 {
            tell(&mut visit.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// The body of a request. At its end, or where nobody wants more of it, it is in.
struct Coming {
    body: Body,
    visit: Visiting,
}

impl hyper::body::Body for Coming {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) || self.body.is_end_stream() {
            self.visit.is_in();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.visit.is_in();
    }
}

/// The body of an answer. Once it is dropped, all of it is on its way.
struct Going {
    body: Body,
    _visit: Visiting,
}

impl hyper::body::Body for Going {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
