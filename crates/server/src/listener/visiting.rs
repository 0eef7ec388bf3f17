//! A request on its way in, and its answer on its way out: the seat is told when it is this server
//! that is waited for, and when it is the client.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use hyper::body::{Body as _, Bytes, Frame, SizeHint};
use hyper::{Request, Response, Version};

use super::gate::Answer;
use super::seat::Visit;

/// A request that has its place, until its answer has gone out. None where it has none.
pub struct Visiting(Option<Arc<Visit>>);

/// Watches the body of a request come in.
pub fn receive(request: Request<Body>, visit: Option<Visit>) -> (Request<Body>, Visiting) {
    let Some(visit) = visit else {
        return (request, Visiting(None));
    };
    let visiting = Visiting(Some(Arc::new(visit)));
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
    pub fn send_off(
        self,
        answer: Response<Body>,
        version: Version,
        handed_on: Answer,
    ) -> Response<Body> {
        self.with(Visit::answered);
        let end = match version {
            Version::HTTP_2 => End::Asked,
            _ => End::Handed,
        };
        answer.map(|body| {
            Body::new(Going {
                body,
                end,
                kept: None,
                visit: self,
                _handed_on: handed_on,
            })
        })
    }

    fn is_in(&self) {
        self.with(Visit::is_in);
    }

    fn with(&self, tell: impl FnOnce(&Visit)) {
        if let Some(visit) = &self.0 {
            tell(visit);
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

/// When the last of an answer is handed on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// With the rest: HTTP/1 asks for no more than it can write.
    Handed,
    /// When it is asked for: a stream of HTTP/2 takes all of a piece as soon as its client takes one byte,
    /// and holds it for as long as the client likes. So the last byte is a piece of its own, which is
    /// asked for once the client takes those before.
    Asked,
}

/// The body of an answer. Once it is dropped, all of it is on its way.
struct Going {
    body: Body,
    end: End,
    kept: Option<Bytes>,
    visit: Visiting,
    _handed_on: Answer,
}

impl Going {
    /// Keeps the last byte of the last piece back.
    fn hold_back(&mut self, mut piece: Bytes) -> Frame<Bytes> {
        if self.end == End::Asked && piece.len() > 1 && self.body.is_end_stream() {
            self.kept = Some(piece.split_off(piece.len() - 1));
        }
        Frame::data(piece)
    }
}

impl hyper::body::Body for Going {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(kept) = self.kept.take() {
            return Poll::Ready(Some(Ok(Frame::data(kept))));
        }
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            other => return Poll::Ready(other),
        };
        let frame = match frame.into_data() {
            Ok(piece) => {
                if !self.body.is_end_stream() {
                    self.visit.with(|visit| visit.wrote(piece.len()));
                }
                self.hold_back(piece)
            }
            Err(trailers) => trailers,
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.kept.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kept {
            Some(kept) => SizeHint::with_exact(kept.len() as u64),
            None => self.body.size_hint(),
        }
    }
}
