//! `Door`: where a node is asked. A client of HTTP/1.1, a connection a request.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::PATIENCE;

/// A node as its clients see it. It may be away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Door {
    pub address: SocketAddr,
    /// Where requests come from.
    from: Ipv4Addr,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Reply {
    /// The answer, where it has that status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.body);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The text under that name, at the top of a JSON object.
    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        let body = self.json();
        let text = body[name].as_str();
        text.unwrap_or_else(|| panic!("no {name} in {body}"))
            .to_owned()
    }
}

impl Door {
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            from: Ipv4Addr::LOCALHOST,
        }
    }

    /// The same, for a client of another network address.
    pub fn from(self, from: Ipv4Addr) -> Self {
        Self { from, ..self }
    }

    /// The same, for a client of an address that nobody else has: budgets of addresses are not what
    /// the test is about.
    pub fn as_somebody_else(self) -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        // In a network of their own.
        self.from(Ipv4Addr::new(127, 21 + high, low, 1))
    }

    /// A request of nobody, or of whoever has that token; an error where there is no whole answer.
    pub async fn try_send(
        self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> io::Result<Reply> {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        if let Some(token) = token {
            request += &format!("Authorization: Bearer {token}\r\n");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            request += "Content-Type: application/json\r\n";
        }
        request += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let exchange = self.exchange(request.as_bytes());
        let bytes = tokio::time::timeout(PATIENCE, exchange).await??;
        parse(&bytes).ok_or_else(|| io::Error::other("the connection broke off"))
    }

    async fn exchange(self, request: &[u8]) -> io::Result<Vec<u8>> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((self.from, 0)))?;
        let mut stream = socket.connect(self.address).await?;
        stream.write_all(request).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    pub async fn send(
        self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Reply {
        let answer = self.try_send(method, path, token, body.as_ref()).await;
        answer.unwrap_or_else(|error| panic!("{method} {path} at {}: {error}", self.address))
    }

    pub async fn get(self, path: &str, token: &str) -> Reply {
        self.send("GET", path, Some(token), None).await
    }

    pub async fn post(self, path: &str, body: Value) -> Reply {
        self.send("POST", path, None, Some(body)).await
    }

    /// What a check of that token answers.
    pub async fn check(self, token: &str) -> u16 {
        self.get("/auth", token).await.status
    }

    /// A new session: the answer to a sign-in that must succeed.
    pub async fn sign_in(self, username: &str, password: &str) -> Reply {
        let body = json!({"username": username, "password": password});
        self.post("/auth", body).await.expect(201)
    }

    /// The token of a new session.
    pub async fn token(self, username: &str, password: &str) -> String {
        self.sign_in(username, password).await.text("token")
    }
}

fn parse(bytes: &[u8]) -> Option<Reply> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().to_owned())
    });
    let is_whole = length.is_none_or(|length| length.parse() == Ok(body.len()));
    is_whole.then(|| Reply {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}
