//! The stream of one connection, watched on its way to hyper: nobody takes long over a head (H-05), what
//! cannot be read is not handed on (H-13), and the seat is told of stalls.
//!
//! What may be handed on, the [`passage`](super::passage) says. For a head that is refused hyper is handed
//! one that stands for it; the service recognises it by its number and answers why. So the answer comes in
//! its turn, and is made where all answers are. It knows no route.

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
pub struct Gate<S> {
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

impl<S> Gate<S> {
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
        let is_answered = self.conversation.answered() >= self.passage.requests();
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
                false => self.seat.flowing(),
            }
        }
        outcome
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
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

impl<S: AsyncRead + AsyncWrite + Unpin> Gate<S> {
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

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gate<S> {
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
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;
    use crate::listener::passage::STAND_IN;
    use crate::listener::seats::{Limits, Seats};

    const LIMIT: Duration = Duration::from_secs(10);

    fn gate() -> (DuplexStream, Gate<DuplexStream>) {
        let (client, server) = duplex(64 * 1024);
        let limits = Limits {
            connections: 1,
            per_address: 1,
            trusted: "".parse().unwrap(),
        };
        let seat = Seats::new(limits, None)
            .take([127, 0, 0, 1].into())
            .unwrap();
        (client, Gate::new(server, LIMIT, seat))
    }

    /// What hyper would be given of this, until the client is waited for too long, or for ever.
    async fn handed_on(said: &[u8]) -> (String, bool) {
        let (mut client, mut gate) = gate();
        client.write_all(said).await.unwrap();
        let mut heard = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let reading = tokio::time::timeout(2 * LIMIT, gate.read(&mut buffer));
            match reading.await {
                Ok(Ok(count)) => heard.extend_from_slice(&buffer[..count]),
                Ok(Err(error)) => {
                    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                    return (String::from_utf8(heard).unwrap(), false);
                }
                Err(_) => return (String::from_utf8(heard).unwrap(), true),
            }
        }
    }

    const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    /// H-05: time is moved, so that nobody waits for it.
    #[tokio::test(start_paused = true)]
    async fn heads_are_hurried_and_what_is_between_them_is_not() {
        let half = format!("{GET}GET / HTTP/1.1\r\n");
        for said in [
            "",
            "P",
            "G",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r",
            "GET / HTTP/1.1\r\nHost:",
            &half,
        ] {
            let (heard, is_waited_for) = handed_on(said.as_bytes()).await;
            assert!(!is_waited_for, "{said}");
            // Nothing of a head that is not whole.
            assert_eq!(heard, if said == half { GET } else { "" });
        }
        let body = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf";
        for said in [
            GET,
            body,
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x02\0\0\0\0\0\x01a",
        ] {
            assert_eq!(handed_on(said.as_bytes()).await, (said.to_owned(), true));
        }
    }

    /// H-05: in HTTP/2 a head is whole with its last frame, and h2 waits for that.
    #[tokio::test(start_paused = true)]
    async fn half_a_head_of_http_2_is_hurried() {
        let begun = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        let frame = |kind: char, flags: char| format!("\0\0\x03{kind}{flags}\0\0\0\x01abc");
        let (open, whole) = (frame('\x01', '\0'), frame('\x01', '\x04'));
        let (more, last) = (frame('\x09', '\0'), frame('\x09', '\x04'));
        for (said, is_whole) in [
            (format!("{begun}{whole}"), true),
            (format!("{begun}{whole}{}", &whole[..5]), false),
            (format!("{begun}{}", &whole[..11]), false),
            (format!("{begun}{open}"), false),
            (format!("{begun}{open}{more}"), false),
            (format!("{begun}{open}{more}{last}"), true),
        ] {
            assert_eq!(handed_on(said.as_bytes()).await, (said.clone(), is_whole));
        }
    }

    /// H-05: who says nothing more after a whole request is waited with for the answer, and not for ever:
    /// they may as well be gone. Who breaks off is.
    #[tokio::test(start_paused = true)]
    async fn who_half_closes_is_answered_and_who_is_gone_is_forgotten() {
        let half = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf";
        let is_at_end = async |gate: &mut Gate<DuplexStream>, time| {
            let mut buffer = [0; 4096];
            let reading = tokio::time::timeout(time, gate.read(&mut buffer));
            reading.await.is_ok_and(|read| read.unwrap() == 0)
        };
        for (said, requests, is_whole) in [("", 0, false), (GET, 1, true), (half, 1, false)] {
            for is_answered in [false, true] {
                let (mut client, mut gate) = gate();
                client.write_all(said.as_bytes()).await.unwrap();
                client.shutdown().await.unwrap();
                if requests > 0 {
                    assert_eq!(gate.read(&mut [0; 4096]).await.unwrap(), said.len());
                }
                let answer = (0..requests).map(|_| gate.conversation().begin().0);
                let answer: Vec<_> = answer.collect();
                let soon = HALF_CLOSED.mul_f32(0.9);
                assert_eq!(is_at_end(&mut gate, soon).await, !is_whole, "{said}");
                if !is_answered {
                    tokio::time::advance(HALF_CLOSED).await;
                    assert!(is_at_end(&mut gate, Duration::ZERO).await, "{said}");
                    continue;
                }
                // Whoever reads hears at once that it has gone out.
                let begun = tokio::time::Instant::now();
                let answered = async move { drop(answer) };
                let (is_over, ()) = tokio::join!(is_at_end(&mut gate, HALF_CLOSED), answered);
                assert!(is_over && begun.elapsed().is_zero(), "{said}");
            }
        }
    }

    /// H-13: in place of what is refused comes what stands for it, and nothing after it.
    #[tokio::test(start_paused = true)]
    async fn what_is_refused_is_not_handed_on() {
        let stand_in = std::str::from_utf8(STAND_IN).unwrap();
        let sized = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n\n\n\n";
        let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\n\n\n\r\n0\r\n\r\n";
        for before in ["", GET, sized, chunked] {
            for torn in [
                "GET /\n",
                "GET / HTTP/1.1\r\nHost: x\r\nA_b: c\r\n\r\n",
                "\r\n\r\n\r\n",
                "\0",
            ] {
                let said = format!("{before}{torn}{GET}{GET}");
                let (heard, is_waited_for) = handed_on(said.as_bytes()).await;
                assert_eq!(heard, format!("{before}{stand_in}"), "{said:?}");
                assert!(is_waited_for);
            }
        }
    }

    /// H-13: however it comes in pieces, the same is handed on, no later than it may be.
    #[tokio::test(start_paused = true)]
    async fn pieces_make_no_difference() {
        let sized = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
        let chunked =
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        for said in [
            format!("{GET}{GET}"),
            format!("{sized}{GET}{sized}"),
            format!("{GET}{chunked}{GET}"),
            format!("{sized}{sized}"),
            format!("{GET}\r\n{GET}"),
        ] {
            let expected = said.replace("\n\r\n\r\nGET", "\n\r\nGET");
            for size in [1, 2, 3, GET.len(), sized.len(), sized.len() - 1, said.len()] {
                let (mut client, mut gate) = gate();
                let mut heard = Vec::new();
                for piece in said.as_bytes().chunks(size) {
                    client.write_all(piece).await.unwrap();
                    let mut buffer = [0; 4096];
                    while let Ok(count) =
                        tokio::time::timeout(LIMIT / 1000, gate.read(&mut buffer)).await
                    {
                        heard.extend_from_slice(&buffer[..count.unwrap()]);
                    }
                }
                assert_eq!(String::from_utf8(heard).unwrap(), expected, "by {size}");
            }
        }
    }

    /// H-13: what came before a chunk that cannot be read is handed on, so that it is answered.
    #[tokio::test]
    async fn a_head_is_handed_on_before_its_broken_chunk() {
        let (mut client, mut gate) = gate();
        let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        let said = format!("{head}+5\r\nabcde\r\n0\r\n\r\n");
        client.write_all(said.as_bytes()).await.unwrap();
        let mut heard = [0; 4096];
        let count = gate.read(&mut heard).await.unwrap();
        assert_eq!(&heard[..count], head.as_bytes());
        for _ in 0..2 {
            let error = gate.read(&mut [0; 16]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }
}
