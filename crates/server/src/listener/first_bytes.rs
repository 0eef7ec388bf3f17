//! A new connection says something soon, or it is closed.
//!
//! hyper's time limit for headers begins when it knows which HTTP is spoken. Until then nothing
//! bounds the wait, and whoever opens connections and says nothing would hold their places for good.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What a client says first in HTTP/2 (RFC 9113, 3.4). Whatever else it says is HTTP/1.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream whose first bytes do not keep anybody waiting.
pub struct FirstBytes<S> {
    stream: S,
    /// How much of the preface was read, while it may still be one.
    read: usize,
    /// There until it is clear which HTTP is spoken.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> FirstBytes<S> {
    /// Gives the first bytes this long.
    pub fn within(limit: Duration, stream: S) -> Self {
        Self {
            stream,
            read: 0,
            deadline: Some(Box::pin(tokio::time::sleep(limit))),
        }
    }

    fn note(&mut self, bytes: &[u8]) {
        let expected = &PREFACE[self.read..];
        let common = expected
            .iter()
            .zip(bytes)
            .take_while(|(one, other)| one == other)
            .count();
        self.read += common;
        if common < bytes.len() || self.read == PREFACE.len() {
            self.deadline = None;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FirstBytes<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = pin!(&mut self.stream).poll_read(cx, buffer);
        if let Some(deadline) = &mut self.deadline {
            if outcome.is_pending() {
                ready!(deadline.as_mut().poll(cx));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.note(&buffer.filled()[before..]);
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FirstBytes<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        pin!(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        pin!(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Whether somebody who said this and nothing more is still waited for when the time is up.
    async fn is_waited_for(said: &[u8]) -> bool {
        let (mut client, server) = duplex(64);
        client.write_all(said).await.unwrap();
        let mut server = FirstBytes::within(Duration::ZERO, server);
        let mut heard = vec![0; said.len()];
        server.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, said);
        tokio::select! {
            biased;
            more = server.read_u8() => {
                assert_eq!(more.unwrap_err().kind(), io::ErrorKind::TimedOut);
                false
            }
            () = tokio::time::sleep(Duration::from_millis(20)) => true,
        }
    }

    #[tokio::test]
    async fn only_the_first_bytes_are_hurried() {
        for said in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
            assert!(!is_waited_for(said.as_bytes()).await, "{said}");
        }
        for said in [
            "G",
            "PU",
            "GET / HTTP/1.1\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore",
        ] {
            assert!(is_waited_for(said.as_bytes()).await, "{said}");
        }
    }
}
