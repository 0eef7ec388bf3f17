//! chromedriver, and as much of WebDriver's protocol (W3C) as the tests need: JSON over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::browser::PATIENCE;

/// What to do where the programs are missing.
pub const HOW_TO_INSTALL: &str = "run cargo xtask test, which installs it";

/// chromedriver running. It is killed when the test is over.
pub struct Driver {
    child: Child,
    address: SocketAddr,
    /// Kept open, lest chromedriver dies of saying something.
    _stdout: BufReader<ChildStdout>,
}

impl Driver {
    pub fn start() -> Self {
        let mut command = Command::new("chromedriver");
        command
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("chromedriver cannot be run ({error}): {HOW_TO_INSTALL}")
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert!(
                stdout.read_line(&mut line).unwrap() > 0,
                "chromedriver ended before it said its port"
            );
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim().trim_end_matches('.').parse().unwrap();
            }
        };
        Self {
            child,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            _stdout: stdout,
        }
    }

    /// Sends a command; what it gives back, or WebDriver's error.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, Value> {
        let answer = self
            .exchange(method, path, &body.to_string())
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let mut answer: Value = serde_json::from_str(&answer)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}: {answer}"));
        let value = answer["value"].take();
        if value["error"].is_string() {
            Err(value)
        } else {
            Ok(value)
        }
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = if method == "POST" { body } else { "" };
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        read_answer(BufReader::new(stream))
    }
}

/// Reads an answer's body. chromedriver says how long it is, and keeps the connection open.
fn read_answer(mut stream: BufReader<TcpStream>) -> std::io::Result<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    String::from_utf8(body).map_err(std::io::Error::other)
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
