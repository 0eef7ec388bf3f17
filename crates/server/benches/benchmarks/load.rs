//! Load: a few keep-alive connections. Each sends its next request as soon as it has the response.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::server::{PASSWORD, USERS};

pub struct Load {
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    connections: usize,
}

impl Load {
    pub fn get(address: SocketAddr, path: &str, token: Option<&str>, connections: usize) -> Self {
        let bearer = token
            .map(|token| format!("Authorization: Bearer {token}\r\n"))
            .unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{bearer}\r\n");
        Self {
            address,
            requests: Arc::new(vec![request.into_bytes()]),
            connections,
        }
    }

    pub fn sign_in(address: SocketAddr, connections: usize) -> Self {
        let request = |user| {
            post(
                "/auth",
                &format!(r#"{{"username":"user{user}","password":"{PASSWORD}"}}"#),
            )
        };
        Self {
            address,
            requests: Arc::new((0..USERS).map(request).collect()),
            connections,
        }
    }

    /// Returns the responses per second. A response that is not 2xx stops the benchmark.
    pub async fn run(&self, time: Duration) -> f64 {
        let started = Instant::now();
        let next = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..self.connections)
            .map(|_| {
                let (address, requests, next) = (self.address, self.requests.clone(), next.clone());
                tokio::spawn(async move {
                    let mut connection = Connection::open(address).await;
                    let mut count = 0_u32;
                    while started.elapsed() < time {
                        let turn = next.fetch_add(1, Ordering::Relaxed);
                        let (status, _) = connection.ask(&requests[turn % requests.len()]).await;
                        assert!((200..300).contains(&status), "answered {status}");
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let mut total = 0;
        for task in tasks {
            total += task.await.unwrap();
        }
        f64::from(total) / started.elapsed().as_secs_f64()
    }
}

pub fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: Vec::with_capacity(8192),
        }
    }

    /// Connects from another address of this machine.
    pub async fn open_from(client: Ipv4Addr, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((client, 0).into()).unwrap();
        let stream = socket.connect(address).await.unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Sends a request and returns the status and body of the response.
    pub async fn ask(&mut self, request: &[u8]) -> (u16, Vec<u8>) {
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        loop {
            assert!(
                self.stream.read_buf(&mut self.buffer).await.unwrap() > 0,
                "the server closed the connection"
            );
            let Some(head) = self
                .buffer
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            else {
                continue;
            };
            let text = std::str::from_utf8(&self.buffer[..head])
                .unwrap()
                .to_ascii_lowercase();
            let length = text.split("content-length: ").nth(1).map_or(0, |rest| {
                rest.split("\r\n").next().unwrap().parse().unwrap()
            });
            if self.buffer.len() >= head + 4 + length {
                let status = text[9..12].parse().unwrap();
                return (status, self.buffer[head + 4..].to_vec());
            }
        }
    }
}
