//! The stream of one connection, watched on its way to hyper: heads are looked at before hyper sees
//! them, nobody takes long over one (H-05), and what cannot be read is not handed on (H-13).
//!
//! In place of a head that is refused hyper is handed one that stands for it; the service recognises
//! it by its number and answers why. So the answer comes in its turn, and is made where all answers
//! are. HTTP/2 passes as it is: its frames leave nothing to read two ways, and h2 has the limits.
//! It knows no route, and of the seat only that it is told of stalls.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::chunks::{self, Chunks};
use super::head::{self, Fault, Length};
use super::seat::Seat;

/// What a client says first in HTTP/2 (RFC 9113, 3.4). Whatever else it says is HTTP/1.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Handed on in place of what is refused; a `HEAD` is answered without a body, as anybody expects who has
/// read it (H-03).
const STAND_IN: &[u8] = b"GET /.refused HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";
const STAND_IN_FOR_HEAD: &[u8] =
    b"HEAD /.refused HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";
/// How much more than its target the first line may have.
const MAX_LINE: usize = head::MAX_URI_BYTES + 64;
/// How many empty lines may come before a request: some old clients end a body with one.
const MAX_EMPTY_LINES: usize = 2;
/// How much of what follows a refused head is read before it is hung up on, and for how long: who is
/// hung up on while they write may never see the answer.
const LEFT_TO_READ: usize = 256 * 1024;
const LEFT_TO_WAIT: Duration = Duration::from_secs(1);

/// Which request of a connection was refused, and why. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Refused(Arc<Mutex<Option<(u64, Fault)>>>);

impl Refused {
    /// Why the request of this number was, if it was; the first is 1.
    pub fn why(&self, number: u64) -> Option<Fault> {
        let refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refused
            .filter(|(refused, _)| *refused == number)
            .map(|(_, fault)| fault)
    }

    fn note(&self, number: u64, fault: Fault) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((number, fault));
    }
}

/// Where in the conversation the next byte stands.
enum Place {
    /// Before it is clear which HTTP is spoken.
    Start,
    /// In a head, or before one.
    Head,
    /// In a body that has so many bytes more.
    Body(u64),
    /// In a body of chunks.
    Chunks(Chunks),
    /// HTTP/2.
    Frames,
    /// After a head that took too long.
    Late,
    /// In a body that cannot be read further. What came before it is handed on, and so is answered.
    Broken,
    /// After a refusal: nothing more is handed on.
    Refused,
}

/// A stream whose heads are looked at.
pub struct Gate<S> {
    stream: S,
    seat: Seat,
    place: Place,
    /// What was read and not handed on yet.
    held: Vec<u8>,
    /// How much of it, from its beginning, may be.
    cleared: usize,
    /// How far the head that comes then was looked through, and how many lines of it have ended.
    scanned: usize,
    lines: usize,
    /// How many empty lines have come before it.
    empty_lines: usize,
    requests: u64,
    refused: Refused,
    /// How long a head may take.
    limit: Duration,
    /// There while one is being waited for: the first, from the beginning; another, from its first
    /// byte.
    deadline: Option<Pin<Box<Sleep>>>,
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
            place: Place::Start,
            held: Vec::new(),
            cleared: 0,
            scanned: 0,
            lines: 0,
            empty_lines: 0,
            requests: 0,
            refused: Refused::default(),
            limit,
            deadline: Some(Box::pin(tokio::time::sleep(limit))),
            left_to_read: LEFT_TO_READ,
            lingering: None,
            is_stalled: false,
        }
    }

    /// Where it says what it has refused.
    pub fn refused(&self) -> Refused {
        self.refused.clone()
    }

    /// Whether all that was just read may be handed on as it is. It is where a client sends a head, with its
    /// body or without, and waits for the answer: then nothing is copied. What is not known for that at a
    /// glance, [`Gate::take`] looks at.
    fn pass_as_it_is(&mut self, bytes: &[u8]) -> bool {
        if !self.held.is_empty() {
            return false;
        }
        let fresh = bytes.len() as u64;
        match &mut self.place {
            Place::Body(left) if fresh <= *left => {
                *left -= fresh;
                if *left == 0 {
                    self.place = Place::Head;
                }
                true
            }
            // The preface ends in a head as well, which is none.
            Place::Start | Place::Head if self.empty_lines == 0 => {
                let end = head::end_of(bytes).filter(|end| *end <= head::MAX_HEAD_BYTES);
                let length = end.and_then(|end| Some((end, head::examine(&bytes[..end]).ok()?)));
                let Some((end, Length::Bytes(length))) = length else {
                    return false;
                };
                let of_body = (bytes.len() - end) as u64;
                if of_body > length {
                    return false;
                }
                self.pass(Length::Bytes(length - of_body));
                true
            }
            _ => false,
        }
    }

    /// Takes in what was just read.
    fn take(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        loop {
            let fresh = self.held.len() - self.cleared;
            let is_over = match &mut self.place {
                Place::Start => !self.begin(),
                Place::Head => !self.head(),
                Place::Body(left) => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(fresh);
                    *left -= taken as u64;
                    self.cleared += taken;
                    if *left > 0 {
                        true
                    } else {
                        self.place = Place::Head;
                        false
                    }
                }
                Place::Chunks(chunks) => match chunks.take(&self.held[self.cleared..]) {
                    Ok(taken) => {
                        self.cleared += taken;
                        let is_over = chunks.is_over();
                        if is_over {
                            self.place = Place::Head;
                        }
                        !is_over
                    }
                    Err(_) => {
                        self.place = Place::Broken;
                        false
                    }
                },
                Place::Frames => {
                    self.cleared = self.held.len();
                    true
                }
                Place::Refused | Place::Broken | Place::Late => {
                    self.held.truncate(self.cleared);
                    true
                }
            };
            if is_over {
                return;
            }
        }
    }

    /// Whether it is clear now which HTTP is spoken.
    fn begin(&mut self) -> bool {
        let common = self.held.iter().zip(PREFACE);
        let common = common.take_while(|(one, other)| one == other).count();
        if common == PREFACE.len() {
            self.place = Place::Frames;
            self.deadline = None;
        } else if common < self.held.len() {
            self.place = Place::Head;
        } else {
            return false;
        }
        true
    }

    /// Whether there was a whole head, or one that is refused.
    fn head(&mut self) -> bool {
        let fresh = &self.held[self.cleared..];
        if fresh.is_empty() {
            return false;
        }
        while self.scanned < fresh.len() {
            let byte = fresh[self.scanned];
            self.scanned += 1;
            let before = self.scanned.checked_sub(2).map(|at| fresh[at]);
            let is_torn = match byte {
                b'\n' => before != Some(b'\r'),
                0 => true,
                // A carriage return ends a line with what follows, or it is no use.
                _ => before == Some(b'\r'),
            };
            if is_torn {
                return self.refuse(Fault::Malformed);
            }
            if byte != b'\n' {
                match self.over_its_limit() {
                    Some(fault) => return self.refuse(fault),
                    None => continue,
                }
            }
            if self.scanned == 2 && self.lines == 0 {
                self.held.drain(self.cleared..self.cleared + 2);
                return self.skipped_a_line();
            }
            self.lines += 1;
            if fresh[..self.scanned].ends_with(b"\r\n\r\n") {
                let length = match head::examine(&fresh[..self.scanned]) {
                    Ok(length) => length,
                    Err(fault) => return self.refuse(fault),
                };
                self.cleared += self.scanned;
                self.pass(length);
                return true;
            }
        }
        if self.deadline.is_none() {
            self.deadline = Some(Box::pin(tokio::time::sleep(self.limit)));
        }
        false
    }

    fn over_its_limit(&self) -> Option<Fault> {
        if self.lines == 0 && self.scanned > MAX_LINE {
            return Some(Fault::UriTooLong);
        }
        (self.scanned > head::MAX_HEAD_BYTES).then_some(Fault::HeadersTooLarge)
    }

    fn skipped_a_line(&mut self) -> bool {
        self.scanned = 0;
        self.empty_lines += 1;
        if self.empty_lines > MAX_EMPTY_LINES {
            return self.refuse(Fault::Malformed);
        }
        true
    }

    /// A head was whole, and so much of its body is still to come.
    fn pass(&mut self, length: Length) {
        self.next_request();
        self.place = match length {
            Length::Bytes(0) => Place::Head,
            Length::Bytes(bytes) => Place::Body(bytes),
            Length::Chunks => Place::Chunks(Chunks::default()),
        };
    }

    fn refuse(&mut self, fault: Fault) -> bool {
        let stand_in = match self.held[self.cleared..].starts_with(b"HEAD ") {
            true => STAND_IN_FOR_HEAD,
            false => STAND_IN,
        };
        self.held.truncate(self.cleared);
        self.held.extend_from_slice(stand_in);
        self.cleared = self.held.len();
        self.next_request();
        self.refused.note(self.requests, fault);
        self.place = Place::Refused;
        true
    }

    fn next_request(&mut self) {
        self.requests += 1;
        self.scanned = 0;
        self.lines = 0;
        self.empty_lines = 0;
        self.deadline = None;
    }

    /// Hands on what may be; whether there was anything.
    fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let count = self.cleared.min(buffer.remaining());
        buffer.put_slice(&self.held[..count]);
        self.held.drain(..count);
        self.cleared -= count;
        if self.held.is_empty() && self.held.capacity() > head::MAX_HEAD_BYTES {
            self.held = Vec::new();
        }
        count > 0
    }

    fn is_refused(&self) -> bool {
        matches!(self.place, Place::Refused)
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
            if this.hand_on(buffer) || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            match this.place {
                Place::Broken => return Poll::Ready(Err(chunks::broken())),
                Place::Late => return Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                _ => {}
            }
            let before = buffer.filled().len();
            let outcome = pin!(&mut this.stream).poll_read(cx, buffer);
            if outcome.is_pending() {
                if let Some(deadline) = &mut this.deadline {
                    ready!(deadline.as_mut().poll(cx));
                    // Counted here, since hyper says nothing of a head that it has not seen.
                    this.seat.was_slow();
                    this.deadline = None;
                    this.place = Place::Late;
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                return Poll::Pending;
            }
            ready!(outcome)?;
            if buffer.filled().len() == before {
                // Whoever was refused and hangs up may still read.
                return match this.is_refused() {
                    true => Poll::Pending,
                    false => Poll::Ready(Ok(())),
                };
            }
            if matches!(this.place, Place::Frames) && this.held.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if this.is_refused() {
                let count = buffer.filled().len() - before;
                buffer.set_filled(before);
                this.left_to_read = this.left_to_read.saturating_sub(count);
                if this.left_to_read == 0 {
                    return Poll::Pending;
                }
                continue;
            }
            if this.pass_as_it_is(&buffer.filled()[before..]) {
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
        if this.is_refused() {
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
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore",
        ] {
            assert_eq!(handed_on(said.as_bytes()).await, (said.to_owned(), true));
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
