//! The stream of one connection, watched on its way to hyper: nobody takes long over a head (H-05), what
//! cannot be read is not handed on (H-13), and the seat is told of stalls.
//!
//! What may be handed on, the [`passage`](super::passage) says. For a head that is refused hyper is handed
//! one that stands for it; the service recognises it by its number and answers why. So the answer comes in
//! its turn, and is made where all answers are. A client that is cut off takes nothing of what is left (H-05). It
//! knows no route.

use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::chunks;
use super::head::Refusal;
use super::passage::Passage;
use super::seat::Seat;
use super::socket::Sever;

/// How much of what follows a refused head is read before it is hung up on, and for how long: who is
/// hung up on while they write may never see the answer.
const LEFT_TO_READ: usize = 256 * 1024;
const LEFT_TO_WAIT: Duration = Duration::from_secs(1);
/// How long an answer may take for a client that says nothing more. It may wait for it, as `nc -N` does, or
/// be gone: both look alike.
const HALF_CLOSED: Duration = Duration::from_secs(5);

/// What the service and the gate tell each other of the requests of a connection. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Conversation(Arc<Told>);

#[derive(Debug, Default)]
struct Told {
    refused: OnceLock<(u64, Refusal)>,
    begun: AtomicU64,
    answered: AtomicU64,
    /// Who waits for the last answer, after a client that says nothing more.
    waits: AtomicWaker,
}

/// An answer, until all of it is handed on.
#[derive(Debug)]
pub struct Answer(Conversation);

impl Conversation {
    /// The next request is taken up. Why it was refused, if it was.
    pub fn begin(&self) -> (Answer, Option<Refusal>) {
        let number = self.0.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let refused = self.0.refused.get();
        let refused = refused.filter(|(refused, _)| *refused == number);
        (Answer(self.clone()), refused.map(|(_, refusal)| *refusal))
    }

    fn answered(&self) -> u64 {
        self.0.answered.load(Ordering::Acquire)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let told = &self.0.0;
        told.answered.fetch_add(1, Ordering::Release);
        told.waits.wake();
    }
}

/// A stream whose heads are looked at.
pub struct Gate<S: Sever> {
    stream: S,
    seat: Seat,
    passage: Passage,
    conversation: Conversation,
    /// How long a head may take.
    limit: Duration,
    /// There while one is being waited for, with its number.
    deadline: Option<(u64, Pin<Box<Sleep>>)>,
    /// After a head that took too long.
    is_late: bool,
    /// There once the client says nothing more and an answer is on its way.
    half_closed: Option<Pin<Box<Sleep>>>,
    /// How much is still read after a refusal.
    left_to_read: usize,
    /// There from the last answer after one on.
    lingering: Option<Pin<Box<Sleep>>>,
    is_stalled: bool,
}

impl<S: Sever> Gate<S> {
    /// Gives each head this long.
    pub fn new(stream: S, limit: Duration, seat: Seat) -> Self {
        Self {
            stream,
            seat,
            passage: Passage::new(),
            conversation: Conversation::default(),
            limit,
            deadline: Some((0, Box::pin(tokio::time::sleep(limit)))),
            is_late: false,
            half_closed: None,
            left_to_read: LEFT_TO_READ,
            lingering: None,
            is_stalled: false,
        }
    }

    /// What it tells the service, and is told.
    pub fn conversation(&self) -> Conversation {
        self.conversation.clone()
    }

    fn take(&mut self, bytes: &[u8]) {
        self.passage.take(bytes);
        if let Some(refusal) = self.passage.refused() {
            // Noted before it is handed on; there is no second one.
            let refused = (self.passage.requests(), refusal);
            self.conversation.0.refused.set(refused).ok();
        }
    }

    /// Waits for a head, where one has begun, no longer than it may take.
    fn poll_awaited(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let awaited = self.passage.awaited();
        if self.deadline.as_ref().map(|(number, _)| *number) != awaited {
            let begin = |number| (number, Box::pin(tokio::time::sleep(self.limit)));
            self.deadline = awaited.map(begin);
        }
        let Some((_, deadline)) = &mut self.deadline else {
            return Poll::Pending;
        };
        ready!(deadline.as_mut().poll(cx));
        // Counted here, since hyper says nothing of a head that it has not seen.
        self.seat.was_slow();
        self.deadline = None;
        self.is_late = true;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// The client says nothing more. Whoever has asked for something is answered first.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whoever was refused and hangs up may still read.
        if self.passage.refused().is_some() {
            return Poll::Pending;
        }
        self.conversation.0.waits.register(cx.waker());
        // What waits to be taken is no answer yet: to hyper an end of the client is the end of that as well.
        let is_taken = !self.is_stalled;
        let is_answered = is_taken && self.conversation.answered() >= self.passage.requests();
        if is_answered || !self.passage.is_between_requests() {
            return Poll::Ready(Ok(()));
        }
        let begin = || Box::pin(tokio::time::sleep(HALF_CLOSED));
        let half_closed = self.half_closed.get_or_insert_with(begin);
        half_closed.as_mut().poll(cx).map(Ok)
    }

    /// Tells the seat whether what is written stays where it is.
    fn watched<T>(&mut self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_pending() != self.is_stalled {
            self.is_stalled = outcome.is_pending();
            match self.is_stalled {
                true => self.seat.stalled(),
                false => {
                    self.seat.flowing();
                    // Whoever has closed their half has been waited for with that.
                    self.conversation.0.waits.wake();
                }
            }
        }
        outcome
    }
}

/// Else what they do not take is kept for them, and they come back for more.
impl<S: Sever> Drop for Gate<S> {
    fn drop(&mut self) {
        if self.is_stalled || self.seat.was_cut_off() {
            self.stream.sever();
        }
    }
}

impl<S: AsyncRead + Sever + Unpin> AsyncRead for Gate<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.passage.hand_on(buffer) || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if this.passage.is_broken() {
                return Poll::Ready(Err(chunks::broken()));
            }
            if this.is_late {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            let before = buffer.filled().len();
            let outcome = pin!(&mut this.stream).poll_read(cx, buffer);
            if outcome.is_pending() {
                return this.poll_awaited(cx);
            }
            ready!(outcome)?;
            let count = buffer.filled().len() - before;
            if count == 0 {
                return this.poll_end(cx);
            }
            if this.passage.refused().is_some() {
                buffer.set_filled(before);
                this.left_to_read = this.left_to_read.saturating_sub(count);
                if this.left_to_read == 0 {
                    return Poll::Pending;
                }
                continue;
            }
            if this.passage.pass_as_it_is(&buffer.filled()[before..]) {
                return Poll::Ready(Ok(()));
            }
            this.take(&buffer.filled()[before..]);
            buffer.set_filled(before);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Sever + Unpin> Gate<S> {
    /// Reads what is still on its way from somebody who was refused, for a moment.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let lingering = self
            .lingering
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(LEFT_TO_WAIT)));
        if lingering.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut scratch = [0; 2048];
        while self.left_to_read > 0 {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(pin!(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    self.left_to_read = self.left_to_read.saturating_sub(buffer.filled().len());
                }
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Sever + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = pin!(&mut self.stream).poll_write(cx, bytes);
        self.watched(outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = pin!(&mut self.stream).poll_flush(cx);
        self.watched(outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(pin!(&mut this.stream).poll_shutdown(cx))?;
        }
        if this.passage.refused().is_some() {
            ready!(this.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = pin!(&mut self.stream).poll_write_vectored(cx, slices);
        self.watched(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
