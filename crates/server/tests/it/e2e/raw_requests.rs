//! Raw requests, as an HTTP client would not send them (H-05, H-13).

use std::io::{Read, Write};
use std::net::TcpStream;

use super::http::Reply;
use super::log::metrics_address;
use super::{Setup, http};

/// Header fields of every response, from every component.
fn assert_default_headers(answer: &Reply) {
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}: {answer:?}");
    }
    let permissions = answer.header("permissions-policy").unwrap();
    assert!(permissions.contains("camera=()"), "{permissions}");
    assert!(answer.header("date").is_some(), "{answer:?}");
    assert!(answer.header("server").is_none(), "{answer:?}");
}

/// H-11: including the metrics port. It uses plain HTTP, over which HSTS is not sent (RFC 6797, 7.2).
#[test]
fn responses_of_the_metrics_listener_have_the_default_headers() {
    let server = Setup::new()
        .with("DOORWARD_METRICS__LISTEN", "127.0.0.1:0")
        .start();
    let address = metrics_address(&server);
    for (method, path, status) in [
        ("GET", "/metrics", 200),
        ("POST", "/metrics", 405),
        ("GET", "/", 404),
    ] {
        let request = http::request(method, path, &[], "");
        let answer = http::exchange(address, request.as_bytes()).unwrap();
        assert_default_headers(&answer);
        assert_eq!(answer.header("strict-transport-security"), None);
        assert_eq!(answer.status, status);
    }
}

/// Sends bytes and returns the status of the first response, or 0 if there is none.
fn status(address: std::net::SocketAddr, request: &[u8]) -> u16 {
    let mut stream = http::open(address).unwrap();
    if stream.write_all(request).is_err() {
        return 0;
    }
    read_status(&mut stream)
}

fn read_status(stream: &mut TcpStream) -> u16 {
    let mut head = [0; 12];
    match stream.read_exact(&mut head) {
        Ok(()) => String::from_utf8_lossy(&head[9..]).parse().unwrap(),
        Err(_) => 0,
    }
}

/// H-04, H-05, H-13: hyper rejects what it cannot parse, and the server keeps running.
#[test]
fn malformed_and_oversized_headers_are_rejected() {
    let server = Setup::new().start();
    let fields = |count: usize| "X-A: y\r\n".repeat(count);
    let get = |fields: &str| format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let post = |fields: &str| format!("POST /auth HTTP/1.1\r\nHost: x\r\n{fields}\r\n{{}}");
    for (request, expected) in [
        (post("Content-Length: 2\r\nContent-Length: 3\r\n"), 400),
        (post("Content-Length: -1\r\n"), 400),
        (post("Content-Length: +2\r\n"), 400),
        (post("Transfer-Encoding: gzip\r\n"), 400),
        (get("A: b\r\n c\r\n"), 400),
        (get("A : b\r\n"), 400),
        (get("A: \0\r\n"), 400),
        (get("A: b\rC: d\r\n"), 400),
        ("GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("nonsense\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        (get(&fields(101)), 431),
        (get(&format!("A: {}\r\n", "x".repeat(20_000))), 431),
    ] {
        let shown = &request[..request.len().min(80)];
        assert_eq!(
            status(server.address(), request.as_bytes()),
            expected,
            "{shown:?}"
        );
    }
    server.get("/healthz").expect(200);
}

/// H-01, H-05, H-13: what the web layer rejects is a problem with a request ID.
#[test]
fn ambiguous_headers_are_rejected_with_a_problem() {
    let server = Setup::new().start();
    let get = |path: &str, fields: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n")
    };
    let long = format!("/{}", "x".repeat(8192));
    for (request, expected) in [
        (get("/", "Host: y\r\n"), 400),
        (get("/", "Authorization: a\r\nAuthorization: a\r\n"), 400),
        (get("/", "Content-Type: a/b\r\nContent-Type: a/b\r\n"), 400),
        (get(&long, ""), 414),
        (get("/", "Accept: image/png\r\n"), 406),
    ] {
        let reply = http::exchange(server.address(), request.as_bytes()).unwrap();
        let shown = &request[..request.len().min(80)];
        assert_eq!(reply.status, expected, "{shown:?}");
        let kind = reply.header("content-type");
        assert_eq!(kind, Some("application/problem+json"), "{shown:?}");
        let id = reply.header("x-request-id").map(str::to_owned);
        assert_eq!(reply.json()["request_id"].as_str(), id.as_deref());
    }
}

/// H-13: a body never becomes a second request, regardless of the framing that a proxy uses.
#[test]
fn a_body_does_not_become_a_request() {
    let server = Setup::new().start();
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    let json = "Host: x\r\nContent-Type: application/json\r\n";
    let length = smuggled.len();
    let sized = format!("POST /auth HTTP/1.1\r\n{json}Content-Length: {length}\r\n\r\n{smuggled}");
    let chunked = format!(
        "POST /auth HTTP/1.1\r\n{json}Transfer-Encoding: chunked\r\n\r\n{length:x};a=b\r\n{smuggled}\r\n0\r\nA: b\r\n\r\n"
    );
    let both = chunked.replace("Transfer-", "Content-Length: 4\r\nTransfer-");
    let last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for request in [sized, chunked, both] {
        // Byte by byte, and at once.
        for piece in [1, 100_000] {
            let mut stream = http::open(server.address()).unwrap();
            for part in format!("{request}{last}").as_bytes().chunks(piece) {
                // hyper may close after a request with both framings.
                let _ = stream.write_all(part);
            }
            let mut responses = String::new();
            let _ = stream.read_to_string(&mut responses);
            let heads = responses.split("HTTP/1.1 ").skip(1);
            let statuses: Vec<_> = heads.map(|head| &head[..3]).collect();
            let expected: &[&[&str]] = &[&["400", "200"], &["400"]];
            assert!(expected.contains(&&*statuses), "{request}: {responses}");
        }
    }
}

/// H-03, H-05
#[test]
fn unusual_requests_get_a_response() {
    let server = Setup::new().start();
    let address = server.address();
    let close = "Host: x\r\nConnection: close\r\n";
    for (request, expected) in [
        (format!("TRACE / HTTP/1.1\r\n{close}\r\n"), vec![405]),
        (
            format!("CONNECT evil.example:443 HTTP/1.1\r\n{close}\r\n"),
            vec![400, 404, 405],
        ),
        (
            format!("GET http://evil.example/ HTTP/1.1\r\n{close}\r\n"),
            vec![200],
        ),
        (
            format!("GET / HTTP/1.1\r\n{close}X-HTTP-Method-Override: DELETE\r\n\r\n"),
            vec![200],
        ),
        (
            format!("GET / HTTP/1.1\r\n{close}{}\r\n", "X-A: y\r\n".repeat(98)),
            vec![200],
        ),
        (format!("\r\nGET / HTTP/1.1\r\n{close}\r\n"), vec![200]),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), vec![200]),
    ] {
        let got = status(address, request.as_bytes());
        assert!(expected.contains(&got), "{got} for {request:?}");
    }
}

#[test]
fn a_chunked_body_has_the_same_size_limit() {
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
fn a_response_to_head_has_no_body() {
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

/// H-05: most clients send the whole body before they read the response.
#[test]
fn a_large_body_is_rejected_with_a_response() {
    let server = Setup::new().start();
    for size in [70_000, 1_000_000] {
        let head = format!(
            "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
        );
        for _ in 0..10 {
            let mut stream = http::open(server.address()).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(" ".repeat(size).as_bytes()).unwrap();
            assert_eq!(read_status(&mut stream), 413, "{size}");
        }
    }
}

/// H-05: a rejected request gets its response even if its body arrives after its header.
#[test]
fn a_body_that_is_not_read_does_not_lose_the_response() {
    let server = Setup::new().start();
    for (line, expected) in [
        ("PATCH /user/me", 401),
        ("PUT /nope", 404),
        ("PUT /auth", 405),
    ] {
        for _ in 0..20 {
            let mut stream = http::open(server.address()).unwrap();
            stream.set_nodelay(true).unwrap();
            let body = " ".repeat(30_000);
            let head = format!(
                "{line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(body.as_bytes()).unwrap();
            assert_eq!(read_status(&mut stream), expected, "{line}");
        }
    }
}

#[test]
fn expect_continue_with_a_large_body_is_rejected_before_the_body() {
    let server = Setup::new().start();
    let mut stream = http::open(server.address()).unwrap();
    let head = "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(read_status(&mut stream), 413);
}
