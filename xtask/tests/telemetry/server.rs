//! A Doorward whose metrics are read, and the few requests that tests send it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use doorward_testkit::servers::{ADMIN_PASSWORD, Doorward};
use serde_json::{Value, json};

use crate::scrape::Scrape;

pub(crate) const PASSWORD: &str = "canary-three-boats-on-a-lake";
/// Longer than anything takes; reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Watched {
    pub(crate) doorward: Doorward,
    metrics: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Watched {
    /// With a listener for metrics on a port that is free.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let mut all = vec![("DOORWARD_METRICS__LISTEN", "127.0.0.1:0")];
        all.extend(variables);
        let doorward = Doorward::start(&all);
        let log = doorward.log();
        let said = log.split("\"metrics.listen\":\"").nth(1);
        let metrics = said.and_then(|rest| rest.split('"').next());
        let metrics = metrics.unwrap_or_else(|| panic!("no listener for metrics: {log}"));
        Self {
            metrics: metrics.to_owned(),
            doorward,
        }
    }

    pub(crate) fn scrape(&self) -> Scrape {
        Scrape::of(&self.metrics("GET", "/metrics").expect(200).body)
    }

    /// A request to the listener of the metrics.
    pub(crate) fn metrics(&self, method: &str, path: &str) -> Answer {
        ask(&self.metrics, method, path, "", None).unwrap()
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &str, body: Value) -> Answer {
        let host = format!("localhost:{}", self.doorward.port());
        ask(&host, method, path, headers, Some(&body)).unwrap()
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Answer {
        let host = format!("localhost:{}", self.doorward.port());
        ask(&host, "GET", path, &bearer(token), None).unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, "", body)
    }

    pub(crate) fn sign_in(&self, username: &str, password: &str) -> Answer {
        self.post("/auth", json!({"username": username, "password": password}))
    }

    /// A token of the first admin.
    pub(crate) fn admin(&self) -> String {
        let signed_in = self.sign_in("admin", ADMIN_PASSWORD).expect(201).json();
        signed_in["token"].as_str().unwrap().to_owned()
    }

    /// The path of the newest mail's link to that address.
    pub(crate) fn link_to(&self, address: &str) -> String {
        let path = format!("/inbox.json?to={address}&wait=10");
        let mails = self.get(&path, "").expect(200).json();
        let mails = mails.as_array().or_else(|| mails["items"].as_array());
        let url = mails.unwrap()[0]["url"].as_str().unwrap();
        let path = url.split_once("://").unwrap().1.split_once('/').unwrap().1;
        format!("/{path}")
    }
}

pub(crate) fn bearer(token: &str) -> String {
    match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    }
}

/// Asks until it is so; what was seen last where it never is.
#[track_caller]
pub(crate) fn wait_for<T: std::fmt::Debug>(
    mut look: impl FnMut() -> T,
    is_so: impl Fn(&T) -> bool,
) -> T {
    let begun_at = Instant::now();
    loop {
        let seen = look();
        if is_so(&seen) {
            return seen;
        }
        assert!(begun_at.elapsed() < PATIENCE, "never: {seen:?}");
        std::thread::yield_now();
    }
}

fn ask(
    host: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: Option<&Value>,
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let mut body = Vec::new();
    reader.read_to_end(&mut body)?;
    let mut body = String::from_utf8_lossy(&body).into_owned();
    if head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
    {
        body = unchunked(&body);
    }
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Ok(Answer {
        status: status.unwrap_or(0),
        head,
        body,
    })
}

fn unchunked(body: &str) -> String {
    let mut text = String::new();
    let mut rest = body;
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        text += &after[..size];
        rest = after[size..].trim_start_matches("\r\n");
    }
    text
}
