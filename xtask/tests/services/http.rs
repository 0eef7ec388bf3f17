//! Just enough of an HTTP client: one request a connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header field; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        found.next().map_or("", |(_, value)| value.trim())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It, if it has that status.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

/// Asks for a page, with this bearer token.
pub(crate) fn get(url: &str, token: Option<&str>) -> Answer {
    send("GET", url, token, None)
}

/// Sends a request to `http://HOST:PORT/PATH`.
pub(crate) fn send(method: &str, url: &str, token: Option<&str>, body: Option<&Value>) -> Answer {
    let authorization = token.map(|token| format!("Bearer {token}"));
    send_with(method, url, authorization.as_deref(), body)
        .unwrap_or_else(|error| panic!("{method} {url}: {error}"))
}

/// The same, with `Authorization` as it is to be sent; the error where there is no whole answer.
pub(crate) fn send_with(
    method: &str,
    url: &str,
    authorization: Option<&str>,
    body: Option<&Value>,
) -> std::io::Result<Answer> {
    let (host, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .expect("a URL with a path");
    let port = host.rsplit_once(':').expect("a port").1;
    let mut request = format!("{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    if let Some(authorization) = authorization {
        request += &format!("Authorization: {authorization}\r\n");
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    if !body.is_empty() {
        let length = body.len();
        request += &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
    }
    let mut connection = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    connection.set_read_timeout(Some(Duration::from_secs(60)))?;
    connection.write_all(format!("{request}\r\n{body}").as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    parse(&answer).ok_or_else(|| std::io::Error::other(format!("no answer: {answer:?}")))
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut answer = Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    };
    if answer.header("transfer-encoding") == "chunked" {
        answer.body = join_chunks(body)?;
    }
    Some(answer)
}

fn join_chunks(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (length, from) = rest.split_once("\r\n")?;
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body += from.get(..length)?;
        rest = from.get(length + 2..)?;
    }
}
