//! `NodeClient`: a client of one node. HTTP/1.1, one request per connection.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::TEST_TIMEOUT;

/// A node's address for clients. The node may be down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeClient {
    pub address: SocketAddr,
    /// Source address of requests.
    from: Ipv4Addr,
}

/// A complete response.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Reply {
    /// Returns the response if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.body);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A string of the top-level JSON object.
    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        let body = self.json();
        let text = body[name].as_str();
        text.unwrap_or_else(|| panic!("no {name} in {body}"))
            .to_owned()
    }
}

impl NodeClient {
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            from: Ipv4Addr::LOCALHOST,
        }
    }

    /// The same node, for a client at another network address.
    pub fn from(self, from: Ipv4Addr) -> Self {
        Self { from, ..self }
    }

    /// The same node, for a client at an unused address: for tests that are not about limits of addresses.
    pub fn with_a_new_address(self) -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        // Each is in a separate network.
        self.from(Ipv4Addr::new(127, 21 + high, low, 1))
    }

    /// Sends a request, anonymous or with a token. An error if there is no complete response.
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
        let bytes = tokio::time::timeout(TEST_TIMEOUT, exchange).await??;
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

    /// Status of a check of this token.
    pub async fn check(self, token: &str) -> u16 {
        self.get("/auth", token).await.status
    }

    /// Signs in and returns the response, which must be a success.
    pub async fn sign_in(self, username: &str, password: &str) -> Reply {
        let body = json!({"username": username, "password": password});
        self.post("/auth", body).await.expect(201)
    }

    /// Signs in and returns the token.
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
