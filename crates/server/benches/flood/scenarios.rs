//! The floods. To add one: a function, and its entry in [`ALL`].

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::server::{FloodServer, from, post, status};

/// The measurements of one flood, and the expectations that failed.
pub struct FloodResult {
    pub summary: String,
    pub faults: Vec<&'static str>,
}

pub type Flood = for<'a> fn(&'a FloodServer) -> Pin<Box<dyn Future<Output = FloodResult> + 'a>>;

pub const ALL: &[(&str, Flood)] = &[
    ("nothing, for comparison", |server| {
        Box::pin(baseline(server))
    }),
    ("500 sign-ins at once", |server| Box::pin(sign_ins(server))),
    ("10,000 idle connections", |server| Box::pin(idle(server))),
    ("2,000 slow heads", |server| {
        Box::pin(slow(server, "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "))
    }),
    ("2,000 slow bodies", |server| {
        Box::pin(slow(
            server,
            "POST /auth HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n",
        ))
    }),
    ("300 passwords of a megabyte", |server| {
        Box::pin(passwords(server, 1024 * 1024, 413))
    }),
    ("300 passwords of 1,025 bytes", |server| {
        Box::pin(passwords(server, 1025, 422))
    }),
    ("500 heads of 10,000 fields", |server| {
        Box::pin(heads(server))
    }),
    ("HTTP/2: streams opened and reset", |server| {
        Box::pin(frames(server, reset_frames()))
    }),
    ("HTTP/2: endless headers", |server| {
        Box::pin(frames(server, continuation_frames()))
    }),
    ("HTTP/2: pings and settings", |server| {
        Box::pin(frames(server, ping_frames()))
    }),
    ("100,000 anonymous GETs", |server| {
        Box::pin(anonymous(server))
    }),
];

/// Counts equal values: `3 x 200, 1 x 503`.
fn tally<T: Ord + std::fmt::Debug>(all: impl IntoIterator<Item = T>) -> String {
    let mut counts = BTreeMap::new();
    for one in all {
        *counts.entry(one).or_insert(0) += 1;
    }
    let parts: Vec<_> = counts
        .iter()
        .map(|(what, count)| format!("{count} x {what:?}"))
        .collect();
    parts.join(", ")
}

fn faults(checks: &[(bool, &'static str)]) -> Vec<&'static str> {
    let broken = checks.iter().filter(|(holds, _)| !holds);
    broken.map(|(_, what)| *what).collect()
}

/// No flood: the latencies of an idle server on this machine.
async fn baseline(_: &FloodServer) -> FloodResult {
    tokio::time::sleep(Duration::from_secs(3)).await;
    FloodResult {
        summary: "nothing".to_owned(),
        faults: Vec::new(),
    }
}

/// P-10: from 20 addresses, because one address has at most 256 connections.
async fn sign_ins(server: &FloodServer) -> FloodResult {
    let attempts = (0..500).map(|number| async move {
        let began = Instant::now();
        let source = from(2 + number % 20);
        let answer = server.sign_in(source, &format!("user-{number}")).await;
        (answer, began.elapsed())
    });
    let answers = futures_util::future::join_all(attempts).await;
    let slowest = answers
        .iter()
        .map(|(_, took)| *took)
        .max()
        .unwrap_or_default();
    let refused = answers.iter().filter(|((status, _), _)| *status == 503);
    let slowest_rejection = refused
        .clone()
        .map(|(_, took)| *took)
        .max()
        .unwrap_or_default();
    let is_known = |answer: &((u16, bool), Duration)| matches!(answer.0, (401, _) | (503, true));
    FloodResult {
        summary: format!(
            "{}; slowest {slowest:.1?}, slowest rejection {slowest_rejection:.1?}",
            tally(answers.iter().map(|(answer, _)| answer.0))
        ),
        faults: faults(&[
            (
                answers.iter().all(is_known),
                "a response is neither 401 nor 503 with Retry-After",
            ),
            (refused.count() > 0, "no sign-in was rejected"),
            (
                slowest < Duration::from_secs(5),
                "a response took more than five seconds",
            ),
        ]),
    }
}

/// H-05: from 40 addresses, 250 each. Those over the limit are closed at once.
async fn idle(server: &FloodServer) -> FloodResult {
    let mut held = Vec::new();
    let mut failed = 0;
    for number in 0..10_000 {
        match server.connect(from(2 + number % 40)).await {
            Ok(stream) => held.push(stream),
            Err(_) => failed += 1,
        }
    }
    let open = server.metric("doorward_connections ").await;
    let rejected = server
        .metric("doorward_connections_rejected_total{reason=\"limit\"}")
        .await;
    FloodResult {
        summary: format!(
            "{} opened, {failed} failed; {open} open at the end, {rejected} rejected",
            held.len()
        ),
        faults: faults(&[
            (
                open <= 4096.0,
                "more connections are open than the limit allows",
            ),
            (rejected > 5000.0, "too few connections were rejected"),
        ]),
    }
}

/// Headers have a timeout of 10 s, a body of 30 s.
const SLOW_AT_MOST: Duration = Duration::from_secs(45);

/// H-05: sends the start of a request, and then one byte a second.
async fn slow(server: &FloodServer, beginning: &'static str) -> FloodResult {
    let mut held = Vec::new();
    for number in 0..2000 {
        let mut stream = server.connect(from(2 + number % 40)).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        held.push(stream);
    }
    let began = Instant::now();
    let mut left = held.len();
    while left > 0 && began.elapsed() < SLOW_AT_MOST {
        let mut still = Vec::new();
        for mut stream in held {
            let mut scratch = [0; 512];
            let is_closed =
                stream.try_read(&mut scratch).is_ok() || stream.write_all(b" ").await.is_err();
            if !is_closed {
                still.push(stream);
            }
        }
        held = still;
        left = held.len();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    FloodResult {
        summary: format!("{left} still open after {:.0?}", began.elapsed()),
        faults: faults(&[(left == 0, "slow connections are not closed")]),
    }
}

/// P-02: overlong passwords are not hashed.
async fn passwords(server: &FloodServer, size: usize, expected: u16) -> FloodResult {
    let hashes = "doorward_password_hash_duration_seconds_count";
    let before = server.metric(hashes).await;
    let body = format!(
        "{{\"username\":\"ben\",\"password\":\"{}\"}}",
        "x".repeat(size)
    );
    let request = post("/auth", &body);
    let mut answers = Vec::new();
    let mut slowest = Duration::ZERO;
    for _ in 0..300 {
        let began = Instant::now();
        let answer = server
            .ask(from(2), request.as_bytes())
            .await
            .unwrap_or_default();
        slowest = slowest.max(began.elapsed());
        answers.push(status(&answer));
    }
    let hashed = server.metric(hashes).await - before;
    FloodResult {
        summary: format!(
            "{}; slowest {slowest:.1?}; {hashed} hashes",
            tally(answers.iter().copied())
        ),
        faults: faults(&[
            (
                answers.iter().all(|status| *status == expected),
                "an unexpected response",
            ),
            (hashed == 0.0, "a password was hashed"),
        ]),
    }
}

/// H-05.
async fn heads(server: &FloodServer) -> FloodResult {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "X-A: y\r\n".repeat(10_000)
    );
    let mut answers = JoinSet::new();
    let mut seen = Vec::new();
    for number in 0..500 {
        let (address, request) = (server.address, request.clone());
        answers.spawn(async move {
            let mut stream = crate::server::connect(from(2 + number % 40), address)
                .await
                .ok()?;
            stream.write_all(request.as_bytes()).await.ok();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.ok();
            Some(status(&String::from_utf8_lossy(&answer)))
        });
        if answers.len() >= 50 {
            seen.extend(answers.join_next().await.and_then(Result::ok).flatten());
        }
    }
    seen.extend(answers.join_all().await.into_iter().flatten());
    FloodResult {
        summary: tally(seen.iter().copied()),
        faults: faults(&[(
            seen.iter().all(|status| matches!(status, 431 | 0)),
            "neither 431 nor a closed connection",
        )]),
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The rapid reset (CVE-2023-44487).
fn reset_frames() -> Vec<u8> {
    let streams = (0..20_000_u32).map(|number| 2 * number + 1);
    streams
        .flat_map(|stream| {
            [
                frame(1, 5, stream, b"\x82\x84\x86\x41\x01x"),
                frame(3, 0, stream, &[0, 0, 0, 8]),
            ]
            .concat()
        })
        .collect()
}

/// Endless CONTINUATION frames (VU#421644).
fn continuation_frames() -> Vec<u8> {
    let mut frames = frame(1, 1, 1, b"\x82\x84\x86\x41\x01x");
    for _ in 0..20_000 {
        frames.extend(frame(9, 0, 1, b"\x00\x03x-a\x01y"));
    }
    frames
}

fn ping_frames() -> Vec<u8> {
    let both = [frame(6, 0, 0, &[0; 8]), frame(4, 0, 0, &[])].concat();
    both.repeat(100_000)
}

/// H-05: 40 connections that write all frames and read nothing.
async fn frames(server: &FloodServer, frames: Vec<u8>) -> FloodResult {
    let frames = std::sync::Arc::new([PREFACE.to_vec(), frames].concat());
    let mut clients = JoinSet::new();
    for number in 0..40 {
        let (address, frames) = (server.address, frames.clone());
        clients.spawn(async move {
            let mut stream = crate::server::connect(from(2 + number), address)
                .await
                .unwrap();
            let writing = stream.write_all(&frames);
            match timeout(Duration::from_secs(6), writing).await {
                Ok(Ok(())) => "took all",
                Ok(Err(_)) => "hung up",
                Err(_) => "stopped reading",
            }
        });
    }
    let ends = clients.join_all().await;
    FloodResult {
        summary: tally(ends),
        faults: Vec::new(),
    }
}

/// S-10: 100,000 anonymous requests create no session.
async fn anonymous(server: &FloodServer) -> FloodResult {
    let mut clients = JoinSet::new();
    for number in 0..10 {
        let address = server.address;
        clients.spawn(async move {
            let mut stream = crate::server::connect(from(2 + number), address)
                .await
                .unwrap();
            let mut answers = 0;
            for path in ["/", "/confirmation", "/recovery", "/auth"]
                .iter()
                .cycle()
                .take(10_000)
            {
                let request =
                    format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n");
                stream.write_all(request.as_bytes()).await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                answers += 1;
            }
            answers
        });
    }
    let answers: usize = clients.join_all().await.into_iter().sum();
    // One session is from the warm-up.
    let sessions = server.metric("doorward_sessions_issued_total").await;
    FloodResult {
        summary: format!("{answers} responses, {sessions} sessions"),
        faults: faults(&[(sessions == 1.0, "an anonymous request created a session")]),
    }
}
