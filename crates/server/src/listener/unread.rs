//! The rest of a body that no handler has read.
//!
//! An answer may come before its request is in: the body is too large, or nobody is signed in. A
//! connection that closes while more is on its way is reset, and a reset takes the answer with it,
//! away from a client or a proxy that sends first and reads then. So the rest is taken in and thrown
//! away while the answer goes out, within bounds. In HTTP/2 a stream ends without its connection.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use hyper::body::{Body as _, Bytes, Frame, Incoming, SizeHint};
use hyper::header::EXPECT;
use hyper::{Request, Version};
use tokio::sync::oneshot;

use super::tasks::Tasks;

/// How much is taken in.
const MAX_BYTES: usize = 1024 * 1024;
/// For how long, from the answer on. Who sends more than that much has as long to read the answer.
const TIME: Duration = Duration::from_secs(5);

/// What comes back of a body that was lent out.
pub struct Unread(Option<oneshot::Receiver<Incoming>>);

/// Lends the body out with its request.
pub fn lend(request: Request<Incoming>) -> (Request<Body>, Unread) {
    if request.version() > Version::HTTP_11 || request.body().is_end_stream() {
        return (request.map(Body::new), Unread(None));
    }
    let (back, unread) = oneshot::channel();
    let waits_to_be_asked = request.headers().contains_key(EXPECT);
    let lent = request.map(|body| {
        Body::new(Lent {
            body: Some(body),
            back: Some(back),
            is_coming: !waits_to_be_asked,
        })
    });
    (lent, Unread(Some(unread)))
}

impl Unread {
    /// When there is an answer: takes in what is left.
    pub fn take_in(self, tasks: &Tasks) {
        let rest = self.0.and_then(|mut unread| unread.try_recv().ok());
        if let Some(rest) = rest {
            tasks.spawn(async move {
                // The connection closes now, or stays for more: hyper knows whether all was read.
                tokio::time::timeout(TIME, read(rest)).await.ok();
            });
        }
    }
}

async fn read(mut rest: Incoming) {
    let mut left = MAX_BYTES;
    while left > 0 {
        let frame = std::future::poll_fn(|context| Pin::new(&mut rest).poll_frame(context)).await;
        let Some(Ok(frame)) = frame else {
            return;
        };
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
    }
    std::future::pending::<()>().await;
}

/// A body that goes back when it is dropped before its end.
struct Lent {
    body: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
    /// Not while a client waits for `100 Continue`: it is told no, and sends nothing.
    is_coming: bool,
}

impl Lent {
    fn body(&mut self) -> Option<Pin<&mut Incoming>> {
        self.body.as_mut().map(Pin::new)
    }
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.is_coming = true;
        let Some(body) = self.body() else {
            return Poll::Ready(None);
        };
        let frame = ready!(body.poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let none = || SizeHint::with_exact(0);
        self.body.as_ref().map_or_else(none, Incoming::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let rest = self.body.take().filter(|body| !body.is_end_stream());
        if let (true, Some(rest), Some(back)) = (self.is_coming, rest, self.back.take()) {
            // Who lent it may be gone.
            back.send(rest).ok();
        }
    }
}
