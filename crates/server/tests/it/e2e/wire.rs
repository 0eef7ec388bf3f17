//! Requests as they stand on the wire: what a framework never sees (H-05, H-13).

use std::io::{Read, Write};

use super::{Setup, http};

/// Sends bytes, and gives the status of the first answer; 0 where the server just hangs up.
fn status(address: std::net::SocketAddr, request: &[u8]) -> u16 {
    let mut stream = http::open(address).unwrap();
    if stream.write_all(request).is_err() {
        return 0;
    }
    let mut head = [0; 12];
    match stream.read_exact(&mut head) {
        Ok(()) => String::from_utf8_lossy(&head[9..]).parse().unwrap(),
        Err(_) => 0,
    }
}

#[test]
fn ambiguous_requests_are_refused_and_the_server_lives_on() {
    let server = Setup::new().start();
    let address = server.address();
    let headers = |count: usize| {
        (0..count)
            .map(|number| format!("X-{number}: y\r\n"))
            .collect::<String>()
    };
    for (request, expected) in [
        (
            "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
                .to_owned(),
            vec![400],
        ),
        (
            "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}".to_owned(),
            vec![400],
        ),
        (
            "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}".to_owned(),
            vec![400],
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n".to_owned(),
            vec![400],
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n".to_owned(),
            vec![400],
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n".to_owned(),
            vec![400],
        ),
        ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), vec![400]),
        (
            "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            vec![400],
        ),
        ("nonsense\r\n\r\n".to_owned(), vec![400, 0]),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), vec![400, 505, 0]),
        (
            format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", headers(101)),
            vec![431, 400],
        ),
        (
            format!(
                "GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n",
                "x".repeat(20_000)
            ),
            vec![431, 400],
        ),
        (
            format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(20_000)),
            vec![414, 431, 400],
        ),
        (
            "TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
            vec![405],
        ),
        (
            "CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
            vec![400, 404, 405],
        ),
        (
            "GET http://evil.example/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
            vec![200],
        ),
        (
            format!(
                "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}\r\n",
                headers(90)
            ),
            vec![200],
        ),
    ] {
        let got = status(address, request.as_bytes());
        assert!(
            expected.contains(&got),
            "{got} for {:?}",
            &request[..request.len().min(80)]
        );
    }
    server.get("/healthz").expect(200);
}

#[test]
fn a_body_may_come_in_chunks_and_is_counted_all_the_same() {
    let server = Setup::new().start();
    let chunked = |size: usize, count: usize| {
        let chunk = format!("{size:x}\r\n{}\r\n", " ".repeat(size));
        let head = "POST /auth HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        format!("{head}{}0\r\n\r\n", chunk.repeat(count))
    };
    assert_eq!(status(server.address(), chunked(1024, 64).as_bytes()), 400);
    assert_eq!(status(server.address(), chunked(1024, 65).as_bytes()), 413);
}

#[test]
fn a_head_has_no_body_on_the_wire() {
    let server = Setup::new().start();
    for path in ["/healthz", "/nope", "/user/me"] {
        let mut stream = http::open(server.address()).unwrap();
        stream
            .write_all(http::request("HEAD", path, &[], "").as_bytes())
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.ends_with("\r\n\r\n"), "{text}");
    }
}

/// A body of that many spaces, announced or in chunks.
fn large(head: &str, size: usize) -> [String; 2] {
    let spaces = " ".repeat(size);
    [
        format!("{head}Content-Length: {size}\r\n\r\n{spaces}"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{spaces}\r\n0\r\n\r\n"),
    ]
}

/// Who sends all and reads then, as proxies do, reads the answer and not that the line is dead.
#[test]
fn an_answer_before_the_body_is_in_is_heard() {
    let server = Setup::new().start();
    let json = "Content-Type: application/json\r\n";
    for (line, fields, expected) in [
        ("POST /auth", json, 413),
        ("POST /auth", "Content-Type: text/plain\r\n", 415),
        ("PATCH /user/me", json, 401),
        ("PUT /nope", json, 404),
        ("PUT /auth", json, 405),
    ] {
        for size in [70_000, 900_000] {
            let head = format!("{line} HTTP/1.1\r\nHost: x\r\n{fields}");
            for request in large(&head, size) {
                let end = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
                for _ in 0..3 {
                    // The line is good for the next one too.
                    let both = format!("{request}{end}");
                    let mut stream = http::open(server.address()).unwrap();
                    stream.write_all(both.as_bytes()).unwrap();
                    let mut answers = String::new();
                    stream.read_to_string(&mut answers).unwrap();
                    let first = format!("HTTP/1.1 {expected} ");
                    assert!(answers.starts_with(&first), "{line} {size}: {answers}");
                    assert!(
                        answers.contains("HTTP/1.1 200 "),
                        "{line} {size}: {answers}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_body_that_never_ends_is_not_read_for_ever() {
    let server = Setup::new().start();
    let mut stream = http::open(server.address()).unwrap();
    let head = "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    // What the system keeps on the way is less than this.
    let sent = (0..1024).find(|_| stream.write_all(chunk.as_bytes()).is_err());
    assert!(sent.is_some());
    server.get("/healthz").expect(200);
}

#[test]
fn who_waits_to_be_asked_for_a_body_is_not() {
    let server = Setup::new().start();
    let mut stream = http::open(server.address()).unwrap();
    let head = "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    // To the end: nobody waits for what will not come.
    let reply = http::read(stream).unwrap();
    assert_eq!(reply.status, 413);
}
