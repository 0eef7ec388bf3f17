//! Shutdown behind a load balancer: it is notified first, and requests are served for a drain period.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::json;

use super::load::{ConnectionMode, Load, Target};
use super::{MailSink, Setup, eventually, http};

/// Sends a request on a connection that stays open, and returns the head of the response.
fn ask(connection: &mut BufReader<TcpStream>, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes()).unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(connection.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    connection.read_exact(&mut body).unwrap();
    head
}

fn open(address: SocketAddr) -> BufReader<TcpStream> {
    BufReader::new(http::open(address).unwrap())
}

#[test]
fn readyz_returns_503_first_and_requests_are_served_until_the_drain_ends() {
    let server = Setup::new()
        .with("DOORWARD_SHUTDOWN__DRAIN_SECONDS", "300")
        .start();
    let mut idle = open(server.address());
    assert!(!ask(&mut idle, "/healthz").contains("connection:"));
    server.get("/readyz").expect(200);
    server.signal("TERM");
    let turned = eventually("/readyz turns", || {
        Some(server.get("/readyz")).filter(|reply| reply.status == 503)
    });
    assert_eq!(turned.json()["code"], "stopping");
    assert_eq!(
        turned.header("content-type"),
        Some("application/problem+json")
    );
    // Old and new connections are served, with `Connection: close`.
    assert!(ask(&mut idle, "/healthz").contains("connection: close\r\n"));
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    assert!(ask(&mut open(server.address()), "/healthz").contains("connection: close\r\n"));
    let ben = json!({"username": "ben", "password": "plum cake on sundays"});
    server.post("/user", ben).expect(201);
    server.sign_in("ben", "plum cake on sundays");
    // A request that runs at the end of the drain period is completed.
    let (mut stream, rest) = server.start_sign_up("ann");
    // A second signal ends the drain period.
    server.signal("TERM");
    eventually("nothing new is taken", || {
        server
            .try_send("GET", "/healthz", None, None)
            .is_err()
            .then_some(())
    });
    stream.write_all(&rest).unwrap();
    assert_eq!(http::read(stream).unwrap().status, 201);
    let (status, log) = server.wait();
    assert!(status.success(), "{status}: {log}");
    assert!(!log.contains("aborted requests"), "{log}");
}

/// Neither a request nor a mail server that hangs is waited for.
#[test]
fn a_second_signal_aborts_running_requests() {
    let sink = MailSink::in_mode("stall-first", 0);
    let server = Setup::on_a_file().with("SMTP_URL", &sink.url()).start();
    let ben =
        json!({"username": "ben", "email": "ben@example.com", "password": "plum cake on sundays"});
    server.post("/user", ben).expect(201);
    sink.holds_one();
    let (mut stream, rest) = server.start_sign_up("ann");
    server.signal("INT");
    eventually("it stops", || {
        server
            .log()
            .contains("waiting for requests in flight")
            .then_some(())
    });
    server.signal("INT");
    eventually("it logs that", || {
        server.log().contains("forced shutdown").then_some(())
    });
    // The connection is closed by then: no response comes from stores that are being closed.
    let _ = stream.write_all(&rest);
    let answer = http::read(stream);
    assert!(answer.is_err(), "{answer:?}");
    let (status, log) = server.wait();
    assert!(status.success(), "{status}: {log}");
    assert!(log.contains("it will be retried"), "{log}");
}

/// Like a load balancer: while `/readyz` is 200, it sends requests here.
#[test]
fn clients_that_follow_the_responses_lose_no_request_in_a_drain() {
    let server = Setup::new()
        .with("DOORWARD_SHUTDOWN__DRAIN_SECONDS", "300")
        .start();
    let target = Target::new(server.address(), "/healthz");
    let load = Load::start(
        &target,
        &[
            ConnectionMode::NewEachTime,
            ConnectionMode::KeepAlive,
            ConnectionMode::Http2,
        ],
    );
    let asked_more = |times: u32| {
        let before = load.answered();
        eventually("requests get responses", || {
            (load.answered() > before + times).then_some(())
        });
    };
    asked_more(50);
    server.signal("TERM");
    eventually("/readyz turns", || {
        (server.get("/readyz").status == 503).then_some(())
    });
    asked_more(100);
    let tally = load.stop();
    eprintln!("a drain: {tally:?}");
    tally.expect_no_failure();
    server.signal("TERM");
    assert!(server.wait().0.success());
}
