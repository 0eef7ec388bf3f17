//! A minimal HTTP client for tests of a running server: one request per connection, in plain HTTP/1.1, to this
//! machine.

use std::io::{BufRead, BufReader, Error, Result, Write};
use std::net::{Ipv4Addr, TcpStream};

use serde_json::Value;

use crate::wait::TEST_TIMEOUT;

/// A request.
#[derive(Debug)]
#[must_use]
pub struct Request {
    method: String,
    host: String,
    path: String,
    fields: String,
    body: String,
}

/// A parsed response.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    head: String,
    /// Its body.
    pub body: String,
}

/// Sends a GET request, with a bearer token if there is one.
#[track_caller]
#[must_use]
pub fn get(url: &str, token: Option<&str>) -> Answer {
    send("GET", url, token, None)
}

/// Sends a request, with a bearer token and a JSON body if there are any.
#[track_caller]
#[must_use]
pub fn send(method: &str, url: &str, token: Option<&str>, body: Option<&Value>) -> Answer {
    let mut request = Request::new(method, url);
    if let Some(token) = token {
        request = request.bearer(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    request.send()
}

impl Request {
    /// Creates a request to `http://HOST:PORT/PATH`. It is sent to this machine, regardless of the host.
    ///
    /// # Panics
    /// If the URL has another form.
    pub fn new(method: &str, url: &str) -> Self {
        let (host, path) = url
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once('/'))
            .unwrap_or_else(|| panic!("no URL with a path: {url}"));
        Self {
            method: method.to_owned(),
            host: host.to_owned(),
            path: format!("/{path}"),
            fields: String::new(),
            body: String::new(),
        }
    }

    /// Adds a header field.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields += &format!("{name}: {value}\r\n");
        self
    }

    /// Adds a bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.field("Authorization", &format!("Bearer {token}"))
    }

    /// Adds a JSON body.
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string();
        self.field("Content-Type", "application/json")
    }

    /// Sends the request.
    ///
    /// # Panics
    /// If there is no complete response.
    #[track_caller]
    #[must_use]
    pub fn send(self) -> Answer {
        let what = format!("{} http://{}{}", self.method, self.host, self.path);
        self.try_send()
            .unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Sends the request.
    ///
    /// # Errors
    /// If there is no complete response.
    pub fn try_send(self) -> Result<Answer> {
        let (_, port) = self.host.rsplit_once(':').expect("a URL with a port");
        let port: u16 = port.parse().expect("a port");
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        connection.set_read_timeout(Some(TEST_TIMEOUT))?;
        let length = match self.body.len() {
            0 => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        let Self {
            method,
            host,
            path,
            fields,
            body,
        } = self;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{fields}{length}\r\n{body}"
        );
        connection.write_all(request.as_bytes())?;
        Answer::read(BufReader::new(connection))
    }
}

impl Answer {
    /// Returns the value of a header field; empty if it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        found.next().map_or("", |(_, value)| value.trim())
    }

    /// Parses the body.
    ///
    /// # Panics
    /// If it is not JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the response if it has this status.
    ///
    /// # Panics
    /// If it has another one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    pub(crate) fn read(mut connection: impl BufRead) -> Result<Self> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if connection.read_line(&mut head)? == 0 {
                return Err(Error::other(format!("no answer: {head:?}")));
            }
        }
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        let mut answer = Self {
            status: status.ok_or_else(|| Error::other(format!("no status: {head:?}")))?,
            head,
            body: String::new(),
        };
        let mut body = Vec::new();
        if answer.header("transfer-encoding") == "chunked" {
            body = chunks(connection)?;
        } else if let Ok(length) = answer.header("content-length").parse() {
            body.resize(length, 0);
            connection.read_exact(&mut body)?;
        } else {
            connection.read_to_end(&mut body)?;
        }
        answer.body = String::from_utf8(body).map_err(Error::other)?;
        Ok(answer)
    }
}

fn chunks(mut connection: impl BufRead) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        connection.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim_end(), 16).map_err(Error::other)?;
        let mut chunk = vec![0; length + "\r\n".len()];
        connection.read_exact(&mut chunk)?;
        if length == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}
