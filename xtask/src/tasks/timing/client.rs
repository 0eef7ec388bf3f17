//! A persistent connection over loopback, which measures the time from the last byte sent to the last one
//! received.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// A response.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) nanoseconds: u64,
}

/// A connection.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(super) fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends a request, and waits for the whole response.
    pub(super) fn ask(&mut self, request: &str) -> anyhow::Result<Answer> {
        let begun = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("invalid HTTP response: {line:?}"))?;
        let (mut length, mut is_chunked) = (0, false);
        loop {
            line.clear();
            ensure!(
                self.stream.read_line(&mut line)? > 0,
                "the server closed the connection"
            );
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            is_chunked |= header == "transfer-encoding: chunked";
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let body = match is_chunked {
            true => self.chunks()?,
            false => self.bytes(length)?,
        };
        let nanoseconds = u64::try_from(begun.elapsed().as_nanos())?;
        Ok(Answer {
            status,
            body: String::from_utf8(body)?,
            nanoseconds,
        })
    }

    fn bytes(&mut self, count: usize) -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads a chunked body.
    fn chunks(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let length =
                usize::from_str_radix(line.trim_end(), 16).context("invalid chunk size")?;
            let mut chunk = self.bytes(length + 2)?;
            if length == 0 {
                return Ok(body);
            }
            chunk.truncate(length);
            body.append(&mut chunk);
        }
    }
}

/// A request with a JSON body. Without one if `body` is empty.
pub(super) fn request(method: &str, path: &str, token: &str, body: &str) -> String {
    let authorization = match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    let body_headers = match body {
        "" => String::new(),
        body => format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        ),
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n{authorization}{body_headers}\r\n{body}"
    )
}
