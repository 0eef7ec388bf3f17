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
