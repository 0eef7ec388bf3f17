//! A TCP stream that hands out one line at a time, for the plaintext before STARTTLS.
//!
//! The library reads replies through a buffer and keeps that buffer when TLS starts, so replies
//! that somebody on the way slipped in behind the server's `220` would pass for answers that came
//! over TLS (the response injection of CVE-2021-33515 and its kin). Here nothing behind the end
//! of a line leaves this stream until it is asked for again: what was slipped in reaches the TLS
//! handshake instead, and breaks it.
//!
//! Must not know SMTP. Under TLS it only makes some reads shorter.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Reads no further than the next line end.
#[derive(Debug)]
pub(super) struct LineStream {
    tcp: TcpStream,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl LineStream {
    pub fn new(tcp: TcpStream) -> Self {
        Self {
            tcp,
            buffer: vec![0; 4096].into_boxed_slice(),
            start: 0,
            end: 0,
        }
    }
}

impl AsyncRead for LineStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.start == this.end {
            let mut fill = ReadBuf::new(&mut this.buffer);
            ready!(Pin::new(&mut this.tcp).poll_read(cx, &mut fill))?;
            this.start = 0;
            this.end = fill.filled().len();
        }
        let waiting = &this.buffer[this.start..this.end];
        let line = waiting
            .iter()
            .position(|b| *b == b'\n')
            .map_or(waiting.len(), |at| at + 1);
        let count = line.min(out.remaining());
        out.put_slice(&waiting[..count]);
        this.start += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LineStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for LineStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}
