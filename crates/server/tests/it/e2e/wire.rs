//! Requests as they stand on the wire: what a framework never sees (H-05, H-13).

use std::io::{Read, Write};

use super::http::Reply;
use super::log::metrics_address;
use super::{Setup, http};

/// What every answer wears, by whatever it was made.
pub(super) fn assert_worn(answer: &Reply) {
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

/// H-11: those of the metrics' port too. It speaks plain HTTP, over which HSTS is not sent (RFC 6797, 7.2).
#[test]
fn the_answers_of_the_metrics_wear_the_headers_of_all() {
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
        assert_worn(&answer);
        assert_eq!(answer.header("strict-transport-security"), None);
        assert_eq!(answer.status, status);
    }
}

/// H-03, H-13: nor where it is refused: a proxy that has read `HEAD` would take the body for the next answer.
#[test]
fn a_refused_head_has_no_body_either() {
    let server = Setup::new().start();
    for fields in ["Host: x\r\nHost: x\r\n", "Host: x\r\nA_b: c\r\n"] {
        let mut stream = http::open(server.address()).unwrap();
        let request = format!("HEAD / HTTP/1.1\r\n{fields}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    }
}

/// H-05: a client that says with its last byte that there are no more, as `nc -N` and some probes do, is
/// answered, however long the answer is.
#[test]
fn who_half_closes_is_answered() {
    let server = Setup::new().start();
    let body = r#"{"username":"nobody","password":"three boats on a lake"}"#;
    let post = format!(
        "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    for (request, status) in [
        (get("/healthz"), "200"),
        (get("/openapi.json"), "200"),
        (get("/healthz").replace("GET", "HEAD"), "200"),
        (post, "401"),
        (
            format!("{}{}", get("/healthz"), get("/openapi.json")),
            "200",
        ),
    ] {
        let mut stream = http::open(server.address()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let begins = format!("HTTP/1.1 {status}");
        assert!(answer.starts_with(&begins), "{request} {answer}");
        let asked = request.matches(" HTTP/1.1").count();
        assert_eq!(answer.matches("HTTP/1.1 ").count(), asked, "{request}");
        if request.contains("/openapi.json") {
            assert!(answer.trim_end().ends_with('}'), "{request}");
            let whole = answer.rsplit("\r\n\r\n").next().unwrap();
            serde_json::from_str::<serde_json::Value>(whole).unwrap();
        }
    }
}

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

/// H-01, H-04, H-05, H-13: what two readers could take for two things is refused, with a problem, and
/// the connection ends.
#[test]
fn ambiguous_requests_are_refused_and_the_server_lives_on() {
    let server = Setup::new().start();
    let fields = |count: usize| "X-A: y\r\n".repeat(count);
    let get = |fields: &str| format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let post = |fields: &str| format!("POST /auth HTTP/1.1\r\nHost: x\r\n{fields}\r\n{{}}");
    for (request, expected) in [
        (post("Content-Length: 2\r\nContent-Length: 3\r\n"), 400),
        (post("Content-Length: 2\r\nContent-Length: 2\r\n"), 400),
        (post("Content-Length: -1\r\n"), 400),
        (post("Content-Length: +2\r\n"), 400),
        // hyper has its own use for these.
        (post("Content-Length: 18446744073709551615\r\n"), 400),
        (post("Content-Length: 18446744073709551614\r\n"), 400),
        (
            post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
            400,
        ),
        (post("Transfer-Encoding: gzip\r\n"), 400),
        (get("A: b\r\n c\r\n"), 400),
        (get("A : b\r\n"), 400),
        (get("A: \0\r\n"), 400),
        (get("A: b\n"), 400),
        (get("A: b\rC: d\r\n"), 400),
        (get("X_Forwarded_For: 10.0.0.1\r\n"), 400),
        (get("Connection: close, X-Forwarded-For\r\n"), 400),
        (get("Host: y\r\n"), 400),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\nHost: x\n\n".to_owned(), 400),
        ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("nonsense\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        (get(&fields(101)), 431),
        (get(&format!("A: {}\r\n", "x".repeat(20_000))), 431),
        (
            format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(8192)),
            414,
        ),
        (
            format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(900_000)),
            414,
        ),
        (get("Accept: image/png\r\nConnection: close\r\n"), 406),
    ] {
        // What comes after it is not read.
        let both = format!("{request}{}", get(""));
        let reply = http::exchange(server.address(), both.as_bytes()).unwrap();
        let shown = &request[..request.len().min(80)];
        assert_eq!(reply.status, expected, "{shown:?}");
        if expected != 406 {
            assert_eq!(reply.header("connection"), Some("close"), "{shown:?}");
        }
        let kind = reply.header("content-type");
        assert_eq!(kind, Some("application/problem+json"), "{shown:?}");
        assert_eq!(reply.json()["status"], expected);
        let id = reply.header("x-request-id").map(str::to_owned);
        assert_eq!(reply.json()["request_id"].as_str(), id.as_deref());
    }
    server.get("/healthz").expect(200);
}

/// H-03, H-05: what is odd, and has one meaning.
#[test]
fn what_has_one_meaning_is_answered() {
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

/// H-13: requests in one go are each answered, in their order, and one that is refused after others.
#[test]
fn many_in_one_go_are_answered_in_their_order() {
    let server = Setup::new().start();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let chunked = "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nA: b\r\n\r\n";
    let sized = "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nGET / HTTP/1.1";
    let all = [
        &get("/healthz"),
        chunked,
        &get("/nope"),
        sized,
        &get("/healthz"),
        "GET /\n\n",
        &get("/nope"),
    ];
    let mut stream = http::open(server.address()).unwrap();
    // Byte by byte, and in one go.
    for piece in [1, 7, 100_000] {
        for part in all.concat().as_bytes().chunks(piece) {
            stream.write_all(part).unwrap();
        }
        let mut answers = String::new();
        stream.read_to_string(&mut answers).unwrap();
        let heads = answers.split("HTTP/1.1 ").skip(1);
        let statuses: Vec<_> = heads.map(|head| &head[..3]).collect();
        assert_eq!(
            statuses,
            ["200", "422", "404", "415", "200", "400"],
            "{answers}"
        );
        stream = http::open(server.address()).unwrap();
    }
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
