//! Small floods (T-FLOOD); `cargo xtask flood` runs large ones.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Setup, eventually, http};
use crate::support::PASSWORD;

/// A connection from another address of this machine.
fn from(source: u8, address: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        let source = SocketAddr::new(IpAddr::from([127, 0, 0, source]), 0);
        socket.bind(source).unwrap();
        socket.connect(address).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    let timeout = Some(Duration::from_secs(30));
    stream.set_read_timeout(timeout).unwrap();
    stream
}

/// Returns `true` if the server responds on this connection. It closes a connection over a limit.
fn is_served(stream: &mut TcpStream) -> bool {
    let request = http::request("GET", "/healthz", &[], "");
    let mut response = String::new();
    // Writing to a closed connection may fail.
    let _ = stream.write_all(request.replace("Connection: close\r\n", "").as_bytes());
    let mut buffer = [0; 1024];
    if let Ok(count) = stream.read(&mut buffer) {
        response.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    response.starts_with("HTTP/1.1 200 ")
}

/// H-05, T-FLOOD: connections over a limit are closed at once, no open connection is closed for them, and a slot
/// is free again when its connection ends.
#[test]
fn connections_over_a_limit_are_closed_and_open_ones_are_served() {
    let server = Setup::new()
        .with("DOORWARD_LIMITS__CONNECTIONS", "16")
        .with("DOORWARD_LIMITS__CONNECTIONS_PER_ADDRESS", "4")
        .start();
    let mut open: Vec<_> = (0..4)
        .flat_map(|source| std::iter::repeat_n(source + 2, 4))
        .map(|source| from(source, server.address()))
        .collect();
    let is_open = |stream: &mut TcpStream| is_served(stream);
    assert!(open[..12].iter_mut().all(is_open));
    assert!(!is_served(&mut from(2, server.address())), "per address");
    assert!(open[12..].iter_mut().all(is_open));
    assert!(!is_served(&mut from(9, server.address())), "in all");
    assert!(open.iter_mut().all(is_open));
    drop(open.pop());
    eventually("the slot is free", || {
        is_served(&mut from(9, server.address())).then_some(())
    });
    let log = server.log();
    assert_eq!(log.matches("request limit reached").count(), 1, "{log}");
}

/// P-10, T-FLOOD: excess requests get a `Retry-After` at once, and no request waits for long.
#[test]
fn too_many_sign_ins_get_503_with_retry_after() {
    let server = Setup::new()
        .with("DOORWARD_HASHING__THREADS", "1")
        .with("DOORWARD_HASHING__QUEUE_LIMIT", "1")
        // A hash takes longer than all requests take to arrive, on any machine.
        .with("DOORWARD_HASHING__MEMORY_KIB", "65536")
        .with("DOORWARD_HASHING__PASSES", "10")
        .with("DOORWARD_THROTTLE__ENABLED", "false")
        .start();
    let attempt = |number: usize| {
        let body = json!({"username": format!("user-{number}"), "password": PASSWORD});
        let began = Instant::now();
        let reply = server.post("/auth", body);
        (reply, began.elapsed())
    };
    let (reply, one_hash) = attempt(60);
    reply.expect(401);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let attempts: Vec<_> = (0..60)
            .map(|number| scope.spawn(move || attempt(number)))
            .collect();
        attempts
            .into_iter()
            .map(|attempt| attempt.join().unwrap())
            .collect()
    });
    let refused: Vec<_> = answers
        .iter()
        .filter(|(reply, _)| reply.status == 503)
        .collect();
    assert!(
        !refused.is_empty() && refused.len() < 60,
        "{}",
        refused.len()
    );
    for (reply, took) in &answers {
        assert!(matches!(reply.status, 401 | 503), "{}", reply.body);
        // Five seconds by P-10. Were they to wait for each other, the last would wait for sixty hashes.
        let bound = Duration::from_secs(5) + 20 * one_hash;
        assert!(*took < bound, "{took:?}, one hash takes {one_hash:?}");
    }
    for (reply, _) in refused {
        assert_eq!(reply.header("retry-after"), Some("1"));
        assert_eq!(reply.json()["code"], "overloaded");
    }
    server.get("/healthz").expect(200);
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// H-05, T-FLOOD: the connections of clients that open and reset streams, never end a header, or only ping are
/// closed, or not read any further.
#[test]
fn connections_that_flood_frames_are_closed() {
    let server = Setup::new().start();
    let head = b"\x82\x84\x86\x41\x01x";
    let resets = (0..5000_u32).flat_map(|number| {
        let stream = 2 * number + 1;
        [
            frame(1, 5, stream, head),
            frame(3, 0, stream, &[0, 0, 0, 8]),
        ]
        .concat()
    });
    let endless = [
        frame(1, 1, 1, head),
        frame(9, 0, 1, b"\x00\x03x-a\x01y").repeat(5000),
    ]
    .concat();
    for frames in [resets.collect(), endless] {
        let mut stream = from(2, server.address());
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
        // The server may close the connection half way.
        let _ = stream.write_all(&[preface, frames].concat());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        // GOAWAY, if it arrived.
        assert!(answer.is_empty() || answer.windows(5).any(|part| part[3] == 7));
    }
    server.get("/healthz").expect(200);
}

/// H-05: a client that reads no response does not delay the shutdown.
#[test]
fn a_client_that_does_not_read_does_not_delay_the_shutdown() {
    let server = Setup::new().start();
    let mut streams: Vec<_> = (0..3).map(|_| from(2, server.address())).collect();
    let request = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200);
    for stream in &mut streams {
        stream
            .set_write_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let _ = stream.write_all(request.as_bytes());
    }
    server.get("/healthz").expect(200);
    let began = Instant::now();
    server.stop();
    // Connections that are waited for have thirty seconds.
    assert!(
        began.elapsed() < Duration::from_secs(25),
        "{:?}",
        began.elapsed()
    );
    drop(streams);
}

/// S-10: reading creates no session.
#[test]
fn reading_creates_no_session() {
    let server = Setup::new().start();
    server
        .post("/user", json!({"username": "ben", "password": PASSWORD}))
        .expect(201);
    let token = server.sign_in("ben", PASSWORD);
    let mut stream = http::open(server.address()).unwrap();
    for path in ["/", "/auth", "/user", "/confirmation", "/recovery", "/docs"]
        .iter()
        .cycle()
        .take(600)
    {
        let request =
            format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(!head.contains("set-cookie: __host-doorward="), "{head}");
    }
    let sessions = server.send("GET", "/user/me/session", Some(&token), None);
    assert_eq!(
        sessions.expect(200).json()["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}
